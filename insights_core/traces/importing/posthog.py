"""PostHog's LLM events: `$ai_generation`, `$ai_span`, `$ai_embedding` and `$ai_trace`, grouped by their trace id.

`$ai_metric` and `$ai_feedback` become assessments; events that do not start with `$ai_` are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from insights_core.errors import InvalidParameterError
from insights_core.names import IMPORT_FORMAT_TAG, IMPORT_TIMES_TAG
from insights_core.traces.drafts import AssessmentDraft, EventDraft, SpanDraft, TraceDraft, digest, trace_id_of
from insights_core.traces.importing.fields import epoch_ms, parsed, tags_of
from insights_core.traces.importing.records import Record

if TYPE_CHECKING:
    from insights_core.traces.importing.made_up import MadeUp

_KINDS = {"$ai_generation": "CHAT_MODEL", "$ai_embedding": "EMBEDDING", "$ai_span": "CHAIN"}
_OPINIONS = ("$ai_metric", "$ai_feedback")
_EXPECTED = "Expected PostHog events: objects with `event`, `properties` and `timestamp`"


class PostHog:
    """The format `posthog`."""

    def looks_like_record(self, value: object) -> bool:
        return isinstance(value, dict) and isinstance(value.get("event"), str)

    def check(self, records: Iterable[Record]) -> int:
        return len(_grouped(records))

    def drafts(self, records: Iterable[Record], made_up: MadeUp) -> Iterator[TraceDraft]:
        for position, (trace_id, events) in enumerate(_grouped(records).items()):
            yield _Events(trace_id, events, position, made_up).draft()


def _grouped(records: Iterable[Record]) -> dict[str, list[dict[str, Any]]]:
    """The AI events by PostHog's trace id, each as its properties with `event`, `timestamp` and `distinct_id` added."""
    traces: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        value = record.value
        if not isinstance(value, dict) or not isinstance(value.get("event"), str):
            raise InvalidParameterError(
                f"{record.place} is no event. {_EXPECTED}.", field="path", record=record.position
            )
        if not value["event"].startswith("$ai_"):
            continue
        properties = parsed(value.get("properties"))
        if not isinstance(properties, dict) or not properties.get("$ai_trace_id"):
            raise InvalidParameterError(
                f"{record.place} ({value['event']}) has no property $ai_trace_id. {_EXPECTED}.",
                field="path",
                record=record.position,
            )
        event = properties | {
            "event": value["event"],
            "timestamp": value.get("timestamp"),
            "distinct_id": value.get("distinct_id") or properties.get("distinct_id"),
        }
        traces.setdefault(str(properties["$ai_trace_id"]), []).append(event)
    return {
        trace_id: events
        for trace_id, events in traces.items()
        if any(event["event"] not in _OPINIONS for event in events)
    }


