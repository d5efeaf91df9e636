"""A job's summaries on a Dask cluster of two worker processes: the same result, also when one of them is killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from types import ModuleType

import pytest

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import ClusterDetails, InsightSpec, TraceScope
from insights_core.errors import InvalidParameterError, UnavailableError
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.distributed import Distributed, _cluster
from insights_core.insight.jobs.partition import Order, likeness_of, summarize_partition
from insights_core.insight.jobs.parts import stages_for
from insights_core.insight.jobs.pipeline import run_pipeline
from insights_core.insight.jobs.progress import JobCancelledError
from insights_core.insight.reading import Intake, SummaryKey, read_facts
from insights_core.names import SUMMARY_ASSESSMENT
from insights_core.traces.search import iter_trace_infos

COUNT = 60


class Recorder:
    """A reporter that remembers, and does something at the first sign of progress."""

    def __init__(self, then=lambda: None) -> None:
        self.seen: list[int] = []
        self._then = then

    def stage(self, name, total=0):
        self.stage_name = name

    def advance(self, done, cost_usd=None):
        if self.stage_name == "summarize" and done and done not in self.seen:
            self.seen.append(done)
            if len(self.seen) == 1:
                self._then()


@pytest.fixture(scope="module", autouse=True)
def plain_main():
    """Tests of pages leave a page as the main module of this process, which each new process would run again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        yield


@pytest.fixture(scope="module")
def cluster(plain_main, tmp_path_factory):
    """Two worker processes that know nothing but what a job sends."""
    distributed = pytest.importorskip("distributed", reason="needs distributed: pip install 'mlflow-insights[dask]'")
    env = {"MLFLOW_TRACKING_URI": "", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "REDIS_URL": ""}
    env["INSIGHTS_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        env=env,
        local_directory=env["INSIGHTS_CACHE_DIR"],
    ) as made:
        yield made


@pytest.fixture
def on_cluster(cluster, monkeypatch):
    with cluster.get_client() as client:
        client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv("INSIGHTS_DASK_SCHEDULER", cluster.scheduler_address)
        yield client


@pytest.fixture
def traces(connection, experiment_id, write_conversations):
    return write_conversations(connection, experiment_id, COUNT)


def begin(connection, experiment_id, instruction="What do users ask for?", **fields):
    """A run with its specification, and the job's parts."""
    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction=instruction, **fields)
    stages = stages_for(spec)
    run_id = persist.create_insight_run(connection, spec, stages.model, {})
    persist.write_spec(connection, run_id, spec, stages.model, stages.prompt, stages.summarizer.prompt_hash)
    return run_id, spec, stages


def run_job(connection, experiment_id, reporter=None) -> ClusterDetails:
    run_id, spec, stages = begin(connection, experiment_id)
    asyncio.run(run_pipeline(connection, run_id, spec, stages, reporter or Recorder()))
    return persist.read_details(connection, run_id)


def summarize(connection, job, reporter=None) -> Intake:
    """The stage on the cluster alone."""
    run_id, spec, stages = job
    key = SummaryKey.of(spec, stages.summarizer)
    facts = [read_facts(info, key, spec.max_chars) for info in iter_trace_infos(connection, spec.scope)]
    scheduler = settings.INSIGHTS_DASK_SCHEDULER.get()
    return asyncio.run(Distributed(connection, run_id, spec, stages, reporter or Recorder(), scheduler).run(facts))


def summaries(connection, experiment_id):
    found = connection.mlflow.search_traces([experiment_id], max_results=COUNT, include_spans=False)
    return [one for trace in found for one in trace.info.assessments if one.name == SUMMARY_ASSESSMENT]


def comparable(details: ClusterDetails) -> str:
    text = details.model_dump_json(exclude={"duration_s"}, indent=1)
    return text.replace(details.run_id, "RUN").replace(persist.id_prefix(details.run_id), "PREFIX")


def test_a_worker_is_killed_and_the_result_is_that_of_one_machine(
    connection, experiment_id, traces, on_cluster, tmp_path, monkeypatch
):
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    frozen = next(iter(on_cluster.run(os.getpid).values()))
    # It takes one partition and does nothing with it, until it is killed when the other has ended its first.
    os.kill(frozen, signal.SIGSTOP)
    reporter = Recorder(then=lambda: os.kill(frozen, signal.SIGKILL))
    details = run_job(connection, experiment_id, reporter)
    assert len(reporter.seen) > 2
    assert reporter.seen == sorted(reporter.seen)
    made = summaries(connection, experiment_id)
    assert len(made) == COUNT
    assert all(one.create_time_ms == one.last_update_time_ms for one in made), "none is made twice"
    monkeypatch.delenv("INSIGHTS_DASK_SCHEDULER")
    alone = run_job(Connection(f"sqlite:///{tmp_path}/other.db"), experiment_id)
    assert comparable(details) == comparable(alone)
    assert len(details.clusters) == 3


