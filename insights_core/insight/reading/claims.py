"""Whether what a summary claims can be read in the lines it cites."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator

from insights_core.entities import Claim, TraceSummary
from insights_core.insight.reading.statements import contradicts

_LINE = re.compile(r"^\s*L(\d{1,7})\b[ \t:|]?")
_LINE_MARK = re.compile(r"\bL\d{3,7}\b[ \t:|]?")
_PLACEHOLDER = re.compile(r"\[[a-z][a-z _-]{1,30}\]")
_ELLIPSIS = re.compile(r"\s*(?:…|\.{3,}|\[…\]|\[\.\.\.\])\s*")
# Signs that a model writes in its own way while it quotes correctly.
_SIGNS = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "‚": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
        "\u00a0": " ",
        "\u200b": None,
    }
)
_ESCAPES = re.compile(r"\\+(?:[nrt]|[\"'/\\])")
# Fewer letters stand in almost any line and prove nothing.
_MIN_LETTERS = 3
# Longest stretch that a placeholder such as [email] can stand for.
_REDACTED_CHARS = 80
_MAX_LINES_CITED = 40
_MAX_STARTS = 40


def check_claims(summary: TraceSummary, text: str) -> tuple[TraceSummary, int, int]:
    """Keep the claims and errors whose quote stands in the lines they cite and says what they say (see `contradicts`).

    Letters must agree; case, blanks, line breaks, the form of quotation marks and dashes, JSON escapes and
    placeholders of redacted values may differ, and "…" may leave something out within the cited lines.

    Args:
        summary: With claims and errors that cite lines.
        text: The numbered text of the trace, as it was given to whoever wrote the summary.

    Returns:
        A copy of the summary with only confirmed claims and errors, how many were checked, how many confirmed.
    """
    lines = numbered_lines(text)
    claims = [claim for claim in summary.claims if is_confirmed(claim, lines) and not contradicts(claim, lines)]
    errors = [claim for claim in summary.errors if is_confirmed(claim, lines) and not contradicts(claim, lines)]
    checked = len(summary.claims) + len(summary.errors)
    return summary.model_copy(update={"claims": claims, "errors": errors}), checked, len(claims) + len(errors)


def numbered_lines(text: str) -> dict[int, str]:
    """Line number -> content of a numbered text. A line without a number belongs to the one above."""
    lines: dict[int, str] = {}
    number = None
    for line in text.split("\n"):
        if match := _LINE.match(line):
            number = int(match[1])
            lines[number] = line[match.end() :]
        elif number is not None:
            lines[number] += "\n" + line
    return lines


def is_confirmed(claim: Claim, lines: dict[int, str]) -> bool:
    """Whether all lines that a claim cites exist and together contain its quote."""
    cited = sorted(set(claim.lines))
    if not cited or len(cited) > _MAX_LINES_CITED or any(number not in lines for number in cited):
        return False
    parts = [part for part in (_plain(part) for part in _ELLIPSIS.split(_LINE_MARK.sub(" ", claim.quote))) if part]
    if sum(character.isalnum() for part in parts for character in part) < _MIN_LETTERS:
        return False
    content = _plain(" ".join(lines[number] for number in cited))
    position = 0
    for part in parts:
        end = _end_of(part, content, position)
        if end is None:
            return False
        position = end
    return True


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    text = _ESCAPES.sub(lambda match: " " if match[0][-1] in "nrt" else match[0][-1], text)
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'`")


def _end_of(part: str, content: str, start: int) -> int | None:
    """Where a quoted part ends in the content, searched from `start`; None where it does not stand there as whole words."""
    for found in _whole_words(part, content, start):
        return found + len(part)
    # The value behind a placeholder may stand in the content as it was.
    pieces = [piece.strip() for piece in _PLACEHOLDER.split(part)]
    if len(pieces) < 2 or sum(map(len, pieces)) < _MIN_LETTERS:
        return None
    first = next(piece for piece in pieces if piece)
    for begin in itertools.islice(_whole_words(first, content, start), _MAX_STARTS):
        if (end := _end_of_pieces(pieces, content, begin)) is not None:
            return end
    return None


def _whole_words(part: str, content: str, start: int) -> Iterator[int]:
    """Where a part stands with no letter or digit right before or after it."""
    found = content.find(part, start)
    while found >= 0:
        end = found + len(part)
        before, after = content[found - 1 : found], content[end : end + 1]
        if not (before and _is_word(before) and _is_word(part[0])) and not (
            after and _is_word(after) and _is_word(part[-1])
        ):
            yield found
        found = content.find(part, found + 1)


def _is_word(character: str) -> bool:
    # From Thai on (Chinese, Japanese, …) words are not set apart by blanks, so any place may be a boundary.
    return (character.isalnum() or character == "_") and character < "\u0e00"


def _end_of_pieces(pieces: list[str], content: str, position: int) -> int | None:
    """Follow pieces in order, with at most a placeholder's length between them. Never looks back: hostile quotes stay cheap."""
    gap = 0
    for piece in pieces:
        if piece:
            found = content.find(piece, position, position + gap + len(piece))
            if found < 0:
                return None
            position = found + len(piece)
        gap = _REDACTED_CHARS
    return position
