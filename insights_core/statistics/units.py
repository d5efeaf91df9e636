"""Units of independence: which traces belong together, and how much traces of one unit agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Units:
    """The unit of each trace: its session where it has one, itself otherwise."""

    of: np.ndarray
    """Ints from 0 to count - 1, shape (n_traces,)."""
    count: int

    @classmethod
    def of_codes(cls, codes: np.ndarray) -> Units:
        """From a code for each trace, shape (n_traces,); a negative one is a trace on its own."""
        codes = np.asarray(codes, dtype=np.int64)
        alone = codes < 0
        if alone.all():
            return cls(np.arange(len(codes)), len(codes))
        highest = int(codes.max())
        own = np.where(alone, highest + np.cumsum(alone), codes)
        # Codes are dense, so counting them is faster than sorting.
        held = np.bincount(own) > 0
        return cls((np.cumsum(held) - 1)[own], int(held.sum()))

    @property
    def nested(self) -> bool:
        """Whether any unit has more than one trace."""
        return self.count < len(self.of)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Traces of each unit, floats of shape (count,)."""
        return np.bincount(self.of, minlength=self.count).astype(float)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of a value over each unit's traces, floats of shape (count,)."""
        return np.bincount(self.of, weights=values, minlength=self.count)


@dataclass(frozen=True)
class Agreement:
    """How often one, two and three traces of a unit are all in a slice."""

    one: float
    two: float
    three: float

    @property
    def correlation(self) -> float:
        """Intraclass correlation: 0 where traces of a unit are as different as any, 1 where they are all alike."""
        spread = self.one * (1 - self.one)
        return (self.two - self.one**2) / spread if spread > 0 else 0.0


def agreement(units: Units, mask: np.ndarray) -> Agreement:
    """Moment estimates from all units, each weighted by its size as in an analysis of variance.

    Ridout, Demétrio and Firth 1999, "Estimating intraclass correlation for binary data", compare such estimators. The
    result is never below what independent traces give, so that no interval gets narrower than theirs.

    Args:
        units: Of n traces.
        mask: The slice, bools of shape (n,).
    """
    one = float(mask.mean()) if len(mask) else 0.0
    if not units.nested or not 0 < one < 1:
        return Agreement(one, one**2, one**3)
    size, inside = units.sizes, units.sums(mask)
    pairs = inside * (inside - 1)
    two = max((pairs / size).sum() / (size - 1).sum(), one**2)
    large = size > 2
    three = two * two / one
    if large.any():
        among = pairs[large] * (inside[large] - 2) / (size[large] * (size[large] - 1))
        three = max(three, among.sum() / (size[large] - 2).sum())
    return Agreement(one, float(two), float(min(three, two)))
