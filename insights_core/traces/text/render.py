"""A trace as numbered lines, within a budget of characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from insights_core.traces.text.conversation import plain_text
from insights_core.traces.text.messages import compact
from insights_core.traces.text.threads import squeezed
from insights_core.traces.text.view import Message, SpanView, TraceView

_CLIPS = (4000, 2000, 1000, 600, 400, 250, 160, 100, 60)
_PROMPT_CLIP = 600  # system prompts are the same in every trace; their beginning says which it is
_REPEATED = 200  # characters; shorter beginnings are alike by chance
_HEAD_SHARE = 0.65  # of a clipped text: what is said first tells more than how it ends


@dataclass(slots=True)
class Entry:
    """One line to be, before numbering."""

    prefix: str
    body: str
    keep: bool
    """Errors, tool calls, first and last turns: thinned only when everything else is gone."""


def folded(text: str) -> str:
    """Text on one line, without control characters and lone surrogates."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(char if char.isprintable() else " " for char in line)
    return line


def _clip(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = int(limit * _HEAD_SHARE)
    return f"{text[:head]} […{len(text) - limit:,} more…] {text[len(text) - (limit - head) :]}"


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "no end"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _documents(value: Any) -> list[str]:
    """What a retriever found: source and text of each document."""
    found = value.get("documents") if isinstance(value, Mapping) else value
    lines = []
    for item in found if isinstance(found, list) else []:
        if isinstance(item, Mapping) and ("page_content" in item or "content" in item or "text" in item):
            described = item.get("metadata")
            metadata = described if isinstance(described, Mapping) else {}
            source = metadata.get("doc_uri") or metadata.get("source") or item.get("id") or ""
            lines.append(
                f"{source}: {item.get('page_content') or item.get('content') or item.get('text')}".lstrip(": ")
            )
    return lines


def _message_entries(message: Message, indent: str, keep: bool) -> list[Entry]:
    name = f" {folded(message.name)}" if message.name else ""
    entries = []
    if message.text or not message.tool_calls:
        failed = " ERROR" if message.is_error else ""
        body = folded(message.text) or "(empty)"
        entries.append(
            Entry(
                f"{indent}{message.role}{name}{failed}: ",
                _clip(body, _PROMPT_CLIP) if message.role == "system" else body,
                keep or message.is_error,
            )
        )
    entries += [
        Entry(f"{indent}{message.role} calls {folded(call.name)}: ", folded(call.arguments), True)
        for call in message.tool_calls
    ]
    return entries


def _plain_entries(span: SpanView, indent: str, told: set[str], last_shown: dict[str, str]) -> list[Entry]:
    """Inputs and outputs that are no messages and stand nowhere else."""
    entries = []
    documents = _documents(span.outputs)
    for label, value, spoken in (("in", span.inputs, span.inputs_spoken), ("out", span.outputs, span.outputs_spoken)):
        if label == "out" and documents:
            entries += [Entry(f"{indent}found ", folded(text), False) for text in documents]
            continue
        if spoken or value in (None, "", {}, []):
            continue
        text = folded(compact(value))
        bare, sentence = squeezed(text), squeezed(plain_text(value))
        if bare in told or (sentence and sentence in told):
            continue
        told.add(bare)
        same = len(commonprefix((text, last_shown.get(label, ""))))  # noqa: RUF071 - characters are meant
        last_shown[label] = text
        # A prompt that grows by a turn a call is shown by what is new in it.
        entries.append(
            Entry(f"{indent}{label}: ", f"(as before, then) {text[same:]}" if same > _REPEATED else text, False)
        )
    return entries


def _head(view: TraceView) -> Entry:
    failed = f" · {folded(view.error)}" if view.error else ""
    counts = f"{len(view.spans)} spans · {len(view.messages)} messages"
    return Entry(
        "",
        f"trace {folded(view.trace_id)} · {folded(view.status)} · {_duration(view.duration_ms)} · {counts}{failed}",
        True,
    )


def _by_place(view: TraceView) -> dict[int, list[int]]:
    """Span position -> numbers of the messages shown there: where each first appears, but never before an earlier one."""
    places = {span.span_id: place for place, span in reversed(list(enumerate(view.spans)))}
    shown: dict[int, list[int]] = {}
    reached = 0
    for number, message in enumerate(view.messages):
        reached = max(reached, places.get(message.span_id, 0))
        shown.setdefault(reached, []).append(number)
    return shown


def _told(messages: list[Message]) -> set[str]:
    """What the conversation tells, without blanks."""
    told = {squeezed(message.text) for message in messages}
    return told | {squeezed(call.arguments) for message in messages for call in message.tool_calls}


def _entries(view: TraceView) -> list[Entry]:
    by_place, messages = _by_place(view), view.messages
    first_user = next((number for number, message in enumerate(messages) if message.role == "user"), 0)
    kept = {first_user, len(messages) - 2, len(messages) - 1}
    told: set[str] | None = None
    last_shown: dict[str, str] = {}
    entries = [_head(view)]
    for place, span in enumerate(view.spans):
        indent = "  " * min(span.depth, 8)
        error = f" · ERROR {folded(span.error)}" if span.error else ""
        line = f"{indent}{folded(span.type)} {folded(span.name)} · {_duration(span.duration_ms)}"
        entries.append(Entry(line, error, bool(error)))
        for number in by_place.get(place, []):
            entries += _message_entries(messages[number], indent + "  ", number in kept)
        if not (span.inputs_spoken and span.outputs_spoken):
            told = _told(messages) if told is None else told
            entries += _plain_entries(span, indent + "  ", told, last_shown)
    return entries


def _numbered(lines: list[str]) -> str:
    width = max(3, len(str(len(lines))))
    return "\n".join(f"L{number:0{width}d} {line}" for number, line in enumerate(lines, 1))


def _size(entries: list[Entry], clip: int | None) -> int:
    width = max(3, len(str(len(entries)))) + 3  # "L", the digits, a blank and the line's end
    total = 0
    for entry in entries:
        limit = _limit(entry, clip)
        total += (
            width + len(entry.prefix) + (len(entry.body) if limit is None or len(entry.body) <= limit else limit + 24)
        )
    return total


def _limit(entry: Entry, clip: int | None) -> int | None:
    return clip if clip is None or not entry.keep else clip * 3


def _lines(entries: list[Entry], clip: int | None) -> list[str]:
    if clip is None:
        return [entry.prefix + entry.body for entry in entries]
    lines = []
    for entry in entries:
        limit = _limit(entry, clip)
        lines.append(entry.prefix + (entry.body if limit is None else _clip(entry.body, limit)))
    return lines


def _evenly(indices: list[int], count: int) -> list[int]:
    """`count` of the indices, evenly over them, the first and the last among them."""
    if count >= len(indices):
        return indices
    if count <= 1:
        return indices[:count]
    step = (len(indices) - 1) / (count - 1)
    return [indices[round(position * step)] for position in range(count)]


def _thinned(entries: list[Entry], budget: int) -> list[Entry]:
    """As many entries as fit at the shortest clip: the ones to keep first, the others evenly over the trace."""
    clip = _CLIPS[-1]
    cost = [_size([entry], clip) for entry in entries]
    kept = [0] + [index for index, entry in enumerate(entries) if entry.keep and index]
    others = [index for index, entry in enumerate(entries) if not entry.keep]
    chosen: set[int] = set()
    for group in (kept, others):
        left = budget - sum(cost[index] for index in chosen)
        low, high = 0, len(group)
        while low < high:  # the largest even choice that fits
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high) if sum(cost[index] for index in _evenly(group, middle)) <= left else (low, middle - 1)
            )
        chosen |= set(_evenly(group, low))
    return [entries[index] for index in sorted(chosen)]


def render(view: TraceView, max_chars: int | None = None) -> str:
    """The trace as numbered lines, from L001.

    Args:
        view: A trace, read.
        max_chars: At most this many characters; what is over is thinned evenly, errors, tool calls, first and last
            turns last, and a line says how much is shown. None gives everything.
    """
    entries = _entries(view)
    full = 0 if max_chars is None else _size(entries, None)
    if max_chars is None or full <= max_chars:
        return _numbered(_lines(entries, None))
    room = max_chars - 110  # for the line that says how much is shown
    clip = next((clip for clip in _CLIPS if _size(entries, clip) <= room), _CLIPS[-1])
    shown = entries if _size(entries, clip) <= room else _thinned(entries, room)
    lines = _lines(shown, clip)
    note = f"(shows {len(shown):,} of {len(entries):,} lines, {sum(map(len, lines)):,} of {full:,} characters)"
    return _numbered([*lines[:1], note, *lines[1:]])[:max_chars]
