"""People at once on `mlflow server --app-name insights`: `python tests/benchmarks/bench_server_load.py --uri sqlite:////tmp/big.db`.

The database is one of big_store.py. A server with MLflow's default of four workers is started on loopback. Each person
sends the questions of the pages one after the other, each beginning elsewhere; requests and people are bounded. Before
that, the same questions are sent until every worker has answered, which is reported as the first load.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

API = "/api/3.0/mlflow/traces/insights"
ERROR = {"name": "status", "parameters": {"value": "ERROR"}}
QUESTIONS: dict[str, dict[str, Any]] = {
    "traffic-cost/volume": {"time_bucket": "hour"},
    "traffic-cost/latency": {"time_bucket": "day"},
    "traffic-cost/errors": {"time_bucket": "hour"},
    "assessments/discovery": {},
    "assessments/metrics": {"assessment_name": "correct"},
    "tools/discovery": {"time_bucket": "hour"},
    "tools/metrics": {"tool_name": "tool_sql"},
    "tags/discovery": {},
    "tags/metrics": {"tag_key": "customer"},
    "dimensions/discovery": {},
    "dimensions/calculate-npmi": {
        "dimension1": ERROR,
        "dimension2": {"name": "tools.tool_refund", "parameters": {"value": "used"}},
    },
    "correlations": {
        "filter_string": "status = 'ERROR'",
        "correlation_dimensions": ["tools", "tags", "assessments"],
    },
}


@contextmanager
def server(uri: str, workers: int, folder: str) -> Iterator[str]:
    """A running server; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "insights", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--backend-store-uri", uri, "--workers", str(workers)]
    command += ["--artifacts-destination", f"{folder}/artifacts"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (Path(folder) / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if httpx.get(url + "/health", timeout=5).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def ask(client: httpx.Client, experiment: str, path: str, days: int | None) -> tuple[float, str]:
    """Seconds and outcome of one question; `days` limits it to the newest days."""
    from big_store import END_MS

    body = {"experiment_ids": [experiment], **QUESTIONS[path]}
    if days:
        body |= {"start_time": END_MS - days * 86_400_000, "end_time": END_MS}
    began = time.perf_counter()
    try:
        answer = client.post(f"{API}/{path}", json=body)
        outcome = "ok" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"
    except httpx.HTTPError as error:
        outcome = repr(error)
    return time.perf_counter() - began, outcome


def warm_up(url: str, experiment: str, workers: int) -> float:
    """Ask on fresh connections, which the workers share out among them, until all are quick; seconds it took."""
    began, quick = time.perf_counter(), 0
    while quick < 6 * workers and time.perf_counter() - began < 240:
        with httpx.Client(base_url=url, timeout=240) as client:
            took = max(ask(client, experiment, path, None)[0] for path in ("tools/discovery", "correlations"))
        quick = quick + 1 if took < 1.0 else 0
    return time.perf_counter() - began


def load(url: str, experiment: str, people: int, requests: int) -> tuple[dict[str, list[float]], Counter[str], float]:
    """Seconds by path, outcomes, and how long all of it took."""
    times: dict[str, list[float]] = defaultdict(list)
    outcomes: Counter[str] = Counter()
    lock, paths = threading.Lock(), list(QUESTIONS)

    def person(number: int) -> None:
        with httpx.Client(base_url=url, timeout=120) as client:
            for step in range(requests):
                path = paths[(number + step) % len(paths)]
                took, outcome = ask(client, experiment, path, 7 if (number + step) % 4 == 0 else None)
                with lock:
                    times[path].append(took)
                    outcomes[outcome] += 1

    threads = [threading.Thread(target=person, args=(number,)) for number in range(people)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, outcomes, time.perf_counter() - began


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--uri", required=True)
    options.add_argument("--experiment", default="1")
    options.add_argument("--people", type=int, default=20)
    options.add_argument("--requests", type=int, default=30, help="Of each person.")
    options.add_argument("--workers", type=int, default=4)
    given = options.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    with tempfile.TemporaryDirectory() as folder, server(given.uri, given.workers, folder) as url:
        print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        print(f"first load of all {given.workers} workers: {warm_up(url, given.experiment, given.workers):.1f} s")
        times, outcomes, took = load(url, given.experiment, given.people, given.requests)
        print(f"{given.people} people, {sum(outcomes.values())} requests in {took:.1f} s; {dict(outcomes)}")
        everything = [one for path in times.values() for one in path]
        for path, seconds in [*times.items(), ("all", everything)]:
            p50, p95 = np.quantile(seconds, [0.5, 0.95]) * 1000
            print(f"  {path:28} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   slowest {max(seconds) * 1000:6.0f} ms")
        print(f"load of the machine afterwards {os.getloadavg()[0]:.1f}")
    return int(set(outcomes) != {"ok"})


if __name__ == "__main__":
    sys.exit(main())
