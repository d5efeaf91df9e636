"""What befalls a job from outside: its run deleted, its twin started, its disk full, its clock wrong."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from insights_core.entities.insight import ClusterDetails, InsightSpec, InsightStatus, TraceScope
from insights_core.errors import BrokenArtifactError, StoreNotWritableError
from insights_core.insight.jobs import persist, working
from insights_core.insight.jobs.liveness import is_alive, new_lease, process_start
from insights_core.insight.jobs.progress import RunReporter
from insights_core.names import CANCEL_TAG, LEASE_TAG, PROGRESS_TAG, WORKER_TAG


def spec_of(experiment_id: str, **fields) -> InsightSpec:
    return InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What do users ask for?", **fields)


def summary_calls(server) -> int:
    return sum("=== TRACE " in call.prompt for call in server.calls)


def until(condition, seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


def test_a_job_whose_run_is_deleted_stops_within_ten_seconds_and_pays_for_nothing_more(
    client, experiment_id, write_conversations, model
):
    write_conversations(client, experiment_id, 30)
    model.latency_s = 2.0
    run_id = client.create_insight(spec_of(experiment_id))
    until(lambda: client.get_insight(run_id).progress.done >= 1)
    pid = json.loads(client.mlflow.get_run(run_id).data.tags[WORKER_TAG])["pid"]
    client.mlflow.delete_run(run_id)
    until(lambda: process_start(pid) is None, seconds=10)
    asked = summary_calls(model)
    assert asked < 30
    time.sleep(2)
    assert summary_calls(model) == asked


def test_two_equal_jobs_at_once_pay_once(client, experiment_id, write_conversations, model, monkeypatch, tmp_path):
    write_conversations(client, experiment_id, 9)
    model.latency_s = 0.3
    runs = []
    for place in ("one", "other"):
        # Each on a machine of its own: the cache of answers must not be what saves them.
        monkeypatch.setenv("INSIGHTS_CACHE_DIR", str(tmp_path / place))
        runs.append(client.create_insight(spec_of(experiment_id)))
    until(lambda: all(client.get_insight(each).status != InsightStatus.RUNNING for each in runs))
    assert [client.get_insight(each).status for each in runs] == [InsightStatus.FINISHED] * 2
    assert summary_calls(model) == 9
    assert [len(client.get_insight_details(each).traces) for each in runs] == [9, 9]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk that holds MLflow's data is full"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "cannot be written"),
    ],
)
def test_a_job_that_meets_a_disk_that_takes_nothing_says_so(client, experiment_id, monkeypatch, error, said):
    """Nor can it keep its traceback there."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    token, lease = new_lease()
    run_id = persist.create_insight_run(client, spec_of(experiment_id), "offline", {LEASE_TAG: lease})
    persist.write_spec(client, run_id, spec_of(experiment_id), "offline", "", "")

    async def fail(*_):
        raise error

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("insights_core.insight.jobs.pipeline.run_pipeline", fail)
    monkeypatch.setattr(LocalArtifactRepository, "log_artifact", refuse)
    with RunReporter(client, run_id, token) as reporter:
        assert asyncio.run(working._work(client, run_id, reporter, working._Company())) == working.FAILED
    insight = client.get_insight(run_id)
    assert insight.status == InsightStatus.FAILED
    assert said in insight.progress.message
    assert "Errno" not in insight.progress.message


def test_an_unknown_error_is_told_though_its_traceback_cannot_be_kept(client, experiment_id, monkeypatch):
    token, lease = new_lease()
    run_id = persist.create_insight_run(client, spec_of(experiment_id), "offline", {LEASE_TAG: lease})
    with monkeypatch.context() as patch, RunReporter(client, run_id, token) as reporter:
        patch.setattr(persist, "read_spec", lambda *_: 1 / 0)
        patch.setattr(client.mlflow, "log_text", lambda *_: 1 / 0)
        assert asyncio.run(working._work(client, run_id, reporter, working._Company())) == working.FAILED
    message = client.get_insight(run_id).progress.message
    assert message == "Unexpected ZeroDivisionError: division by zero."


