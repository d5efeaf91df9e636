"""How long the page of an investigation takes to open, and what a second of watching costs.

    python tests/benchmarks/bench_runs_page.py [hypotheses] [evidence each]

On SQLite with local artifacts, and over HTTP on a stock `mlflow server`: time of the page's first run, of a tick without
news, and of a tick after one hypothesis got one more piece of evidence; one card is open. Script time, without browser.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
_TICKS, _NEWS = 20, 5


def investigation(uri: str, hypotheses: int, evidence: int, artifacts: str | None) -> tuple[str, str]:
    """Make it; its run id and the id of a hypothesis."""
    from insights_core import InsightsClient

    client = InsightsClient(uri)
    experiment = client.mlflow.create_experiment(f"bench-{time.time()}", artifact_location=artifacts)
    run = client.create_analysis(experiment, "bench", "Benchmark")
    made = ""
    for number in range(hypotheses):
        items = [
            {
                "trace_id": f"tr-{number:04d}{place:028x}",
                "rationale": f"What trace {place} shows about it",
                "supports": place % 4 > 0,
            }
            for place in range(evidence)
        ]
        made = client.create_hypothesis(run, f"Hypothesis {number} of many", "1. Look.", items, allow_missing=True)
    return run, made


def measure(uri: str, run: str, hypothesis: str) -> dict[str, float]:
    """Milliseconds of the first run, of a tick, and of a tick with news."""
    os.environ["MLFLOW_TRACKING_URI"] = uri
    from streamlit.testing.v1 import AppTest

    from insights_core import InsightsClient
    from pages._ui.investigation import hypotheses

    ticks: list[float] = []
    inside = hypotheses.tick

    def timed(*arguments: object) -> None:
        begun = time.perf_counter()
        inside(*arguments)
        ticks.append(time.perf_counter() - begun)

    hypotheses.tick = timed
    client = InsightsClient(uri)
    client.list_experiments()  # what the first page of a process imports is the server's start, not this page's
    app = AppTest.from_file(str(ROOT / "pages" / "_ui" / "shell" / "router.py"), default_timeout=120)
    app.query_params["run"], app.query_params["hypothesis"] = run, hypothesis
    app.switch_page("../../run.py")
    begun = time.perf_counter()
    app.run()
    opened = time.perf_counter() - begun
    assert not app.exception and not app.error, (app.exception, app.error)
    ticks.clear()
    for _ in range(_TICKS):
        app.run()
    quiet = list(ticks)
    ticks.clear()
    for place in range(_NEWS):
        item = {"trace_id": f"tr-new{place}", "rationale": "One more", "supports": True}
        client.update_hypothesis(run, hypothesis, add_evidence=[item], allow_missing=True)
        app.run()
    hypotheses.tick = inside
    found = {
        "open": opened,
        "tick": statistics.median(quiet),
        "slowest tick": max(quiet),
        "tick with news": statistics.median(ticks),
    }
    return {name: 1000 * seconds for name, seconds in found.items()}


def main() -> None:
    hypotheses, evidence = (int(one) for one in (*sys.argv[1:], "200", "50")[:2])
    from conftest import run_mlflow_server

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        uri = f"sqlite:///{folder}/mlflow.db"
        _report("SQLite", uri, hypotheses, evidence, f"{folder}/artifacts")
        (Path(folder) / "server").mkdir()
        with contextlib.contextmanager(run_mlflow_server)(Path(folder) / "server") as url:
            _report("HTTP, stock server", url, hypotheses, evidence, None)


def _report(name: str, uri: str, hypotheses: int, evidence: int, artifacts: str | None) -> None:
    run, hypothesis = investigation(uri, hypotheses, evidence, artifacts)
    figures = measure(uri, run, hypothesis)
    shown = ", ".join(f"{what} {value:.0f} ms" for what, value in figures.items())
    print(f"{name}, {hypotheses} hypotheses of {evidence}: {shown}", flush=True)


if __name__ == "__main__":
    main()
