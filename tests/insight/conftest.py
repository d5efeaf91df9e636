"""Small experiments whose traces fall into known topics."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insights_core.connection import Connection
from insights_core.traces.drafts import SpanDraft, TraceDraft, digest
from insights_core.traces.writing import write_traces

TOPICS = {
    "refund": ("I want a refund for order {n}, the shoes are too small", "I refunded order {n} to your card."),
    "password": ("I cannot log in, please reset my password for account {n}", "I sent a reset link for account {n}."),
    "weather": ("What is the weather in Lisbon on day {n} of my trip?", "It will be sunny, with {n} degrees."),
}


@pytest.fixture
def connection(tracking_uri: str) -> Connection:
    return Connection(tracking_uri)


@pytest.fixture
def write_conversations() -> Callable[..., list[str]]:
    """Write conversations on three topics in turn; gives the trace ids, oldest first."""

    def write(connection: Connection, experiment_id: str, count: int, email: str = "") -> list[str]:
        drafts = []
        start_ms = int(time.time() * 1000) - count * 1000
        for number in range(count):
            asked, answered = list(TOPICS.values())[number % len(TOPICS)]
            asked = asked.format(n=number) + (f" My address is {email}." if email else "")
            began = (start_ms + number * 1000) * 1_000_000
            span = SpanDraft(
                span_id=digest("span", experiment_id, number)[:16],
                name="chat",
                type="CHAT_MODEL",
                start_ns=began,
                end_ns=began + 500_000_000,
                inputs={"messages": [{"role": "user", "content": asked}]},
                outputs={"choices": [{"message": {"role": "assistant", "content": answered.format(n=number)}}]},
            )
            drafts.append(
                TraceDraft(
                    trace_id="tr-" + digest("trace", experiment_id, number)[:32],
                    name="agent",
                    start_ms=start_ms + number * 1000,
                    duration_ms=500,
                    spans=[span],
                )
            )
        return write_traces(connection, experiment_id, drafts)

    return write


@pytest.fixture(scope="session")
def planted_texts() -> Callable[..., tuple[list[str], list[str]]]:
    """Makes texts with planted topics: `planted_texts(count, seed=0, topics=None)` gives texts and their topics."""
    spec = importlib.util.spec_from_file_location("planted_texts", Path(__file__).parent / "planted_texts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.planted_texts


@pytest.fixture
def client(tracking_uri: str) -> Any:
    from insights_core import InsightsClient

    return InsightsClient(tracking_uri)


@pytest.fixture
def model(openai_server, monkeypatch):
    """The model server, set as the endpoint of this process and of those it starts."""
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("INSIGHTS_MAX_CONCURRENCY", "2")
    return openai_server
