"""What of a trace becomes lines: its spans, and in each the messages that first appear there."""

from __future__ import annotations

from dataclasses import dataclass
from os.path import commonprefix

from insights_core.traces.text.documents import documents_in
from insights_core.traces.text.plain import answer_of, compact, question_of, shown
from insights_core.traces.text.sources import decoded
from insights_core.traces.text.threads import squeezed
from insights_core.traces.text.view import Message, SpanView, TraceView

_PROMPT_CLIP = 600  # system prompts are the same in every trace; their beginning says which it is
_REPEATED = 200  # characters; shorter beginnings are alike by chance
_HEAD_SHARE = 0.65  # of a clipped text: what is said first tells more than how it ends
_SENTENCE = 12  # characters without blanks; a shorter one stands in longer ones by chance
_NAME_CLIP = 100  # names are names; what is longer is no name
_MARK = 24  # characters, at most, of the mark in the middle of a clipped text

# What a line is: what of it stays when room is short, see render.
ERROR, EDGE, CALL, ASKED, ANSWERED, RESULT, OTHER = range(7)


@dataclass(slots=True)
class Entry:
    """One line to be, before numbering."""

    prefix: str
    body: str
    kind: int
    """ERROR; EDGE, a first or last turn; CALL of a tool; ASKED by a user; ANSWERED by the agent; RESULT; OTHER."""
    message: int = -1
    """The number of the message that it shows."""


def folded(text: str) -> str:
    """Text on one line, without control characters and lone surrogates."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " for char in line)
    return line


def clip(text: str, limit: int) -> str:
    """The beginning and the end of a text; as it is where a mark would be as long as what it stands for."""
    if len(text) <= limit + _MARK:
        return text
    head = int(limit * _HEAD_SHARE)
    return f"{text[:head]} […{len(text) - limit:,} more…] {text[len(text) - (limit - head) :]}"


def clipped_length(length: int, limit: int) -> int:
    """How long a text of this length is when clipped."""
    return length if length <= limit + _MARK else limit + 11 + len(f"{length - limit:,}")


def _name(text: str) -> str:
    return clip(folded(text), _NAME_CLIP)


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "no end"
    milliseconds = max(0.0, milliseconds)  # clocks of several machines differ
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


# smolagents' attributes of an agent: OpenInference writes them as they stand when the run begins.
_AGENT_FACTS = {"smolagents.task": "task", "smolagents.tools_names": "tools"}
_KINDS = {"user": ASKED, "assistant": ANSWERED, "tool": RESULT}


def _message_entries(message: Message, number: int, indent: str, is_edge: bool) -> list[Entry]:
    name = f" {_name(message.name)}" if message.name else ""
    entries = []
    if message.text or not message.tool_calls:
        failed = " ERROR" if message.is_error else ""
        text = folded(message.text) or "(empty)"
        kind = ERROR if failed else EDGE if is_edge else _KINDS.get(message.role, OTHER)
        entries.append(Entry(f"{indent}{message.role}{name}{failed}: ", text, kind, number))
    entries += [
        Entry(f"{indent}{message.role} calls {_name(call.name)}: ", folded(call.arguments), CALL, number)
        for call in message.tool_calls
    ]
    return entries


def _system_entry(message: Message, number: int, indent: str, last_shown: dict[str, str]) -> Entry:
    """A system prompt; of one that is nearly the last one only what is new."""
    text = folded(message.text) or "(empty)"
    return Entry(f"{indent}system: ", clip(_since_last("system", text, last_shown), _PROMPT_CLIP), OTHER, number)


def _since_last(label: str, text: str, last_shown: dict[str, str]) -> str:
    same = len(commonprefix((text, last_shown.get(label, ""))))  # noqa: RUF071 - characters are meant
    last_shown[label] = text
    return f"(as before, then) {text[same:]}" if same > _REPEATED else text


def _agent_entries(span: SpanView, indent: str, messages: list[Message]) -> list[Entry]:
    """What an agent's attributes say of its task and tools, where the conversation does not."""
    entries = []
    for key, label in _AGENT_FACTS.items():
        if key in span.attributes:
            value = decoded(span.attributes[key])
            text = ", ".join(map(str, value)) if isinstance(value, list) else compact(value)
            if text and not any([text in message.text for message in messages]):
                entries.append(Entry(f"{indent}{label}: ", folded(text), OTHER))
    return entries


