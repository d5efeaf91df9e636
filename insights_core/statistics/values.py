"""Values that traces have, counted within units: what intervals and tests of many values are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from insights_core.statistics.units import Units


@dataclass(frozen=True, eq=False)
class Values:
    """Which traces have which values, each (trace, value) once.

    Args:
        trace: Ints of shape (n_pairs,).
        value: Ints from 0 to count - 1, shape (n_pairs,).
        count: Number of values.
        units: Of the traces.
    """

    trace: np.ndarray
    value: np.ndarray
    count: int
    units: Units

    @classmethod
    def of_codes(cls, codes: np.ndarray, count: int, units: Units) -> Values:
        """From one code for each trace, shape (n_traces,); a negative one has no value."""
        trace = np.flatnonzero(codes >= 0)
        return cls(trace, codes[trace], count, units)

    @cached_property
    def totals(self) -> np.ndarray:
        """Traces with each value, floats of shape (count,)."""
        return np.bincount(self.value, minlength=self.count).astype(float)

    def joint(self, mask: np.ndarray) -> np.ndarray:
        """Those of them that are in a slice, floats of shape (count,)."""
        return np.bincount(self.value[mask[self.trace]], minlength=self.count).astype(float)

    @cached_property
    def powers(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums over units of the second and third power of how many of a unit's traces have the value."""
        if not self.units.nested:
            return self.totals, self.totals
        held = self._held
        return self._sum(held.size**2), self._sum(held.size**3)

    def products(self, mask: np.ndarray) -> np.ndarray:
        """Sums over units of all products of four counts, shape (count, 4, 4).

        The counts of a unit are its traces with the value that are in the slice, those with the value, those in the
        slice, and all of them.
        """
        units, held = self.units, self._held
        inside, size = units.sums(mask), units.sizes
        both = np.bincount(held.of, weights=mask[self.trace], minlength=len(held.value))
        columns = (both, held.size, inside[held.unit], size[held.unit])
        found = np.empty((self.count, 4, 4))
        for row in range(2):
            for column in range(row, 4):
                found[:, row, column] = found[:, column, row] = self._sum(columns[row] * columns[column])
        found[:, 2, 2], found[:, 3, 3] = (inside**2).sum(), (size**2).sum()
        found[:, 2, 3] = found[:, 3, 2] = (inside * size).sum()
        return found

    def units_with(self, mask: np.ndarray) -> np.ndarray:
        """Units that have a trace with the value in the slice, floats of shape (count,)."""
        held = self._held
        both = np.bincount(held.of, weights=mask[self.trace], minlength=len(held.value))
        return np.bincount(held.value[both > 0], minlength=self.count).astype(float)

    def _sum(self, weights: np.ndarray) -> np.ndarray:
        return np.bincount(self._held.value, weights=weights, minlength=self.count)

    @cached_property
    def _held(self) -> _Held:
        """The (value, unit) pairs that occur."""
        packed = self.value.astype(np.int64) * self.units.count + self.units.of[self.trace]
        order = np.argsort(packed, kind="stable")
        ordered = packed[order]
        first = np.ones(len(ordered), dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        of = np.empty(len(ordered), dtype=np.int64)
        of[order] = np.cumsum(first) - 1
        distinct = ordered[first]
        size = np.bincount(of, minlength=len(distinct)).astype(float)
        return _Held(of, distinct // self.units.count, distinct % self.units.count, size)


@dataclass(frozen=True, eq=False)
class _Held:
    of: np.ndarray
    """Position of each (trace, value) in the others."""
    value: np.ndarray
    unit: np.ndarray
    size: np.ndarray
    """Traces of the unit with the value."""
