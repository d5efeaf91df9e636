"""Values that traces have, counted within units: what intervals and tests of many values are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from insights_core.statistics.units import Agreement, Units, agreement

# Up to so many possible pairs, looking each up in a table is faster than sorting them.
_COUNTED = 4_000_000


@dataclass(frozen=True, eq=False)
class Values:
    """Which traces have which values, each (trace, value) once.

    Args:
        trace: Ints of shape (n_pairs,).
        value: Ints from 0 to count - 1, ascending, shape (n_pairs,).
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
        order = np.argsort(codes, kind="stable")
        order = order[np.searchsorted(codes[order], 0) :]
        return cls(order, codes[order], count, units)

    @cached_property
    def totals(self) -> np.ndarray:
        """Traces with each value, floats of shape (count,)."""
        return np.bincount(self.value, minlength=self.count).astype(float)

    @cached_property
    def powers(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums over units of the second and third power of how many of a unit's traces have the value."""
        if not self.units.nested:
            return self.totals, self.totals
        return self._sum(self.held.size**2), self._sum(self.held.size**3)

    @cached_property
    def by_size(self) -> np.ndarray:
        """Sums over units of how many of a unit's traces have the value, times how many it has."""
        return self._sum(self.held.size * self.units.sizes[self.held.unit])

    def _sum(self, weights: np.ndarray) -> np.ndarray:
        return np.bincount(self.held.value, weights=weights, minlength=self.count)

    @cached_property
    def held(self) -> Held:
        """The (value, unit) pairs that occur."""
        packed = self.value.astype(np.int64) * self.units.count + self.units.of[self.trace]
        if self.count * self.units.count <= _COUNTED:
            there = np.zeros(self.count * self.units.count, dtype=bool)
            there[packed] = True
            distinct = np.flatnonzero(there)
            of = (np.cumsum(there) - 1)[packed]
        else:
            order = np.argsort(packed, kind="stable")
            ordered = packed[order]
            first = np.ones(len(ordered), dtype=bool)
            first[1:] = ordered[1:] != ordered[:-1]
            of = np.empty(len(ordered), dtype=np.int64)
            of[order] = np.cumsum(first) - 1
            distinct = ordered[first]
        size = np.bincount(of, minlength=len(distinct)).astype(float)
        return Held(of, distinct // self.units.count, distinct % self.units.count, size)


@dataclass(frozen=True, eq=False)
class Held:
    """The pairs of a value and a unit that has it."""

    of: np.ndarray
    """Position of each (trace, value) in the others."""
    value: np.ndarray
    unit: np.ndarray
    size: np.ndarray
    """Traces of the unit with the value."""


@dataclass(frozen=True, eq=False)
class Beside:
    """Values beside a slice.

    Args:
        values: The values.
        mask: The slice, bools of shape (n_traces,).
        agreeing: `agreement` of their units and the slice.
    """

    values: Values
    mask: np.ndarray
    agreeing: Agreement

    @classmethod
    def of(cls, values: Values, mask: np.ndarray) -> Beside:
        """With their agreement, where it is not known yet."""
        return cls(values, mask, agreement(values.units, mask))

    @cached_property
    def inside(self) -> float:
        """Traces of the slice."""
        return float(np.count_nonzero(self.mask))

    @cached_property
    def joint(self) -> np.ndarray:
        """Traces of the slice with each value, floats of shape (values.count,)."""
        values = self.values
        return np.bincount(values.value[self.mask[values.trace]], minlength=values.count).astype(float)

    def products(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums over units of all products of four counts, for some values; and the units with traces in both.

        The counts of a unit are its traces with the value that are in the slice, those with the value, those in the
        slice, and all of them.

        Args:
            rows: Positions of the values, shape (n_rows,).

        Returns:
            Floats of shape (n_rows, 4, 4) and (n_rows,).
        """
        values, held, units = self.values, self.values.held, self.values.units
        pairs, _ = _ranges(values.value, rows)
        kept, begins = _ranges(held.value, rows)
        row = np.repeat(np.arange(len(rows)), np.diff(begins))
        unit, size = held.unit[kept], held.size[kept]
        # Where each of the pairs is in what was kept.
        moved = np.zeros(values.count, dtype=np.int64)
        moved[rows] = np.searchsorted(held.value, rows) - begins[:-1]
        of = held.of[pairs] - moved[values.value[pairs]]
        both = np.bincount(of, weights=self.mask[values.trace[pairs]], minlength=len(kept))
        inside = units.sums(self.mask)
        found = np.empty((len(rows), 4, 4))

        def put(one: int, other: int, sums: np.ndarray | float) -> None:
            found[:, one, other] = found[:, other, one] = sums

        for one, other, weights in (
            (0, 0, both * both),
            (0, 1, both * size),
            (0, 2, both * inside[unit]),
            (0, 3, both * units.sizes[unit]),
            (1, 2, size * inside[unit]),
        ):
            put(one, other, np.bincount(row, weights=weights, minlength=len(rows)))
        put(1, 1, values.powers[0][rows])
        put(1, 3, values.by_size[rows])
        # Not as a product of vectors: threads of a linear algebra library cost more than this takes.
        put(2, 2, (inside * inside).sum())
        put(2, 3, (inside * units.sizes).sum())
        put(3, 3, (units.sizes**2).sum())
        return found, np.bincount(row[both > 0], minlength=len(rows)).astype(float)


def _ranges(ascending: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all that equals what is wanted, in that order, and where each begins and the last ends among them."""
    starts = np.searchsorted(ascending, wanted)
    counts = np.searchsorted(ascending, wanted, side="right") - starts
    begins = np.concatenate([[0], np.cumsum(counts)])
    return np.arange(begins[-1]) + np.repeat(starts - begins[:-1], counts), begins
