"""A whole offline insight job: seconds per stage and peak memory. Run by hand:

    python tests/benchmarks/bench_job.py [TRACES] [FOLDER]

Makes demo traces in an SQLite MLflow in FOLDER (a temporary one by default; one that is given is used again), runs the
job in this process, and runs it again to see what reuse saves.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from insights_core.connection import Connection
from insights_core.demo import load_demo
from insights_core.entities.insight import InsightSpec, TraceScope
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.estimate import estimate
from insights_core.insight.jobs.parts import stages_for
from insights_core.insight.jobs.pipeline import run_pipeline


class Peaks:
    """A reporter that notes the peak memory at the end of each stage, in MB."""

    def __init__(self) -> None:
        self.peaks_mb: dict[str, int] = {}
        self._stage = "start"

    def stage(self, name: str, total: int = 0) -> None:
        self.peaks_mb[self._stage] = peak_mb()
        self._stage = name

    def advance(self, done: int, cost_usd: float | None = None) -> None:
        return


def peak_mb() -> int:
    """The highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "linux" else 1024 * 1024)


def run(connection: Connection, spec: InsightSpec) -> None:
    stages, reporter = stages_for(spec), Peaks()
    run_id = persist.create_insight_run(connection, spec, stages.model, {})
    began = time.perf_counter()
    asyncio.run(run_pipeline(connection, run_id, spec, stages, reporter))
    print(f"job: {time.perf_counter() - began:.1f} s, peak {peak_mb():,} MB")
    for stage, seconds in stages.timings_s.items():
        print(f"  {stage:<10} {seconds:7.2f} s  peak {reporter.peaks_mb.get(stage, peak_mb()):,} MB")
    began = time.perf_counter()
    details = persist.read_details(connection, run_id)
    leaves = sum(cluster.level == 0 for cluster in details.clusters)
    print(f"result read in {time.perf_counter() - began:.2f} s: {len(details.traces):,} traces, {leaves} clusters")


def main() -> None:
    """Run the benchmark."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
        connection = Connection(f"sqlite:///{folder}/mlflow.db")
        began = time.perf_counter()
        experiment_id = load_demo(connection, traces=traces)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
        )
        print(f"{traces:,} demo traces written in {time.perf_counter() - began:.1f} s, peak {peak_mb():,} MB")
        instruction = "What do users ask for, and where does the agent fail?"
        spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction=instruction)
        began = time.perf_counter()
        estimate(connection, spec)
        print(f"estimate: {time.perf_counter() - began:.2f} s")
        run(connection, spec)
        print("the same again:")
        run(connection, spec)


if __name__ == "__main__":
    main()
