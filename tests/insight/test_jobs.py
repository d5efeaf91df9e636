"""Jobs as users meet them: started by the client, run by real processes, killed, cancelled and resumed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

from insights_core.client import InsightsClient
from insights_core.entities.insight import InsightSpec, InsightStatus, TraceScope
from insights_core.errors import (
    ConflictError,
    ExperimentNotFoundError,
    InvalidParameterError,
    InvalidStatusChangeError,
    RunNotFoundError,
)
from insights_core.insight.jobs.liveness import WORKER_TAG

INSTRUCTION = "What do users ask for?"
# Enough to be interrupted among them, too few for UMAP, which compiles for seconds in every process.
FEW = 9


def spec_of(experiment_id: str, **fields) -> InsightSpec:
    scope = TraceScope(experiment_id=experiment_id, **fields.pop("scope", {}))
    return InsightSpec(scope=scope, instruction=INSTRUCTION, **fields)


def wait_for(client: InsightsClient, run_id: str, condition=None, seconds: float = 150):
    """The insight once it has ended, or meets the condition."""
    condition = condition or (lambda insight: insight.status != InsightStatus.RUNNING)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        insight = client.get_insight(run_id)
        if condition(insight):
            return insight
        time.sleep(0.1)
    raise AssertionError(f"Not within {seconds} s: {insight}")


def pid_of(client: InsightsClient, run_id: str) -> int:
    return json.loads(client.mlflow.get_run(run_id).data.tags[WORKER_TAG])["pid"]


def summaries_on(client: InsightsClient, experiment_id: str) -> list:
    infos = client.search_traces(TraceScope(experiment_id=experiment_id))
    return [item for info in infos for item in info.assessments if item.name == "mlflow.insights.summary"]


def summary_calls(server) -> int:
    return sum("=== TRACE " in call.prompt for call in server.calls)


def test_an_offline_job_leaves_its_result_in_mlflow(client, experiment_id, write_conversations):
    trace_ids = write_conversations(client, experiment_id, 60, email="anna@example.com")
    run_id = client.create_insight(spec_of(experiment_id, name="First look"))
    insight = wait_for(client, run_id)
    assert insight.status == InsightStatus.FINISHED, insight.progress.message
    assert (insight.name, insight.trace_count, insight.progress.stage) == ("First look", 60, "done")

    details = client.get_insight_details(run_id)
    leaves = [cluster for cluster in details.clusters if cluster.level == 0]
    assert {row.trace_id for row in details.traces} == set(trace_ids)
    assert insight.cluster_count == len(leaves) >= 2
    assert sum(leaf.size for leaf in leaves) + details.metrics.outlier_count == 60
    assert len({cluster.cluster_id for cluster in details.clusters}) == len(details.clusters)
    assert details.metrics.redactions
    assert "anna@example.com" not in details.model_dump_json()

    infos = client.search_traces(TraceScope(experiment_id=experiment_id))
    rows = {row.trace_id: row for row in details.traces}
    for info in infos:
        (summary,) = [item for item in info.assessments if item.name == "mlflow.insights.summary"]
        assert summary.source.source_type == "CODE"
        assert summary.metadata["run_id"] == run_id
        assert summary.value["title"] == rows[info.trace_id].title
        assert "anna@example.com" not in json.dumps(summary.value)
        assert info.tags["mlflow.insights.cluster_id"] == (rows[info.trace_id].cluster_id or f"{run_id[:8]}-outlier")
    assert client.count_traces(TraceScope(experiment_id=experiment_id, run_id=run_id)) == 60

    run = client.mlflow.get_run(run_id)
    parent = client.mlflow.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["mlflow.insights.type"] == "parent"
    assert run.data.metrics["clusters"] == len(leaves)
    assert client.get_insight_spec(run_id).instruction == INSTRUCTION
    assert [item.run_id for item in client.list_insights(experiment_id)] == [run_id]
    with pytest.raises(InvalidStatusChangeError):
        client.resume_insight(run_id)
    with pytest.raises(InvalidStatusChangeError):
        client.cancel_insight(run_id)


def test_after_kill_9_a_job_goes_on_without_paying_twice(
    client, experiment_id, write_conversations, model, monkeypatch
):
    write_conversations(client, experiment_id, FEW)
    model.latency_s = 1.0
    run_id = client.create_insight(spec_of(experiment_id))
    wait_for(client, run_id, lambda insight: insight.progress.stage == "summarize" and insight.progress.done >= 2)
    with pytest.raises(InvalidStatusChangeError, match="running"):
        client.resume_insight(run_id)
    os.kill(pid_of(client, run_id), signal.SIGKILL)
    killed = wait_for(client, run_id, seconds=5)
    assert (killed.status, killed.trace_count) == (InsightStatus.STALLED, FEW)
    before = summary_calls(model)
    assert 2 <= before < FEW
    in_flight = sum("=== TRACE " in call.prompt and call.status is None for call in model.calls)

    model.latency_s = 0.0
    client.resume_insight(run_id)
    insight = wait_for(client, run_id)
    assert insight.status == InsightStatus.FINISHED, insight.progress.message
    details = client.get_insight_details(run_id)
    assert len(details.traces) == FEW
    assert not details.skipped
    # What was on its way when the process died is the only thing that can be asked again.
    assert summary_calls(model) <= FEW + in_flight
    assert len(summaries_on(client, experiment_id)) == FEW
    assert all(item.source.source_type == "LLM_JUDGE" for item in summaries_on(client, experiment_id))

    # A later job asks for no summary, also without the cache of answers.
    monkeypatch.setenv("INSIGHTS_CACHE_DIR", "elsewhere")
    asked = summary_calls(model)
    second = client.create_insight(spec_of(experiment_id))
    assert wait_for(client, second).status == InsightStatus.FINISHED
    assert summary_calls(model) == asked
    assert len(summaries_on(client, experiment_id)) == FEW
    assert len(client.get_insight_details(second).traces) == FEW


def test_a_cancelled_job_stops_and_two_resumes_at_once_run_it_once(client, experiment_id, write_conversations, model):
    many = 60  # so that a busy machine does not finish them before it hears the cancellation
    write_conversations(client, experiment_id, many)
    model.latency_s = 1.0
    run_id = client.create_insight(spec_of(experiment_id))
    wait_for(client, run_id, lambda insight: insight.progress.done >= 2)
    client.cancel_insight(run_id)
    insight = wait_for(client, run_id, seconds=15)
    assert (insight.status, insight.progress.message) == (InsightStatus.KILLED, "Cancelled.")
    stopped_at = summary_calls(model)
    assert stopped_at < many

    model.latency_s = 0.0
    refused: list[Exception] = []

    def resume() -> None:
        try:
            InsightsClient(client.tracking_uri).resume_insight(run_id)
        except (ConflictError, InvalidStatusChangeError) as error:
            refused.append(error)

    threads = [threading.Thread(target=resume) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) <= 1
    assert wait_for(client, run_id).status == InsightStatus.FINISHED
    assert len(client.get_insight_details(run_id).traces) == many
    assert max(count for prompt, count in model.paid_by_prompt.items() if "=== TRACE " in prompt) == 1


def test_a_wrong_key_ends_in_one_sentence_that_does_not_repeat_it(
    client, experiment_id, write_conversations, model, monkeypatch
):
    write_conversations(client, experiment_id, 3)
    model.api_key = "sk-right"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-7381")
    insight = wait_for(client, client.create_insight(spec_of(experiment_id)))
    assert insight.status == InsightStatus.FAILED
    assert "key" in insight.progress.message
    assert "7381" not in insight.progress.message
    assert "\n" not in insight.progress.message


def test_a_job_works_over_http_on_a_stock_server(mlflow_server, write_conversations):
    client = InsightsClient(mlflow_server)
    experiment_id = client.mlflow.create_experiment(f"Jobs {time.time_ns()}")
    write_conversations(client, experiment_id, FEW)
    run_id = client.create_insight(spec_of(experiment_id))
    insight = wait_for(client, run_id)
    assert insight.status == InsightStatus.FINISHED, insight.progress.message
    details = client.get_insight_details(run_id)
    assert len(details.traces) == FEW
    found = summaries_on(client, experiment_id)
    assert len(found) == FEW
    assert found[0].value["title"] in {row.title for row in details.traces}
    tags = {
        info.tags["mlflow.insights.cluster_id"]
        for info in client.search_traces(TraceScope(experiment_id=experiment_id))
    }
    assert {row.cluster_id or f"{run_id[:8]}-outlier" for row in details.traces} == tags


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"scope": {"filter_string": "trace.status ="}}, InvalidParameterError, "filter"),
        ({"scope": {"filter_string": "nonsense = 3"}}, InvalidParameterError, "nonsense"),
        ({"scope": {"run_id": "0" * 32}}, RunNotFoundError, "run"),
        ({"scope": {"trace_ids": []}}, InvalidParameterError, "trace ids"),
        ({"model": "gpt-4o-mini"}, InvalidParameterError, "OPENAI"),
        ({"embedding_model": "text-embedding-3-small"}, InvalidParameterError, "OPENAI"),
    ],
)
def test_a_mistake_is_refused_before_a_run_is_created(client, experiment_id, fields, error, words):
    with pytest.raises(error, match=words):
        client.create_insight(spec_of(experiment_id, **fields))
    assert client.mlflow.search_runs([experiment_id]) == []


def test_blank_instructions_and_unknown_experiments_are_refused(client, experiment_id):
    with pytest.raises(InvalidParameterError, match="instruction"):
        client.create_insight(InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="     "))
    with pytest.raises(ExperimentNotFoundError, match="4711"):
        client.create_insight(spec_of("4711"))
    with pytest.raises(ExperimentNotFoundError, match="4711"):
        client.list_insights("4711")
    with pytest.raises(RunNotFoundError):
        client.get_insight("0" * 32)
    with pytest.raises(RunNotFoundError, match="insight"):
        client.get_insight(client.mlflow.create_run(experiment_id).info.run_id)


def test_watching_a_job_costs_one_request_a_look(client, experiment_id, monkeypatch):
    from insights_core.insight.jobs import persist
    from insights_core.insight.jobs.liveness import LEASE_TAG, new_lease

    run_id = persist.create_insight_run(client, spec_of(experiment_id), "offline", {LEASE_TAG: new_lease()[1]})
    asked = []
    store = client.mlflow._tracking_client.store
    read = store.get_run
    monkeypatch.setattr(store, "get_run", lambda run: asked.append(run) or read(run))
    assert client.get_insight(run_id).status == InsightStatus.RUNNING
    assert asked == [run_id]
