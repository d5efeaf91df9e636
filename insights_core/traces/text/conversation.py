"""One conversation out of the many copies of it that the spans of a trace hold."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Any

from insights_core.traces.text.messages import Reader, compact, says_error
from insights_core.traces.text.view import Message, SpanView, ToolCall

_MODEL = frozenset({"LLM", "CHAT_MODEL"})
_TEXT_KEYS = (
    "question",
    "query",
    "input",
    "prompt",
    "user_input",
    "user_prompt",
    "user_message",
    "message",
    "text",
    "content",
    "request",
    "answer",
    "response",
    "output",
    "result",
)

Key = tuple[Any, ...]


def _key(message: Message) -> Key:
    """What makes two copies the same message, however they were serialised."""
    text = "".join(message.text.split())
    calls = tuple(
        (call.name, "".join(sorted(call.arguments)) if len(call.arguments) < 4000 else call.arguments[:4000])
        for call in message.tool_calls
    )
    return (message.role, text, calls, message.tool_call_id if message.role == "tool" else None)


class Conversation:
    """The messages so far. A list that repeats them adds only what is new in it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._places: dict[Key, list[int]] = {}
        self._keys: dict[int, tuple[Message, Key]] = {}  # the message is kept so that its id stays its own
        self._texts: set[str] = set()

    def _key(self, message: Message) -> Key:
        known = self._keys.get(id(message))
        if known is None:
            known = self._keys[id(message)] = (message, _key(message))
        return known[1]

    def add(self, listed: list[Message], span_id: str) -> None:
        """Append what a call's message list has beyond what is known, in order.

        The list is laid along the known conversation from its beginning. So a history cut short still fits, and a
        user who says the same thing twice is heard twice.
        """
        place = 0
        for message in listed:
            key = self._key(message)
            known = self._places.get(key, [])
            at = bisect_left(known, place)
            if at < len(known):
                place = known[at] + 1
                continue
            self._places.setdefault(key, []).append(len(self.messages))
            self._texts.add(key[1])
            self.messages.append(replace(message, span_id=span_id))
            place = len(self.messages)

    def told(self, message: Message) -> bool:
        """Whether the message stands there already, perhaps under another role or form."""
        key = self._key(message)
        return key in self._places or (key[1] in self._texts if key[1] else not message.tool_calls)

    def insert_first(self, listed: list[Message], span_id: str) -> None:
        """Put messages before all others but the system's; only after everything else was added."""
        at = next(
            (place for place, message in enumerate(self.messages) if message.role != "system"), len(self.messages)
        )
        self.messages[at:at] = [replace(message, span_id=span_id) for message in listed]


def plain_text(value: Any) -> str:
    """The sentence in a plain input or output, such as `{"question": "…"}`; empty where there is none."""
    for _ in range(6):
        if isinstance(value, str):
            return value
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
            continue
        if isinstance(value, dict):
            inner = next(
                (value[key] for key in _TEXT_KEYS if isinstance(value.get(key), (str, dict, list)) and value.get(key)),
                None,
            )
            if inner is None and len(value) == 1:
                inner = next(iter(value.values()))
            value = inner
            continue
        return ""
    return ""


def converse(spans: list[SpanView]) -> list[Message]:
    """The trace's conversation, each message once, in the order of time."""
    talk, reader = Conversation(), Reader()
    late: list[tuple[SpanView, list[Message], bool]] = []
    has_models = any(span.type in _MODEL for span in spans)
    for span, is_input in _moments(spans):
        try:
            listed = reader.messages(span.inputs if is_input else span.outputs, "user" if is_input else "assistant")
        except RecursionError:  # nested deeper than any message; it stays JSON
            continue
        if is_input:
            span.inputs_spoken = bool(listed)
        else:
            span.outputs_spoken = bool(listed)
        if span.type in _MODEL:
            if not listed and not is_input and isinstance(span.outputs, str):
                listed, span.outputs_spoken = [Message("assistant", span.outputs)], True
            talk.add(listed, span.span_id)
        elif span.type == "TOOL":
            if not is_input and listed and all(message.role == "tool" for message in listed):
                talk.add(listed, span.span_id)
            elif not is_input and not listed:
                _add_tool(talk, span)
        elif has_models:
            # A chain repeats what its models say; only what they leave out is news.
            late.append((span, listed, is_input))
        else:
            talk.add(listed, span.span_id)
    for span, listed, is_input in late:
        news = [message for message in listed if not talk.told(message)]
        if is_input and span.depth == 0:
            talk.insert_first(news, span.span_id)
        else:
            talk.add(news, span.span_id)
    if not any(message.role == "user" for message in talk.messages):
        _from_root(talk, spans)
    _tie(talk.messages)
    return talk.messages


def _moments(spans: list[SpanView]) -> list[tuple[SpanView, bool]]:
    """(span, True) where it begins and (span, False) where it ends, in the order of time."""
    moments: list[tuple[float, int, int, SpanView, bool]] = []
    for order, span in enumerate(spans):
        moments.append((span.start_ms, 0, order, span, True))
        # Of two spans that end together the inner one ended first.
        moments.append((span.start_ms + (span.duration_ms or 0.0), 1, -order, span, False))
    moments.sort(key=lambda moment: moment[:3])
    return [(span, is_input) for _, _, _, span, is_input in moments]


def _add_tool(talk: Conversation, span: SpanView) -> None:
    """A tool's call and result from its span, where the models' messages do not tell them."""
    result = compact(span.outputs) if span.outputs is not None else (span.error or "")
    bare = "".join(result.split())
    arguments = compact(span.inputs)
    wanted = "".join(sorted(arguments))
    called = None
    for message in reversed(talk.messages):
        called = called or next((call for call in message.tool_calls if call.name == span.name), None)
        if message.role == "tool" and bare and "".join(message.text.split()) == bare:
            return
    if called is None or ("".join(sorted(called.arguments)) != wanted and not called.id):
        call = ToolCall(span.span_id, span.name, arguments)
        talk.add([Message("assistant", "", tool_calls=[call])], span.span_id)
        called = call
    failed = span.status == "ERROR" or says_error(span.outputs)
    talk.add([Message("tool", result, span.name, tool_call_id=called.id or None, is_error=failed)], span.span_id)


def _from_root(talk: Conversation, spans: list[SpanView]) -> None:
    """Question and answer of a trace whose spans hold no messages."""
    for span in spans[:1]:
        asked, answered = plain_text(span.inputs), plain_text(span.outputs)
        if asked:
            question = Message("user", asked, span_id=span.span_id)
            talk.messages.insert(0, question)
        if answered and not any(message.role == "assistant" and message.text for message in talk.messages):
            talk.messages.append(Message("assistant", answered, span_id=span.span_id))


def _tie(messages: list[Message]) -> None:
    """Give each tool result the name of the tool that was called."""
    names = {call.id: call.name for message in messages for call in message.tool_calls if call.id}
    for message in messages:
        if message.role == "tool" and not message.name and message.tool_call_id:
            message.name = names.get(message.tool_call_id)
