"""Whether a job lives, and who owns its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from insights_core.entities.insight import InsightSpec, TraceScope
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.liveness import (
    LEASE_TAG,
    WORKER_TAG,
    describe_process,
    is_alive,
    lease_token,
    new_lease,
    process_start,
)
from insights_core.insight.jobs.progress import (
    CANCEL_TAG,
    PROGRESS_TAG,
    JobCancelledError,
    LeaseLostError,
    RunReporter,
    read_progress,
)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def lease_from(seconds_ago: float) -> tuple[str, str]:
    token, _ = new_lease()
    return token, f"{token}@{round(ago(seconds_ago).timestamp() * 1000)}"


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_living_process_of_this_machine_is_alive_however_long_it_computes(child):
    token, lease = lease_from(200)
    tags = {LEASE_TAG: lease, WORKER_TAG: describe_process(token, child.pid)}
    assert is_alive(tags, ago(120))


def test_a_dead_process_of_this_machine_is_dead_at_once(child):
    token, lease = lease_from(0)
    tags = {LEASE_TAG: lease, WORKER_TAG: describe_process(token, child.pid)}
    child.kill()
    deadline = time.monotonic() + 5
    # Not waited for: a zombie is dead, too.
    while is_alive(tags, ago(0)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(tags, ago(0))
    child.wait()
    assert process_start(child.pid) is None


def test_another_process_with_the_same_id_is_not_the_job(child):
    token, lease = lease_from(0)
    worker = json.loads(describe_process(token, child.pid)) | {"started": "1"}
    assert not is_alive({LEASE_TAG: lease, WORKER_TAG: json.dumps(worker)}, ago(0))


def test_a_process_of_another_machine_is_judged_by_its_last_sign():
    token, lease = lease_from(100)
    worker = json.loads(describe_process(token, 1)) | {"place": "elsewhere"}
    tags = {LEASE_TAG: lease, WORKER_TAG: json.dumps(worker)}
    assert is_alive(tags, ago(20))
    assert not is_alive(tags, ago(31))


def test_a_job_that_was_just_claimed_gets_time_to_start():
    assert is_alive({LEASE_TAG: lease_from(10)[1]}, None)
    assert not is_alive({LEASE_TAG: lease_from(31)[1]}, None)
    assert not is_alive({}, None)
    assert not is_alive({LEASE_TAG: "junk", WORKER_TAG: "[junk"}, None)


@pytest.fixture
def run_id(connection, experiment_id) -> str:
    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What else?")
    return persist.create_insight_run(connection, spec, "offline", {})


def reporter_for(connection, run_id: str) -> RunReporter:
    token, lease = new_lease()
    connection.mlflow.set_tag(run_id, LEASE_TAG, lease)
    return RunReporter(connection, run_id, token)


def tags_of(connection, run_id: str) -> dict[str, str]:
    return connection.mlflow.get_run(run_id).data.tags


def stopped_by(reporter: RunReporter, seconds: float = 6) -> BaseException | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            reporter.check()
        except Exception as error:
            return error
        time.sleep(0.05)
    return None


def test_progress_can_be_read_from_the_run(connection, run_id):
    reporter = reporter_for(connection, run_id)
    assert reporter.take()
    with reporter:
        reporter.stage("summarize", total=7)
        reporter.advance(3, cost_usd=0.25)
        time.sleep(1.6)
        progress = read_progress(tags_of(connection, run_id))
    assert (progress.stage, progress.done, progress.total, progress.cost_usd) == ("summarize", 3, 7, 0.25)
    assert is_alive(tags_of(connection, run_id), progress.updated_at)
    reporter.finish("done", "All is said.")
    assert read_progress(tags_of(connection, run_id)).message == "All is said."


def test_progress_is_written_about_once_a_second_only(connection, run_id, monkeypatch):
    written = []
    store = connection.mlflow
    set_tag = store.set_tag
    monkeypatch.setattr(store, "set_tag", lambda run, key, value: written.append(key) or set_tag(run, key, value))
    with RunReporter(connection, run_id, "token") as reporter:
        reporter.stage("summarize", total=10_000)
        until = time.monotonic() + 1.8
        count = 0
        while time.monotonic() < until:
            count += 1
            reporter.advance(count)
    assert count > 1000
    assert 2 <= written.count(PROGRESS_TAG) <= 3


def test_a_cancelled_run_stops_its_process(connection, run_id):
    reporter = reporter_for(connection, run_id)
    with reporter:
        connection.mlflow.set_tag(run_id, CANCEL_TAG, "true")
        assert isinstance(stopped_by(reporter), JobCancelledError)


def test_the_last_to_claim_a_run_owns_it(connection, run_id):
    first, second = reporter_for(connection, run_id), reporter_for(connection, run_id)
    assert not first.take()
    assert second.take()
    assert json.loads(tags_of(connection, run_id)[WORKER_TAG])["pid"] == os.getpid()
    with second:
        connection.mlflow.set_tag(run_id, LEASE_TAG, new_lease()[1])
        assert isinstance(stopped_by(second), LeaseLostError)


def test_a_worker_without_the_lease_does_nothing(connection, run_id):
    connection.mlflow.set_tag(run_id, LEASE_TAG, new_lease()[1])
    command = [sys.executable, "-m", "insights_core.insight.jobs.worker", "--run-id", run_id]
    environment = {**os.environ, "INSIGHTS_JOB_TOKEN": "another"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert PROGRESS_TAG not in tags_of(connection, run_id)
    assert lease_token(tags_of(connection, run_id)) != "another"
