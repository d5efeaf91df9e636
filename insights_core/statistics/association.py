"""What goes with a slice: normalised pointwise mutual information, how sure it is, and whether chance explains it.

NPMI(a, b) = log(p(a,b) / (p(a) p(b))) / -log p(a,b): 1 where a and b always come together, 0 where they are
independent, -1 where they never meet (Bouma 2009, "Normalized (pointwise) mutual information in collocation
extraction"). From counts without smoothing, as `MlflowClient.calculate_trace_filter_correlation` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE, false_discovery_rates, testable
from insights_core.statistics.shares import Z95, few_units
from insights_core.statistics.units import Agreement
from insights_core.statistics.values import Beside, Values

_LEVEL = 0.95
# Draws for an interval: the ends of a 95 % interval then hold between 94.5 and 95.5 % of the posterior.
_DRAWS = 2_000
_JEFFREYS = 0.5
# From this count on a gamma quantile is taken from the normal one (Wilson and Hilferty 1931, "The distribution of
# chi-square"), which is then off by less than 0.1 % of its spread and an order of magnitude cheaper.
_LARGE_COUNT = 16
# Smaller counts that are no whole numbers are rounded down to such parts, so that their draws are shared.
_PARTS = 4
# Rows whose draws are held at once: 200 rows take 13 MB.
_ROWS_A_TIME = 200
# A value's own variance between units counts for as many units as have it, that of all values for so many.
_POOLED_UNITS = 30
# What is found most easily is among the most frequent values.
_FREQUENT = 40


def npmi(joint: np.ndarray, first: np.ndarray, second: np.ndarray, total: np.ndarray | float) -> np.ndarray:
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
    joint: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    total: int,
    level: float = _LEVEL,
    effect: np.ndarray | float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """An interval that holds the true NPMI in `level` of all cases, if traces like these keep coming.

    The four cells of the table (both, only the one, only the other, neither) are taken as multinomial with the Jeffreys
    prior, Dirichlet(1/2, …); the interval is the equal-tailed one of 2,000 seeded draws from the posterior. Such intervals
    keep their level in repeated samples for measures of association in 2×2 tables (Agresti and Min 2005, "Frequentist
    performance of Bayesian confidence intervals for comparing proportions in 2×2 contingency tables"). Levels above 95 %
    stretch each side as that of a normal distribution, on Fisher's scale (the inverse hyperbolic tangent). Where the
    plain score lies outside, as -1 does, the interval is widened to it.

    Args:
        joint, first, second: As `npmi` takes them.
        total: All traces.
        level: Of the interval.
        effect: Design effects, shape (n,): how many traces count as one independent one.

    Returns:
        Lower and upper ends, floats of shape (n,); NaN where NPMI is undefined.
    """
    from scipy.special import ndtri

    score = npmi(joint, first, second, total)
    cells = np.stack([joint, first - joint, second - joint, total - first - second + joint], axis=-1).astype(float)
    cells /= np.broadcast_to(effect, score.shape)[:, None]
    ends = np.full((2, len(score)), np.nan)
    stretch = float(ndtri((1 + level) / 2)) / Z95
    rows = np.flatnonzero(~np.isnan(score))
    for start in range(0, len(rows), _ROWS_A_TIME):
        chosen = rows[start : start + _ROWS_A_TIME]
        draws = [_gamma(cells[chosen, column], column) for column in range(4)]
        quantiles = np.quantile(_of_cells(*draws), [(1 - _LEVEL) / 2, 0.5, (1 + _LEVEL) / 2], axis=-1)
        low, middle, high = np.arctanh(np.clip(quantiles, -1 + 1e-6, 1 - 1e-6))
        ends[:, chosen] = np.tanh([middle - stretch * (middle - low), middle + stretch * (high - middle)])
    return np.fmin(ends[0], score), np.fmax(ends[1], score)


def _gamma(counts: np.ndarray, column: int) -> np.ndarray:
    """Draws of shape (n, _DRAWS) from Gamma(count + 1/2) for one cell of n tables.

    The same seeds for each row: the same counts always give the same interval, in whatever list they stand.
    """
    shape = (counts + _JEFFREYS).astype(np.float32)[:, None]
    draws = 1 - 1 / (9 * shape) + _normal(column) / (3 * np.sqrt(shape))
    draws = shape * draws * draws * draws
    parts = np.floor(counts * _PARTS)
    for part in np.unique(parts[counts < _LARGE_COUNT]):
        draws[parts == part] = _small_gamma(float(part) / _PARTS, column)
    return draws


@cache
def _normal(column: int) -> np.ndarray:
    return np.random.default_rng(column).standard_normal(_DRAWS, dtype=np.float32)


@cache  # 4 columns of 16 counts and their parts
def _small_gamma(count: float, column: int) -> np.ndarray:
    return np.random.default_rng(column).standard_gamma(count + _JEFFREYS, size=_DRAWS, dtype=np.float32)


def _of_cells(both: np.ndarray, one: np.ndarray, other: np.ndarray, neither: np.ndarray) -> np.ndarray:
    """NPMI of drawn cells, in their own precision: seven digits are plenty for the end of an interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_both, total = np.log(both), np.log(both + one + other + neither)
        score = (total + log_both - np.log(both + one) - np.log(both + other)) / (total - log_both)
    return np.clip(np.where(both > 0, score, -1.0), -1.0, 1.0)


def design_effects(beside: Beside, rows: np.ndarray) -> np.ndarray:
    """How many traces count as one independent one for the NPMI of some values with a slice. Shape (n_rows,), at least 1.

    The variance between units of NPMI's linearisation (the sandwich of Liang and Zeger 1986, "Longitudinal data analysis
    using generalized linear models") against that of independent traces. Few units say little of their own variance, so
    it is drawn to what all units say of how traces of one unit agree (Moulton 1986, "Random group effects and the
    precision of regression estimates"), and enlarged by Student's t.
    """
    if not beside.values.units.nested:
        return np.ones(len(rows))
    n, inside = len(beside.mask), beside.inside
    joint, total = beside.joint[rows], beside.values.totals[rows]
    cells = np.stack([joint, total - joint, inside - joint, n - total - inside + joint])
    slopes = _slopes(joint, total, inside, n)
    of_cell = np.stack([slopes.sum(0), slopes[1] + slopes[3], slopes[2] + slopes[3], slopes[3]])
    independent = (cells * of_cell**2).sum(0)
    products, having = beside.products(rows)
    between = np.einsum("ij,jik,kj->j", slopes, products, slopes)
    share = total / n
    together = products[:, 1, 1] - 2 * share * products[:, 1, 3] + share**2 * products[:, 3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(independent > 0, between / independent, 1.0)
        alike = np.where((share > 0) & (share < 1), together / (total * (1 - share)) - 1, 0.0)
    pooled = 1 + beside.agreeing.correlation * np.maximum(alike, 0)
    effect = (having * own + _POOLED_UNITS * pooled) / (having + _POOLED_UNITS)
    return np.maximum(1.0, effect * few_units(having + _POOLED_UNITS - 1))


def _slopes(joint: np.ndarray, total: np.ndarray, inside: float, n: int) -> np.ndarray:
    """How much NPMI changes with each of the counts of `Values.products`, shape (4, count)."""
    # Half a trace where there is none together: the slope at 0 is infinite.
    p = np.maximum(joint, 0.5) / n
    one, other = np.maximum(total / n, p), max(inside / n, 0.5 / n)
    surprise = np.maximum(-np.log(p), 1e-9)
    by_both = (1 + np.log(p / (one * other)) / surprise) / (p * surprise)
    by_value, by_slice = -1 / (one * surprise), -1 / (np.maximum(other, p) * surprise)
    rest = -(by_both * joint + by_value * total + by_slice * inside) / n
    return np.stack([by_both, by_value, by_slice, rest])


def p_values(beside: Beside, joint: np.ndarray | None = None, rows: np.ndarray | None = None) -> np.ndarray:
    """How likely at least so many traces of a slice have a value where the two have nothing to do with each other.

    Under that, a unit's traces are in the slice as those of any other unit: how often one, two and three of them are in
    it is known from all units, and with that the first three moments of the count, given which traces have the value.
    The tail is the larger of two: that of the binomial distribution with the same mean and variance (its count scaled by
    the design effect, as Rao and Scott 1992, "A simple method for the analysis of clustered binary data", do), which
    knows that a count has an end; and that of the gamma distribution with the same skewness too (Pearson's type III),
    which knows that few units can hold much. With one trace a unit the first alone is Fisher's exact test, one-sided, to a
    few percent of p.

    Args:
        beside: The values and the slice.
        joint: Traces of the slice with each value that there could be, where it is not those that are.
        rows: Positions of some values, shape (n_rows,); all where it is None.

    Returns:
        Floats of shape (n_rows,).
    """
    from scipy.special import betainc, gammainc, gammaincc

    rows = np.arange(beside.values.count) if rows is None else rows
    joint = beside.joint[rows] if joint is None else joint
    total, n, one = beside.values.totals[rows], len(beside.mask), beside.agreeing.one
    if not 0 < one < 1:
        return np.ones(len(rows))
    outside = np.maximum(1 - total / n, 0.0)
    mean, variance, third = (moment[rows] for moment in _moments(beside.values, beside.agreeing))
    # Which traces are in the slice is known as a whole: sampling without replacement.
    variance, third = variance * outside, third * outside * (2 * outside - 1)
    # "At least so many" begins half a trace below, on the scale of effective traces too.
    least = joint - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = variance / (total * one * (1 - one))
        tail = betainc(np.maximum(least / effect + 0.5, 1e-9), (total - least) / effect + 0.5, one)
        if beside.values.units.nested:
            skewness = third / variance**1.5
            skewness = np.where(np.abs(skewness) < 1e-3, 1e-3, skewness)
            shape = 4 / skewness**2
            reached = np.maximum(shape + (least - mean) / np.sqrt(variance) * 2 / skewness, 0)
            upper = skewness > 0
            tail[upper] = np.maximum(tail[upper], gammaincc(shape[upper], reached[upper]))
            tail[~upper] = np.maximum(tail[~upper], gammainc(shape[~upper], reached[~upper]))
    return np.where((total > 0) & (variance > 0), np.nan_to_num(tail, nan=1.0), 1.0)


def _moments(values: Values, found: Agreement) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, variance and third central moment of each value's count in the slice, where nothing goes with anything."""
    first, (second, third) = values.totals, values.powers
    one, two, three = found.one, found.two, found.three
    squares = (second - first) * two + first * one
    cubes = (third - 3 * second + 2 * first) * three + 3 * (second - first) * two + first * one
    mixed = (third - second) * two * one + second * one**2
    return first * one, squares - second * one**2, cubes - 3 * mixed + 2 * third * one**3


@dataclass(frozen=True, eq=False)
class Tails:
    """What `judge` needs of some values."""

    p: np.ndarray
    """Shape (n,)."""
    smallest: np.ndarray
    """Were all traces of the value in the slice, as far as the slice has so many. Shape (n,)."""
    doubled: np.ndarray
    """Were twice as many of them in the slice as of all traces; of the most frequent values alone."""


def tails(beside: Beside, rows: np.ndarray | None = None) -> Tails:
    """p-values of some values, as they are and as they could be."""
    rows = np.arange(beside.values.count) if rows is None else rows
    total = beside.values.totals[rows]
    possible = np.minimum(total, beside.inside)
    frequent = np.argsort(-total, kind="stable")[:_FREQUENT]
    doubled = np.minimum(possible, 2 * total * beside.agreeing.one)[frequent]
    # At once: a call costs more than a value.
    everything = p_values(
        beside, np.concatenate([beside.joint[rows], possible, doubled]), np.concatenate([rows, rows, rows[frequent]])
    )
    n = len(rows)
    return Tails(everything[:n], everything[n : 2 * n], everything[2 * n :])


@dataclass(frozen=True, eq=False)
class Judged:
    """What is a discovery among everything that was looked at."""

    q: np.ndarray
    """Shape (n,)."""
    looked_at: int
    enough: bool
    """Whether a value that doubles the share of the slice could have been found; otherwise finding none says nothing."""


def judge(looked: Sequence[Tails]) -> Judged:
    """False discovery rates over all values of all kinds that were looked at for one answer."""
    p, smallest, doubled = (
        np.concatenate([np.empty(0), *(getattr(one, name) for one in looked)]) for name in ("p", "smallest", "doubled")
    )
    q = false_discovery_rates(p, smallest)
    limit = FALSE_DISCOVERY_RATE / max(1, int(testable(smallest).sum()))
    return Judged(q, len(p), bool((doubled <= limit).any()))
