"""Spans as they come over OTLP: attributes of a producer, and no type of MLflow's."""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities.span import Span
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

START_NS = 1_767_600_000_000_000_000
SECOND_NS = 1_000_000_000


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
    of = lambda number: SpanContext(trace, number, False, TraceFlags(1))  # noqa: E731
    start = START_NS + trace * SECOND_NS
    stored = {key: json.dumps(value) for key, value in (attributes or {}).items()}
    return Span(
        ReadableSpan(
            name=name,
            context=of(span),
            parent=of(parent) if parent else None,
            attributes={**stored, "mlflow.traceRequestId": json.dumps(f"tr-{trace:032x}")},
            events=[Event(event, given, start) for event, given in (events or {}).items()],
            start_time=start,
            end_time=start + SECOND_NS,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        )
    )
