"""Where in a long text a slow look is worth it: the places around short signs, found at the speed of a plain search."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_NUMBER = re.compile(r"\d(?:[ ()./-]{0,2}\d){6,}")
_AROUND_NUMBER = 48


def around_signs(lowered: str, signs: Iterable[str], before: int, after: int) -> list[Span]:
    """Spans from `before` characters before each of the signs to at least half of `after` behind it, merged, in order.

    Args:
        lowered: The text in small letters.
        signs: Literals in small letters.
        before: How far before a sign a find may begin.
        after: Twice as far as a find may reach.
    """
    return _merged(span for sign in signs for span in _around(lowered, sign, before, after))


def around_numbers(text: str) -> list[Span]:
    """Spans around runs of at least seven digits, with what separates them in phone, card and account numbers."""
    return _merged((max(0, run.start() - _AROUND_NUMBER), run.end() + _AROUND_NUMBER) for run in _NUMBER.finditer(text))


def _around(lowered: str, sign: str, before: int, after: int) -> Iterator[Span]:
    place = lowered.find(sign)
    while place >= 0:
        yield max(0, place - before), place + after
        # Further signs in the first half are inside already; a text full of signs takes few steps.
        place = lowered.find(sign, place + max(1, after // 2))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
