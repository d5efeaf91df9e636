"""What can be read off a trace without a model: what was wanted, the errors, the path of tools, how it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from insights_core.insight.reading.endings import DONE, HANDOVER, REFUSAL
from insights_core.insight.reading.sentences import core_of, scored_sentences, shorten, without_ids, word_starts

if TYPE_CHECKING:
    from insights_core.traces.text import TraceView

_LINE_NUMBER = re.compile(r"L(\d{3,7})\b")
_QUOTE_CHARS = 160
# Where inputs are plain JSON, the fields that hold what is asked, most telling first.
_ASKING_FIELDS = (
    "question",
    "query",
    "user_input",
    "user_message",
    "prompt",
    "input",
    "message",
    "request",
    "task",
    "instruction",
    "topic",
    "text",
    "content",
)
_ANSWERING_FIELDS = ("answer", "output", "response", "result", "completion", "message", "text", "content", "summary")
_COMMAND = re.compile(r"(?:^|\n\s*|(?<=[.!?])\s+)[*`]*[A-Z]{4,}(?:_[A-Z]+)*[*`]*[.!]?\s*$")
_USER_MESSAGES = 10
_ECHO_CHARS = 600
# A sentence that says less than this share of the most telling one is left out.
_WORTH = 0.4
# Where an error is JSON, the field that says it in words.
_ERROR_FIELD = re.compile(
    r"""['"](?:error_?message|message|detail|reason|description|error)['"]\s*:\s*(?:"([^"]{4,})"|'([^']{4,})')""",
    re.IGNORECASE,
)
_ERROR_FIELDS_FIRST = re.compile(
    r"""['"](?:error_?message|message|detail|reason|description)['"]\s*:\s*(?:"([^"]{4,})"|'([^']{4,})')""",
    re.IGNORECASE,
)
_WORDS_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(slots=True)
class Passage:
    """Something read in a trace, safe to show, and where it stands in the trace's text."""

    text: str
    line: int | None
    quote: str


class NumberedText:
    """Finds pieces of a trace in its numbered, redacted text, so that what is shown is no more than what stands there.

    Args:
        text: As `render` and the redactor left it.
        redact: Removes private data from a piece that does not stand in the text as it is.
    """

    def __init__(self, text: str, redact: Callable[[str], str]) -> None:
        self._text = text
        self._redact = redact

    def passage(self, piece: str) -> Passage:
        """A piece (one line) with its line number, which is None where it is not shown."""
        piece = piece.strip()
        position = self._text.find(piece) if piece else -1
        if position < 0:
            piece = self._redact(piece)
            position, found = self._position_of_start(piece)
        else:
            found = piece
        if position < 0 or not found:
            return Passage(piece, None, "")
        return Passage(piece, self._line_at(position), _cut(found, _QUOTE_CHARS))

    def _position_of_start(self, piece: str) -> tuple[int, str]:
        """Where a piece, or else a beginning of it, stands: lines may be cut, blanks collapsed and quotes escaped."""
        for length in (len(piece), 80, 40, 20):
            if length <= len(piece) and (start := _cut(piece, length)):
                position = self._text.find(start)
                if position >= 0:
                    return position, start
        return -1, ""

    def _line_at(self, position: int) -> int | None:
        begin = self._text.rfind("\n", 0, position) + 1
        match = _LINE_NUMBER.match(self._text, begin)
        return int(match[1]) if match else None


def _cut(text: str, max_chars: int) -> str:
    """A beginning of a text, cut between words; "" where it has no such place."""
    if len(text) <= max_chars:
        return text
    cut = text[:max_chars]
    # A long run without blanks is a blob in one script and plain text in another.
    return cut.rsplit(" ", 1)[0] if " " in cut else (cut if cut[-1] >= "\u0e00" else "")


def wishes(view: TraceView, topic: Collection[str], limit: int) -> list[tuple[float, str]]:
    """The sentences in which the user says what is wanted, verbatim, in order, with how telling each is.

    Of plain JSON it is the field that asks.
    """
    texts = [message.text for message in view.messages if message.role == "user" and message.text]
    if not texts:
        texts = [asked for span in view.spans[:1] if (asked := _telling_field(span.inputs, _ASKING_FIELDS))]
    if not texts:
        texts = [asked for span in view.spans if (asked := _telling_field(span.inputs, _ASKING_FIELDS))][:1]
    echo = _taken_up(view)
    found: dict[str, tuple[float, int, str]] = {}
    for turn, text in enumerate(texts[:_USER_MESSAGES]):
        for score, sentence in scored_sentences(text, topic, echo):
            # The first turns say what it is about, the later ones answer the agent's questions.
            entry = (score - 0.35 * turn - 0.02 * len(found), len(found), sentence)
            found.setdefault(without_ids(sentence).lower(), entry)
    if not found:
        # Only a greeting, or a word: still all that was said.
        said = next((line.strip() for text in texts for line in text.splitlines() if line.strip()), "")
        return [(0.0, shorten(said, _QUOTE_CHARS))] if said else []
    best = sorted(found.values(), key=lambda item: -item[0])[:limit]
    return [
        (score, sentence)
        for score, _, sentence in sorted(best, key=lambda item: item[1])
        if score >= min(_WORTH * best[0][0], best[0][0])
    ]


def _taken_up(view: TraceView) -> set[str]:
    """Beginnings of the words that the assistant says and that tools are called with."""
    said = [message.text[:_ECHO_CHARS] for message in view.messages if message.role == "assistant"]
    called = [
        f"{in_words(call.name)} {call.arguments[:_ECHO_CHARS]}"
        for message in view.messages
        for call in message.tool_calls
    ]
    return word_starts(" ".join([*said[:_USER_MESSAGES], *called[:_USER_MESSAGES]]))


