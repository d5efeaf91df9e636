"""The stages as one, in this process: odd selections, faults of a model, spending caps, reuse."""

from __future__ import annotations

import asyncio
import json

import pytest

from insights_core.entities.insight import ClusterDetails, InsightSpec, TraceScope
from insights_core.errors import (
    InvalidParameterError,
    ModelAuthenticationError,
    ModelNotFoundError,
    ModelUnavailableError,
    SpendingCapReachedError,
)
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.parts import stages_for
from insights_core.insight.jobs.pipeline import run_pipeline
from insights_core.insight.jobs.progress import JobCancelledError
from insights_core.traces.search import iter_trace_infos


class Recorder:
    """A reporter that remembers."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.stages: list[str] = []
        self.done = 0
        self._cancel_at = cancel_at

    def stage(self, name, total=0):
        self.stages.append(name)

    def advance(self, done, cost_usd=None):
        if self._cancel_at is not None and done >= self._cancel_at:
            raise JobCancelledError("Cancelled.")
        self.done = done


@pytest.fixture
def run_job(connection, experiment_id):
    """Run a job to its end; gives run id, message and reporter."""

    def run(reporter=None, run_id=None, stages=None, **fields) -> tuple[str, str, Recorder]:
        scope = TraceScope(experiment_id=experiment_id, **fields.pop("scope", {}))
        spec = InsightSpec(scope=scope, instruction="What do users ask for?", **fields)
        stages, reporter = stages or stages_for(spec), reporter or Recorder()
        run_id = run_id or persist.create_insight_run(connection, spec, stages.model, {})
        return run_id, asyncio.run(run_pipeline(connection, run_id, spec, stages, reporter)), reporter

    return run


@pytest.fixture
def model(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return openai_server


def details_of(connection, run_id: str) -> ClusterDetails:
    return persist.read_details(connection, run_id)


def summary_calls(server) -> int:
    return sum("=== TRACE " in call.prompt for call in server.calls)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_traces_give_a_result(connection, experiment_id, write_conversations, run_job, count):
    write_conversations(connection, experiment_id, count)
    run_id, message, _ = run_job()
    details = details_of(connection, run_id)
    assert message == ""
    assert len(details.traces) == count
    assert details.clusters
    assert details.overview


def test_an_empty_selection_is_one_sentence(connection, experiment_id, run_job):
    with pytest.raises(InvalidParameterError, match=r"^No trace matches") as raised:
        run_job(scope={"filter_string": "trace.status = 'ERROR'"})
    assert "trace.status = 'ERROR'" in raised.value.message
    with pytest.raises(InvalidParameterError, match="None of the 1"):
        run_job(scope={"trace_ids": ["tr-none"]})


def test_ids_that_do_not_exist_are_named(connection, experiment_id, write_conversations, run_job):
    trace_ids = write_conversations(connection, experiment_id, 3)
    run_id, _, _ = run_job(scope={"trace_ids": [*trace_ids, "tr-gone"]})
    details = details_of(connection, run_id)
    assert len(details.traces) == 3
    assert [(item.trace_id, "not in the experiment" in item.reason) for item in details.skipped] == [("tr-gone", True)]


def test_stages_come_in_their_order(connection, experiment_id, write_conversations, run_job):
    write_conversations(connection, experiment_id, 12)
    _, _, reporter = run_job()
    assert list(dict.fromkeys(reporter.stages)) == [
        "collect",
        "summarize",
        "embed",
        "cluster",
        "name",
        "map",
        "overview",
        "persist",
    ]


def test_the_same_job_twice_gives_the_same_clusters(connection, experiment_id, write_conversations, run_job):
    write_conversations(connection, experiment_id, 45)
    first, second = (details_of(connection, run_job()[0]) for _ in range(2))
    assert [(c.title, c.size, c.level) for c in first.clusters] == [(c.title, c.size, c.level) for c in second.clusters]
    assert [(row.trace_id, row.x, row.y) for row in first.traces] == [
        (row.trace_id, row.x, row.y) for row in second.traces
    ]


def test_a_summary_is_replaced_where_the_text_is_another(connection, experiment_id, write_conversations, run_job):
    write_conversations(connection, experiment_id, 6)
    run_job()
    before = _summaries(connection, experiment_id)
    run_job()
    assert _summaries(connection, experiment_id) == before
    run_job(max_chars=500)
    run_job(max_chars=600)
    after = _summaries(connection, experiment_id)
    assert len(after) == 6
    assert set(after) == set(before)


def _summaries(connection, experiment_id) -> dict[str, tuple]:
    infos = iter_trace_infos(connection, TraceScope(experiment_id=experiment_id))
    found = [item for info in infos for item in info.assessments if item.name == "mlflow.insights.summary"]
    assert all(item.valid for item in found)
    return {item.assessment_id: (item.metadata["text_hash"], item.last_update_time_ms) for item in found}


def test_a_trace_that_fails_is_skipped_and_named(connection, experiment_id, write_conversations, run_job, model):
    from openai_server import no_json  # type: ignore[import-not-found]

    write_conversations(connection, experiment_id, 9)
    model.fault_of = lambda call, number: (
        no_json() if "order 3," in call.prompt and "=== TRACE" in call.prompt else None
    )
    run_id, _, _ = run_job()
    details = details_of(connection, run_id)
    assert len(details.traces) == 8
    (skipped,) = details.skipped
    assert "repair" in skipped.reason


def test_a_wrong_key_and_an_unknown_model_stop_the_job(connection, experiment_id, write_conversations, run_job, model):
    write_conversations(connection, experiment_id, 30)
    model.models = {"other"}
    with pytest.raises(ModelNotFoundError):
        run_job()
    model.models, model.api_key = None, "sk-right"
    with pytest.raises(ModelAuthenticationError):
        run_job()
    assert len(model.calls) < 60


def test_a_server_that_does_not_answer_stops_the_job(
    connection, experiment_id, write_conversations, run_job, monkeypatch
):
    write_conversations(connection, experiment_id, 2)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnavailableError, match=r"127\.0\.0\.1:9"):
        run_job()


def test_the_spending_cap_ends_the_job_with_what_it_has(connection, experiment_id, write_conversations, run_job, model):
    write_conversations(connection, experiment_id, 30)
    with pytest.raises(SpendingCapReachedError):
        run_job(max_cost_usd=1e-9)
    assert not model.calls
    run_id, message, _ = run_job(max_cost_usd=0.003)
    details = details_of(connection, run_id)
    assert 0 < details.cost_usd <= 0.003
    assert 0 < len(details.traces) < 30
    left_out = [item for item in details.skipped if "cap" in item.reason]
    assert len(details.traces) + len(left_out) == 30
    assert f"{len(left_out)} of 30" in message
    assert details.clusters


def test_a_cancelled_job_keeps_its_summaries(connection, experiment_id, write_conversations, run_job, model):
    write_conversations(connection, experiment_id, 20)
    with pytest.raises(JobCancelledError):
        run_job(Recorder(cancel_at=5))
    done = len(_summaries(connection, experiment_id))
    assert 4 <= done < 20
    asked = summary_calls(model)
    run_job()
    assert summary_calls(model) <= 20 + (asked - done)
    assert len(_summaries(connection, experiment_id)) == 20


def test_a_sample_stays_the_same_when_a_job_goes_on(connection, experiment_id, write_conversations, run_job):
    write_conversations(connection, experiment_id, 20)
    with pytest.raises(JobCancelledError):
        run_job(Recorder(cancel_at=3), scope={"max_traces": 8})
    (run_id,) = [
        run.info.run_id
        for run in connection.mlflow.search_runs([experiment_id])
        if run.data.tags.get("mlflow.insights.type") == "insight"
    ]
    sampled = set(persist.read_sample(connection, run_id)[1])
    write_conversations(connection, experiment_id, 40)
    run_job(run_id=run_id, scope={"max_traces": 8})
    details = details_of(connection, run_id)
    assert {row.trace_id for row in details.traces} == sampled
    assert details.matching_traces == 20


def test_every_text_that_is_sent_is_redacted(connection, experiment_id, write_conversations, run_job, model):
    write_conversations(connection, experiment_id, 4, email="anna@example.com")
    run_id, _, _ = run_job()
    assert summary_calls(model) == 4
    assert not any("anna@example.com" in json.dumps(call.body) for call in model.calls)
    assert sum(details_of(connection, run_id).metrics.redactions.values()) >= 4


def test_a_stage_can_be_replaced_alone(connection, experiment_id, write_conversations, run_job):
    import numpy as np

    class ByTopic:
        name = "by-topic"

        async def embed(self, texts):
            words = ("refund", "password", "weather")
            rows = [[float(word in text.lower()) + 0.01 for word in words] for text in texts]
            vectors = np.array(rows, dtype=np.float32)
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    write_conversations(connection, experiment_id, 45)
    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What do users ask for?")
    stages = stages_for(spec)
    stages.embedder = ByTopic()
    run_id, _, _ = run_job(stages=stages)
    leaves = [cluster for cluster in details_of(connection, run_id).clusters if cluster.level == 0]
    assert sorted(leaf.size for leaf in leaves) == [15, 15, 15]


def test_a_broken_result_is_named(connection, experiment_id, write_conversations, run_job):
    from insights_core.errors import BrokenArtifactError, NotFoundError

    write_conversations(connection, experiment_id, 2)
    run_id, _, _ = run_job()
    connection.mlflow.log_text(run_id, '{"schema_version": 1, "run_id"', "mlflow_insights_cluster_details.json")
    with pytest.raises(BrokenArtifactError, match=run_id):
        details_of(connection, run_id)
    fresh = persist.create_insight_run(
        connection,
        InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What else?"),
        "offline",
        {},
    )
    with pytest.raises(NotFoundError, match="no result yet"):
        details_of(connection, fresh)


def test_a_themes_next_run_goes_on_with_topics_of_traces_that_are_out_of_its_range(
    connection, experiment_id, write_conversations, run_job
):
    ids = write_conversations(connection, experiment_id, 60)
    theme = {"theme_id": "what_they_ask", "clustering": {"min_cluster_size": 3}}
    first, _, _ = run_job(scope={"trace_ids": ids[:30]}, **theme)
    connection.mlflow.set_terminated(first, "FINISHED")
    before, after = (details_of(connection, one) for one in (first, run_job(scope={"trace_ids": ids[30:]}, **theme)[0]))
    assert before.continues is None and after.continues == first
    assert not {row.trace_id for row in before.traces} & {row.trace_id for row in after.traces}
    leaves = [{c.cluster_id: c.title for c in one.clusters if c.level == 0} for one in (before, after)]
    assert len(leaves[0]) == 3 and leaves[0] == leaves[1]
