"""How fast analytics answer on a large store, beside MLflow's own calls in the same run.

    python tests/benchmarks/bench_analytics.py                                   # 100,000 traces on SQLite
    python tests/benchmarks/bench_analytics.py --traces 1000000 --uri postgresql+psycopg://…/bench
    python tests/benchmarks/bench_analytics.py --uri sqlite:////tmp/big.db --experiment 1   # a store that is there already

Prints a line a figure, with the limit where there is one; exits 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ENDPOINT_MS, FIRST_LOAD_S, REFRESH_MS, MEMORY_MB = 200.0, 8.0, 100.0, 600.0
RUNS = 20
_failed: list[str] = []


def report(what: str, value: float, unit: str, limit: float | None = None) -> None:
    """Print a figure and remember whether it is over its limit."""
    broken = limit is not None and value > limit
    print(
        f"{what:<58}{value:>10,.1f} {unit:<3}{f' limit {limit:,.0f}' if limit else ''}{'  OVER' if broken else ''}",
        flush=True,
    )
    if broken:
        _failed.append(what)


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def p95_ms(call: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> float:
    call()
    taken = []
    for _ in range(RUNS):
        before()
        taken.append(seconds(call) * 1000)
    return float(np.percentile(taken, 95))


def endpoints(analytics: Any, experiment: str) -> dict[str, Callable[[], Any]]:
    """Every question that a page or a REST route asks."""
    error = {"name": "status", "parameters": {"value": "ERROR"}}
    refund = {"name": "tools.tool_refund", "parameters": {"value": "used"}}
    where = "status = 'ERROR'"
    return {
        "volume": lambda: analytics.volume(experiment),
        "latency": lambda: analytics.latency(experiment),
        "errors": lambda: analytics.errors(experiment),
        "cost_and_tokens": lambda: analytics.cost_and_tokens(experiment),
        "assessments": lambda: analytics.assessments(experiment),
        "assessment, boolean": lambda: analytics.assessment(experiment, "correct"),
        "assessment, numeric": lambda: analytics.assessment(experiment, "relevance"),
        "assessment, string": lambda: analytics.assessment(experiment, "tone"),
        "tools, by the hour": lambda: analytics.tools(experiment),
        "tool, by the hour": lambda: analytics.tool(experiment, "tool_sql"),
        "tags": lambda: analytics.tags(experiment),
        "tag": lambda: analytics.tag(experiment, "customer"),
        "dimensions": lambda: analytics.dimensions(experiment),
        "npmi": lambda: analytics.npmi(experiment, error, refund),
        "correlations, all kinds, status filter": lambda: analytics.correlations(experiment, where),
        "correlations, all kinds, span filter": lambda: analytics.correlations(experiment, "span.name = 'tool_sql'"),
        "correlations, all kinds, no limit": lambda: analytics.correlations(experiment, where, limit=None),
        "tools of a slice": lambda: analytics.tools(experiment, slice=where),
        "slice_trace_ids": lambda: analytics.slice_trace_ids(experiment, where, limit=100),
    }


def measure(uri: str, experiment: str) -> None:
    """Our figures, in a process of their own so that the memory is ours."""
    from insights_core.analytics.client import Analytics

    analytics = Analytics(uri)
    import mlflow.store.tracking.dbmodels.models  # noqa: F401  (a server has imported it long before)

    report("import: memory before any fact", _rss_mb(), "MB")
    volume = seconds(lambda: analytics.volume(experiment))
    report("first answer (volume)", volume, "s")
    report(
        "first load of everything (volume, then tools)",
        volume + seconds(lambda: analytics.tools(experiment)),
        "s",
        FIRST_LOAD_S,
    )
    print(f"load of the machine {os.getloadavg()[0]:.1f}; each question twice: computed, and asked again")

    def forget() -> None:
        """Let the facts be warm and the answers unknown."""
        analytics.facts.answers.clear()
        analytics.facts._slices.clear()

    for name, call in endpoints(analytics, experiment).items():
        cpu = time.process_time()
        computed = p95_ms(call, forget)
        cpu_ms = (time.process_time() - cpu) * 1000 / (RUNS + 1)
        report(f"{name}: p95 of {RUNS}", computed, "ms", ENDPOINT_MS)
        print(f"{'':<58}{cpu_ms:>10,.1f} ms of CPU; again {p95_ms(call):,.1f} ms", flush=True)

    def refreshed() -> None:
        analytics.refresh()
        analytics.volume(experiment)

    report("refresh with nothing new: p95", p95_ms(refreshed), "ms", REFRESH_MS)
    source = analytics.facts.source
    report("check after any commit, whole range", seconds(lambda: source.check([experiment], None, None)), "s")
    end = int(analytics.facts.view([experiment]).traces["time_ms"].max())
    report("check after any commit, last day", seconds(lambda: source.check([experiment], end - 86_400_000, None)), "s")
    report("memory, peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", MEMORY_MB)
    report("memory, now", _rss_mb(), "MB")
    if _failed:
        sys.exit(1)


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure_month(uri: str, experiment: str) -> None:
    """What a page over the last tenth of the time costs in a fresh process."""
    from insights_core.analytics.client import Analytics

    analytics = Analytics(uri)
    import mlflow.store.tracking.dbmodels.models as models
    from sqlalchemy import func, select

    with analytics.facts.source.engine.connect() as connection:
        low, high = connection.execute(
            select(func.min(models.SqlTraceInfo.timestamp_ms), func.max(models.SqlTraceInfo.timestamp_ms))
        ).one()
    start = int(high - (high - low) / 10)
    report(
        "last tenth of the time, first load of everything",
        seconds(lambda: analytics.tools(experiment, start, int(high))),
        "s",
    )
    report("last tenth of the time: memory, peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


def measure_mlflow(uri: str, experiment: str) -> None:
    """The same questions to MLflow's own API."""
    from mlflow import MlflowClient
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    store = MlflowClient(uri)._tracing_client.store
    count = [MetricAggregation(AggregationType.COUNT)]
    percentiles = [MetricAggregation(AggregationType.PERCENTILE, percentile_value=q) for q in (50.0, 90.0, 99.0)]
    hourly = {"time_interval_seconds": 3600, "start_time_ms": 0, "end_time_ms": 2**42}
    tool = {"dimensions": ["span_name"], "filters": ["span.type = 'TOOL'"]}
    calls = {
        "count by status, hourly": lambda: store.query_trace_metrics(
            [experiment], MetricViewType.TRACES, "trace_count", count, ["trace_status"], **hourly
        ),
        "latency percentiles": lambda: store.query_trace_metrics(
            [experiment], MetricViewType.TRACES, "latency", percentiles
        ),
        "tools: calls": lambda: store.query_trace_metrics(
            [experiment], MetricViewType.SPANS, "span_count", count, **tool
        ),
        "tools: latency": lambda: store.query_trace_metrics(
            [experiment], MetricViewType.SPANS, "latency", percentiles, **tool
        ),
        "correlation of one pair, tag filter": lambda: store.calculate_trace_filter_correlation(
            [experiment], "status = 'ERROR'", "tags.region = 'asia'"
        ),
        "correlation of one pair, span filter": lambda: store.calculate_trace_filter_correlation(
            [experiment], "status = 'ERROR'", "span.name = 'tool_refund'"
        ),
    }
    for name, call in calls.items():
        report(f"MLflow's own, {name}", seconds(call), "s")


