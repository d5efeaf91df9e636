"""What the rules of a theme find in its traffic. Nothing here sends or keeps anything.

Rules that compare are tests: over all topics and rules that are looked at together, at most 5 % of looks at noise raise
anything (`statistics.discoveries`). A full window is looked at once, so that looking often finds no more. Simulated with
eight topics of 5 to 80 traces a week: 1.5 % of looks for growth, 2 % for failures, fewer where traces come in sessions.
A topic of 40 traces a week that doubles is found in 79 % of cases, one with three times as many always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from insights_core.entities.alert import Alert, AlertKind, AlertRule, Delivery
from insights_core.entities.insight import ClusterDetails
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE, false_discovery_rates
from insights_core.statistics.shares import few_units
from insights_core.statistics.units import Units
from insights_core.themes.traffic import DAY_MS, Traffic, moment_of, window_of
from insights_core.themes.trends import share_within

# A quarter of the squares of standard normal numbers: their median.
_MEDIAN_SQUARE = 0.4549364
_LEAST_STEPS = 5  # fewer say nothing of how windows differ among themselves
_LEAST_TRACES = 5  # of a step between two windows


@dataclass
class _Event:
    """A topic in a window, with what there is to say and how likely it is by chance (0: it is a plain fact)."""

    rule: AlertRule
    cluster_id: str
    title: str
    window_ms: int
    count: int
    message: str
    p: float = 0.0


def evaluate(rules: Sequence[AlertRule], theme_id: str, runs: Sequence[ClusterDetails], until_ms: int) -> list[Alert]:
    """What the rules find at a moment.

    Args:
        rules: The theme's.
        theme_id: The theme.
        runs: Results of its runs, oldest first; the latest is judged, earlier ones add traces that it left out.
        until_ms: The moment; only full windows before then are compared.
    """
    if not runs or not rules:
        return []
    traffic, events, tested = Traffic.of(runs), [], []
    for rule in _once(rules):
        if rule.kind == AlertKind.NEW:
            events += _new(rule, runs[-1])
        elif rule.kind == AlertKind.EXCEEDS:
            events += _exceeding(rule, traffic, until_ms)
        else:
            tested += (_grown if rule.kind == AlertKind.GROWS else _failing)(rule, traffic, until_ms)
    if tested:
        q = false_discovery_rates(np.array([event.p for event in tested]))
        events += [event for event, value in zip(tested, q, strict=True) if value <= FALSE_DISCOVERY_RATE]
    return [_alert(event, theme_id, runs[-1].run_id) for event in events]


def replay(rules: Sequence[AlertRule], theme_id: str, runs: Sequence[ClusterDetails], until_ms: int) -> list[Alert]:
    """What the rules would have raised up to a moment had they been there all along, each event once, oldest first.

    Topics are taken as the latest run knows them; which of them were new is taken from the run that found them.
    """
    found: dict[str, Alert] = {}
    fresh = [rule for rule in rules if rule.kind == AlertKind.NEW]
    for number in range(len(runs)):
        found |= {one.alert_id: one for one in reversed(evaluate(fresh, theme_id, runs[number : number + 1], until_ms))}
    others = [rule for rule in rules if rule.kind != AlertKind.NEW]
    if runs and others:
        ends = {
            start + rule.window_days * DAY_MS
            for rule in others
            for start in Traffic.of(runs).windows(rule.window_days, until_ms)
        }
        for end in sorted({*ends, until_ms}):
            for one in evaluate(others, theme_id, runs, end):
                found.setdefault(one.alert_id, one)
    return sorted(found.values(), key=lambda one: (one.window_start, one.alert_id))


def alert_id(theme_id: str, rule: AlertRule, cluster_id: str, window: str) -> str:
    """The id of an event: the same wherever and whenever it is found."""
    said = "\n".join((theme_id, rule.key, cluster_id, window))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _once(rules: Sequence[AlertRule]) -> list[AlertRule]:
    return list({rule.key: rule for rule in rules}.values())


def _alert(event: _Event, theme_id: str, run_id: str) -> Alert:
    window = "new" if event.rule.kind == AlertKind.NEW else str(event.window_ms)
    return Alert(
        alert_id=alert_id(theme_id, event.rule, event.cluster_id, window),
        theme_id=theme_id,
        rule=event.rule,
        cluster_id=event.cluster_id,
        title=event.title,
        message=event.message,
        window_start=moment_of(event.window_ms),
        count=event.count,
        run_id=run_id,
        deliveries=[Delivery(channel=channel) for channel in dict.fromkeys(event.rule.notify)],
    )


def _new(rule: AlertRule, details: ClusterDetails) -> list[_Event]:
    first = {row.cluster_id: row.timestamp_ms for row in sorted(details.traces, key=lambda row: -row.timestamp_ms)}
    return [
        _Event(
            rule,
            one.cluster_id,
            one.title,
            first.get(one.cluster_id, 0),
            one.size,
            f"New topic with {one.size:,} traces.",
        )
        for one in details.clusters
        if one.level == 0 and one.fate == "born" and one.size >= (rule.threshold or 0)
    ]


def _exceeding(rule: AlertRule, traffic: Traffic, until_ms: int) -> list[_Event]:
    """Counts are facts and need no full window; the last full one is looked at too, for a run that came late."""
    length, limit = rule.window_days * DAY_MS, rule.threshold or 0
    present, events = window_of(until_ms, rule.window_days), []
    for start in (present - length, present):
        inside = traffic.within(start, min(start + length, until_ms))
        for number, (cluster_id, title) in enumerate(traffic.topics.items()):
            count = int((inside & (traffic.topic == number)).sum())
            if count * traffic.scale > limit:
                about = (
                    f"About {count * traffic.scale:,.0f} traces (from a sample)"
                    if traffic.scale > 1
                    else f"{count:,} traces"
                )
                said = f"{about} in {_days(rule)}, more than {limit:,.0f}."
                events.append(_Event(rule, cluster_id, title, start, count, said))
    return events


def _grown(rule: AlertRule, traffic: Traffic, until_ms: int) -> list[_Event]:
    """Whether counts rose by more than the rule allows: binomial, given the sum of both windows."""
    from scipy.special import betainc

    starts, length = traffic.windows(rule.window_days, until_ms), rule.window_days * DAY_MS
    if len(starts) < 2 or starts[-1] + length <= until_ms - length:
        return []
    inside = [traffic.within(start, start + length) for start in starts]
    allowed = 1 + (rule.threshold or 0) / 100
    usual = _dispersion(traffic, inside[:-1])
    events = []
    for number, (cluster_id, title) in enumerate(traffic.topics.items()):
        mask = traffic.topic == number
        now, before = int((mask & inside[-1]).sum()), int((mask & inside[-2]).sum())
        if now <= before * allowed:
            p = 1.0
        else:
            worth = 1 / (_effect(traffic.units, mask & (inside[-1] | inside[-2])) * usual)
            # At least so many, on the scale of independent traces; beginning half a trace below, as counts do.
            least = max(now * worth - 0.5, 0.0) + 0.5
            p = float(betainc(least, before * worth + 1, allowed / (1 + allowed)))
        more = f"{100 * (now / before - 1):,.0f} % more than the {before:,}" if before else "where there were none"
        said = f"{now:,} traces in {_days(rule)}, {more} in the {rule.window_days} days before."
        events.append(_Event(rule, cluster_id, title, starts[-1], now, said, p))
    return events


def _failing(rule: AlertRule, traffic: Traffic, until_ms: int) -> list[_Event]:
    """Whether the share of failed traces is above the rule's: binomial, of as many traces as those of sessions are worth."""
    from scipy.special import betainc

    starts, length = traffic.windows(rule.window_days, until_ms), rule.window_days * DAY_MS
    if not starts:
        return []
    inside, limit = traffic.within(starts[-1], starts[-1] + length), min((rule.threshold or 0) / 100, 1.0)
    events = []
    for number, (cluster_id, title) in enumerate(traffic.topics.items()):
        own = inside & (traffic.topic == number)
        share = share_within(traffic.bad, own, traffic.units)
        failed = share.share * share.effective
        above = share.total and share.share > limit
        p = float(betainc(max(failed, 1e-9), share.effective - failed + 1, limit)) if above else 1.0
        low, high = round(100 * share.lower), round(100 * share.upper)
        said = f"{share.count:,} of {share.total:,} traces in {_days(rule)} failed ({low} to {high} %), more than {rule.threshold:g} %."
        events.append(_Event(rule, cluster_id, title, starts[-1], share.total, said, p))
    return events


def _days(rule: AlertRule) -> str:
    return "a day" if rule.window_days == 1 else "a week" if rule.window_days == 7 else f"{rule.window_days} days"


def _effect(units: Units, mask: np.ndarray) -> float:
    """How many traces of a topic count as one: the traces of a session come together (a compound Poisson count)."""
    if not units.nested or not mask.any():
        return 1.0
    held = units.sums(mask)
    held = held[held > 0]
    return max(1.0, float((held**2).sum() / held.sum() * few_units(max(len(held) - 1, 1))))


def _dispersion(traffic: Traffic, inside: list[np.ndarray]) -> float:
    """How many times the variance of ordinary steps from window to window is what chance explains; at least 1."""
    squares = []
    for number in range(len(traffic.topics)):
        mask = traffic.topic == number
        counts = np.array([(mask & part).sum() for part in inside], dtype=float)
        both = counts[1:] + counts[:-1]
        steps = (counts[1:] - counts[:-1]) ** 2 / np.maximum(both * _effect(traffic.units, mask), 1e-9)
        squares += steps[both >= _LEAST_TRACES].tolist()
    return max(1.0, float(np.median(squares)) / _MEDIAN_SQUARE) if len(squares) >= _LEAST_STEPS else 1.0