def test_where_nothing_can_be_written_no_run_is_left_that_says_it_is_running(client, experiment_id, monkeypatch):
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    def refuse(self, *_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(LocalArtifactRepository, "log_artifact", refuse)
    for create in (
        lambda: client.create_insight(spec_of(experiment_id)),
        lambda: client.create_analysis(experiment_id, "Run", "Name"),
    ):
        with pytest.raises(StoreNotWritableError, match="read-only"):
            create()
    left = client.mlflow.search_runs([experiment_id])
    assert [run.data.tags["mlflow.insights.type"] for run in left] == ["parent"]


def ahead(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def test_a_job_of_another_machine_that_died_with_its_clock_ahead_can_be_cancelled_and_resumed(
    client, experiment_id, write_conversations
):
    write_conversations(client, experiment_id, 3)
    spec = spec_of(experiment_id)
    token, _ = new_lease()
    lease = f"{token}@{round(ahead(48).timestamp() * 1000)}"
    tags = {
        LEASE_TAG: lease,
        WORKER_TAG: json.dumps({"token": token, "place": "elsewhere", "pid": 1, "started": "1"}),
        PROGRESS_TAG: json.dumps({"stage": "embed", "updated_at": ahead(47).isoformat()}),
    }
    run_id = persist.create_insight_run(client, spec, "offline", tags)
    persist.write_spec(client, run_id, spec, "offline", "", "")
    assert client.get_insight(run_id).status == InsightStatus.STALLED
    client.cancel_insight(run_id)
    assert client.get_insight(run_id).status == InsightStatus.KILLED
    client.resume_insight(run_id)
    until(lambda: client.get_insight(run_id).status != InsightStatus.RUNNING)
    assert client.get_insight(run_id).status == InsightStatus.FINISHED


def test_of_two_resumes_the_one_that_owns_the_run_works_though_the_other_took_the_cancellation_away(
    client, experiment_id, monkeypatch
):
    """The first removes the tag and loses the lease; the second must not fail on a tag that is gone, or nobody works."""
    spec = spec_of(experiment_id)
    run_id = persist.create_insight_run(client, spec, "offline", {LEASE_TAG: new_lease()[1], CANCEL_TAG: "true"})
    persist.write_spec(client, run_id, spec, "offline", "", "")
    client.mlflow.set_terminated(run_id, "KILLED")
    delete, spawned = client.mlflow.delete_tag, []

    def twice(run: str, key: str) -> None:
        delete(run, key)
        delete(run, key)

    monkeypatch.setattr(client.mlflow, "delete_tag", twice)
    monkeypatch.setattr(client, "_spawn", lambda run, token: spawned.append(run))
    client.resume_insight(run_id)
    assert spawned == [[run_id]]
    assert CANCEL_TAG not in client.mlflow.get_run(run_id).data.tags


@pytest.mark.parametrize("claimed", ["9" * 14, "9" * 40, "-5", "x", "²"])
def test_a_stamp_that_is_no_time_stops_no_list(claimed):
    assert not is_alive({LEASE_TAG: f"token@{claimed}"}, None)


def test_clocks_that_differ_by_seconds_tell_no_living_job_dead():
    assert is_alive({LEASE_TAG: f"token@{round(ahead(20 / 3600).timestamp() * 1000)}"}, None)


def test_a_specification_that_could_grow_without_bounds_is_refused_by_name(client, experiment_id):
    run_id = persist.create_insight_run(client, spec_of(experiment_id), "offline", {})
    bomb = "a: &a [x, x]\nb: &b [*a, *a, *a]\nspec: [*b, *b, *b]\n"
    for text in (bomb, "spec: " + "[" * 5000, "- a\n", "spec: 1\n"):
        client.mlflow.log_text(run_id, text, "insights/insight.yaml")
        with pytest.raises(BrokenArtifactError, match=r"insights/insight\.yaml"):
            client.get_insight_spec(run_id)


def details_with(clusters: list[str | None]) -> ClusterDetails:
    row = {"nearest_cluster_id": "r-0", "x": 0, "y": 0, "title": "t", "summary": "s", "status": "OK", "timestamp_ms": 1}
    return ClusterDetails.model_validate(
        {
            "run_id": "0123456789",
            "experiment_id": "1",
            "instruction": "What?",
            "overview": "",
            "matching_traces": len(clusters),
            "sampled_traces": len(clusters),
            "clusters": [{"cluster_id": "r-0", "level": 0, "title": "T", "size": clusters.count("r-0")}],
            "traces": [{**row, "trace_id": f"tr-{n}", "cluster_id": each} for n, each in enumerate(clusters)],
            "metrics": {},
        }
    )


def test_who_counts_the_leaves_of_the_result_counts_every_trace():
    details = details_with(["r-0", None, "r-0", None])
    kept = json.loads(details.to_artifact())
    leaves = {leaf["cluster_id"]: leaf for leaf in kept["clusters"] if leaf["level"] == 0}
    assert sum(leaf["size"] for leaf in leaves.values()) == 4
    assert [leaves[row["cluster_id"]]["title"] for row in kept["traces"]] == ["T", "Fits no topic"] * 2
    # Read again, outliers are what they were.
    assert ClusterDetails.model_validate(kept) == details
    assert len(json.loads(details_with(["r-0"]).to_artifact())["clusters"]) == 1