class _Events:
    """The events of one trace on their way to a draft."""

    def __init__(self, source_id: str, events: list[dict[str, Any]], position: int, made_up: MadeUp) -> None:
        self.source_id = source_id
        self.trace_id = trace_id_of("posthog", made_up.experiment_id, source_id)
        self.head = next((event for event in events if event["event"] == "$ai_trace"), None)
        self.opinions = [event for event in events if event["event"] in _OPINIONS]
        self.work = [event for event in events if event["event"] not in (*_OPINIONS, "$ai_trace")]
        self.timed = any(epoch_ms(event["timestamp"]) is not None for event in events)
        self.fallback_ms = made_up.start_ms(position)
        self.root_id = digest(self.trace_id, "root")[:16]

    def draft(self) -> TraceDraft:
        spans = [self._span(event, number) for number, event in enumerate(self.work)]
        self._connect(spans)
        root = self._root(spans)
        spans.sort(key=lambda span: span.start_ns)
        every = [*([self.head] if self.head else []), *self.work]
        session = next((str(event["$ai_session_id"]) for event in every if event.get("$ai_session_id")), None)
        user = next((str(event["distinct_id"]) for event in every if event.get("distinct_id")), None)
        return TraceDraft(
            trace_id=self.trace_id,
            name=root.name,
            start_ms=root.start_ns // 1_000_000,
            duration_ms=((root.end_ns or root.start_ns) - root.start_ns) // 1_000_000,
            spans=[root, *spans],
            state="ERROR" if root.status == "ERROR" else "OK",
            tags=self._tags(every),
            session_id=session or f"posthog-{self.trace_id[3:15]}",
            user_id=user,
            assessments=_assessments(self.opinions),
            client_request_id=self.source_id[:50],
        )

    def _span(self, event: dict[str, Any], number: int) -> SpanDraft:
        start_ns, end_ns = self._times(event)
        kind = str(event.get("$ai_span_type") or "").upper() or _KINDS.get(event["event"], "UNKNOWN")
        span = SpanDraft(
            span_id=digest(self.trace_id, event.get("$ai_span_id") or event.get("$ai_generation_id") or number)[:16],
            name=str(event.get("$ai_span_name") or event.get("$ai_model") or event["event"].removeprefix("$ai_")),
            type=kind,
            start_ns=start_ns,
            end_ns=end_ns,
            inputs=_inputs(event),
            outputs=_outputs(event),
            model=str(event["$ai_model"]) if event.get("$ai_model") else None,
            input_tokens=_count(event.get("$ai_input_tokens")),
            output_tokens=_count(event.get("$ai_output_tokens")),
            cost_usd=_cost(event),
            attributes={name: value for name, value in event.items() if name.startswith("$ai_") and name not in _SHOWN},
        )
        _mark_error(span, event)
        return span

    def _times(self, event: dict[str, Any]) -> tuple[int, int]:
        """PostHog stamps an event when the work is done; the latency in seconds leads back to its start."""
        end_ms = epoch_ms(event["timestamp"]) or self.fallback_ms
        latency = event.get("$ai_latency")
        seconds = (
            float(latency)
            if isinstance(latency, int | float) and not isinstance(latency, bool) and 0 <= latency < 1e6
            else 0.0
        )
        return int(end_ms * 1_000_000 - seconds * 1e9), end_ms * 1_000_000

    def _connect(self, spans: list[SpanDraft]) -> None:
        ids = {
            str(event["$ai_span_id"]): span.span_id
            for event, span in zip(self.work, spans, strict=True)
            if event.get("$ai_span_id")
        }
        seen: set[str] = set()
        for number, (event, span) in enumerate(zip(self.work, spans, strict=True)):
            if span.span_id in seen:
                # An event that was sent twice keeps both spans.
                span.span_id = digest(self.trace_id, "again", number)[:16]
            seen.add(span.span_id)
            parent = ids.get(str(event.get("$ai_parent_id")))
            span.parent_id = parent if parent and parent != span.span_id else self.root_id
        _break_circles(spans, self.root_id)

    def _root(self, spans: list[SpanDraft]) -> SpanDraft:
        head = self.head or {}
        start_ns = min((span.start_ns for span in spans), default=self.fallback_ms * 1_000_000)
        end_ns = max((span.end_ns or span.start_ns for span in spans), default=start_ns)
        if self.head:
            told_start, told_end = self._times(self.head)
            start_ns, end_ns = (min(start_ns, told_start), max(end_ns, told_end)) if spans else (told_start, told_end)
        top = [span for span in sorted(spans, key=lambda span: span.start_ns) if span.parent_id == self.root_id]
        root = SpanDraft(
            self.root_id,
            str(head.get("$ai_span_name") or head.get("$ai_trace_name") or "trace"),
            "AGENT",
            start_ns,
            end_ns,
        )
        root.inputs = _inputs(head) if head else None
        root.outputs = _outputs(head) if head else None
        if root.inputs is None and top:
            root.inputs = top[0].inputs
        if root.outputs is None and top:
            root.outputs = top[-1].outputs
        _mark_error(root, head)
        if not self.head and top and top[-1].status == "ERROR":
            # Nothing says how the whole ended; its last step does.
            root.status, root.status_message = "ERROR", top[-1].status_message
        return root

    def _tags(self, events: list[dict[str, Any]]) -> dict[str, str]:
        own = {
            name: value
            for event in reversed(events)
            for name, value in event.items()
            if not name.startswith("$") and name not in ("event", "timestamp", "distinct_id", "token")
        }
        marks = {IMPORT_FORMAT_TAG: "posthog", "posthog.trace_id": self.source_id}
        if not self.timed:
            marks[IMPORT_TIMES_TAG] = "made up"
        return tags_of(own) | marks


