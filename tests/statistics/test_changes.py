"""Quiet weeks are no news; a bad day, slow answers and a quiet outage are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from insights_core.analytics import changes
from insights_core.analytics.facts import TRACE_COLUMNS, View, Vocabularies, empty

DAY_MS = 86_400_000
START_MS = 20_003 * DAY_MS
WEEKDAYS = np.array([1, 1.2, 1.2, 1.1, 1, 0.4, 0.3])


def weeks(
    random: np.random.Generator, weeks_before: int = 4, a_day: float = 60, size: float = 1, alike: float = 0.0
) -> View:
    """Traces of a week and of those before it, with a weekly rhythm, one failing in ten, in sessions of some size."""
    sessions = random.poisson(np.tile(WEEKDAYS, weeks_before + 1) * a_day / size)
    day = np.repeat(np.arange(-7 * weeks_before, 7), sessions)
    sizes = random.geometric(1 / size, len(day))
    of = np.repeat(np.arange(len(day)), sizes)
    rate = np.full(len(day), 0.1)
    if alike:
        rate = random.beta(0.1 * (1 - alike) / alike, 0.9 * (1 - alike) / alike, len(day))
    begun = START_MS + day * DAY_MS + random.integers(0, DAY_MS - 1_000_000, len(day))
    words = Vocabularies()
    status = words.status.encode(["OK", "ERROR"])
    n = len(of)
    columns = empty(TRACE_COLUMNS) | {
        "trace_id": np.array([b"tr-%d" % place for place in range(n)]),
        "experiment": np.zeros(n, dtype=np.int32),
        "time_ms": begun[of] + random.integers(0, 1_000_000, n),
        "latency_ms": random.lognormal(8, 0.6, n),
        "status": status[(random.random(n) < rate[of]).astype(int)],
        "session": of.astype(np.int32),
        "name": np.zeros(n, dtype=np.int32),
        "total_cost": random.lognormal(-4, 0.5, n),
    }
    return View(words, columns, empty(("trace", "key", "value")), {}, {})


def told(view: View) -> list[tuple[str, str]]:
    answer = changes.changes(view, START_MS, START_MS + 7 * DAY_MS)
    return [(one.measure, one.kind) for one in answer.data]


def altered(view: View, change: Callable[[dict[str, np.ndarray], np.ndarray], None], day: int | None = None) -> View:
    """The same traces with something else in the week, or on one day of it."""
    columns = {name: values.copy() for name, values in view.traces.items()}
    time_ms = columns["time_ms"]
    chosen = (
        time_ms >= START_MS if day is None else (time_ms >= START_MS + day * DAY_MS) & (time_ms < START_MS + (day + 1) * DAY_MS)
    )  # fmt: skip
    change(columns, chosen)
    return replace(view, traces=columns)


@pytest.mark.parametrize(("size", "alike"), [(1, 0.0), (6, 0.3)])
@pytest.mark.parametrize("weeks_before", [1, 4])
def test_quiet_weeks_are_no_news(size, alike, weeks_before):
    random, repetitions = np.random.default_rng(1), 60
    loud = [bool(told(weeks(random, weeks_before, 60 * size, size, alike))) for _ in range(repetitions)]
    # Two in a hundred, and what chance adds to 60 of them.
    assert np.mean(loud) <= 0.07


def test_a_day_of_errors_is_news_and_says_which_day():
    def fail(columns, chosen):
        bad = np.flatnonzero(chosen)[::3]
        columns["status"][bad] = 1

    view = altered(weeks(np.random.default_rng(2)), fail, day=4)
    found = changes.changes(view, START_MS, START_MS + 7 * DAY_MS).data
    burst = next(one for one in found if one.kind == "burst")
    assert burst.measure == "error_rate"
    assert (burst.when_ms - START_MS) // DAY_MS == 4
    assert burst.now > 0.3 > 0.15 > burst.before


def test_answers_that_take_three_times_as_long_are_news():
    def slow(columns, chosen):
        columns["latency_ms"][np.flatnonzero(chosen)[::4]] *= 3.4

    view = altered(weeks(np.random.default_rng(3)), slow)
    rise = next(
        one for one in changes.changes(view, START_MS, START_MS + 7 * DAY_MS).data if one.measure == "p90_latency"
    )
    assert rise.kind == "rose"
    assert rise.now > 1.3 * rise.before


def test_errors_that_doubled_cost_that_rose_and_traces_that_went_are_news():
    def fail(columns, chosen):
        columns["status"][np.flatnonzero(chosen)[::9]] = 1

    def dearer(columns, chosen):
        columns["total_cost"][chosen] *= 1.4

    random = np.random.default_rng(4)
    assert ("error_rate", "rose") in told(altered(weeks(random), fail))
    assert ("cost", "rose") in told(altered(weeks(random), dearer))
    view = weeks(random)
    kept = (view.traces["time_ms"] < START_MS) | (np.arange(len(view)) % 2 == 0)
    fewer = replace(view, traces={name: values[kept] for name, values in view.traces.items() if len(values)})
    assert ("count", "fell") in told(fewer)


def test_a_monday_is_compared_with_mondays():
    """A weekend is quieter every week: that the day before was busier is no news."""
    view = weeks(np.random.default_rng(5), a_day=300)
    saturday = START_MS + 5 * DAY_MS
    answer = changes.changes(view, saturday, saturday + DAY_MS)
    assert answer.windows == 4
    assert [one for one in answer.data if one.measure == "count"] == []
    assert changes.earlier(saturday, saturday + DAY_MS, START_MS + 4 * DAY_MS) == [(saturday - DAY_MS, saturday)]
    assert changes.earlier(START_MS, START_MS + DAY_MS, START_MS) == []
