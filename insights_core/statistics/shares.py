"""How sure a share is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insights_core.statistics.units import Units

Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def wilson(count: float, total: float) -> tuple[float, float]:
    """95 % interval of the share count / total, after Wilson (1927), "Probable inference, the law of succession".

    Args:
        count: How many, 0 to total.
        total: Out of how many independent ones.

    Returns:
        Lower and upper bound, each 0 to 1; (0, 1) where total is 0.
    """
    if not total > 0:
        return 0.0, 1.0
    share, z2 = count / total, Z95**2
    centre = share + z2 / (2 * total)
    half = Z95 * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, float(centre - half) / (1 + z2 / total)), min(1.0, float(centre + half) / (1 + z2 / total))


@dataclass(frozen=True)
class Share:
    """A share of traces and its 95 % interval."""

    count: int
    total: int
    effective: float
    """As many independent traces would say as much."""
    lower: float
    upper: float

    @property
    def share(self) -> float:
        return self.count / self.total if self.total else 0.0


def share_of(mask: np.ndarray, units: Units) -> Share:
    """The share of traces in a slice, if traces like these keep coming: Wilson's interval of the effective number.

    The effective number after Korn and Graubard (1998), with their correction for few units.

    Args:
        mask: The slice, bools of shape (n_traces,).
        units: Of the traces.
    """
    total, count = len(mask), int(mask.sum())
    effective = total / _design_effect(mask, units) if total else 0.0
    lower, upper = wilson(count * effective / total if total else 0.0, effective)
    return Share(count, total, effective, lower, upper)


def _design_effect(mask: np.ndarray, units: Units) -> float:
    share = mask.mean()
    if not units.nested:
        return 1.0
    if units.count < 2:
        return float(len(mask))
    if not 0 < share < 1:
        # Nothing says how much the traces of a unit differ: each unit counts once.
        return len(mask) / units.count
    rest = units.sums(mask) - share * units.sizes
    variance = float((rest**2).sum()) * units.count / (units.count - 1)
    effect = variance / (len(mask) * share * (1 - share))
    return max(1.0, effect * float(few_units(units.count - 1)))


def few_units(degrees: np.ndarray | float) -> np.ndarray:
    """How much an effect of few units is to be enlarged: the square of Student's t against the normal, at 95 %."""
    from scipy.special import stdtrit

    return (stdtrit(np.maximum(degrees, 1.0), 0.975) / Z95) ** 2
