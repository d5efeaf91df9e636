"""What changed in a time against the same weekdays and hours before it, beyond the usual noise."""

from __future__ import annotations

import numpy as np

from insights_core.analytics.buckets import DAY_MS, HOUR_MS, WEEK_MS
from insights_core.analytics.facts import View
from insights_core.analytics.models import Change, ChangesResponse
from insights_core.statistics import changes as tests
from insights_core.statistics.discoveries import false_discovery_rates

# Weeks to compare with, at most: more would be of another time, and would have to be read.
_WEEKS = 4
# Of quiet times, so many are told as changed.
FALSE_ALARMS = 0.01
_FEWEST_TRACES = 20
# A rise of less than these, in shares of what was before, is no news however sure it is.
_LEAST_RISE = 0.1


def _windows(start_ms: int, end_ms: int) -> tuple[int, int]:
    """How far apart times like one are, and how many there are to compare with."""
    apart = -(-(end_ms - start_ms) // WEEK_MS) * WEEK_MS
    return apart, max(1, _WEEKS * WEEK_MS // apart)


def reach(start_ms: int, end_ms: int) -> int:
    """From when on traces are needed to judge a time, [start, end)."""
    apart, count = _windows(start_ms, end_ms)
    return start_ms - apart * count


def earlier(start_ms: int, end_ms: int, first_ms: int) -> list[tuple[int, int]]:
    """The times like one, [start, end), the latest first: whole weeks earlier, as far as there were traces all the time.

    Where traces began too late for that, the time directly before.
    """
    length = end_ms - start_ms
    apart, count = _windows(start_ms, end_ms)
    found = [(start_ms - k * apart, end_ms - k * apart) for k in range(1, count + 1)]
    found = [one for one in found if one[0] >= first_ms - DAY_MS]
    directly = (start_ms - length, start_ms)
    return found or ([directly] if directly[1] > first_ms else [])


def changes(view: View, start_ms: int, end_ms: int) -> ChangesResponse:
    """Rises of errors, latency and cost of a trace, more and fewer traces, and single bad days.

    Args:
        view: The traces of the time and at least as far back as it is to be compared.
        start_ms: Of the time, inclusive.
        end_ms: Exclusive.
    """
    time_ms = view.traces["time_ms"]
    windows = earlier(start_ms, end_ms, int(time_ms.min())) if len(view) else []
    inside = np.zeros(len(view), dtype=bool)
    slot = np.zeros(len(view), dtype=np.int64)
    width = HOUR_MS if end_ms - start_ms <= 2 * DAY_MS else DAY_MS
    for low, high in [(start_ms, end_ms), *windows]:
        here = (time_ms >= low) & (time_ms < high)
        inside |= here
        slot[here] = (time_ms[here] - low) // width
    part = view.select(inside)
    now = part.traces["time_ms"] >= start_ms
    compared = ChangesResponse(windows=len(windows), data=[])
    if not windows or min(int(now.sum()), int((~now).sum())) < _FEWEST_TRACES:
        return compared
    day = (part.traces["time_ms"] - start_ms) // DAY_MS
    traces = tests.Traces(now, day - day.min(), slot[inside], part.units, len(windows))
    bursts = _days(part, traces, start_ms, int(day.min()))
    return compared.model_copy(update={"data": [*_whole(part, traces, _without(bursts, part, traces)), *bursts]})


def _slices(part: View, traces: tests.Traces) -> dict[str, np.ndarray]:
    """Traces that failed, and those slower than nine of ten were before."""
    latency = part.traces["latency_ms"]
    before = latency[~traces.now & ~np.isnan(latency)]
    found = {"error_rate": part.traces["status"] == part.words.status.code("ERROR")}
    if len(before):
        found["p90_latency"] = np.nan_to_num(latency, nan=-1.0) > np.quantile(before, 0.9)
    return found


def _without(bursts: list[Change], part: View, traces: tests.Traces) -> dict[str, np.ndarray]:
    """By measure, the traces that are not of its bad day: a rise that is one day is told as that day."""
    time_ms = part.traces["time_ms"]
    kept: dict[str, np.ndarray] = {}
    for one in bursts:
        begin = one.start_ms or 0
        kept[one.measure] = (time_ms < begin) | (time_ms >= begin + DAY_MS)
    return kept


def _whole(part: View, traces: tests.Traces, kept: dict[str, np.ndarray]) -> list[Change]:
    measured: dict[str, tuple[float, float]] = {}
    looked = []
    for name, mask in _slices(part, traces).items():
        measured[name] = _figures(part, name, traces.now)
        p = tests.rate_rose(traces, mask)[0]
        if name in kept:
            p = max(p, tests.rate_rose(traces.of(kept[name]), mask[kept[name]])[0])
        looked.append(("rose", name, p))
    cost = part.traces["total_cost"]
    if not np.isnan(cost).all():
        looked.append(("rose", "cost", tests.mean_rose(traces, cost)))
        measured["cost"] = (_mean(cost[~traces.now]), _mean(cost[traces.now]))
    more, fewer = tests.count_changed(traces)
    looked += [("rose", "count", more), ("fell", "count", fewer)]
    counts = int(traces.now.sum())
    measured["count"] = ((len(part) - counts) / traces.windows, float(counts))
    q = false_discovery_rates(np.array([p for _, _, p in looked]))
    return [
        Change(measure=name, kind=kind, before=measured[name][0], now=measured[name][1], q_value=float(one))
        for (kind, name, _), one in zip(looked, q, strict=True)
        if one <= FALSE_ALARMS and abs(measured[name][1] - measured[name][0]) >= _LEAST_RISE * measured[name][0]
    ]


def _days(part: View, traces: tests.Traces, start_ms: int, first_day: int) -> list[Change]:
    """The worst day by errors and by latency, where it is one that stands out rather than the whole time."""
    found = []
    looked = {name: tests.rate_rose(traces, mask)[1:] for name, mask in _slices(part, traces).items()}
    q = false_discovery_rates(np.concatenate([np.empty(0), *(p for _, p in looked.values())]))
    for name, (days, _) in looked.items():
        mine, q = q[: len(days)], q[len(days) :]
        worst = int(np.argmin(mine))
        if len(days) < 3 or mine[worst] > FALSE_ALARMS or 2 * (mine <= FALSE_ALARMS).sum() > len(days):
            continue
        that = traces.day == days[worst]
        before, now = _figures(part, name, that)
        if now - before >= _LEAST_RISE * before:
            begin = start_ms + (int(days[worst]) + first_day) * DAY_MS
            when = int(np.median(part.traces["time_ms"][that]))
            found.append(
                Change(
                    measure=name,
                    kind="burst",
                    before=before,
                    now=now,
                    q_value=float(mine[worst]),
                    start_ms=begin,
                    when_ms=when,
                )
            )
    return found


def _figures(part: View, name: str, chosen: np.ndarray) -> tuple[float, float]:
    """A measure of the other traces and of those chosen."""
    if name == "error_rate":
        failed = part.traces["status"] == part.words.status.code("ERROR")
        return _mean(failed[~chosen]), _mean(failed[chosen])
    latency = part.traces["latency_ms"]
    known = ~np.isnan(latency)
    sides = latency[known & ~chosen], latency[known & chosen]
    before, now = (float(np.quantile(one, 0.9)) if len(one) else 0.0 for one in sides)
    return before, now


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return float(known.mean()) if len(known) else 0.0
