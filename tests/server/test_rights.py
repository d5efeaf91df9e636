"""No route of ours is wider than MLflow's own."""

import httpx
import pytest

from insights_core.server.app import openapi_document

ANALYSIS = {"run_name": "Look", "name": "Look into it"}


def bodies(experiment_id: str, run_id: str, issue_id: str) -> dict[str, dict]:
    """A body for each route that reaches the guarded experiment."""
    ids = {"experiment_ids": [experiment_id]}
    spec = {"spec": {"scope": {"experiment_id": experiment_id}, "instruction": "What do users ask?"}}
    theme = {"theme_id": "ux_issues", "experiment_id": experiment_id}
    run, both = {"insights_run_id": run_id}, {"name": "status", "parameters": {"value": "OK"}}
    return {
        "assessments/metrics": {**ids, "assessment_name": "x"},
        "tools/metrics": {**ids, "tool_name": "x"},
        "tags/metrics": {**ids, "tag_key": "x"},
        "dimensions/calculate-npmi": {**ids, "dimension1": both, "dimension2": both},
        "correlations": {**ids, "filter_string": "status = 'OK'", "correlation_dimensions": ["tags"]},
        "agentic/analyses/list": {"experiment_id": experiment_id},
        "agentic/analyses/update": {**run, "name": "renamed"},
        "agentic/analyses/create": {"experiment_id": experiment_id, **ANALYSIS},
        "agentic/issues/list": {"experiment_id": experiment_id},
        "agentic/issues/preview": {"experiment_id": experiment_id},
        "agentic/hypotheses/create": {**run, "statement": "s"},
        "agentic/hypotheses/get": {**run, "hypothesis_id": "x"},
        "agentic/hypotheses/update": {**run, "hypothesis_id": "x", "statement": "s"},
        "agentic/issues/create": {**run, "title": "t"},
        "agentic/issues/get": {"issue_id": issue_id},
        "agentic/issues/update": {"issue_id": issue_id, "title": "u"},
        "agentic/issues/log-assessments": {"issue_id": issue_id, "name": "x"},
        "traffic-cost/changes": {**ids, "start_time": 1, "end_time": 2},
        "jobs/estimate": spec,
        "jobs/create": spec,
        "jobs/list": {"experiment_id": experiment_id},
        "jobs/get": {"run_id": run_id},
        "jobs/cancel": {"run_id": run_id},
        "jobs/resume": {"run_id": run_id},
        "jobs/delete": {"run_id": run_id},
        "themes/list": {"experiment_id": experiment_id},
        "themes/create": {"theme": {"name": "Theirs"}, "experiment_id": experiment_id},
        "themes/update": {**theme, "fields": {"enabled": False}},
        "themes/get": theme,
        "themes/copy": theme,
        "themes/delete": theme,
        "themes/preview": {"theme": "ux_issues", "experiment_id": experiment_id},
        "themes/test": {"theme": "ux_issues", "experiment_id": experiment_id},
        "themes/run": {"theme_ids": ["ux_issues"], "experiment_id": experiment_id},
        "themes/trends": theme,
        "themes/alerts": {"experiment_id": experiment_id},
        "themes/test-alerts": theme,
    } | {path: ids for path in ("traffic-cost/volume", "traffic-cost/latency", "traffic-cost/errors", "traffic-cost/cost-and-tokens", "assessments/discovery", "tools/discovery", "tags/discovery", "dimensions/discovery")} | {
        path: run for path in ("agentic/analyses/get", "agentic/hypotheses/list", "agentic/hypotheses/preview")
    }  # fmt: skip


@pytest.fixture(scope="module")
def routes(users) -> dict[str, dict]:
    run_id = users.ours("agentic/analyses/create", {"experiment_id": users.experiment_id, **ANALYSIS}).json()["run_id"]
    issue = users.ours("agentic/issues/create", {"insights_run_id": run_id, "title": "A problem"}).json()
    return bodies(users.experiment_id, run_id, issue["issue_id"])


def test_every_route_is_looked_at(routes):
    ours = {path.removeprefix("/api/3.0/mlflow/traces/insights/") for path in openapi_document()["paths"]}
    assert ours == set(routes)


def test_no_route_answers_without_credentials(users, routes):
    for path, body in routes.items():
        answer = users.ours(path, body, user=None)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert answer.json()["error"]["code"] == "PERMISSION_DENIED"
    assert httpx.get(f"{users.url}/api/3.0/mlflow/traces/insights/openapi.json").status_code == 401


def test_no_route_answers_with_a_wrong_password(users, routes):
    for path in ("traffic-cost/volume", "agentic/analyses/list", "jobs/list"):
        assert users.ours(path, routes[path], user=("admin", "wrong")).status_code == 401, path


def test_no_route_answers_a_user_without_rights(users, routes, stranger):
    for path, body in routes.items():
        answer = users.ours(path, body, stranger)
        empty = answer.status_code == 200 and answer.json() in ({"analyses": []}, {"issues": []}, {"insights": []})
        assert answer.status_code in (403, 404) or empty, (path, answer.status_code, answer.text)


def test_a_reader_reads_and_changes_nothing(users, routes, reader):
    verbs = ("create", "update", "cancel", "resume", "delete", "log-assessments", "copy", "run")
    writing = {path for path in routes if path.rsplit("/", 1)[-1] in verbs}
    for path in sorted(writing):
        answer = users.ours(path, routes[path], reader)
        # There is nothing for a theme to read here, so that nothing had to be refused.
        idle = path == "themes/run" and all(
            run["run_id"] is None for run in answer.json().get("runs", [{"run_id": ""}])
        )
        assert answer.status_code in (400, 403, 404) or idle, path
    for path in (
        "traffic-cost/volume",
        "tags/discovery",
        "agentic/analyses/get",
        "agentic/hypotheses/list",
        "agentic/issues/get",
    ):
        assert users.ours(path, routes[path], reader).status_code == 200, path
    assert users.ours("agentic/issues/get", routes["agentic/issues/get"]).json()["issue"]["title"] == "A problem"


def test_an_editor_writes_under_the_own_name(users, editor, routes):
    body = {"experiment_id": users.experiment_id, **ANALYSIS}
    run_id = users.ours("agentic/analyses/create", body, editor).json()["run_id"]
    analysis = users.ours("agentic/analyses/get", {"insights_run_id": run_id}, editor).json()["analysis"]
    assert analysis["history"][0]["author"] == "editor"
