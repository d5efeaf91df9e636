"""A trace as numbered lines, within a budget of characters."""

from __future__ import annotations

from insights_core.traces.text.entries import (
    ANSWERED,
    ASKED,
    CALL,
    EDGE,
    ERROR,
    OTHER,
    RESULT,
    Entry,
    clip,
    clipped_length,
    entries_of,
)
from insights_core.traces.text.view import TraceView

# Of one measure for all lines, what each may be long: what people and the agent say tells more than what tools
# return, and that more than span facts and prompts, which are alike in all traces.
_SHARES = {ERROR: 4.0, EDGE: 4.0, ASKED: 4.0, ANSWERED: 3.0, CALL: 2.0, RESULT: 1.0, OTHER: 0.5}
# What goes last when lines must go, first group first. Within a group lines go evenly over the trace.
_GROUPS = ((ERROR, EDGE), (CALL, ASKED), (ANSWERED,), (RESULT, OTHER))
_SHORTEST = 30  # the measure below which lines say too little, so that fewer say more
_LONGEST = 1 << 20


def _limit(entry: Entry, measure: int) -> int:
    return max(_SHORTEST, int(_SHARES[entry.kind] * measure))


def _width(lines: int) -> int:
    return max(3, len(str(lines)))


def _size(entries: list[Entry], measure: int, width: int) -> int:
    """Characters of the numbered lines, their ends included."""
    return sum(
        [len(entry.prefix) + clipped_length(len(entry.body), _limit(entry, measure)) + width + 3 for entry in entries]
    )


def _measure(entries: list[Entry], room: int, width: int) -> int | None:
    """The largest measure at which the lines fit; None where they don't at the shortest."""
    low, high = _SHORTEST, _LONGEST
    if _size(entries, low, width) > room:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _size(entries, middle, width) <= room else (low, middle - 1)
    return low


def _evenly(indices: list[int], count: int) -> list[int]:
    """`count` of the indices, evenly over them, the first and the last among them."""
    if count >= len(indices):
        return indices
    if count <= 1:
        return indices[:count]
    step = (len(indices) - 1) / (count - 1)
    return [indices[round(position * step)] for position in range(count)]


def _thinned(entries: list[Entry], room: int, width: int) -> list[Entry]:
    """As many lines as fit at the shortest measure, group by group."""
    cost = [_size([entry], _SHORTEST, width) for entry in entries]
    chosen = {0}
    left = room - cost[0]
    for kinds in _GROUPS:
        group = [index for index, entry in enumerate(entries) if index and entry.kind in kinds]
        low, high = 0, len(group)
        while low < high:  # the largest even choice that fits
            middle = (low + high + 1) // 2
            fits = sum([cost[index] for index in _evenly(group, middle)]) <= left
            low, high = (middle, high) if fits else (low, middle - 1)
        taken = _evenly(group, low)
        left -= sum([cost[index] for index in taken])
        chosen.update(taken)
        # An even choice can leave room that an error still fits in; what is left after all goes to longer lines.
        for index in group if low < len(group) and ERROR in kinds else ():
            if index not in chosen and cost[index] <= left:
                chosen.add(index)
                left -= cost[index]
    return [entries[index] for index in sorted(chosen)]


def _numbered(lines: list[str]) -> str:
    width = _width(len(lines))
    return "\n".join([f"L{number:0{width}d} {line}" for number, line in enumerate(lines, 1)])


def _note(shown: list[Entry], entries: list[Entry], chars: int, full: int) -> str:
    """How much is shown."""
    told, all_told = ({entry.message for entry in some if entry.message >= 0} for some in (shown, entries))
    return (
        f"(shows {len(told):,} of {len(all_told):,} messages, {len(shown):,} of {len(entries):,} lines, "
        f"{chars:,} of {full:,} characters)"
    )


def render(view: TraceView, max_chars: int | None = None) -> str:
    """The trace as numbered lines, from L001.

    Args:
        view: A trace, read.
        max_chars: At most this many characters. Over it, long lines keep their beginnings and ends, tool results and
            prompts less than what people and the agent say; where that is not enough lines go, evenly over the trace,
            errors, first and last turns last, before them tool calls and user messages; and a line says how much is
            shown. None gives everything.
    """
    entries = entries_of(view)
    if max_chars is None:
        return _numbered([entry.prefix + entry.body for entry in entries])
    full = _size(entries, _LONGEST, _width(len(entries))) - 1
    if full <= max_chars:
        return _numbered([entry.prefix + entry.body for entry in entries])
    width = _width(len(entries) + 1)
    room = max_chars - len(_note(entries, entries, full, full)) - width - 2
    shown = entries
    measure = _measure(shown, room, width)
    if measure is None:
        shown = _thinned(entries, room, width)
        measure = _measure(shown, room, width)
    if measure is None:  # not even the first line and the note
        start = entries[0].prefix[: max(0, max_chars - 5)]
        return f"L001 {start}" if start else ""
    lines = [entry.prefix + clip(entry.body, _limit(entry, measure)) for entry in shown]
    note = _note(shown, entries, _size(shown, measure, width) - 1, full)
    return _numbered([lines[0], note, *lines[1:]])
