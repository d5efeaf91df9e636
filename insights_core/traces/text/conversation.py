"""One conversation out of the many copies of it that the spans of a trace hold."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from insights_core.traces.text.failures import says_error
from insights_core.traces.text.messages import Reader
from insights_core.traces.text.plain import answer_of, compact, question_of
from insights_core.traces.text.results import result_text, value_failed
from insights_core.traces.text.sources import (
    arguments_of,
    found_documents,
    input_values,
    output_values,
    tool_call_id,
    tool_values,
)
from insights_core.traces.text.threads import Conversation, Node, agent_of, squeezed
from insights_core.traces.text.view import Message, SpanView

_FIRST_FOUR = itemgetter(0, 1, 2, 3)
_MODEL = frozenset({"LLM", "CHAT_MODEL"})
_MAX_LINE = 200  # spans outwards; no agent nests deeper, and spans that stand in each other never end
_UNHEARD = frozenset({"EMBEDDING", "RERANKER", "RETRIEVER"})  # what they get and give is data, not talk


def converse(spans: list[SpanView]) -> tuple[list[Message], set[str]]:
    """(the trace's conversation, each message once, in the order of time; the spans with parts of no known shape)."""
    listener = _Listener(spans)
    return listener.messages(), listener.unknown


class _Listener:
    """Goes through the calls of a trace in the order of time."""

    def __init__(self, spans: list[SpanView]) -> None:
        self.spans, self.talk = spans, Conversation(self._carries_history)
        self.by_id = {span.span_id: span for span in spans}
        self.has_models = any(span.type in _MODEL for span in spans)
        self.moments = _moments(spans)
        self.wrappers = _wrappers(spans)
        self.unknown: set[str] = set()  # spans with parts of no known shape
        self.heard = self._read()
        self.places: dict[str, Node] = {}  # span -> where its output belongs
        self.carriers: set[tuple[str, str]] | None = None
        self.tools_told: dict[str, list[str]] = {}  # squeezed result -> spans that gave it

    def _read(self) -> dict[tuple[str, bool], list[Message]]:
        """(span, whether it is its input) -> the messages in it; those without are left out."""
        reader = Reader()
        heard: dict[tuple[str, bool], list[Message]] = {}
        for span, is_input in self.moments:
            if span.type in _UNHEARD:
                if not is_input and span.outputs is None:
                    span.outputs = found_documents(span.attributes)
                continue
            before = reader.unknown
            listed = self._heard(reader, span, is_input)
            if is_input:
                span.inputs_spoken = bool(listed)
            else:
                span.outputs_spoken = bool(listed)
            if listed:
                heard[span.span_id, is_input] = listed
            if reader.unknown > before:
                self.unknown.add(span.span_id)
        return heard

    def _heard(self, reader: Reader, span: SpanView, is_input: bool) -> list[Message]:
        """The fullest list of messages that a span's inputs or outputs hold, wherever it keeps them."""
        role = "user" if is_input else "assistant"
        before = reader.unknown
        listed = _messages(reader, span.inputs if is_input else span.outputs, role)
        if span.is_foreign and span.tool is None:
            known = reader.unknown
            values = (input_values if is_input else output_values)(span.attributes, span.events)
            for value in values:
                other = _messages(reader, value, role)
                if _fullness(other) > _fullness(listed):
                    listed, known = other, before
                if is_input and span.inputs is None:
                    span.inputs = value
                elif not is_input and span.outputs is None:
                    span.outputs = value
            reader.unknown = known
        if not listed and span.type in _MODEL:
            plain = question_of(span.inputs) if is_input else _said(span.outputs, span.inputs)
            listed = [Message(role, plain)] if plain else []
        return listed

    def messages(self) -> list[Message]:
        late: list[tuple[SpanView, list[Message], bool]] = []
        for span, is_input in self.moments:
            listed = self.heard.get((span.span_id, is_input), [])
            if span.tool is not None:
                if not is_input:
                    self._tool(span, listed)
            elif not listed:
                continue
            elif self.has_models and (span.type not in _MODEL or (not is_input and span.span_id in self.wrappers)):
                # A chain, or a model's span around others, repeats what they say; only what they leave out is news.
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
        for root in self.spans:
            if root.depth == 0:
                self._from_root(root)
        _name_results(self.talk.messages)
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
        span = self.by_id.get(inner)
        for _ in range(_MAX_LINE):
            if span is outer or span is None:
                return span is not None
            span = self.by_id.get(span.parent_id or "")
        return False

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
            if said == squeezed(last or question_of(outer.inputs)):
                return True
        return False

    def _tool(self, span: SpanView, listed: list[Message]) -> None:
        """A tool's call and result from its span."""
        given, gave = span.inputs, span.outputs
        if span.is_foreign:
            told_given, told_gave = tool_values(span.attributes, span.events)
            given, gave = told_given if given is None else given, told_gave if gave is None else gave
            span.inputs, span.outputs = given, gave
        results = [message for message in listed if message.role == "tool"]
        heard = self.heard.get((span.span_id, True), [])
        span.inputs_spoken = bool(heard) and all(self.talk.news(message) is None for message in heard)
        if listed and len(results) < len(listed):
            # A tool that is an agent gives its messages: those of its own calls, or else they are shown as they are.
            span.outputs_spoken = all(self.talk.news(message) is None for message in listed)
            return
        name = span.tool or span.name
        number = tool_call_id(span.attributes)
        for result in results or [_result(span, gave)]:
            result.is_error = result.is_error or span.status == "ERROR" or _says_status(span)
            result.name = name if not result.name or result.name == span.name else result.name
            self._answered(span, result, compact(arguments_of(given)), result.tool_call_id or number)

    def _answered(self, span: SpanView, result: Message, arguments: str, number: str | None) -> None:
        name = span.tool or span.name
        if number and self.talk.is_answered(number):
            self.talk.confirm(number, result)
            span.inputs_spoken = span.outputs_spoken = True
            return
        if number and (self.talk.is_asked(number) or result.tool_call_id):
            result.tool_call_id = number
            self.talk.append(result, span.span_id)
            span.inputs_spoken = span.inputs_spoken or self.talk.is_asked(number)
            span.outputs_spoken = True
            return
        givers = self.tools_told.setdefault(squeezed(result.text), [])
        told_inside = any(self._is_inside(giver, span) for giver in givers)
        givers.append(span.span_id)
        told = self.talk.answer(name, arguments, result, span.span_id, told_inside, number)
        span.inputs_spoken = span.inputs_spoken or told
        span.outputs_spoken = True

    def _from_root(self, root: SpanView) -> None:
        """Question and answer of a root, where the messages inside of it don't tell them."""
        if root.tool is not None or root.type in _UNHEARD:
            return
        messages = self.talk.messages
        asked = "" if root.inputs_spoken else question_of(root.inputs)
        answered = "" if root.outputs_spoken else _said(root.outputs, root.inputs)
        if not (asked or answered):
            return
        inside = [place for place, message in enumerate(messages) if self._is_inside(message.span_id, root)]
        is_asked = any([messages[place].role == "user" for place in inside])
        if asked and not is_asked:
            first = next((place for place in inside if messages[place].role != "system"), None)
            at = self._place_before(root) if first is None else first
            messages.insert(at, Message("user", asked, span_id=root.span_id))
            inside = [at, *[place + (place >= at) for place in inside]]
        if answered and not self._is_told(answered, "assistant", inside):
            at = inside[-1] + 1 if inside else self._place_before(root)
            messages.insert(at, Message("assistant", answered, span_id=root.span_id))

    def _place_before(self, root: SpanView) -> int:
        """Where what a root says belongs: before what is first heard after it began."""
        starts = {span.span_id: span.start_ms for span in self.spans}
        for place, message in enumerate(self.talk.messages):
            if starts.get(message.span_id, 0.0) > root.start_ms:
                return place
        return len(self.talk.messages)

    def _is_told(self, text: str, role: str, inside: list[int]) -> bool:
        """Whether words stand in what somebody said already, alone or in a prompt."""
        bare, messages = squeezed(text), self.talk.messages
        return not bare or any(
            [bare in squeezed(messages[place].text) for place in inside if messages[place].role == role]
        )


def _wrappers(spans: list[SpanView]) -> set[str]:
    """The spans of models in which others of models stand, as those of Vercel's `generateText` do."""
    found: set[str] = set()
    outer: list[SpanView] = []
    for span in spans:
        while outer and outer[-1].depth >= span.depth:
            outer.pop()
        if span.type in _MODEL:
            found.update([other.span_id for other in outer])
            outer.append(span)
    return found


def _messages(reader: Reader, value: Any, role: str) -> list[Message]:
    try:
        return reader.messages(value, role)
    except RecursionError:  # nested deeper than any message; it stays JSON
        return []


def _fullness(listed: list[Message]) -> tuple[int, int]:
    """How much a list of messages tells: how many with words, calls or results, and how many characters."""
    told = [message for message in listed if message.text or message.tool_calls]
    return len(told), sum([len(message.text) for message in told])


def _said(outputs: Any, inputs: Any) -> str:
    """The answer in a plain output; of an answer in pieces the whole."""
    if isinstance(outputs, list) and len(outputs) > 1 and all([isinstance(item, str) for item in outputs]):
        return (
            "".join(outputs) if any([item[:1] == " " or item[-1:] == " " for item in outputs]) else "\n".join(outputs)
        )
    return answer_of(outputs, inputs)


def _result(span: SpanView, gave: Any) -> Message:
    """A tool's result as its span has it, or else what went wrong."""
    if gave in (None, "", [], {}) and (span.error or span.pause):
        return Message("tool", span.error or span.pause or "", span.tool, is_error=bool(span.error))
    text = result_text(gave)
    return Message("tool", text, span.tool, is_error=value_failed(gave, text) or says_error(gave))


def _says_status(span: SpanView) -> bool:
    """Whether a tool's own status, as strands writes it, says that it failed."""
    return any(
        [
            str(span.attributes.get(key) or "").strip('"').lower() == "error"
            for key in ("gen_ai.tool.status", "tool.status")
        ]
    )


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
    moments.sort(key=_FIRST_FOUR)
    return [(span, is_input) for _, _, _, _, span, is_input in moments]


def _name_results(messages: list[Message]) -> None:
    """Give each tool result the name of the tool that was called, and a failed one's mark to what failed."""
    names = {call.id: call.name for message in messages for call in message.tool_calls if call.id}
    for message in messages:
        if message.role == "tool" and not message.name and message.tool_call_id:
            message.name = names.get(message.tool_call_id)
