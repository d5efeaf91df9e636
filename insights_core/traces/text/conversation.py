"""One conversation out of the many copies of it that the spans of a trace hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from insights_core.traces.text.messages import Reader, compact, says_error
from insights_core.traces.text.threads import Conversation, Node, agent_of, squeezed
from insights_core.traces.text.view import Message, SpanView

_MODEL = frozenset({"LLM", "CHAT_MODEL"})
_MAX_LINE = 200  # spans outwards; no agent nests deeper, and spans that stand in each other never end
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
    return _Listener(spans).messages()


class _Listener:
    """Goes through the calls of a trace in the order of time."""

    def __init__(self, spans: list[SpanView]) -> None:
        self.spans, self.talk = spans, Conversation(self._carries_history)
        self.by_id = {span.span_id: span for span in spans}
        self.has_models = any(span.type in _MODEL for span in spans)
        self.moments = _moments(spans)
        self.heard = self._read()
        self.places: dict[str, Node] = {}  # span -> where its output belongs
        self.carriers: set[tuple[str, str]] | None = None
        self.tools_told: dict[str, list[str]] = {}  # squeezed result -> spans that gave it

    def _read(self) -> dict[tuple[str, bool], list[Message]]:
        """(span, whether it is its input) -> the messages in it; those without are left out."""
        reader = Reader()
        heard: dict[tuple[str, bool], list[Message]] = {}
        for span, is_input in self.moments:
            value = span.inputs if is_input else span.outputs
            try:
                listed = reader.messages(value, "user" if is_input else "assistant")
            except RecursionError:  # nested deeper than any message; it stays JSON
                listed = []
            if not listed and not is_input and span.type in _MODEL and isinstance(value, str) and value:
                listed = [Message("assistant", value)]
            if is_input:
                span.inputs_spoken = bool(listed)
            else:
                span.outputs_spoken = bool(listed)
            if listed:
                heard[span.span_id, is_input] = listed
        return heard

    def messages(self) -> list[Message]:
        late: list[tuple[SpanView, list[Message], bool]] = []
        for span, is_input in self.moments:
            listed = self.heard.get((span.span_id, is_input), [])
            if span.type == "TOOL":
                if not is_input:
                    self._tool(span, listed)
            elif not listed:
                continue
            elif self.has_models and span.type not in _MODEL:
                # A chain repeats what its models say; only what they leave out is news.
                late.append((span, listed, is_input))
            else:
                self._call(span, listed, is_input)
        for span, listed, is_input in late:
            news = [message for message in map(self.talk.news, listed) if message is not None]
            if is_input and span.depth == 0:
                self.talk.insert_first(news, span.span_id)
            else:
                for message in news:
                    self.talk.append(message, span.span_id)
        if not any(message.role == "user" for message in self.talk.messages):
            _from_root(self.talk.messages, self.spans)
        _tie(self.talk.messages)
        return self.talk.messages

    def _call(self, span: SpanView, listed: list[Message], is_input: bool) -> None:
        if is_input or any([message.role in ("user", "system") for message in listed]):
            # An output with questions in it is a state: the history as it then stands.
            self.places[span.span_id] = self.talk.hear(
                listed, span.span_id, lambda message: self._is_handed_on(span, message)
            )
            return
        place = self.places.get(span.span_id) or Node(None, -1, len(self.talk.messages) - 1)
        self.talk.say(listed, span.span_id, place, lambda inner: self._is_inside(inner, span))

    def _carries_history(self, agent: str, first: Message) -> bool:
        """Whether a call of this agent brings along a conversation that begins with this message."""
        if self.carriers is None:
            self.carriers = {
                (agent_of(listed), _first_words(listed))
                for (_, is_input), listed in self.heard.items()
                if is_input and _has_turns(listed)
            }
        return (agent, squeezed(first.text)) in self.carriers

    def _is_inside(self, inner: str, outer: SpanView) -> bool:
        return any(span is outer for span in self._line(inner))

    def _line(self, span_id: str | None) -> Iterator[SpanView]:
        """A span and what it stands in, inside out."""
        for _ in range(_MAX_LINE):
            span = self.by_id.get(span_id or "")
            if span is None:
                return
            yield span
            span_id = span.parent_id

    def _is_handed_on(self, span: SpanView, message: Message) -> bool:
        """Whether the turn in which a message was said is one that this span is a part of."""
        said = squeezed(message.text)
        for outer in self._line(span.parent_id):
            asked = self.heard.get((outer.span_id, True))
            last = next((one.text for one in reversed(asked) if one.role == "user"), "") if asked else ""
            if said == squeezed(last or plain_text(outer.inputs)):
                return True
        return False

    def _tool(self, span: SpanView, listed: list[Message]) -> None:
        """A tool's call and result from its span."""
        failed = span.status == "ERROR"
        results = [message for message in listed if message.role == "tool"]
        given = self.heard.get((span.span_id, True), [])
        span.inputs_spoken = bool(given) and all(self.talk.news(message) is None for message in given)
        if listed and len(results) < len(listed):
            # A tool that is an agent gives its messages: those of its own calls, or else they are shown as they are.
            span.outputs_spoken = all(self.talk.news(message) is None for message in listed)
            return
        if not results:
            text = compact(span.outputs) if span.outputs is not None else (span.error or "")
            results = [Message("tool", text, span.name, is_error=failed or says_error(span.outputs))]
        arguments = compact(span.inputs)
        for result in results:
            if result.tool_call_id and self.talk.is_answered(result.tool_call_id):
                continue
            if result.tool_call_id:
                result.is_error = result.is_error or failed
                self.talk.append(result, span.span_id)
                continue
            givers = self.tools_told.setdefault(squeezed(result.text), [])
            told_inside = any(self._is_inside(giver, span) for giver in givers)
            givers.append(span.span_id)
            told = self.talk.answer(span.name, arguments, result, span.span_id, told_inside)
            span.inputs_spoken = span.inputs_spoken or told
            span.outputs_spoken = True


