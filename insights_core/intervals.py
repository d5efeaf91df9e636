"""How sure a share is."""

from __future__ import annotations

from math import sqrt

_Z95 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def wilson(count: int, total: int) -> tuple[float, float]:
    """95 % interval of the share count / total, after Wilson (1927), "Probable inference, the law of succession".

    Args:
        count: How many, 0 to total.
        total: Out of how many.

    Returns:
        Lower and upper bound, each 0 to 1; (0, 1) where total is 0.
    """
    if not total:
        return 0.0, 1.0
    share, z2 = count / total, _Z95**2
    centre = share + z2 / (2 * total)
    half = _Z95 * sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, (centre - half) / (1 + z2 / total)), min(1.0, (centre + half) / (1 + z2 / total))
