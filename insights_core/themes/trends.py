"""How much of the traffic each topic is, window by window, and whether that changed."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from insights_core.entities.common import Record, UtcTime, now
from insights_core.entities.insight import ClusterDetails
from insights_core.statistics.association import p_values
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE, false_discovery_rates
from insights_core.statistics.shares import Share, share_of
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values
from insights_core.themes.traffic import DAY_MS, Traffic, moment_of


class TrendPoint(Record):
    """A topic in one window."""

    start: UtcTime
    count: int
    """Traces of the topic."""
    total: int
    """Traces of all topics and of none."""
    share: float
    lower: float
    upper: float
    """95 % interval of the share, sessions as units."""


class TopicTrend(Record):
    """A topic over time."""

    cluster_id: str
    title: str
    points: list[TrendPoint] = Field(default_factory=list)
    """Full windows only, oldest first."""
    change: str = ""
    """up, down, or empty: whether the last window's share is unlike that of all before, 5 % false over all topics."""
    sentence: str = ""
    """12 to 19 % of traffic, up from 8 to 11."""


def topic_trends(runs: list[ClusterDetails], window_days: int = 7, until_ms: int | None = None) -> list[TopicTrend]:
    """Every topic of a theme's latest run over time, largest first.

    Args:
        runs: Results of the theme's runs, oldest first; one is enough.
        window_days: Length of a window.
        until_ms: Only full windows before then; None: before now.
    """
    if not runs or not runs[-1].traces:
        return []
    traffic = Traffic.of(runs)
    until = round(now().timestamp() * 1000) if until_ms is None else until_ms
    starts = traffic.windows(window_days, until)
    if not starts:
        return [TopicTrend(cluster_id=one, title=title) for one, title in traffic.topics.items()]
    length = window_days * DAY_MS
    inside = [traffic.within(start, start + length) for start in starts]
    changed = _changes(traffic, inside)
    trends = []
    for number, (cluster_id, title) in enumerate(traffic.topics.items()):
        mask = traffic.topic == number
        shares = [share_within(mask, part, traffic.units) for part in inside]
        points = [
            TrendPoint(
                start=moment_of(start),
                count=one.count,
                total=one.total,
                share=one.share,
                lower=one.lower,
                upper=one.upper,
            )
            for start, one in zip(starts, shares, strict=True)
        ]
        before = share_within(mask, np.any(inside[:-1], axis=0), traffic.units) if len(inside) > 1 else None
        sentence = in_words(shares[-1], before, changed[number])
        trends.append(
            TopicTrend(cluster_id=cluster_id, title=title, points=points, change=changed[number], sentence=sentence)
        )
    return sorted(trends, key=lambda one: (-sum(point.count for point in one.points), one.cluster_id))


def share_within(mask: np.ndarray, part: np.ndarray, units: Units) -> Share:
    """The share of a topic among the traces of a time."""
    return share_of(mask[part], Units.of_codes(units.of[part]))


def in_words(last: Share, before: Share | None, change: str) -> str:
    """As an analyst says it: 12 to 19 % of traffic, up from 8 to 11."""
    if not last.total:
        return "No traces in the last full window."
    said = f"{_range(last)} % of traffic"
    if change and before is not None:
        return f"{said}, {change} from {_range(before)}"
    return f"{said}, as before" if before is not None and before.total else said


def _range(share: Share) -> str:
    low, high = round(100 * share.lower), round(100 * share.upper)
    return f"{low}" if low == high else f"{low} to {high}"


def _changes(traffic: Traffic, inside: list[np.ndarray]) -> list[str]:
    """For each topic: up, down, or nothing that chance does not explain."""
    count = len(traffic.topics)
    part = np.any(inside, axis=0)
    last = inside[-1][part]
    if not count or len(inside) < 2 or not last.any() or last.all():
        return [""] * count
    units, topic = Units.of_codes(traffic.units.of[part]), traffic.topic[part]
    values = Values.of_codes(np.where(last, 0, -1), 1, units)
    tails = [
        float(p_values(Beside.of(values, mask))[0])
        for number in range(count)
        for mask in (topic == number, topic != number)
    ]
    found = (false_discovery_rates(np.array(tails)) <= FALSE_DISCOVERY_RATE).reshape(count, 2)
    return ["up" if more else "down" if fewer else "" for more, fewer in found]
