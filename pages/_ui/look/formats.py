"""Numbers, times and hostile text as the pages write them. Nothing here needs a running page but the viewer's time zone."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from insights_core.markdown import for_cell, one_line, visible

if TYPE_CHECKING:
    import pandas as pd

_MARKUP = re.compile(r"([\\`*_\[\](){}#$~<>|!^&])")
# These act on text after Markdown has been parsed, where a backslash is gone already: `:material/…:`, `:tada:`,
# addresses that turn into links. A word joiner, which has no width, breaks them.
_LATE_MARKUP = re.compile(r":(?=\S)|(?i:\bwww)(?=\.)|@(?=\S)")
_LEADING_BLOCK = re.compile(r"^(?=[-+=]|\d+[.)])")
_ARROWS = re.compile(r"(?<=[-<>~=])(?=[->=])")
_JOINER = "\u2060"
MINUS = "\u2212"


def escape_markdown(text: object, limit: int | None = None) -> str:
    """Text that Streamlit's Markdown shows letter by letter, on one line, for labels, captions and badges.

    Args:
        text: Anything; what comes from traces, models and people must go through here.
        limit: Cut to this many characters, with an ellipsis.
    """
    words = one_line(str(text))
    if limit is not None and len(words) > limit:
        words = words[: limit - 1].rstrip() + "…"
    broken = _LATE_MARKUP.sub(lambda found: found.group() + _JOINER, words)
    broken = _ARROWS.sub(_JOINER, broken)
    return _MARKUP.sub(r"\\\1", _LEADING_BLOCK.sub(_JOINER, broken))


_BOLD = re.compile(r"(?<!\\)\*\*")
_ESCAPED = re.compile(r"\\([^\w\s])")


def emphasised(text: object, limit: int = 4000) -> str:
    """Text of several lines whose `**words**` stay bold and everything else is shown letter by letter.

    For overviews, which models and the offline provider write so; what they quote is still escaped.
    """
    lines = [line for line in str(text)[:limit].splitlines() if line.strip()]
    return "  \n".join(_bold(line) for line in lines)


def _bold(line: str) -> str:
    # What the core has escaped is made plain first, or its backslashes would show.
    parts = [_ESCAPED.sub(r"\1", part) for part in _BOLD.split(line)]
    if len(parts) % 2 == 0:
        return escape_markdown(_ESCAPED.sub(r"\1", line))
    # `escape_markdown` trims, so the spaces around bold words are put back.
    shown = [f"{' ' * part[:1].isspace()}{escape_markdown(part)}{' ' * part[-1:].isspace()}" for part in parts]
    return "".join(f"**{part.strip()}**" if at % 2 and part.strip() else part for at, part in enumerate(shown))


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """A table's values so that none becomes a formula where the table is downloaded; they read the same."""
    return frame.map(for_cell)


def escape_html(text: object, limit: int | None = None) -> str:
    """Text for `st.html`; line breaks stay."""
    words = visible(str(text))
    if limit is not None and len(words) > limit:
        words = words[: limit - 1] + "…"
    return html.escape(words, quote=True)


def number(value: float) -> str:
    """4,812"""
    return f"{value:,.0f}".replace("-", MINUS)


def plural(count: int, one: str, many: str | None = None) -> str:
    """1 trace, 4,812 traces"""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def share(part: float, whole: float | None = None) -> str:
    """12.0% of a fraction, or of part and whole; a dash where the whole is nothing."""
    if whole is not None:
        if not whole:
            return "–"
        part /= whole
    return f"{100 * part:.1f}%"


def points(change: float) -> str:
    """+1.8 pt, of a change between two fractions."""
    return _signed(f"{100 * change:+.1f}") + " pt"


def percent_change(now: float, before: float) -> str | None:
    """+9%; None where there was nothing before."""
    return _signed(f"{100 * (now - before) / before:+.0f}") + "%" if before else None


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def duration(milliseconds: float | None) -> str:
    """820 ms, 6.4 s, 3 min, 1 h 12 min; a dash for None."""
    if milliseconds is None:
        return "–"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def about(milliseconds: float) -> str:
    """about 24 s: an estimate, as coarse as it is."""
    return (
        f"about {round(milliseconds / 1000)} s" if 5_000 <= milliseconds < 99_500 else f"about {duration(milliseconds)}"
    )


def money(usd: float | None) -> str:
    """$2.91; a dash for None, and no cent is rounded to nothing."""
    if usd is None:
        return "–"
    if 0 < usd < 0.01:
        return "under $0.01"
    return f"${usd:,.2f}"


def zone() -> ZoneInfo:
    """The viewer's time zone, as the browser says; UTC outside a page."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError, AttributeError):
        return ZoneInfo("UTC")


def local(when: datetime | float) -> datetime:
    """A moment (aware, or epoch milliseconds) in the viewer's time zone."""
    moment_utc = when if isinstance(when, datetime) else datetime.fromtimestamp(when / 1000, UTC)
    return moment_utc.astimezone(zone())


def moment(when: datetime | float | None, now: datetime | None = None) -> str:
    """12 s ago below an hour, then today 13:58, yesterday, 17 Nov; a dash for None."""
    if when is None:
        return "–"
    then, present = local(when), local(now or datetime.now(UTC))
    age = (present - then).total_seconds()
    if -60 < age < 60:
        return f"{max(0, age):.0f} s ago"
    if 0 <= age < 3600:
        return f"{age / 60:.0f} min ago"
    if then.date() == present.date():
        return f"today {then:%H:%M}"
    if then.date() == present.date() - timedelta(days=1):
        return "yesterday"
    return f"{then.day} {then:%b}" + ("" if then.year == present.year else f" {then.year}")


def clock(when: datetime | float, now: datetime | None = None) -> str:
    """13:52 today, 17 Nov 13:52 on other days: for rows that stand in order of time."""
    then, present = local(when), local(now or datetime.now(UTC))
    if then.date() == present.date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b}" + ("" if then.year == present.year else f" {then:%y}")


def period(start: datetime | float, end: datetime | float) -> str:
    """13 to 20 November, 28 October to 3 November, 14:00 to 17:00 on 3 November."""
    first, last = local(start), local(end)
    if first.date() == last.date():
        return f"{first.day} {first:%B}, {first:%H:%M} to {last:%H:%M}"
    this_year = datetime.now(UTC).year
    year = "" if last.year == this_year else f" {last.year}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%B}{year}"
    first_year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{first_year} to {last.day} {last:%B}{year}"
