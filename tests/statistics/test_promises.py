"""What every interval and every "goes with" promises, on made-up traces whose truth is known.

The whole table, with more repetitions, is printed by `python tests/statistics/simulation.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

_HELD = (0.93, 0.97)


@pytest.fixture(scope="module")
def simulation() -> Any:
    """The script of that name."""
    from pathlib import Path

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield __import__("simulation")


def four_errors(repetitions: int, share: float) -> float:
    """How far a share of so many repetitions strays by chance."""
    return 4 * (share * (1 - share) / repetitions) ** 0.5


def test_where_nothing_goes_with_anything_few_cards_show_a_row(simulation):
    repetitions = 40
    for world in simulation.NULL:
        found = simulation.discover(world, repetitions).false_discovery_rate
        assert found <= 0.07 + four_errors(repetitions, 0.05), world.name
    over_all = [simulation.discover(world, repetitions, seed=1).false_discovery_rate for world in simulation.NULL]
    assert np.mean(over_all) <= 0.05


def test_a_doubled_risk_in_five_percent_of_two_thousand_traces_is_found(simulation):
    world = next(one for one in simulation.PLANTED if one.name == "2,000 traces, rate 20 %, 20 values")
    found = simulation.discover(world, 150)
    assert found.power >= 0.8
    assert found.false_discovery_rate <= 0.07


def test_sessions_taken_for_independent_traces_would_show_what_is_not_there(simulation):
    """That the suite can fail: the same traces without their sessions."""
    from insights_core.statistics.association import judge, tails
    from insights_core.statistics.units import Units
    from insights_core.statistics.values import Beside, Values

    world, random = simulation.NULL[5], np.random.default_rng(0)
    shown = []
    for _ in range(40):
        values, mask = world.draw(random)
        apart = replace(values, units=Units.of_codes(np.full(len(mask), -1)))
        assert isinstance(apart, Values)
        shown.append((judge([tails(Beside.of(apart, mask))]).q <= 0.05).any())
    assert np.mean(shown) > 0.5


@pytest.mark.parametrize("place", range(6))
def test_intervals_hold_the_truth(simulation, place):
    world, repetitions = simulation.COVERED[place], 60
    held, expected = simulation.cover(world, repetitions)
    for low, high in simulation.BINS:
        inside = (expected >= low) & (expected < high)
        if inside.sum() < 100:
            continue
        # Values of one repetition share its slice, so they say as much as a third of their number.
        slack = four_errors(inside.sum() / 3, 0.95)
        least, most = (0.90, 0.99) if low == 0 else _HELD
        assert least - slack <= held[inside].mean() <= min(1, most + slack), (world.name, low)


def test_intervals_of_the_highest_of_many_hold_too(simulation):
    for world in simulation.COVERED[:4]:
        assert simulation.cover_chosen(world, 60) >= 0.93 - four_errors(180, 0.95), world.name


def test_shares_hold_with_and_without_sessions(simulation):
    for world in simulation.COVERED:
        assert simulation.cover_share(world, 150) >= 0.93 - four_errors(150, 0.95), world.name


@pytest.mark.parametrize("total", [12, 40, 300])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.93])
def test_shares_of_few_traces_hold_on_average(total, share):
    """Counts from 0 to 10 and their mirror images, weighted by how often they come."""
    from scipy.stats import binom

    from insights_core.statistics.shares import wilson

    around = np.linspace(0.8, 1.2, 41) * share
    around = around[around < 1]
    counts = np.arange(total + 1)
    ends = np.array([wilson(count, total) for count in counts])
    held = [binom.pmf(counts, total, p)[(ends[:, 0] <= p) & (p <= ends[:, 1])].sum() for p in around]
    assert 0.90 <= np.mean(held) <= 0.99
