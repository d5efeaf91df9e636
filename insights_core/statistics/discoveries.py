"""What passed a false discovery rate over all that was looked at."""

from __future__ import annotations

import numpy as np

FALSE_DISCOVERY_RATE = 0.05


def false_discovery_rates(p: np.ndarray, smallest: np.ndarray | None = None) -> np.ndarray:
    """q-values after Benjamini and Hochberg (1995): calling everything up to q a finding is wrong in a share q of cases.

    Values that could not be called a finding at 5 % even if every trace of theirs were in the slice cost the others
    nothing: they are left out by their margins alone, as Tarone (1990, "A modified Bonferroni method for discrete data")
    and Gilbert (2005, "A modified false discovery rate multiple-comparisons procedure for discrete data") do, and have
    a q-value of 1. One-sided tests of values that exclude each other or hold each other keep the rate (Benjamini and
    Yekutieli 2001, "The control of the false discovery rate in multiple testing under dependency"; the suite in
    tests/statistics measures it).

    Args:
        p: p-values of everything that was looked at, shape (n,).
        smallest: The smallest p-value that each could have had, shape (n,).

    Returns:
        Floats of shape (n,), at least p.
    """
    found = np.ones(len(p))
    tested = np.flatnonzero(testable(smallest)) if smallest is not None else np.arange(len(p))
    n = len(tested)
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * n / np.arange(1, n + 1)
    found[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return found


def testable(smallest: np.ndarray) -> np.ndarray:
    """Which values count: those that reach 5 % / k, for the smallest k that is at least as large as their number."""
    ordered = np.sort(smallest)
    k = np.arange(1, len(ordered) + 1)
    reaching = np.searchsorted(ordered, FALSE_DISCOVERY_RATE / k, side="right")
    enough = np.flatnonzero(reaching <= k)
    return smallest <= FALSE_DISCOVERY_RATE / k[enough[0]] if len(enough) else np.ones(len(smallest), dtype=bool)


def level_for_chosen(shown: int, looked_at: int) -> float:
    """The level at which intervals of chosen values hold in 95 of 100, whatever they were chosen by.

    False-coverage-rate intervals: Benjamini and Yekutieli 2005, "False discovery rate-adjusted multiple confidence
    intervals for selected parameters".

    Args:
        shown: How many were chosen.
        looked_at: Out of how many.
    """
    return 1 - FALSE_DISCOVERY_RATE * min(1.0, max(shown, 1) / max(looked_at, 1))
