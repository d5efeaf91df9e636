"""A real Redis for the tests of cards: `redis-server` on a free port, with its files in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class RedisServer:
    """A `redis-server` process that can be stopped and started again with its data.

    Args:
        folder: Where its files lie.
        keep: Whether data outlives a stop.
    """

    def __init__(self, folder: Path, keep: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._folder, self._keep = folder, keep
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        import redis

        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        command += [str(self._folder), "--appendonly", "yes" if self._keep else "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(redis.exceptions.RedisError), redis.Redis(port=self.port) as client:
                client.ping()
                return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisServer]]:
    """`redis_servers(keep=True)` starts a server that ends with the session."""
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server: apt-get install redis-server")
    started: list[RedisServer] = []

    def make(keep: bool = False) -> RedisServer:
        server = RedisServer(tmp_path_factory.mktemp("redis"), keep)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def _shared_redis(redis_servers: Callable[..., RedisServer]) -> RedisServer:
    return redis_servers()


@pytest.fixture
def redis_url(_shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty Redis, also set as REDIS_URL."""
    import redis

    with redis.Redis.from_url(_shared_redis.url) as client:
        client.flushall()
    monkeypatch.setenv("REDIS_URL", _shared_redis.url)
    return _shared_redis.url


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """A client of that Redis."""
    from insights_core.cards.connection import connect

    with connect() as made:
        yield made


@pytest.fixture(scope="session")
def an_event() -> Callable[..., Any]:
    """`an_event(decision="allow")`: an event with these fields and plausible others."""
    from insights_core.entities.card import Event

    def make(**fields: Any) -> Event:
        plausible = {
            "event_id": uuid.uuid4().hex,
            "tenant_id": "acme",
            "agent_id": "billing",
            "tool_name": "run_sql",
            "decision": "deny",
            "findings": ["destructive_sql"],
            "payload_shape": {"type": "object", "fields": {"query": {"type": "string", "length": 54}}},
        }
        return Event.model_validate({**plausible, **fields})

    return make


@contextlib.contextmanager
def _working(explainer: Any, **options: Any) -> Iterator[Any]:
    from insights_core.cards.connection import connect_async
    from insights_core.cards.worker import Worker

    made: dict[str, Any] = {}
    ready = threading.Event()

    async def work() -> None:
        made["loop"] = asyncio.get_running_loop()
        made["worker"] = Worker(connect_async(), explainer, **options)
        ready.set()
        await made["worker"].run()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield made["worker"]
    finally:
        made["loop"].call_soon_threadsafe(made["worker"].stop)
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def working() -> Callable[..., Any]:
    """`with working(explainer):` a worker runs on a thread of its own."""
    return _working


def _until(holds: Callable[[], Any], seconds: float = 15.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("It did not happen in time.")


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """`until(lambda: …)` waits for something to become true, and gives it."""
    return _until
