"""What watching and listing cost over HTTP, counted request by request."""

from __future__ import annotations

import pytest

from insights_core.artifacts.changes import creation, digest, dump
from insights_core.artifacts.investigations import Investigations
from insights_core.artifacts.kinds import HYPOTHESIS
from insights_core.artifacts.watching import Watcher
from insights_core.entities import Evidence, Hypothesis


def fill(client: Investigations, run_id: str, hypotheses: int, evidence: int) -> list[str]:
    """Hypotheses with evidence, stored as the client stores them."""
    ids = []
    for number in range(hypotheses):
        items = [
            Evidence(trace_id=f"tr-{number}-{place}", rationale=f"Why {place}", supports=place % 3 > 0)
            for place in range(evidence)
        ]
        hypothesis = Hypothesis(statement=f"H{number}", evidence=items)
        client.entity_store.create(run_id, HYPOTHESIS, hypothesis, "me")
        ids.append(hypothesis.hypothesis_id)
    return ids


@pytest.fixture
def analysis(web_client, web_experiment) -> str:
    return web_client.create_analysis(web_experiment, "Watched", "Watched")


def test_a_poll_of_an_unchanged_analysis_is_one_request(web_client, analysis, requests_sent):
    fill(web_client, analysis, 5, 3)
    watcher = Watcher(web_client, analysis)
    assert len(watcher.poll().changed) == 6
    requests_sent.clear()
    for _ in range(3):
        assert watcher.poll().unchanged
    assert requests_sent == ["GET /api/2.0/mlflow/runs/get"] * 3


@pytest.mark.parametrize("hypotheses", [3, 40])
def test_one_changed_hypothesis_costs_the_same_however_many_there_are(
    hypotheses, web_client, mlflow_server, analysis, requests_sent
):
    ids = fill(web_client, analysis, hypotheses, 10)
    watcher = Watcher(Investigations(mlflow_server), analysis)
    watcher.poll()
    web_client.update_hypothesis(analysis, ids[1], evidence=["tr-new: more"], allow_missing=True)
    requests_sent.clear()
    [changed] = watcher.poll().changed
    # The run, one listing, one file.
    assert len(requests_sent) == 3
    assert (changed.hypothesis_id, len(changed.evidence)) == (ids[1], 11)


def test_a_list_asked_again_reads_only_what_changed(web_client, mlflow_server, analysis, requests_sent):
    ids = fill(web_client, analysis, 12, 4)
    other = Investigations(mlflow_server)
    assert len(other.list_hypotheses(analysis)) == 12
    web_client.update_hypothesis(analysis, ids[3], status="VALIDATED")
    requests_sent.clear()
    assert [item.status for item in other.list_hypotheses(analysis)].count("VALIDATED") == 1
    assert len(requests_sent) == 3


def test_lists_with_counts_come_from_one_request(web_client, mlflow_server, web_experiment, analysis, requests_sent):
    ids = fill(web_client, analysis, 4, 9)
    web_client.update_hypothesis(analysis, ids[0], status="VALIDATED")
    other = Investigations(mlflow_server)
    other.mlflow.search_experiments(max_results=1)
    requests_sent.clear()
    lines = other.summarize_hypotheses(analysis)
    assert len(requests_sent) == 1
    assert [(line.title, line.evidence_count, line.supports_count, line.refutes_count) for line in lines] == [
        (f"H{number}", 9, 6, 3) for number in range(4)
    ]
    requests_sent.clear()
    [line] = other.summarize_analyses(web_experiment)
    assert len(requests_sent) == 1
    assert (line.title, line.hypothesis_count, line.validated_count) == ("Watched", 4, 1)


def test_an_issue_is_found_by_its_id_alone_in_a_constant_number_of_requests(web_client, mlflow_server, requests_sent):
    issues = []
    for name in ("one", "two", "three"):
        experiment = web_client.mlflow.create_experiment(f"{name} {mlflow_server} {requests_sent.__len__()}")
        run_id = web_client.create_analysis(experiment, "Runs", name)
        issues.append(web_client.create_issue(run_id, f"Issue {name}"))
    for issue_id, name in zip(issues, ("one", "two", "three"), strict=True):
        other = Investigations(mlflow_server)
        requests_sent.clear()
        assert other.get_issue(issue_id).title == f"Issue {name}"
        # Experiments, runs with the issue's tag, a listing, what the server can do, the file.
        assert len(requests_sent) <= 5


def test_a_watcher_tells_what_was_removed_and_what_cannot_be_read(client, experiment_id):
    run_id = client.create_analysis(experiment_id, "Watched", "Watched")
    first, second = fill(client, run_id, 2, 1)
    watcher = Watcher(client, run_id)
    watcher.poll()
    client.entity_store.delete(run_id, HYPOTHESIS, first)
    assert watcher.poll().removed == [("hypothesis", first)]
    client.update_hypothesis(run_id, second, metrics={"p": 1})
    client.entity_store.files.write(run_id, f"hypothesis_{second}.yaml", "{ broken")
    changes = watcher.poll()
    assert list(changes.broken) == [f"hypothesis_{second}.yaml"]
    assert watcher.poll().unchanged


def test_a_watcher_without_entities_needs_one_request_for_a_change(web_client, mlflow_server, analysis, requests_sent):
    [one] = fill(web_client, analysis, 1, 2)
    watcher = Watcher(Investigations(mlflow_server), analysis, read_entities=False)
    watcher.poll()
    web_client.update_hypothesis(analysis, one, evidence=["tr-x: refutes it"], allow_missing=True)
    requests_sent.clear()
    [line] = watcher.poll().summaries
    assert (line.id, line.evidence_count, len(requests_sent)) == (one, 3, 1)


def test_the_same_changes_have_the_same_name_in_whatever_order_they_come():
    first, second = creation({"a": 1}, "me"), creation({"a": 2}, "me")
    one, other = {first.id: first, second.id: second}, {second.id: second, first.id: first}
    assert digest(one) == digest(other)
    assert dump(one) == dump(other)
