"""Normalised pointwise mutual information, how sure it is, and which of many are worth a look.

NPMI(a, b) = log(p(a,b) / (p(a) p(b))) / -log p(a,b): 1 where a and b always come together, 0 where they are
independent, -1 where they never meet (Bouma 2009, "Normalized (pointwise) mutual information in collocation
extraction"). From counts without smoothing, as `MlflowClient.calculate_trace_filter_correlation` gives it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from insights_core.analytics.models import Strength

# Draws for an interval: the ends of a 95 % interval then hold between 94.5 and 95.5 % of the posterior.
_DRAWS = 2_000
_JEFFREYS = 0.5
# From this count on a gamma quantile is taken from the normal one (Wilson and Hilferty 1931, "The distribution of
# chi-square"), which is then off by less than 0.1 % of its spread and an order of magnitude cheaper.
_LARGE_COUNT = 16
# Rows whose draws are held at once: 200 rows take 13 MB.
_ROWS_A_TIME = 200
# Below this expected count in a cell the chi-squared distribution is a poor stand-in for the exact one (Cochran 1954).
_SMALL_CELL = 5.0


def npmi(joint: np.ndarray, first: np.ndarray, second: np.ndarray, total: np.ndarray | int) -> np.ndarray:
    """NPMI from counts.

    Args:
        joint: Traces with both; shape (n,), as the next two.
        first: Traces with the one.
        second: Traces with the other.
        total: All traces.

    Returns:
        Floats of shape (n,): -1 where both occur but never together, NaN where one never occurs.
    """
    joint, first, second, total = np.broadcast_arrays(
        *(np.asarray(one, dtype=float) for one in (joint, first, second, total))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (np.log(joint) + np.log(total) - np.log(first) - np.log(second)) / -(np.log(joint) - np.log(total))
    score = np.where((joint == first) & (joint == second), 1.0, score)
    score = np.where(joint == 0, -1.0, np.clip(score, -1.0, 1.0))
    return np.where((first == 0) | (second == 0) | (total <= 0), np.nan, score)


def npmi_interval(
    joint: np.ndarray, first: np.ndarray, second: np.ndarray, total: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """An interval that holds the true NPMI in `level` of all cases.

    The four cells of the table (both, only the one, only the other, neither) are taken as multinomial with the Jeffreys
    prior, Dirichlet(1/2, …); the interval is the equal-tailed one of 2,000 seeded draws from the posterior. Such intervals
    keep their level in repeated samples for measures of association in 2×2 tables (Agresti and Min 2005, "Frequentist
    performance of Bayesian confidence intervals for comparing proportions in 2×2 contingency tables"); a test here
    repeats that by simulation. Where the plain score lies outside, as -1 does, the interval is widened to it.

    Returns:
        Lower and upper ends, floats of shape (n,); NaN where NPMI is undefined.
    """
    score = npmi(joint, first, second, total)
    cells = np.stack([joint, first - joint, second - joint, total - first - second + joint], axis=-1).astype(float)
    tail = (1 - level) / 2
    ends = np.full((2, len(score)), np.nan)
    rows = np.flatnonzero(~np.isnan(score))
    for start in range(0, len(rows), _ROWS_A_TIME):
        chosen = rows[start : start + _ROWS_A_TIME]
        draws = [_gamma(cells[chosen, column], column) for column in range(4)]
        ends[:, chosen] = np.quantile(_of_cells(*draws), [tail, 1 - tail], axis=-1)
    return np.fmin(ends[0], score), np.fmax(ends[1], score)


def _gamma(counts: np.ndarray, column: int) -> np.ndarray:
    """Draws of shape (n, _DRAWS) from Gamma(count + 1/2) for one cell of n tables.

    The same seeds for each row: the same counts always give the same interval, in whatever list they stand.
    """
    shape = (counts + _JEFFREYS).astype(np.float32)[:, None]
    draws = 1 - 1 / (9 * shape) + _normal(column) / (3 * np.sqrt(shape))
    draws = shape * draws * draws * draws
    for count in np.unique(counts[counts < _LARGE_COUNT]):
        draws[counts == count] = _small_gamma(float(count), column)
    return draws


@cache
def _normal(column: int) -> np.ndarray:
    return np.random.default_rng(column).standard_normal(_DRAWS, dtype=np.float32)


@cache  # 4 columns of 16 counts
def _small_gamma(count: float, column: int) -> np.ndarray:
    return np.random.default_rng(column).standard_gamma(count + _JEFFREYS, size=_DRAWS, dtype=np.float32)


def _of_cells(both: np.ndarray, one: np.ndarray, other: np.ndarray, neither: np.ndarray) -> np.ndarray:
    """NPMI of drawn cells, in their own precision: seven digits are plenty for the end of an interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_both, total = np.log(both), np.log(both + one + other + neither)
        score = (total + log_both - np.log(both + one) - np.log(both + other)) / (total - log_both)
    return np.clip(np.where(both > 0, score, -1.0), -1.0, 1.0)


def p_values(joint: np.ndarray, first: np.ndarray, second: np.ndarray, total: int) -> np.ndarray:
    """How likely at least this strong an association is where there is none, in either direction. Shape (n,).

    The likelihood-ratio (G) test on the 2×2 table (Dunning 1993, "Accurate methods for the statistics of surprise and
    coincidence"); Fisher's exact test, the smaller tail doubled, where an expected count is below 5.
    """
    from scipy.special import chdtrc, xlogy

    joint, first, second = (np.asarray(one, dtype=float) for one in (joint, first, second))
    first, second = np.broadcast_to(first, joint.shape), np.broadcast_to(second, joint.shape)
    observed = np.stack([joint, first - joint, second - joint, total - first - second + joint])
    margins = np.stack(
        [first * second, first * (total - second), (total - first) * second, (total - first) * (total - second)]
    )
    expected = margins / max(total, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = xlogy(observed, np.where(expected > 0, observed / expected, 1.0))
    result = chdtrc(1, np.maximum(2 * terms.sum(axis=0), 0))
    small = expected.min(axis=0, initial=np.inf) < _SMALL_CELL
    if small.any():
        result[small] = _exact(joint[small], first[small], second[small], total)
    return result


def _exact(joint: np.ndarray, first: np.ndarray, second: np.ndarray, total: int) -> np.ndarray:
    from scipy.stats import hypergeom

    above = hypergeom.sf(joint - 1, total, first, second)
    below = hypergeom.cdf(joint, total, first, second)
    return np.minimum(1.0, 2 * np.minimum(above, below))


def false_discovery_rates(p: np.ndarray) -> np.ndarray:
    """q-values after Benjamini and Hochberg (1995): calling everything up to q a finding is wrong in a share q of cases.

    Args:
        p: p-values of everything that was looked at, shape (n,).

    Returns:
        Floats of shape (n,), at least p.
    """
    n = len(p)
    order = np.argsort(p)
    scaled = p[order] * n / np.arange(1, n + 1)
    result = np.empty(n)
    result[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return result


def strength(score: float | None) -> Strength:
    """Strong above 0.7, Moderate from 0.4 to 0.7, Weak below."""
    if score is None or np.isnan(score) or score < 0.4:
        return "Weak"
    return "Strong" if score > 0.7 else "Moderate"
