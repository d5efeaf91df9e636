"""The plugin on a real server: the contract's bodies, and MLflow's own routes beside them."""

import httpx
import pytest

from insights_core import InsightsClient
from insights_core.entities import TraceScope
from insights_core.traces.drafts import SpanDraft, TraceDraft
from insights_core.traces.writing import write_traces

BASE = "/api/3.0/mlflow/traces/insights"


@pytest.fixture(scope="module")
def experiment_id(insights_server) -> str:
    from mlflow import MlflowClient

    return MlflowClient(insights_server).create_experiment("Routes")


def post(server: str, path: str, body: object, root: str = BASE) -> httpx.Response:
    return httpx.post(f"{server}{root}/{path}", json=body, timeout=60)


@pytest.fixture(scope="module")
def trace_ids(insights_server, experiment_id) -> list[str]:
    start = 1_760_000_000_000
    drafts = [
        TraceDraft(
            trace_id=f"tr-{number:032x}",
            name="answer",
            start_ms=start + number * 1000,
            duration_ms=100 * number,
            state="ERROR" if number == 3 else "OK",
            spans=[
                SpanDraft(
                    f"{number:016x}",
                    "answer",
                    "AGENT",
                    (start + number * 1000) * 10**6,
                    (start + number * 1100) * 10**6,
                )
            ],
            tags={"channel": "web"},
        )
        for number in (1, 2, 3)
    ]
    return write_traces(InsightsClient(insights_server), experiment_id, drafts)


def test_an_investigation_goes_from_analysis_to_issue(insights_server, experiment_id, trace_ids):
    run_id = post(
        insights_server,
        "agentic/analyses/create",
        {"experiment_id": experiment_id, "run_name": "Errors", "name": "Why errors"},
    ).json()["run_id"]
    evidence = [{"trace_id": trace_ids[2], "rationale": "It failed", "supports": True}]
    made = post(
        insights_server,
        "agentic/hypotheses/create",
        {"insights_run_id": run_id, "statement": "Slow ones fail", "evidence": evidence},
    ).json()
    changed = post(
        insights_server,
        "agentic/hypotheses/update",
        {"insights_run_id": run_id, "hypothesis_id": made["hypothesis_id"], "status": "VALIDATED", "reason": "Read it"},
    ).json()
    assert changed["hypothesis"]["status"] == "VALIDATED"
    assert isinstance(changed["hypothesis"]["updated_at"], int)
    issue_id = post(
        insights_server,
        "agentic/issues/create",
        {
            "insights_run_id": run_id,
            "title": "Slow ones fail",
            "severity": "HIGH",
            "hypothesis_id": made["hypothesis_id"],
            "evidence": evidence[:1],
        },
    ).json()["issue_id"]
    listed = post(insights_server, "agentic/analyses/list", {"experiment_id": experiment_id}).json()["analyses"][0]
    assert (listed["hypothesis_count"], listed["validated_count"]) == (1, 1)
    item = post(insights_server, "agentic/hypotheses/list", {"insights_run_id": run_id}).json()["hypotheses"][0]
    assert (item["trace_count"], item["evidence_count"], item["supports_count"], item["refutes_count"]) == (1, 1, 1, 0)
    preview = post(insights_server, "agentic/issues/preview", {"experiment_id": experiment_id}).json()
    assert preview["total_count"] == preview["returned_count"] == 1
    assert preview["traces"][0] | {"timestamp": 0} == {
        "trace_id": trace_ids[2],
        "request_id": trace_ids[2],
        "status": "ERROR",
        "execution_time_ms": 300,
        "timestamp": 0,
        "evidence_rationale": "It failed",
    }
    assert post(insights_server, "agentic/issues/get", {"issue_id": issue_id}).json()["issue"]["trace_count"] == 1


def test_the_sdk_sees_what_rest_wrote(insights_server, experiment_id, trace_ids):
    run_id = post(
        insights_server,
        "agentic/analyses/create",
        {"experiment_id": experiment_id, "run_name": "Seen", "name": "Seen by all"},
    ).json()["run_id"]
    assert InsightsClient(insights_server).get_analysis(run_id).name == "Seen by all"


def test_analytics_answer_through_both_paths(insights_server, experiment_id, trace_ids):
    body = {"experiment_ids": [experiment_id]}
    for root in (BASE, "/ajax-api/3.0/mlflow/traces/insights"):
        assert post(insights_server, "traffic-cost/errors", body, root).json()["summary"] == {
            "total_count": 3,
            "error_count": 1,
            "error_rate": 33.33,
        }


def test_an_estimate_counts_before_anything_is_spent(insights_server, experiment_id, trace_ids):
    spec = {"scope": {"experiment_id": experiment_id}, "instruction": "What do users ask?"}
    assert post(insights_server, "jobs/estimate", {"spec": spec}).json()["estimate"]["matching_traces"] == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "named"),
    [
        ("traffic-cost/volume", {}, 400, "INVALID_PARAMETER_VALUE", "experiment_ids"),
        ("traffic-cost/volume", {"experiment_ids": ["0"], "time_bucket": "year"}, 400, "INVALID_PARAMETER_VALUE", "time_bucket"),
        ("traffic-cost/volume", {"experiment_ids": ["0"], "max_results": 5}, 400, "INVALID_PARAMETER_VALUE", "max_results"),
        ("traffic-cost/volume", {"experiment_ids": ["424242"]}, 404, "RESOURCE_DOES_NOT_EXIST", "424242"),
        ("agentic/analyses/get", {"insights_run_id": "none"}, 404, "RESOURCE_DOES_NOT_EXIST", "none"),
        ("agentic/issues/get", {"issue_id": "none"}, 404, "RESOURCE_DOES_NOT_EXIST", "none"),
        ("jobs/get", {"run_id": "none"}, 404, "RESOURCE_DOES_NOT_EXIST", "none"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_the_contracts_error_body(insights_server, path, body, status, code, named):
    answer = post(insights_server, path, body)
    found = answer.json()
    assert answer.status_code == status
    assert found["error_code"] == found["error"]["code"] == code
    assert found["message"] == found["error"]["message"] and named in found["message"]


def test_a_body_that_is_no_json_is_refused(insights_server):
    answer = httpx.post(
        f"{insights_server}{BASE}/jobs/get", content=b'{"run_id": ', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400 and "no valid JSON" in answer.json()["message"]


def test_mlflows_own_routes_ui_and_otlp_stay_alive(insights_server, experiment_id, trace_ids):
    assert httpx.get(insights_server).text.startswith("<!doctype html>")
    assert httpx.get(f"{insights_server}/health").text == "OK"
    assert InsightsClient(insights_server).count_traces(TraceScope(experiment_id=experiment_id)) == 3
    native = httpx.get(f"{insights_server}/api/3.0/mlflow/traces/{trace_ids[0]}")
    assert native.json()["trace"]["trace_info"]["trace_id"] == trace_ids[0]
    otlp = httpx.post(
        f"{insights_server}/v1/traces",
        content=b"",
        headers={"content-type": "application/x-protobuf", "x-mlflow-experiment-id": experiment_id},
    )
    assert otlp.status_code < 500 and otlp.status_code != 404


def test_the_openapi_document_describes_every_route(insights_server):
    document = httpx.get(f"{insights_server}{BASE}/openapi.json").json()
    assert f"{BASE}/correlations" in document["paths"] and f"{BASE}/jobs/create" in document["paths"]
    assert all("400" in operation["post"]["responses"] for operation in document["paths"].values())
