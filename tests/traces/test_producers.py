"""Tokens, cost, model, session and user that a producer says and MLflow does not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from insights_core.traces.producers import KEYS, Told, outermost, told_by, told_by_trace

SAID: dict[str, tuple[dict[str, Any], Told]] = {
    "Vercel 5": (
        {
            "ai.model.id": "acme-small", "ai.model.provider": "acme.chat", "ai.usage.inputTokens": 31, "ai.usage.outputTokens": 4,
            "ai.usage.totalTokens": 35, "ai.telemetry.metadata.sessionId": "basket-9", "ai.telemetry.metadata.userId": "mona",
        },
        Told("basket-9", "mona", "acme-small", "acme.chat", 31, 4, 35),
    ),
    "Vercel 4": ({"ai.usage.promptTokens": 12, "ai.usage.completionTokens": 3}, Told(input_tokens=12, output_tokens=3, total_tokens=15)),
    "Vercel's embeddings": ({"ai.usage.tokens": 8}, Told(total_tokens=8)),
    "Langfuse": (
        {
            "langfuse.session.id": "visit 7", "langfuse.user.id": "mona", "langfuse.observation.model.name": "acme-large",
            "langfuse.observation.usage_details": '{"input": 100, "output": 20, "total": 120}',
            "langfuse.observation.cost_details": '{"input": 0.25, "output": 0.5}',
        },
        Told("visit 7", "mona", "acme-large", None, 100, 20, 120, 0.75),
    ),
    "Traceloop": (
        {"traceloop.association.properties.session_id": "s-3", "traceloop.association.properties.user_id": 42},
        Told("s-3", "42"),
    ),
    "Traceloop's chat": ({"traceloop.association.properties.chat_id": "c-1", "gen_ai.usage.total_tokens": 9}, Told("c-1", total_tokens=9)),
    "Laminar": ({"lmnr.association.properties.session_id": "l-1", "lmnr.association.properties.user_id": "ben"}, Told("l-1", "ben")),
    "LangSmith": ({"langsmith.metadata.thread_id": "thread-5"}, Told("thread-5")),
    "Google ADK": ({"gcp.vertex.agent.session_id": "g-1"}, Told("g-1")),
    "OpenTelemetry's older user": ({"enduser.id": "mona"}, Told(user="mona")),
    "pydantic-ai": (
        {"gen_ai.aggregated_usage.input_tokens": 7, "gen_ai.aggregated_usage.output_tokens": 2, "operation.cost": 0.125},
        Told(input_tokens=7, output_tokens=2, total_tokens=9, cost=0.125),
    ),
    "OpenInference": ({"llm.cost.total": 0.5}, Told(cost=0.5)),
    "OpenRouter": ({"gen_ai.usage.cost": 0.0625}, Told(cost=0.0625)),
    "Braintrust": ({"braintrust.metrics": '{"prompt_tokens": 5, "completion_tokens": 6, "tokens": 11}'}, Told(None, None, None, None, 5, 6, 11)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_a_producer_says_is_read_bare_and_as_mlflow_stores_it(name):
    given, expected = SAID[name]
    assert told_by(given) == expected
    assert told_by({key: json.dumps(value) for key, value in given.items()}) == expected


@pytest.mark.parametrize("odd", [None, "", "{", '"\\', "NaN", -4, True, [], {}, "[1]", 1e400, '{"input": "x"}'])
def test_odd_values_say_nothing_and_break_nothing(odd):
    keys = ("ai.usage.inputTokens", "operation.cost", "langfuse.observation.usage_details", "braintrust.metrics")
    assert told_by(dict.fromkeys(keys, odd)) == Told()
    assert not told_by({"langfuse.session.id": odd}).session or isinstance(odd, int | str)


def test_a_call_that_its_wrapper_tells_too_counts_once():
    call = Told(input_tokens=10, output_tokens=1, total_tokens=11, cost=0.5)
    spans = {
        "root": (None, Told(session="s")),
        "agent": ("root", call), "client": ("step", call), "step": ("agent", Told()),  # the agent tells what its client tells
        "other": ("root", call), "lost": ("gone", call),
    }  # fmt: skip
    assert told_by_trace(spans) == Told("s", None, None, None, 30, 3, 33, 1.5)


def test_every_key_is_looked_for_in_a_stored_span():
    from insights_core.analytics.stored_spans import SAID_WORDS

    assert [key for key in KEYS if not any(word in key for word in SAID_WORDS)] == []


def test_spans_in_a_circle_end():
    assert set(outermost([1, 2], {1: 2, 2: 1})) <= {1, 2}
    assert outermost([1], {1: 3, 3: 4, 4: 3}) == [1]
