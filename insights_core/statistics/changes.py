"""Whether a time is unlike the times before it: of a rate, a mean per trace and a number of traces; and single bad days.

Everything is compared with times like it, the same weekdays and hours, and each tail is widened by how much ordinary days
differ among themselves beyond chance, as a quasi-likelihood dispersion does (McCullagh and Nelder 1989, "Generalized
linear models", chapter 4.5); by its median, which one bad day does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insights_core.statistics.association import p_values
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values

# A quarter of the squares of standard normal numbers: their median.
_MEDIAN_SQUARE = 0.4549364
# Fewer days say nothing of how days differ.
_LEAST_DAYS = 5


@dataclass(frozen=True, eq=False)
class Traces:
    """Traces of a time and of times like it before.

    Args:
        now: Which are of the time itself, bools of shape (n,).
        day: Day of each, ints of shape (n,) from 0; days now and before have different ones.
        slot: Which of the days of a time it is, the same for days that are like each other. Ints of shape (n,) from 0.
        units: Of the traces.
        windows: How many times there are before.
    """

    now: np.ndarray
    day: np.ndarray
    slot: np.ndarray
    units: Units
    windows: int

    def of(self, kept: np.ndarray) -> Traces:
        """Some of them, bools of shape (n,)."""
        units = Units.of_codes(self.units.of[kept])
        return Traces(self.now[kept], self.day[kept], self.slot[kept], units, self.windows)


def rate_rose(traces: Traces, mask: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """How likely so many traces of a slice are now, and on each day of now, if nothing changed.

    Args:
        traces: Of the time and before.
        mask: The slice: traces that failed, or slow ones. Bools of shape (n,).

    Returns:
        p-value of the whole time, the days of now, and a p-value for each of them.
    """
    usual = _dispersion(traces, mask)
    whole = Beside.of(Values.of_codes(np.where(traces.now, 0, -1), 1, traces.units), mask)
    days, code = np.unique(traces.day[traces.now], return_inverse=True)
    codes = np.full(len(mask), -1)
    codes[traces.now] = code
    each = Beside(Values.of_codes(codes, len(days), traces.units), mask, whole.agreeing)
    return float(_widened(p_values(whole), usual)[0]), days, _widened(p_values(each), usual)


def _dispersion(traces: Traces, mask: np.ndarray) -> float:
    """How many times the variance of ordinary days is what chance explains; at least 1."""
    from scipy.special import ndtri

    before = ~traces.now
    days, code = np.unique(traces.day[before], return_inverse=True)
    if len(days) < _LEAST_DAYS or not mask[before].any():
        return 1.0
    beside = Beside.of(Values.of_codes(code, len(days), Units.of_codes(traces.units.of[before])), mask[before])
    # Half of "at least so many" and half of "more": neither side is nearer than the other.
    tail = (p_values(beside) + p_values(beside, beside.joint + 1)) / 2
    scores = ndtri(np.clip(tail, 1e-12, 1 - 1e-12))
    return max(1.0, float(np.median(scores**2)) / _MEDIAN_SQUARE)


def _widened(p: np.ndarray, dispersion: float) -> np.ndarray:
    from scipy.special import ndtr, ndtri

    return ndtr(ndtri(np.clip(p, 1e-300, 1 - 1e-12)) / np.sqrt(dispersion))


def mean_rose(traces: Traces, amount: np.ndarray) -> float:
    """How likely so high a mean per trace is now if nothing changed: cost, tokens.

    Args:
        traces: Of the time and before.
        amount: Of each trace; NaN where it has none. Floats of shape (n,).
    """
    known = ~np.isnan(amount)
    now, before = known & traces.now, known & ~traces.now
    if not now.any() or not before.any():
        return 1.0
    means = amount[now].mean(), amount[before].mean()
    pooled = amount[known].mean()
    influence = np.zeros(len(amount))
    influence[now] = (amount[now] - pooled) / now.sum()
    influence[before] = -(amount[before] - pooled) / before.sum()
    return _above(traces, means[0] - means[1], influence)


def count_changed(traces: Traces) -> tuple[float, float]:
    """How likely so many, and so few, traces are now if nothing changed."""
    now = int(traces.now.sum())
    before = (len(traces.now) - now) / max(1, traces.windows)
    if not now or not before:
        return 1.0, 1.0
    influence = np.where(traces.now, 1 / now, -1 / (before * max(1, traces.windows)))
    change = float(np.log(now / before))
    return _above(traces, change, influence), _above(traces, -change, influence)


def _above(traces: Traces, change: float, influence: np.ndarray) -> float:
    """The larger of two tails: units differ by chance, and days differ from days like them."""
    from scipy.special import ndtr, stdtr

    by_unit = (traces.units.sums(influence) ** 2).sum()
    p = float(ndtr(-change / np.sqrt(by_unit))) if by_unit > 0 else 1.0
    by_slot = np.bincount(traces.slot, weights=influence)
    slots = len(np.unique(traces.slot))
    if slots >= _LEAST_DAYS:
        spread = ((by_slot - by_slot.sum() / slots) ** 2).sum() * slots / (slots - 1)
        p = max(p, float(stdtr(slots - 1, -change / np.sqrt(spread)))) if spread > 0 else p
    return p