def test_a_cancelled_job_stops_and_goes_on_where_it_was(connection, experiment_id, traces, on_cluster):
    def cancel():
        raise JobCancelledError("Cancelled.")

    job = begin(connection, experiment_id)
    with pytest.raises(JobCancelledError):
        summarize(connection, job, Recorder(then=cancel))
    wait_until_idle(on_cluster)
    before = {one.assessment_id: one.last_update_time_ms for one in summaries(connection, experiment_id)}
    assert 0 < len(before) < COUNT
    intake = summarize(connection, job)
    after = {one.assessment_id: one.last_update_time_ms for one in summaries(connection, experiment_id)}
    assert len(intake.records) == len(after) == COUNT
    assert before.items() <= after.items()
    assert (intake.reused, intake.texts.made) == (len(before), COUNT - len(before))


def wait_until_idle(client):
    until = time.monotonic() + 30
    while time.monotonic() < until and any(client.call_stack().values() if client.processing() else ()):
        time.sleep(0.1)


@pytest.fixture
def model_on_workers(on_cluster, model):
    address = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-test"}
    # Not `os.environ.update` itself: with that a copy of this process's environment would travel.
    on_cluster.run(lambda: os.environ.update(address))
    yield model
    on_cluster.run(lambda: os.environ.update(dict.fromkeys(address, "")))


def test_the_cap_holds_over_all_workers(connection, experiment_id, traces, model_on_workers):
    whole = begin(connection, experiment_id, max_cost_usd=1.0)
    assert len(summarize(connection, whole).records) == COUNT
    spent = whole[2].endpoint.usage
    assert spent.calls == len(model_on_workers.calls) == COUNT
    half = begin(connection, experiment_id, "How did they end?", max_cost_usd=spent.cost_usd / 2)
    intake = summarize(connection, half)
    usage = half[2].endpoint.usage
    assert 0 < usage.cost_usd <= spent.cost_usd / 2
    assert len(model_on_workers.calls) == COUNT + usage.calls
    assert len(intake.records) == usage.calls
    assert intake.left_out == COUNT - usage.calls == len(intake.skipped)
    # What is left would not pay for one call more, reckoned with the longest answer.
    assert usage.calls > 10


def test_what_a_lost_worker_may_have_spent_is_not_spent_again(
    connection, experiment_id, traces, on_cluster, model_on_workers
):
    run_id, spec, stages = begin(connection, experiment_id, max_cost_usd=1.0)
    likeness = likeness_of(spec, stages.summarizer)
    order = Order("insight-1", run_id, tuple(traces[:3]), connection.tracking_uri, stages.model, likeness, 1, 0.1)
    first, again = (on_cluster.submit(summarize_partition, order, key=key).result() for key in ("first", "again"))
    assert (first.was_lost, first.usage.calls) == (False, 3)
    assert (again.was_lost, again.usage.calls) == (True, 0)


def test_a_worker_without_the_jobs_key_is_named(connection, experiment_id, traces, on_cluster, model):
    with pytest.raises(InvalidParameterError, match=r"The Dask worker tcp://\S+ says: .*Set OPENAI_API_KEY"):
        summarize(connection, begin(connection, experiment_id))


def test_a_local_cluster_knows_the_jobs_store_and_lets_nobody_else_in(tracking_uri, monkeypatch):
    pytest.importorskip("distributed", reason="needs distributed: pip install 'mlflow-insights[dask]'")
    monkeypatch.setattr("os.cpu_count", lambda: 1)

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    async def look():
        async with _cluster("local", tracking_uri + "?x=1") as client:
            return await client.run(lambda: os.environ["MLFLOW_TRACKING_URI"])

    [(address, uri)] = asyncio.run(look()).items()
    assert address.startswith("tls://127.0.0.1")
    assert uri == tracking_uri + "?x=1"
    assert "OMP_NUM_THREADS" not in os.environ, "or this process clusters in another way"


def test_a_scheduler_that_is_away_is_one_sentence(connection, experiment_id, traces, monkeypatch):
    pytest.importorskip("distributed", reason="needs distributed: pip install 'mlflow-insights[dask]'")
    monkeypatch.setattr("insights_core.insight.jobs.distributed._CONNECT_S", 0.5)
    monkeypatch.setenv("INSIGHTS_DASK_SCHEDULER", "tcp://127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"^The Dask scheduler 'tcp://127.0.0.1:1' .* cannot be reached"):
        run_job(connection, experiment_id)


def test_a_missing_package_says_how_to_install_it(connection, experiment_id, traces, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setenv("INSIGHTS_DASK_SCHEDULER", "local")
    with pytest.raises(InvalidParameterError, match=r"pip install 'mlflow-insights\[dask\]'"):
        run_job(connection, experiment_id)


def test_an_address_that_is_none_is_refused(connection, experiment_id, traces, monkeypatch):
    monkeypatch.setenv("INSIGHTS_DASK_SCHEDULER", "scheduler")
    with pytest.raises(InvalidParameterError, match="must be `local` or an address such as tcp://"):
        run_job(connection, experiment_id)
