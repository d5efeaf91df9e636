"""NPMI as MLflow defines it, an interval that holds what it promises, and a correction that keeps its rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from insights_core.statistics.association import design_effects, judge, npmi, npmi_interval, p_values, tails
from insights_core.statistics.discoveries import false_discovery_rates, level_for_chosen
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values


def test_every_table_of_counts_gives_mlflows_score():
    from mlflow.store.analytics.trace_correlation import calculate_npmi_from_counts

    for total in (0, 1, 2, 5, 12):
        for first in range(total + 1):
            for second in range(total + 1):
                for joint in range(max(0, first + second - total), min(first, second) + 1):
                    expected = calculate_npmi_from_counts(joint, first, second, total).npmi
                    found = npmi(np.array([joint]), np.array([first]), np.array([second]), total)[0]
                    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True), (joint, first, second, total)


def test_the_edges_are_minus_one_zero_one_and_undefined():
    counts = np.array([[0, 5, 5], [25, 50, 50], [100, 100, 100], [10, 10, 10], [0, 0, 5]]).T
    score = npmi(*counts, 100)
    assert score[:4].tolist() == [-1.0, pytest.approx(0, abs=1e-12), 1.0, pytest.approx(1.0)]
    assert math.isnan(score[4])
    lower, upper = npmi_interval(*counts, 100)
    assert lower[0] == -1.0 and upper[2] == 1.0 and math.isnan(lower[4]) and math.isnan(upper[4])
    assert (lower[:4] <= score[:4]).all() and (score[:4] <= upper[:4]).all()


@pytest.mark.parametrize(
    "cells",
    [
        (0.25, 0.25, 0.25, 0.25),
        (0.10, 0.10, 0.20, 0.60),
        (0.05, 0.02, 0.03, 0.90),
        (0.02, 0.18, 0.08, 0.72),
        (0.30, 0.05, 0.05, 0.60),
    ],
)
@pytest.mark.parametrize("total", [100, 1_000])
def test_the_interval_holds_the_truth_in_95_of_100_samples(cells, total):
    n_samples = 1_000
    samples = np.random.default_rng(1).multinomial(total, cells, n_samples)
    joint, first, second = samples[:, 0], samples[:, 0] + samples[:, 1], samples[:, 0] + samples[:, 2]
    p = np.array(cells)
    truth = math.log(p[0] / ((p[0] + p[1]) * (p[0] + p[2]))) / -math.log(p[0])
    lower, upper = npmi_interval(joint, first, second, total)
    coverage = ((lower <= truth) & (truth <= upper)).mean()
    # Four standard errors of a share of 1,000 are 2.8 points; small samples may be covered a little more often.
    assert 0.92 <= coverage <= 0.99


def test_the_interval_narrows_with_more_traces():
    widths = [
        np.ptp(npmi_interval(np.array([20 * n]), np.array([40 * n]), np.array([40 * n]), 200 * n)) for n in (1, 10, 100)
    ]
    assert widths[0] > 2.5 * widths[1] > 6 * widths[2]


def one_value(joint: int, inside: int, having: int, total: int, size: int = 1) -> tuple[Values, np.ndarray]:
    """A value with these counts; `size` copies of each trace make a session."""
    mask, value = np.zeros(total, dtype=bool), np.full(total, -1)
    mask[:inside] = True
    value[inside - joint : inside - joint + having] = 0
    units = Units.of_codes(np.repeat(np.arange(total), size))
    return Values.of_codes(np.repeat(value, size), 1, units), np.repeat(mask, size)


@pytest.mark.parametrize(
    ("joint", "inside", "having", "total"),
    [(4, 5, 6, 20), (2, 3, 2, 400), (9, 60, 30, 600), (40, 200, 100, 2_000), (3, 20, 25, 100), (0, 5, 5, 50)],
)
def test_the_chance_of_so_many_together_is_fishers(joint, inside, having, total):
    from scipy.stats import fisher_exact

    values, mask = one_value(joint, inside, having, total)
    table = [[joint, inside - joint], [having - joint, total - inside - having + joint]]
    expected = fisher_exact(table, alternative="greater").pvalue
    found = p_values(Beside.of(values, mask))[0]
    # Never smaller than the truth, and off by a few percent of its digits.
    assert 0.98 * expected <= found <= 1.3 * expected**0.95


def test_copies_of_a_trace_in_its_session_are_no_evidence():
    alone = one_value(20, 200, 100, 1_000)
    copied = one_value(20, 200, 100, 1_000, size=5)
    first, second = (p_values(Beside.of(values, mask))[0] for values, mask in (alone, copied))
    assert second == pytest.approx(first, rel=0.6)
    as_if_independent = Values.of_codes(
        np.where(np.isin(np.arange(5_000), copied[0].trace), 0, -1), 1, Units.of_codes(np.full(5_000, -1))
    )
    if_so = p_values(Beside.of(as_if_independent, copied[1]))[0]
    assert if_so < first  # what one would have taken it for
    assert design_effects(Beside.of(*alone), np.array([0]))[0] == 1
    assert design_effects(Beside.of(*copied), np.array([0]))[0] == pytest.approx(5, rel=0.15)


def test_whatever_happens_a_p_value_is_one():
    values, mask = one_value(5, 5, 5, 20)
    nothing = np.zeros(20, dtype=bool)
    assert p_values(Beside.of(values, nothing)).tolist() == [1.0]
    everywhere, _ = one_value(5, 5, 20, 20)
    assert p_values(Beside.of(everywhere, mask)).tolist() == [1.0]


def test_values_that_never_could_be_found_cost_the_others_nothing():
    p = np.array([0.004, *np.full(1_000, 0.4)])
    assert false_discovery_rates(p)[0] > 0.3
    smallest = np.array([1e-9, *np.full(1_000, 0.3)])
    found = false_discovery_rates(p, smallest)
    assert found[0] == pytest.approx(0.004)
    assert (found[1:] == 1).all()


def test_chosen_values_get_wider_intervals():
    assert level_for_chosen(3, 600) == pytest.approx(1 - 0.05 / 200)
    assert level_for_chosen(600, 600) == 0.95
    counts = np.array([20]), np.array([40]), np.array([60])
    plain, chosen = (npmi_interval(*counts, 400, level) for level in (0.95, level_for_chosen(3, 600)))
    assert np.ptp(chosen) == pytest.approx(np.ptp(plain) * 3.66 / 1.96, rel=0.15)


def test_with_few_sessions_finding_nothing_says_nothing():
    def judged(sessions: int):
        random = np.random.default_rng(5)
        of = np.repeat(np.arange(sessions), 10)
        values = Values.of_codes(random.integers(0, 20, sessions)[of], 20, Units.of_codes(of))
        mask = (random.beta(0.5, 2, sessions))[of] > random.random(len(of))
        return judge([tails(Beside.of(values, mask))])

    assert not judged(40).enough
    assert judged(4_000).enough
    assert judged(40).looked_at == 20


def test_q_values_are_those_of_benjamini_and_hochberg():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).random(50) ** 3
    assert false_discovery_rates(p) == pytest.approx(false_discovery_control(p))