def faults(view: TraceView, limit: int) -> list[tuple[str, str]]:
    """(where, what) of the first errors: of spans the innermost, and of tool results. Each error once."""
    named = [(span.depth, span.name, span.error or "") for span in view.spans if span.status == "ERROR"]
    found = [(name, error) for depth, name, error in sorted(named, key=lambda item: -item[0])]
    found += [(message.name or "tool", message.text) for message in view.messages if message.is_error]
    if not found and view.error:
        found = [("", view.error)]
    seen: dict[str, tuple[str, str]] = {}
    for name, error in found:
        line = _said_in_words(error) or "error"
        # A parent repeats its child's error, mostly with more words around it.
        key = without_ids(line).lower()[-60:]
        if not any(key in known or known in key for known in seen):
            seen[key] = (name, line)
    return list(seen.values())[:limit]


def tool_path(view: TraceView, limit: int) -> list[str]:
    """Names of the tools in the order of their calls, in plain words; repetitions are counted."""
    names = [call.name for message in view.messages for call in message.tool_calls]
    if not names:
        names = [span.name for span in view.spans if span.type in ("TOOL", "RETRIEVER")]
    path: list[tuple[str, int]] = []
    for name in names:
        if path and path[-1][0] == name:
            path[-1] = (name, path[-1][1] + 1)
        else:
            path.append((name, 1))
    words = [in_words(name) + (f" ×{count}" if count > 1 else "") for name, count in path]
    return words if len(words) <= limit else [*words[: limit - 1], f"{len(words) - limit + 1} more"]


def in_words(name: str) -> str:
    """`get_userDetails` as `get user details`."""
    return " ".join(part.lower() for part in _WORDS_OF_NAME.findall(name)) or name


def ending(view: TraceView, topic: Collection[str], limit: int) -> list[str]:
    """The telling sentences of the last thing the assistant said that says something."""
    texts = [message.text for message in view.messages if message.role == "assistant" and message.text]
    if not texts:
        texts = [said for span in view.spans[:1] if (said := _telling_field(span.outputs, _ANSWERING_FIELDS))]
    # A word of command between programs ("TERMINATE") ends a log, and tells nobody how it ended.
    for text in reversed([said for text in texts[-6:] if (said := _COMMAND.sub("", text).strip())][-4:]):
        scored = [(score, number, sentence) for number, (score, sentence) in enumerate(scored_sentences(text, topic))]
        if scored:
            weighed = [
                (
                    score
                    + 2.0
                    * bool(REFUSAL.search(said.lower()) or DONE.search(said.lower()) or HANDOVER.search(said.lower())),
                    number,
                    said,
                )
                for score, number, said in scored
            ]
            best = sorted(sorted(weighed, key=lambda item: -item[0])[:limit], key=lambda item: item[1])
            return [sentence for _, _, sentence in best]
    return []


def slowest(view: TraceView) -> str:
    """How long it took and which innermost span took most of it; "" where no times are known."""
    if not view.duration_ms:
        return ""
    parents = {span.parent_id for span in view.spans}
    leaves = [span for span in view.spans if span.duration_ms and span.span_id not in parents]
    took = f"{view.duration_ms / 1000:.1f} s"
    if not leaves:
        return took
    longest = max(leaves, key=lambda span: span.duration_ms or 0)
    return f"{took}, of it {(longest.duration_ms or 0) / 1000:.1f} s in {in_words(longest.name)}"


def _said_in_words(error: str) -> str:
    """The line of an error that says it, out of JSON where it stands in JSON."""
    for pattern in (_ERROR_FIELDS_FIRST, _ERROR_FIELD) if "{" in error[:200] else ():
        if match := pattern.search(error[:2000]):
            return shorten(match[1] or match[2], 300)
    for line in error.strip().splitlines()[:20]:
        if any(character.isalpha() for character in line):
            line = shorten(line, 300)
            name, colon, rest = line.partition(": ")
            # Frameworks put the class before a message that begins with it.
            return rest if colon and rest.startswith(name) else line
    return ""


def _telling_field(value: Any, fields: tuple[str, ...], depth: int = 0) -> str:
    """The text in JSON that says most: a known field, else all short texts with their names."""
    if isinstance(value, str):
        stripped = value.strip()
        if stripped[:1] in "{[" and depth < 3:
            try:
                return _telling_field(json.loads(stripped), fields, depth + 1)
            except (ValueError, RecursionError):
                return stripped
        return stripped
    if depth > 4:
        return ""
    if isinstance(value, dict):
        lower = {str(key).lower(): item for key, item in value.items()}
        for name in fields:
            if name in lower and (text := _telling_field(lower[name], fields, depth + 1)):
                return text
        return ". ".join(_named_texts(value))[:1000]
    if isinstance(value, list | tuple):
        return next((text for item in list(value)[:5] if (text := _telling_field(item, fields, depth + 1))), "")
    return ""


def _named_texts(value: dict[Any, Any]) -> Iterator[str]:
    for key, item in list(value.items())[:20]:
        if isinstance(item, str) and item.strip() and len(item) < 400:
            yield f"{in_words(str(key))}: {item.strip()}"
        elif isinstance(item, dict):
            yield from list(_named_texts(item))[:10]


def condensed(sentences: list[str], max_chars: int) -> str:
    """Sentences without greetings, ids and polite wrapping, joined and cut."""
    return shorten("; ".join(core for sentence in sentences if (core := core_of(sentence))), max_chars)
