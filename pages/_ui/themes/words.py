"""Schedules, moments to come and filters in words. Plain functions."""

from __future__ import annotations

from datetime import UTC, datetime

from insights_core.entities import Theme, ThemeStanding
from pages._ui.look.formats import local, money, number, plural, share
from pages._ui.themes.theme_data import Found


def due(when: datetime | None, now: datetime | None = None) -> str:
    """due now, in 12 min, in 3 h, on 28 Nov 00:00; "" for None."""
    if when is None:
        return ""
    present = now or datetime.now(UTC)
    left = (when - present).total_seconds()
    if left <= 0:
        return "due now"
    if left < 3600:
        return f"in {max(1, round(left / 60))} min"
    if left < 24 * 3600:
        return f"in {round(left / 3600)} h"
    then = local(when)
    return f"on {then.day} {then:%b %H:%M}"


def schedule(one: ThemeStanding) -> str:
    """Daily, next in 3 h. A theme that is off does not say when it would be due."""
    said = one.theme.schedule.capitalize()
    if one.theme.schedule == "manual":
        return "Runs when asked"
    if not one.theme.enabled:
        return f"{said}, switched off"
    when = due(one.next_due_at)
    return f"{said}, {when}" if when == "due now" else f"{said}, next {when}"


def spent(one: ThemeStanding) -> str:
    """3 runs, $0.42 so far"""
    cost = f"{money(one.cost_usd)} so far" if one.cost_usd else "no cost so far"
    return f"{plural(one.run_count, 'run')}, {cost}"


def concerned(one: Found) -> str:
    """212 of 400 traces concern it (53.0%)"""
    if one.concerned == one.read:
        return f"{plural(one.read, 'trace')} read"
    return f"{number(one.concerned)} of {plural(one.read, 'trace')} concern it ({share(one.concerned, one.read)})"


def scope(theme: Theme) -> str:
    """Which traces, in a line."""
    said = [f"{' and '.join(theme.conditions)}" if theme.conditions else "all traces", f"of {theme.date_range}"]
    if theme.sample_rate < 1:
        said.append(f"a sample of {100 * theme.sample_rate:g}%")
    if theme.max_traces:
        said.append(f"at most {number(theme.max_traces)}")
    return ", ".join(said)
