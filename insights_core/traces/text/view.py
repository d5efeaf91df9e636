"""A trace as its readers see it: a tree of spans and one conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class ToolCall:
    """What an assistant asks a tool to do."""

    id: str
    name: str
    arguments: str
    """As the model wrote them, usually JSON."""


@dataclass(slots=True)
class Message:
    """One turn of the conversation."""

    role: str
    """system, user, assistant or tool."""
    text: str
    name: str | None = None
    """The tool's name for a tool result."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    tool_call_id: str | None = None
    span_id: str = ""
    """The span in which it first appears."""
    is_error: bool = False
    key: int = field(default=-1, repr=False, compare=False)
    """A number that equal messages of one trace share; -1 before it is known."""


@dataclass(slots=True)
class SpanView:
    """A span of the trace."""

    span_id: str
    parent_id: str | None
    depth: int
    name: str
    type: str
    start_ms: float
    """Since the trace began."""
    duration_ms: float | None
    status: str
    """OK, ERROR or UNSET."""
    error: str | None
    inputs: Any
    outputs: Any
    attributes: dict[str, Any]
    """The other attributes; those of MLflow are JSON text."""
    inputs_spoken: bool = False
    """Whether the inputs are messages, and so stand in the conversation."""
    outputs_spoken: bool = False
    inputs_text: str | None = None
    """The inputs as text, where they are no messages."""
    outputs_text: str | None = None
    tool: str | None = None
    """The real name of the tool that this is a call of; None where it is none."""
    pause: str | None = None
    """What a person is asked, where the span stopped to wait for one: that is no error."""
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """(name, attributes) of each event."""
    is_foreign: bool = False
    """Whether attributes or events of a producer other than MLflow may hold messages."""


@dataclass(slots=True)
class TraceView:
    """A trace, read."""

    trace_id: str
    status: str
    start_ms: int
    """Epoch milliseconds."""
    duration_ms: float | None
    spans: list[SpanView]
    """Depth first, in the order of their start."""
    messages: list[Message]
    """The conversation, each message once, in order."""
    error: str | None
    """The first error in a few words."""
    unknown_spans: int = 0
    """Spans of a form that no reader knows: they are told by their longest plain strings."""
    people: frozenset[str] = frozenset()
    """Names of people that the trace introduces, once somebody looked for them."""
