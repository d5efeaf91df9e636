"""Investigations on real stores, traces to point at, and a count of the requests that go over HTTP."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from insights_core.artifacts.investigations import Investigations


@pytest.fixture
def client(tracking_uri: str) -> Investigations:
    return Investigations(tracking_uri)


@pytest.fixture
def web_client(mlflow_server: str) -> Investigations:
    """A client of a stock server."""
    return Investigations(mlflow_server)


@pytest.fixture
def web_experiment(web_client: Investigations) -> str:
    return web_client.mlflow.create_experiment(f"web {uuid.uuid4().hex}")


@pytest.fixture
def make_traces() -> Callable[..., list[str]]:
    """Real traces in an experiment: their ids."""
    from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation, TraceState

    def make(client: Investigations, experiment_id: str, count: int) -> list[str]:
        ids = []
        for place in range(count):
            info = TraceInfo(
                trace_id=f"tr-{uuid.uuid4().hex}",
                trace_location=TraceLocation.from_experiment_id(experiment_id),
                request_time=1_700_000_000_000 + place,
                state=TraceState.OK,
                execution_duration=10 + place,
            )
            client.mlflow._tracing_client.store.start_trace(Trace(info=info, data=TraceData(spans=[])).info)
            ids.append(info.trace_id)
        return ids

    return make


class Requests(list):
    """Method and path of every request since it was cleared."""


@pytest.fixture
def requests_sent(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """What MLflow's client really sends over HTTP."""
    import requests

    sent = Requests()
    send = requests.Session.send

    def counting(session, prepared, **options):
        sent.append(f"{prepared.method} {prepared.path_url.split('?')[0]}")
        return send(session, prepared, **options)

    monkeypatch.setattr(requests.Session, "send", counting)
    return sent


@pytest.fixture
def at_once(tmp_path: Path) -> Callable[..., list[str]]:
    """Run a script in several processes that all begin when the last one is ready; gives what each printed.

    The script sees `client`, `number` and `arguments`, and calls `ready()` before the work.
    """

    def run(script: str, processes: int, uri: str, *arguments: str) -> list[str]:
        head = (Path(__file__).parent / "at_once.py").read_text()
        barrier = tmp_path / uuid.uuid4().hex
        barrier.mkdir()
        command = [sys.executable, "-c", head + script, uri, str(barrier), str(processes)]
        running = [
            subprocess.Popen([*command, str(number), *arguments], stdout=subprocess.PIPE, text=True)
            for number in range(processes)
        ]
        printed = [process.communicate(timeout=200)[0].strip() for process in running]
        assert [process.returncode for process in running] == [0] * processes
        return printed

    return run


@pytest.fixture
def killed() -> Callable[..., None]:
    """Run a script with a client and kill it with SIGKILL the moment it prints `now`."""

    def run(script: str, uri: str, *arguments: str) -> None:
        head = (Path(__file__).parent / "at_once.py").read_text()
        with subprocess.Popen(
            [sys.executable, "-c", head + script, uri, "-", "1", "0", *arguments], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stdout.readline().strip() == "now"
            process.kill()

    return run
