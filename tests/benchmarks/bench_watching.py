"""What watching and listing cost: 200 hypotheses with 50 pieces of evidence each, over HTTP on a stock server.

Run it with `python tests/benchmarks/bench_watching.py`; it starts its own server and prints requests and times.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import requests

from insights_core.artifacts.investigations import Investigations
from insights_core.artifacts.kinds import HYPOTHESIS
from insights_core.artifacts.watching import Watcher
from insights_core.entities import Evidence, Hypothesis

HYPOTHESES, EVIDENCE = 200, 50

sent: list[str] = []
_send = requests.Session.send


def _counting(session: requests.Session, prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
    sent.append(str(prepared.url))
    return _send(session, prepared, **options)


def measure(what: str, work: Callable[[], Any], rounds: int = 1) -> None:
    """Print requests and time of one round."""
    sent.clear()
    began = time.perf_counter()
    for _ in range(rounds):
        work()
    elapsed_ms = (time.perf_counter() - began) / rounds * 1000
    print(f"{what:<66} {len(sent) / rounds:>7.0f} requests {elapsed_ms:>9.0f} ms")


def fill(client: Investigations, run_id: str) -> list[str]:
    ids = []
    for number in range(HYPOTHESES):
        evidence = [
            Evidence(trace_id=f"tr-{number}-{place}", rationale=f"Waits {place} s for a lock", supports=place % 3 > 0)
            for place in range(EVIDENCE)
        ]
        hypothesis = Hypothesis(statement=f"Hypothesis {number}", testing_plan="Look\nfor locks", evidence=evidence)
        client.entity_store.create(run_id, HYPOTHESIS, hypothesis, "bench")
        ids.append(hypothesis.hypothesis_id)
    return ids


def main(url: str) -> None:
    client = Investigations(url)
    experiment = client.mlflow.create_experiment(f"bench {time.time()}")
    run_id = client.create_analysis(experiment, "Bench", "Bench")
    measure(f"create {HYPOTHESES} hypotheses", lambda: ids.extend(fill(client, run_id)))
    fresh = Investigations(url)
    fresh.mlflow.search_experiments(max_results=1)
    measure("summaries of all analyses (what the Runs page lists)", lambda: fresh.summarize_analyses(experiment), 5)
    measure("summaries of all hypotheses", lambda: fresh.summarize_hypotheses(run_id), 5)
    measure("all hypotheses in full, cold", lambda: fresh.list_hypotheses(run_id))
    measure("all hypotheses in full, again", lambda: fresh.list_hypotheses(run_id), 5)
    watcher = Watcher(fresh, run_id)
    watcher.poll()
    measure("poll, nothing changed", watcher.poll, 20)

    def change() -> None:
        client.update_hypothesis(run_id, ids[7], evidence=[f"tr-new: {time.time()}"], allow_missing=True)

    measure("add one piece of evidence", change, 5)
    watcher.poll()
    rounds = []
    for _ in range(5):
        change()
        sent.clear()
        began = time.perf_counter()
        found = watcher.poll()
        rounds.append((len(sent), (time.perf_counter() - began) * 1000))
        assert len(found.changed) == 1
    print(
        f"{'poll, one of them changed':<66} {max(each[0] for each in rounds):>7} requests "
        f"{sum(each[1] for each in rounds) / len(rounds):>9.0f} ms"
    )
    issue = client.create_issue(run_id, "Found by its id")
    measure("get_issue by its id alone, cold", lambda: Investigations(url).get_issue(issue))


ids: list[str] = []

if __name__ == "__main__":
    requests.Session.send = _counting  # type: ignore[method-assign]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/server.log", "wb") as log:  # noqa: PTH123
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += [
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            f"{folder}/files",
        ]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health")
                    break
                except OSError:
                    time.sleep(0.3)
            main(f"http://127.0.0.1:{port}")
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)
