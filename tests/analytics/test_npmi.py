"""NPMI as MLflow defines it, an interval that holds what it promises, and a correction that keeps its rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from insights_core.analytics.npmi import false_discovery_rates, npmi, npmi_interval, p_values, strength


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


def test_p_values_agree_with_scipy_on_small_and_large_tables():
    from scipy.stats import chi2_contingency, fisher_exact

    large = np.array([[30, 20], [25, 125]])
    found = p_values(np.array([30]), np.array([50]), np.array([55]), 200)[0]
    assert found == pytest.approx(chi2_contingency(large, correction=False, lambda_="log-likelihood").pvalue, rel=1e-9)
    small = np.array([[4, 1], [2, 13]])
    found = p_values(np.array([4]), np.array([5]), np.array([6]), 20)[0]
    assert found == pytest.approx(min(1, 2 * fisher_exact(small, alternative="greater").pvalue), rel=1e-9)


def test_among_values_that_mean_nothing_few_are_called_a_finding():
    random = np.random.default_rng(3)
    n, total = 400, 2_000
    first = np.full(n, 300)
    second = random.integers(20, 600, n)
    found = []
    for _ in range(20):
        joint = random.hypergeometric(first, total - first, second)
        found.append((false_discovery_rates(p_values(joint, first, second, total)) <= 0.05).any())
    assert np.mean(found) <= 0.2  # uncorrected it would be always


def test_q_values_are_those_of_benjamini_and_hochberg():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).random(50) ** 3
    assert false_discovery_rates(p) == pytest.approx(false_discovery_control(p))


def test_strength_words():
    assert [strength(score) for score in (0.71, 0.7, 0.4, 0.39, -1.0, None)] == [
        "Strong",
        "Moderate",
        "Moderate",
        "Weak",
        "Weak",
        "Weak",
    ]