def _in_process(function: Callable[..., None], *arguments: Any, patience_s: float) -> int:
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join(patience_s)
    if process.is_alive():
        process.kill()
        process.join()
        print(f"  … not finished after {patience_s:.0f} s; stopped", flush=True)
        return 0
    return process.exitcode or 0


def _fill(uri: str, traces: int) -> str:
    spec = importlib.util.spec_from_file_location("big_store", Path(__file__).with_name("big_store.py"))
    assert spec and spec.loader
    big_store = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(big_store)
    made: list[str] = []
    report(
        f"filling MLflow's tables with {traces:,} traces",
        seconds(lambda: made.append(big_store.fill(uri, traces))),
        "s",
    )
    return made[0]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--uri", help="Default: a new SQLite database.")
    options.add_argument("--traces", type=int, default=100_000)
    options.add_argument("--experiment", help="Measure this one and fill nothing.")
    options.add_argument("--patience", type=float, default=120, help="Seconds for MLflow's own calls.")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uri = given.uri or f"sqlite:///{folder}/big.db"
        experiment = given.experiment or _fill(uri, given.traces)
        code = _in_process(measure, uri, experiment, patience_s=1200)
        _in_process(measure_month, uri, experiment, patience_s=600)
        _in_process(measure_mlflow, uri, experiment, patience_s=given.patience)
    return code


if __name__ == "__main__":
    sys.exit(main())
