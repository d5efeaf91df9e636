"""Any trace as text: numbered lines for people and models, and the structure they are made from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from insights_core.traces.text.conversation import converse
from insights_core.traces.text.documents import documents_in
from insights_core.traces.text.plain import shown
from insights_core.traces.text.render import render
from insights_core.traces.text.spans import read_spans
from insights_core.traces.text.view import Message, SpanView, ToolCall, TraceView

if TYPE_CHECKING:
    from mlflow.entities import Trace

_NOTHING: tuple[Any, ...] = (None, "", {}, [])
_MODELS = frozenset({"LLM", "CHAT_MODEL"})
_log = logging.getLogger(__name__)

__all__ = ["Message", "SpanView", "ToolCall", "TraceView", "read_trace", "render", "trace_to_text"]


def trace_to_text(trace: Trace | Mapping[str, Any], max_chars: int | None = None) -> str:
    """A trace of any framework as numbered lines (L001 …): its spans, and in them the conversation.

    Args:
        trace: An MLflow trace, or its dict. Whatever is in it, this does not raise.
        max_chars: At most this many characters; None gives everything.
    """
    return render(read_trace(trace), max_chars)


def read_trace(trace: Trace | Mapping[str, Any]) -> TraceView:
    """The spans and the conversation of a trace of any framework. Whatever is in it, this does not raise."""
    info, data = _parts(trace)
    try:
        spans = read_spans(data)
    except Exception:  # no form of junk may stop the reading of thousands of other traces
        _log.warning("the spans of trace %r cannot be read", info.get("trace_id"), exc_info=True)
        spans = []
    try:
        messages, unknown = converse(spans)
    except Exception:
        _log.warning("the conversation of trace %r cannot be read", info.get("trace_id"), exc_info=True)
        messages, unknown = [], set()
    unknown |= {span.span_id for span in spans if _write_out(span)}
    start, duration = info.get("request_time"), info.get("execution_duration")
    error = next((span.error for span in spans if span.error), None)
    error = error or next(
        (
            f"{message.name or 'tool'}: {' '.join(message.text.split())}"[:300]
            for message in messages
            if message.is_error
        ),
        None,
    )
    if duration is None and spans:
        duration = max((span.start_ms + (span.duration_ms or 0.0) for span in spans), default=None)
    return TraceView(
        trace_id=str(info.get("trace_id") or ""),
        status=str(info.get("state") or ("ERROR" if error else "OK")).rsplit(".", 1)[-1],
        start_ms=start if isinstance(start, int) else 0,
        duration_ms=float(duration) if isinstance(duration, (int, float)) else None,
        spans=spans,
        messages=messages,
        error=error,
        unknown_spans=len(unknown),
    )


def _write_out(span: SpanView) -> bool:
    """Make the text of what is no messages; says whether the span is of a form that no reader knows."""
    unknown = span.type in _MODELS and any(
        [
            isinstance(value, (dict, list)) and value and not spoken
            for value, spoken in ((span.inputs, span.inputs_spoken), (span.outputs, span.outputs_spoken))
        ]
    )
    if not span.inputs_spoken and span.inputs not in _NOTHING:
        span.inputs_text, is_gist = shown(span.inputs)
        unknown = unknown or is_gist
    if not span.outputs_spoken and span.outputs not in _NOTHING:
        is_found = span.type == "RETRIEVER" and documents_in(span.outputs)
        span.outputs_text, is_gist = ("", False) if is_found else shown(span.outputs)
        unknown = unknown or is_gist
    return unknown


def _parts(trace: Any) -> tuple[dict[str, Any], list[Any]]:
    """A trace's facts and its spans, from an object or a dict of any version."""
    if isinstance(trace, Mapping):
        info, data = trace.get("info"), trace.get("data")
        facts = dict(info) if isinstance(info, Mapping) else dict(trace)
        facts.setdefault("trace_id", facts.get("request_id"))
        facts["state"] = facts.get("state") or facts.get("status")
        facts["execution_duration"] = facts.get(
            "execution_duration_ms", facts.get("execution_time_ms", facts.get("execution_duration"))
        )
        facts["request_time"] = facts.get("request_time_ms", facts.get("timestamp_ms", facts.get("request_time")))
        spans = data.get("spans") if isinstance(data, Mapping) else trace.get("spans")
        return facts, list(spans) if isinstance(spans, (list, tuple)) else []
    info = getattr(trace, "info", None)
    facts = {name: getattr(info, name, None) for name in ("trace_id", "request_time", "execution_duration")}
    facts["state"] = getattr(getattr(info, "state", None), "value", None)
    return facts, list(getattr(getattr(trace, "data", None), "spans", None) or [])
