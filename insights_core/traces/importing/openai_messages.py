"""Conversations in OpenAI chat format.

A trace: a root span of type AGENT, a CHAT_MODEL span for every assistant message, a TOOL span for every tool call.
A tool's error marks its span. The trace itself failed only where the conversation ends in an error or the
record says so: an agent that recovers has not failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from insights_core.errors import InvalidParameterError
from insights_core.names import (
    IMPORT_DURATIONS_TAG,
    IMPORT_FORMAT_TAG,
    IMPORT_HISTORY_TAG,
    IMPORT_TIMES_TAG,
    IMPORT_TOKENS_TAG,
)
from insights_core.traces.drafts import EventDraft, SpanDraft, TraceDraft, digest, span_id_of, trace_id_of
from insights_core.traces.importing.fields import parsed, session_of, tags_of, time_of, user_of
from insights_core.traces.importing.records import Record
from insights_core.traces.importing.tool_results import error_of

if TYPE_CHECKING:
    from insights_core.traces.importing.made_up import MadeUp

_LISTS = (
    "messages",
    "traj",
    "trajectory",
    "conversation",
    "conversations",
    "history",
    "chat",
    "dialogue",
    "dialog",
    "turns",
)
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_EXPECTED = f"Expected a list of messages with a role ({', '.join(_ROLES)}), or an object with such a list under {', '.join(_LISTS[:4])} or the like"
# Autologging stores the whole history with every call, and so do we: viewers show what the model saw. The history
# is quadratic, so beyond this many characters a trace keeps only what is new with each call.
_MAX_HISTORY_CHARS = 1_000_000
# Made-up durations: a first token, then tokens at the pace of a hosted model; a tool call.
_FIRST_TOKEN_MS, _TOKEN_MS, _TOOL_MS = 400, 15, 250


class OpenAIMessages:
    """The format `openai-messages`."""

    def looks_like_record(self, value: object) -> bool:
        return _messages(value) is not None

    def check(self, records: Iterable[Record]) -> int:
        count = 0
        for record in records:
            _checked(record)
            count += 1
        return count

    def drafts(self, records: Iterable[Record], made_up: MadeUp) -> Iterator[TraceDraft]:
        for record in records:
            messages, fields = _checked(record)
            yield _Conversation(messages, fields, record.position, made_up).draft()


def _messages(value: object) -> list[Any] | None:
    if isinstance(value, dict):
        return next(
            (value[name] for name in _LISTS if isinstance(value.get(name), list) and _are_messages(value[name])), None
        )
    return value if isinstance(value, list) and _are_messages(value) else None


def _are_messages(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items) and any("role" in item for item in items)


def _checked(record: Record) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    messages = _messages(record.value)
    if messages is None:
        raise InvalidParameterError(
            f"{record.place} is no conversation. {_EXPECTED}.", field="path", record=record.position
        )
    for number, message in enumerate(messages):
        if message.get("role") not in _ROLES:
            raise InvalidParameterError(
                f"{record.place}, message {number} has the role {message.get('role')!r}; known are {', '.join(_ROLES)}.",
                field="path",
                record=record.position,
            )
    fields = (
        {name: value for name, value in record.value.items() if value is not messages}
        if isinstance(record.value, dict)
        else {}
    )
    return messages, fields


class _Conversation:
    """One record on its way to a trace."""

    def __init__(self, messages: list[dict[str, Any]], fields: dict[str, Any], position: int, made_up: MadeUp) -> None:
        content = digest(json.dumps([messages, fields], sort_keys=True, default=str))
        self.trace_id = trace_id_of("openai-messages", made_up.experiment_id, content, made_up.occurrence(content))
        self.messages, self.fields = messages, fields
        self.told_ms = time_of(fields) or next(
            (moment for message in messages if (moment := time_of(message)) is not None), None
        )
        self.start_ms = self.told_ms or made_up.start_ms(position)
        self.now_ns = self.start_ms * 1_000_000
        self.spans: list[SpanDraft] = []
        self.answered: set[int] = set()
        self.counted_tokens = False
        sizes = [len(json.dumps(message, default=str)) for message in messages]
        calls = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
        self.sizes, self.whole_history = sizes, sum(sum(sizes[:place]) for place in calls) <= _MAX_HISTORY_CHARS

    def draft(self) -> TraceDraft:
        root = self._span("conversation", "AGENT", None)
        last_call = 0
        for place, message in enumerate(self.messages):
            self._wait_for(message)
            if message["role"] == "assistant":
                self._model_call(place, 0 if self.whole_history else last_call, root)
                last_call = place
                for call in _calls(message):
                    self._tool_call(call, place, root)
            elif message["role"] in ("tool", "function") and place not in self.answered:
                self._tool_span(str(message.get("name") or "tool"), None, message, root)
        first_answer = next(
            (place for place, message in enumerate(self.messages) if message["role"] == "assistant"), len(self.messages)
        )
        root.end_ns = self.now_ns
        root.inputs = {"messages": self.messages[:first_answer]}
        root.outputs = {"messages": self.messages[first_answer:]} if first_answer < len(self.messages) else None
        return self._finished(root)

    def _finished(self, root: SpanDraft) -> TraceDraft:
        error = self._failure()
        if error:
            root.status, root.status_message = "ERROR", error
        return TraceDraft(
            trace_id=self.trace_id,
            name=str(self.fields.get("agent") or self.fields.get("name") or "conversation"),
            start_ms=self.start_ms,
            duration_ms=(self.now_ns - root.start_ns) // 1_000_000,
            spans=self.spans,
            state="ERROR" if error else "OK",
            tags=tags_of(self.fields) | self._marks(),
            session_id=session_of(self.fields) or f"conversation-{self.trace_id[3:15]}",
            user_id=user_of(self.fields),
            request_preview=next(
                (text for message in self.messages if message["role"] == "user" and (text := _spoken(message))), None
            ),
            response_preview=next(
                (
                    text
                    for message in reversed(self.messages)
                    if message["role"] == "assistant" and (text := _spoken(message))
                ),
                None,
            ),
        )

    def _marks(self) -> dict[str, str]:
        marks: dict[str, str] = {IMPORT_FORMAT_TAG: "openai-messages", IMPORT_DURATIONS_TAG: "made up"}
        if self.told_ms is None:
            marks[IMPORT_TIMES_TAG] = "made up"
        if not self.counted_tokens:
            marks[IMPORT_TOKENS_TAG] = "made up, a quarter of the characters"
        if not self.whole_history:
            marks[IMPORT_HISTORY_TAG] = "only what is new with each model call"
        return marks

    def _failure(self) -> str | None:
        told = self.fields.get("error")
        if isinstance(told, str) and told.strip():
            return told.strip()[:500]
        if str(self.fields.get("status", "")).lower() in ("error", "failed", "failure", "timeout"):
            return f"The record's status is {self.fields['status']}"
        last = self.messages[-1]
        return error_of(last) if last["role"] in ("tool", "function") else None

    def _wait_for(self, message: dict[str, Any]) -> None:
        """Where messages carry times, go on to that of this one; a message's time is when it was complete."""
        moment = time_of(message) if message["role"] in ("user", "system", "developer") else None
        if moment is not None:
            self.now_ns = max(self.now_ns, moment * 1_000_000)

    def _span(self, name: str, kind: str, parent: SpanDraft | None) -> SpanDraft:
        span = SpanDraft(
            span_id_of(self.trace_id, len(self.spans)),
            name,
            kind,
            self.now_ns,
            None,
            parent.span_id if parent else None,
        )
        self.spans.append(span)
        return span

    def _model_call(self, place: int, since: int, root: SpanDraft) -> None:
        message = self.messages[place]
        span = self._span("chat", "CHAT_MODEL", root)
        model = message.get("model") or self.fields.get("model")
        span.model = model if isinstance(model, str) else None
        span.inputs = {"messages": self.messages[since:place]} | ({"model": span.model} if span.model else {})
        span.outputs = {
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if _calls(message) else "stop"}]
        }
        span.attributes = {"mlflow.message.format": "openai"}
        span.input_tokens, span.output_tokens = self._tokens(message, place)
        self.now_ns += (_FIRST_TOKEN_MS + _TOKEN_MS * (span.output_tokens or 0)) * 1_000_000
        told = time_of(message)
        self.now_ns = max(self.now_ns, told * 1_000_000) if told is not None else self.now_ns
        span.end_ns = self.now_ns

    def _tokens(self, message: dict[str, Any], place: int) -> tuple[int, int]:
        usage = message.get("usage")
        if isinstance(usage, dict):
            read, wrote = (
                usage.get("prompt_tokens", usage.get("input_tokens")),
                usage.get("completion_tokens", usage.get("output_tokens")),
            )
            if isinstance(read, int) and isinstance(wrote, int):
                self.counted_tokens = True
                return read, wrote
        return sum(self.sizes[:place]) // 4, max(1, self.sizes[place] // 4)

    def _tool_call(self, call: dict[str, Any], place: int, root: SpanDraft) -> None:
        found = self._answer_to(call, place)
        if found is not None:
            self.answered.add(found)
        self._tool_span(call["name"], call["arguments"], None if found is None else self.messages[found], root)

    def _answer_to(self, call: dict[str, Any], place: int) -> int | None:
        """The first later result with the call's id, or of its name where there are no ids, not taken by another call."""
        for later in range(place + 1, len(self.messages)):
            message = self.messages[later]
            if later in self.answered or message["role"] not in ("tool", "function"):
                continue
            given = message.get("tool_call_id")
            if (given == call["id"]) if given and call["id"] else message.get("name") in (call["name"], None):
                return later
        return None

    def _tool_span(self, name: str, arguments: Any, result: dict[str, Any] | None, root: SpanDraft) -> None:
        span = self._span(name, "TOOL", root)
        span.inputs = arguments
        self.now_ns += _TOOL_MS * 1_000_000
        if result is None:
            # The call was never answered: neither a success nor an error.
            span.status, span.end_ns = "UNSET", self.now_ns
            return
        told = time_of(result)
        self.now_ns = max(self.now_ns, told * 1_000_000) if told is not None else self.now_ns
        span.end_ns, span.outputs = self.now_ns, parsed(result.get("content"))
        error = error_of(result)
        if error:
            span.status, span.status_message = "ERROR", error
            span.events = [
                EventDraft("exception", self.now_ns, {"exception.type": "ToolError", "exception.message": error})
            ]


def _spoken(message: dict[str, Any]) -> str:
    """The words of a message: its text, or the texts among its parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content if isinstance(content, str) else ""


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The tool calls of an assistant message, the old `function_call` included."""
    listed = message.get("tool_calls")
    calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
    if isinstance(message.get("function_call"), dict):
        calls = [*calls, {"function": message["function_call"]}]
    found = []
    for call in calls:
        inner = call.get("function")
        function = inner if isinstance(inner, dict) else call
        found.append(
            {
                "id": call.get("id"),
                "name": str(function.get("name") or "tool"),
                "arguments": parsed(function.get("arguments")),
            }
        )
    return found
