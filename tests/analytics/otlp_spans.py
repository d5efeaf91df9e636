"""Spans as they come over OTLP: attributes of a producer, and no type of MLflow's."""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities.span import Span
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

START_NS = 1_767_600_000_000_000_000
SECOND_NS = 1_000_000_000
FIRST = 1_000_000  # no other trace of the data set has so high a number
PRODUCERS, SAID = "2", "3"  # the experiments in the shared data set


def trace_id(trace: int) -> str:
    """The id of a trace made here, by its number."""
    return f"tr-{FIRST + trace:032x}"


def otlp_span(
    trace: int,
    span: int,
    name: str,
    attributes: dict[str, Any] | None = None,
    parent: int | None = None,
    failed: bool = False,
    events: dict[str, dict[str, Any]] | None = None,
) -> Span:
    """A span of a second; trace and span are numbers that its ids are made of."""
    number_of_trace = FIRST + trace
    of = lambda number: SpanContext(number_of_trace, number, False, TraceFlags(1))  # noqa: E731
    start = START_NS + trace * SECOND_NS
    stored = {key: json.dumps(value) for key, value in (attributes or {}).items()}
    return Span(
        ReadableSpan(
            name=name,
            context=of(span),
            parent=of(parent) if parent else None,
            attributes={**stored, "mlflow.traceRequestId": json.dumps(trace_id(trace))},
            events=[Event(event, given, start) for event, given in (events or {}).items()],
            start_time=start,
            end_time=start + SECOND_NS,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        )
    )


# How each producer says that a span is a call of `look_up`: the span's name and its attributes.
LOOK_UP: dict[str, tuple[str, dict[str, Any]]] = {
    "conventions": ("execute_tool look_up", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up"}),
    "only the name": ("step", {"gen_ai.tool.name": "look_up"}),
    "OpenInference": ("look_up", {"openinference.span.kind": "TOOL"}),
    "smolagents": ("SimpleTool", {"openinference.span.kind": "TOOL", "tool.name": "look_up"}),
    "Traceloop": ("look_up.tool", {"traceloop.span.kind": "tool", "traceloop.entity.name": "look_up"}),
    "Vercel's older": ("ai.toolCall", {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look_up"}),
    "MLflow's own": ("look_up", {"mlflow.spanType": "TOOL"}),
}
PAY = ("SimpleTool", {"openinference.span.kind": "TOOL", "tool.name": "pay"})
# Spans that talk about tools and are none.
TALK = json.dumps({"gen_ai.tool.name": "hoax", "mlflow.spanType": "TOOL", "openinference.span.kind": "TOOL"})
NO_TOOLS = [
    ("chat", {"gen_ai.operation.name": "chat", "gen_ai.input.messages": TALK, "input.value": {"gen_ai.tool.name": "hoax"}}),
    ("invoke_agent", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.tools": ["look_up", "pay"]}),
    ("look_up", {"openinference.span.kind": "RETRIEVER"}),
]  # fmt: skip


def spans() -> list[Any]:
    """A trace a producer, the second and the third of them with a failing call; one with two calls of another tool."""
    made = []
    for trace, (name, said) in enumerate(LOOK_UP.values(), 1):
        made.append(otlp_span(trace, 1, "agent", {"gen_ai.operation.name": "invoke_agent"}))
        made.append(otlp_span(trace, 2, name, said, parent=1, failed=trace in (2, 3)))
        for number, (other, attributes) in enumerate(NO_TOOLS, 3):
            events = {"tool called": {"gen_ai.tool.name": "hoax"}}
            made.append(otlp_span(trace, number, other, attributes, parent=1, events=events))
    made += [otlp_span(20, 1, "agent"), *(otlp_span(20, number, *PAY, parent=1) for number in (2, 3))]
    return made


def said_spans() -> list[Any]:
    """Two traces in one session whose producers say tokens, cost and session in their own words; one that MLflow reads."""
    usage = {"langfuse.observation.usage_details": '{"input": 100, "output": 20, "total": 120}'}
    priced = {**usage, "langfuse.observation.model.name": "own", "langfuse.observation.cost_details": '{"total": 0.5}'}
    inner = {"ai.usage.promptTokens": 12, "ai.usage.completionTokens": 3, "ai.model.id": "small"}
    return [
        otlp_span(31, 1, "visit", {"langfuse.session.id": "s-1", **usage}),
        otlp_span(31, 2, "generation", priced, parent=1),
        otlp_span(32, 1, "ai.generateText", {**inner, "traceloop.association.properties.session_id": "s-1"}),
        otlp_span(32, 2, "ai.generateText.doGenerate", inner, parent=1),
        otlp_span(33, 1, "chat", {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1, "session.id": "mine",
                                  "langfuse.session.id": "theirs", "gen_ai.usage.total_tokens": 77}),
    ]  # fmt: skip


def log_producers(store: Any) -> None:
    """Two more experiments of a store: tools as each producer tells them, and what MLflow does not derive."""
    for experiment, name, made in ((PRODUCERS, "Producers", spans()), (SAID, "Said", said_spans())):
        assert store.create_experiment(name) == experiment
        store.log_spans(experiment, made)
