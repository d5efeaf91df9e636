"""What the contract promises at the edges of the routes."""

import httpx
import pytest

from insights_core import InsightsClient

BASE = "/api/3.0/mlflow/traces/insights"


@pytest.fixture(scope="module")
def experiment_id(insights_server) -> str:
    from mlflow import MlflowClient

    return MlflowClient(insights_server).create_experiment("Contract")


def post(server: str, path: str, body: object, **arguments) -> httpx.Response:
    return httpx.post(f"{server}{BASE}/{path}", json=body, timeout=60, **arguments)


@pytest.mark.parametrize(
    "path", ["assessments/discovery", "tags/discovery", "dimensions/discovery", "tags/metrics", "correlations"]
)
def test_a_question_without_a_series_takes_a_bucket_and_pays_no_heed_to_it(insights_server, experiment_id, path):
    own = {
        "tags/metrics": {"tag_key": "channel"},
        "correlations": {"filter_string": "status = 'ERROR'", "correlation_dimensions": ["tags"]},
    }
    body = {"experiment_ids": [experiment_id], **own.get(path, {})}
    with_bucket = post(insights_server, path, {**body, "time_bucket": "week"})
    assert with_bucket.status_code == 200, with_bucket.text
    assert with_bucket.json() == post(insights_server, path, body).json()
    assert post(insights_server, path, {**body, "time_bucket": "year"}).status_code == 400


def test_an_experiment_named_a_thousand_times_is_asked_once(insights_server, experiment_id):
    assert post(insights_server, "traffic-cost/volume", {"experiment_ids": [experiment_id] * 1000}).status_code == 200


@pytest.mark.parametrize(("path", "field"), [("tools/metrics", "tool_name"), ("tags/metrics", "tag_key")])
def test_half_a_character_is_the_callers_mistake(insights_server, experiment_id, path, field):
    body = f'{{"experiment_ids": ["{experiment_id}"], "{field}": "a\\ud800b"}}'
    answer = httpx.post(insights_server + f"{BASE}/{path}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "surrogate" in answer.json()["message"]


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_route_answers_with_the_contracts_error_body(insights_server, verb):
    answer = httpx.request(verb, f"{insights_server}{BASE}/traffic-cost/nonsense", timeout=60)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_behind_a_tls_proxy_the_routes_answer(insights_server, experiment_id):
    headers = {"X-Forwarded-Proto": "https"}
    answer = post(insights_server, "agentic/issues/list", {"experiment_id": experiment_id}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"issues": []})


@pytest.mark.parametrize("path", ["jobs/estimate", "jobs/create"])
@pytest.mark.parametrize("model", ["sentence-transformers//etc", "sentence-transformers/../../x", "some-model"])
def test_a_caller_cannot_name_an_embedding_model_that_the_server_does_not_offer(
    insights_server, experiment_id, path, model
):
    spec = {"scope": {"experiment_id": experiment_id}, "instruction": "What fails?", "embedding_model": model}
    answer = post(insights_server, path, {"spec": spec})
    assert answer.status_code == 400
    assert "offers offline" in answer.json()["message"]


@pytest.mark.parametrize("theme", ["no_such_theme", "../../etc/passwd", "a b"])
def test_a_theme_that_does_not_exist_is_refused(insights_server, experiment_id, theme):
    spec = {"scope": {"experiment_id": experiment_id}, "instruction": "What fails?", "theme_id": theme}
    answer = post(insights_server, "jobs/estimate", {"spec": spec})
    assert answer.status_code == 400
    assert "theme" in answer.json()["error"]["details"]["field"]


def test_a_job_that_is_there_can_be_deleted_and_is_gone(insights_server, experiment_id):
    from mlflow import MlflowClient

    run = MlflowClient(insights_server).create_run(experiment_id, tags={"mlflow.insights.type": "insight"})
    MlflowClient(insights_server).set_terminated(run.info.run_id, "FINISHED")
    other = MlflowClient(insights_server).create_run(experiment_id)
    refused = post(insights_server, "jobs/delete", {"run_id": other.info.run_id})
    assert refused.status_code == 404, "a run that is no insight is not ours to delete"
    assert post(insights_server, "jobs/delete", {"run_id": run.info.run_id}).json() == {"run_id": run.info.run_id}
    assert InsightsClient(insights_server).list_insights(experiment_id) == []