class _Told:
    """What the conversation tells, without blanks."""

    def __init__(self, messages: list[Message]) -> None:
        self.whole = {squeezed(message.text) for message in messages}
        self.whole |= {squeezed(call.arguments) for message in messages for call in message.tool_calls}
        self._all: str | None = None
        self._asked = messages

    def holds(self, sentence: str) -> bool:
        """Whether a sentence stands in the conversation, alone or in a longer message."""
        if sentence in self.whole:
            return True
        if len(sentence) < _SENTENCE:
            return False
        if self._all is None:
            self._all = "\n".join([squeezed(message.text) for message in self._asked if message.role != "system"])
        return sentence in self._all


def _plain_entries(span: SpanView, indent: str, told: _Told, last_shown: dict[str, str]) -> list[Entry]:
    """Inputs and outputs that are no messages and stand nowhere else."""
    entries = []
    documents = documents_in(span.outputs) if span.type in ("RETRIEVER", "RERANKER") or not span.outputs_spoken else []
    for label, value, spoken, text in (
        ("in", span.inputs, span.inputs_spoken, span.inputs_text),
        ("out", span.outputs, span.outputs_spoken, span.outputs_text),
    ):
        if label == "out" and documents:
            entries += [Entry(f"{indent}found ", folded(text), RESULT) for text in documents]
            continue
        if spoken or value in (None, "", {}, []):
            continue
        sentence = squeezed(question_of(value) if label == "in" else answer_of(value, span.inputs))
        if sentence and told.holds(sentence):
            continue
        text = folded(shown(value)[0] if text is None else text)
        bare = squeezed(text)
        if not bare or bare in told.whole:
            continue
        told.whole.add(bare)
        # A prompt that grows by a turn a call is shown by what is new in it.
        entries.append(Entry(f"{indent}{label}: ", _since_last(label, text, last_shown), OTHER))
    return entries


def _head(view: TraceView) -> Entry:
    failed = f" · {folded(view.error)}" if view.error else ""
    counts = f"{len(view.spans)} spans · {len(view.messages)} messages"
    facts = f"trace {_name(view.trace_id)} · {_name(view.status)} · {_duration(view.duration_ms)} · {counts}"
    return Entry(facts, failed, EDGE)


def _by_place(view: TraceView) -> dict[int, list[int]]:
    """Span position -> numbers of the messages shown there: where each first appears, but never before an earlier one."""
    places = {span.span_id: place for place, span in reversed(list(enumerate(view.spans)))}
    shown: dict[int, list[int]] = {}
    reached = 0
    for number, message in enumerate(view.messages):
        reached = max(reached, places.get(message.span_id, 0))
        shown.setdefault(reached, []).append(number)
    return shown


def entries_of(view: TraceView) -> list[Entry]:
    """Every line of a trace, unclipped but for names and system prompts; the first one is about the whole trace."""
    by_place, messages = _by_place(view), view.messages
    first_user = next((number for number, message in enumerate(messages) if message.role == "user"), 0)
    edges = {first_user, len(messages) - 2, len(messages) - 1}
    told: _Told | None = None
    last_shown: dict[str, str] = {}
    entries = [_head(view)]
    for place, span in enumerate(view.spans):
        indent = "  " * min(span.depth, 8)
        error = (
            f" · ERROR {folded(span.error)}" if span.error else f" · waits: {folded(span.pause)}" if span.pause else ""
        )
        line = f"{indent}{_name(span.type)} {_name(span.name)} · {_duration(span.duration_ms)}"
        entries.append(Entry(line, error, ERROR if span.error else OTHER))
        for number in by_place.get(place, []):
            if messages[number].role == "system":
                entries.append(_system_entry(messages[number], number, indent + "  ", last_shown))
            else:
                entries += _message_entries(messages[number], number, indent + "  ", number in edges)
        if span.type == "AGENT":
            entries += _agent_entries(span, indent + "  ", messages)
        if not (span.inputs_spoken and span.outputs_spoken):
            told = _Told(messages) if told is None else told
            entries += _plain_entries(span, indent + "  ", told, last_shown)
    return entries
