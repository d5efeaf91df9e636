"""Complete traces before they are written: plain values, so that making them needs no MLflow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["OK", "ERROR", "UNSET"]
State = Literal["OK", "ERROR", "IN_PROGRESS"]


@dataclass(slots=True)
class EventDraft:
    """Something that happened in a span, for example an exception."""

    name: str
    time_ns: int
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class SpanDraft:
    """One span. Times are epoch nanoseconds; `end_ns` None marks a span that never ended."""

    span_id: str
    """16 hexadecimal digits, not all zero."""
    name: str
    type: str
    start_ns: int
    end_ns: int | None
    parent_id: str | None = None
    status: Status = "OK"
    status_message: str = ""
    inputs: Any = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    """Anything JSON can hold, by MLflow's attribute names or one's own."""
    events: list[EventDraft] = field(default_factory=list)
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: tuple[float, float] | None = None
    """For input and output. None lets MLflow work it out from model and tokens by its shipped price list."""


@dataclass(slots=True)
class AssessmentDraft:
    """A feedback, or an expectation where `expectation` is true."""

    name: str
    value: Any = None
    source_type: Literal["HUMAN", "LLM_JUDGE", "CODE"] = "LLM_JUDGE"
    source_id: str = "default"
    rationale: str | None = None
    error: str | None = None
    """Why there is no value."""
    metadata: dict[str, str] = field(default_factory=dict)
    expectation: bool = False
    overrides: int | None = None
    """Position in the trace's assessments of the one that this replaces."""
    time_ms: int | None = None


@dataclass(slots=True)
class TraceDraft:
    """One complete trace."""

    trace_id: str
    """`tr-` and 32 hexadecimal digits."""
    name: str
    start_ms: int
    duration_ms: int | None
    spans: list[SpanDraft]
    state: State = "OK"
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    session_id: str | None = None
    user_id: str | None = None
    assessments: list[AssessmentDraft] = field(default_factory=list)
    client_request_id: str | None = None
    request_preview: str | None = None
    """What lists show; None takes it from the root span's inputs."""
    response_preview: str | None = None


def digest(*parts: object) -> str:
    """64 hexadecimal digits that depend on every part and its position."""
    joined = b"".join(
        len(text).to_bytes(8, "big") + text for text in (str(part).encode("utf-8", "surrogatepass") for part in parts)
    )
    return hashlib.sha256(joined).hexdigest()


def trace_id_of(*parts: object) -> str:
    """The same trace id for the same parts, on every machine."""
    return "tr-" + digest(*parts)[:32]


def span_id_of(trace_id: str, number: int) -> str:
    """The id of a trace's span by its position."""
    return digest(trace_id, number)[:16]
