"""A small experiment with planted signals, in which every theme finds its own traces."""

from __future__ import annotations

import time
from typing import Any

import pytest

from insights_core import InsightsClient
from insights_core.traces.drafts import SpanDraft, TraceDraft, digest
from insights_core.traces.writing import write_traces

KINDS = {
    "fails": ("Please book flight {n} to Lisbon for me", "I am sorry, that did not work."),
    "repeats": ("Where is my parcel with number {n}, please", "Your parcel is on its way."),
    "works": ("What does the breakfast cost in room {n}", "Breakfast costs 12 euros."),
}


@pytest.fixture
def client(tracking_uri: str) -> InsightsClient:
    return InsightsClient(tracking_uri)


@pytest.fixture
def write_kinds():
    """`write_kinds(client, experiment_id, count, first=0)`: traces of the three kinds in turn; gives id -> kind."""

    def write(client: Any, experiment_id: str, count: int, first: int = 0) -> dict[str, str]:
        drafts, kinds = [], {}
        for number in range(first, first + count):
            kind = list(KINDS)[number % 3]
            draft = _draft(experiment_id, number, kind)
            drafts.append(draft)
            kinds[draft.trace_id] = kind
        write_traces(client, experiment_id, drafts)
        return kinds

    return write


def _draft(experiment_id: str, number: int, kind: str) -> TraceDraft:
    asked, answered = (text.format(n=number) for text in KINDS[kind])
    start_ms = int(time.time() * 1000) - 3_600_000 + number * 1000
    messages = [{"role": "user", "content": asked}]
    if kind == "repeats":
        messages += [{"role": "assistant", "content": "I am looking."}, {"role": "user", "content": asked + " again"}]
    root = SpanDraft(
        span_id=digest("root", experiment_id, number)[:16],
        name="chat",
        type="CHAT_MODEL",
        start_ns=start_ms * 1_000_000,
        end_ns=start_ms * 1_000_000 + 500_000_000,
        inputs={"messages": messages},
        outputs={"choices": [{"message": {"role": "assistant", "content": answered}}]},
    )
    tool = SpanDraft(
        span_id=digest("tool", experiment_id, number)[:16],
        parent_id=root.span_id,
        name="book_flight" if kind == "fails" else "look_up",
        type="TOOL",
        start_ns=root.start_ns + 1_000_000,
        end_ns=root.start_ns + 90_000_000,
        inputs={"number": number},
        outputs=None if kind == "fails" else {"found": f"entry {number}"},
    )
    if kind == "fails":
        tool.status, tool.status_message = "ERROR", "BookingError: the gateway timed out"
    return TraceDraft(
        trace_id="tr-" + digest("trace", experiment_id, number)[:32],
        name="agent",
        start_ms=start_ms,
        duration_ms=500,
        spans=[root, tool],
    )