def _first_words(listed: list[Message]) -> str:
    return next((squeezed(message.text) for message in listed if message.role != "system"), "")


def _has_turns(listed: list[Message]) -> bool:
    """Whether somebody speaks after an answer."""
    roles = [message.role for message in listed]
    return "assistant" in roles and "user" in roles[roles.index("assistant") :]


def _moments(spans: list[SpanView]) -> list[tuple[SpanView, bool]]:
    """(span, True) where it begins and (span, False) where it ends, in the order of time.

    At one moment what began earlier ends first, the inner before the outer; a span that takes no time begins and ends
    with all that is in it before the next one begins.
    """
    last_inside = list(range(len(spans)))
    open_: list[int] = []
    for order, span in enumerate(spans):
        while open_ and spans[open_[-1]].depth >= span.depth:
            last_inside[open_.pop()] = order - 1
        open_.append(order)
    for order in open_:
        last_inside[order] = len(spans) - 1
    moments: list[tuple[float, int, float, int, SpanView, bool]] = []
    for order, span in enumerate(spans):
        lasts = (span.duration_ms or 0.0) > 0
        moments.append((span.start_ms, 1, order, 0, span, True))
        moments.append(
            (span.start_ms + (span.duration_ms or 0.0), 0, -order, 0, span, False)
            if lasts
            else (span.start_ms, 1, last_inside[order] + 0.5, -order, span, False)
        )
    moments.sort(key=lambda moment: moment[:4])
    return [(span, is_input) for _, _, _, _, span, is_input in moments]


def _from_root(messages: list[Message], spans: list[SpanView]) -> None:
    """Question and answer of a trace whose spans hold no messages."""
    for span in spans[:1]:
        asked, answered = plain_text(span.inputs), plain_text(span.outputs)
        if asked:
            messages.insert(0, Message("user", asked, span_id=span.span_id))
        if answered and not any(message.role == "assistant" and message.text for message in messages):
            messages.append(Message("assistant", answered, span_id=span.span_id))


def _tie(messages: list[Message]) -> None:
    """Give each tool result the name of the tool that was called."""
    names = {call.id: call.name for message in messages for call in message.tool_calls if call.id}
    for message in messages:
        if message.role == "tool" and not message.name and message.tool_call_id:
            message.name = names.get(message.tool_call_id)