_SHOWN = {
    "$ai_input", "$ai_output_choices", "$ai_output", "$ai_input_state", "$ai_output_state", "$ai_trace_id", "$ai_span_id", "$ai_parent_id", "$ai_model",
    "$ai_input_tokens", "$ai_output_tokens", "$ai_latency", "$ai_is_error", "$ai_error", "$ai_session_id", "$ai_input_cost_usd", "$ai_output_cost_usd",
}  # fmt: skip


def _inputs(event: dict[str, Any]) -> Any:
    if event.get("$ai_input") is not None:
        messages = parsed(event["$ai_input"])
        if isinstance(messages, list):
            return {"messages": messages} | ({"tools": event["$ai_tools"]} if event.get("$ai_tools") else {})
        return {"input": messages}
    return parsed(event.get("$ai_input_state"))


def _outputs(event: dict[str, Any]) -> Any:
    choices = parsed(event.get("$ai_output_choices", event.get("$ai_output")))
    if choices is None:
        return parsed(event.get("$ai_output_state"))
    if isinstance(choices, list):
        return {
            "choices": [
                choice if isinstance(choice, dict) and "message" in choice else {"message": choice}
                for choice in choices
            ]
        }
    return choices


def _mark_error(span: SpanDraft, event: dict[str, Any]) -> None:
    if event.get("$ai_is_error") not in (True, "true", "True", 1):
        return
    told = event.get("$ai_error")
    message = (
        told
        if isinstance(told, str)
        else json.dumps(told, default=str)
        if told
        else "The event says only that it failed."
    )
    span.status, span.status_message = "ERROR", message[:500]
    span.events = [
        EventDraft("exception", span.end_ns or span.start_ns, {"exception.type": "Error", "exception.message": message})
    ]


def _break_circles(spans: list[SpanDraft], root_id: str) -> None:
    """Hang a span whose ancestors lead back to itself under the root, so that the tree stays a tree."""
    parents = {span.span_id: span for span in spans}
    for span in spans:
        seen, above = {span.span_id}, span
        while above.parent_id in parents:
            above = parents[above.parent_id]
            if above.span_id in seen:
                above.parent_id = root_id
                break
            seen.add(above.span_id)


def _assessments(opinions: list[dict[str, Any]]) -> list[AssessmentDraft]:
    given = []
    for event in opinions:
        if event["event"] == "$ai_metric":
            given.append(
                AssessmentDraft(
                    str(event.get("$ai_metric_name") or "metric"),
                    parsed(event.get("$ai_metric_value")),
                    "CODE",
                    "posthog",
                    time_ms=epoch_ms(event["timestamp"]),
                )
            )
        else:
            given.append(
                AssessmentDraft(
                    "user_feedback",
                    str(event.get("$ai_feedback_text") or ""),
                    "HUMAN",
                    str(event.get("distinct_id") or "posthog"),
                    time_ms=epoch_ms(event["timestamp"]),
                )
            )
    return given


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12 else None


def _cost(event: dict[str, Any]) -> tuple[float, float] | None:
    costs = [event.get("$ai_input_cost_usd"), event.get("$ai_output_cost_usd")]
    if not any(isinstance(cost, int | float) for cost in costs):
        return None
    first, second = (float(cost) if isinstance(cost, int | float) else 0.0 for cost in costs)
    return first, second
