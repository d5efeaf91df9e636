"""Spans out of MLflow's objects or their dicts, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from insights_core.traces.text.plain import compact, question_of, without_blobs
from insights_core.traces.text.sources import asked_by, is_foreign, is_pause
from insights_core.traces.text.view import SpanView
from insights_core.traces.tool_names import name_in_span, tool_name

_INPUTS, _OUTPUTS, _TYPE = "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.spanType"
_DECODER = json.JSONDecoder()  # json.loads without looking for blanks around, which MLflow never writes
_ERROR_WORDS = 300  # an error's first words say what happened; a traceback's rest says where


def decoded(value: Any) -> Any:
    """What an attribute holds: MLflow stores each as JSON text; anything else stays as it is."""
    if not isinstance(value, str) or not value:
        return value
    try:
        found, end = _DECODER.raw_decode(value)
        if end == len(value):
            return found
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _kind(value: Any) -> str:
    """A span's type, which is a word in quotes."""
    if isinstance(value, str) and value[:1] == '"' == value[-1:] and value[1:-1].isidentifier():
        return value[1:-1]
    return str(decoded(value) or "UNKNOWN")


def _number(value: Any) -> float | None:
    if type(value) is int and 0 < value < 1 << 63:
        return float(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -1e30 < number < 1e30 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class RawSpan:
    """A span with undecoded attributes, from either form."""

    __slots__ = ("attributes", "end", "events", "name", "parent", "span_id", "start", "status", "status_text")

    def __init__(self, span: Any, number: int) -> None:
        if isinstance(span, Mapping):
            self._from_dict(span, number)
        else:
            self._from_object(span, number)

    def _from_dict(self, span: Mapping[str, Any], number: int) -> None:
        status = span.get("status")
        self.span_id = str(span.get("span_id") or f"#{number}")
        self.parent = span.get("parent_span_id") or span.get("parent_id") or None
        self.name = str(span.get("name") or "span")
        self.start = _number(span.get("start_time_unix_nano") or span.get("start_time"))
        self.end = _number(span.get("end_time_unix_nano") or span.get("end_time"))
        code = status.get("code") if isinstance(status, Mapping) else span.get("status_code") or status
        self.status = str(code or "")
        text = (
            status.get("message") or status.get("description")
            if isinstance(status, Mapping)
            else span.get("status_message")
        )
        self.status_text = str(text or "")
        self.attributes: Mapping[str, Any] = {
            str(key): value for key, value in _mapping(span.get("attributes")).items()
        }
        events = span.get("events")
        self.events = (
            [(str(_mapping(event).get("name")), _mapping(_mapping(event).get("attributes"))) for event in events]
            if isinstance(events, list)
            else []
        )

    def _from_object(self, span: Any, number: int) -> None:
        otel = span._span
        own, above = otel.context, otel.parent  # as MLflow's properties give them, which cost more
        self.span_id = f"{own.span_id:016x}"
        self.parent = f"{above.span_id:016x}" if above is not None else None
        self.name = str(otel.name)
        self.start, self.end = _number(otel.start_time), _number(otel.end_time)
        self.status = getattr(getattr(otel.status, "status_code", None), "name", "")
        self.status_text = str(getattr(otel.status, "description", None) or "")
        # The undecoded mapping: decoding every attribute, as Span.attributes does, is most of the cost of reading.
        self.attributes = otel.attributes or {}
        self.events = [(event.name, event.attributes or {}) for event in otel.events or ()]

    def error(self, is_tool: bool) -> tuple[str | None, str | None]:
        """(what went wrong here, what a person is asked instead), each in a few words or None.

        MLflow's status decides: an exception event on a span that ended well was handled, one that is control flow is
        a pause. Of a tool that has no status the events and `error.type` say whether it failed.
        """
        if not self.events and self.status in ("OK", "UNSET") and "error.type" not in self.attributes:
            return None, None
        kind, said = None, ""
        for name, attributes in self.events:
            if "exception" in name.lower():
                kind, message = decoded(attributes.get("exception.type")), decoded(attributes.get("exception.message"))
                said = ": ".join(str(part) for part in (kind, message) if part)
        failed = "ERROR" in self.status.upper() or self.status == "2"
        error_type = decoded(self.attributes.get("error.type")) or ""
        if not failed and "OK" not in self.status.upper() and self.status != "1":
            failed = bool(error_type) or (is_tool and bool(said))
        elif not failed:
            failed = is_tool and bool(error_type)
        if not failed:
            return None, None
        if is_pause(kind or error_type or self.status_text.split("(", 1)[0].strip()):
            asked = [question_of(value) or compact(value) for value in asked_by(said or self.status_text)]
            return None, _few_words(" · ".join(asked)) or "waits"
        return _few_words(said or self.status_text or str(error_type or "failed without a message")), None

    def view(self, origin: float, depth: int) -> SpanView:
        """The span as its readers see it."""
        attributes = dict(self.attributes)
        inputs, outputs = decoded(attributes.pop(_INPUTS, None)), decoded(attributes.pop(_OUTPUTS, None))
        kind = _kind(attributes.get(_TYPE))
        foreign = is_foreign(attributes)
        tool = None
        if foreign:
            tool = tool_name(self.name, kind, attributes, lambda: inputs)
        elif kind == "TOOL":
            tool = name_in_span(self.name, lambda: inputs)
        error, pause = self.error(tool is not None)
        upper = self.status.upper()
        return SpanView(
            span_id=self.span_id,
            parent_id=str(self.parent) if self.parent else None,
            depth=depth,
            name=self.name,
            type=kind if tool is None or kind not in ("UNKNOWN", "None") else "TOOL",
            start_ms=max(0.0, ((self.start or origin) - origin) / 1e6),
            duration_ms=(self.end - self.start) / 1e6 if self.end is not None and self.start is not None else None,
            status="ERROR" if error else "OK" if "OK" in upper or self.status == "1" else "UNSET",
            error=error,
            inputs=inputs,
            outputs=outputs,
            attributes=attributes,
            tool=tool,
            pause=pause,
            events=self.events,
            is_foreign=foreign or bool(self.events),
        )


def _few_words(text: str) -> str:
    return without_blobs(" ".join(text.split()))[:_ERROR_WORDS]


def read_spans(spans: Iterable[Any]) -> list[SpanView]:
    """Every span, depth first; orphans and the members of cycles become roots, so that none is lost."""
    raw: list[RawSpan] = []
    for number, span in enumerate(spans):
        try:
            raw.append(RawSpan(span, number))
        except Exception:  # noqa: S112 - junk among the spans must not hide the others
            continue
    raw.sort(key=lambda span: inf if span.start is None else span.start)
    origin = next((span.start for span in raw if span.start is not None), 0.0)
    known = {span.span_id for span in raw}
    children: dict[str | None, list[RawSpan]] = {}
    for span in raw:
        parent = str(span.parent) if span.parent else None
        if parent is not None and (parent not in known or parent == span.span_id):
            parent = None
        children.setdefault(parent, []).append(span)
    views: list[SpanView] = []
    seen: set[int] = set()

    def walk(roots: list[RawSpan]) -> None:
        stack = [(span, 0) for span in reversed(roots)]
        while stack:
            span, depth = stack.pop()
            if id(span) in seen:
                continue
            seen.add(id(span))
            views.append(span.view(origin, depth))
            if span.span_id in children:
                stack += [(child, depth + 1) for child in reversed(children[span.span_id])]

    walk(children.get(None, []))
    walk([span for span in raw if id(span) not in seen])
    return views
