"""Events, workers on threads of the tests, and a client of a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest


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
