"""Time buckets, rates and percentiles over arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from insights_core.errors import InvalidParameterError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
# The epoch was a Thursday; the Monday before it is three days earlier.
_FIRST_MONDAY_MS = -3 * DAY_MS
_WIDTHS = {"hour": (HOUR_MS, 0), "day": (DAY_MS, 0), "week": (WEEK_MS, _FIRST_MONDAY_MS)}
PERCENTILES = (0.5, 0.9, 0.99)


def bucket_starts(time_ms: np.ndarray, time_bucket: str) -> np.ndarray:
    """The start of the UTC hour, day or week (from Monday) of each time. Shape and unit as given.

    Raises:
        InvalidParameterError: Another bucket.
    """
    if time_bucket not in _WIDTHS:
        raise InvalidParameterError(
            f"time_bucket is {time_bucket!r}; valid are {', '.join(_WIDTHS)}.", field="time_bucket"
        )
    width, first = _WIDTHS[time_bucket]
    return (time_ms - first) // width * width + first


def distinct_buckets(time_ms: np.ndarray, time_bucket: str) -> tuple[np.ndarray, np.ndarray]:
    """The buckets that hold a time, ascending, and for each time the position of its bucket."""
    starts = bucket_starts(time_ms, time_bucket)
    if not len(starts):
        return starts, starts
    first = starts.min()
    # Counting is faster than sorting, and a thousand years have nine million hours.
    number = (starts - first) // _WIDTHS[time_bucket][0]
    held = np.bincount(number) > 0
    return first + np.flatnonzero(held) * _WIDTHS[time_bucket][0], (np.cumsum(held) - 1)[number]


def rate(part: int, total: int) -> float:
    """Percent with two decimals; 0 of nothing."""
    return round(100.0 * part / total, 2) if total else 0.0


def grouped_percentiles(
    groups: np.ndarray, values: np.ndarray, n_groups: int, quantiles: Sequence[float] = PERCENTILES
) -> np.ndarray:
    """Percentiles of each group by linear interpolation, as `numpy.quantile` and SQL's percentile_cont define it.

    Args:
        groups: Ints from 0 to n_groups - 1, shape (n,).
        values: Floats, shape (n,); NaN is left out.
        n_groups: Number of groups.
        quantiles: Between 0 and 1.

    Returns:
        Floats of shape (n_groups, len(quantiles)); NaN for a group without values.
    """
    present = ~np.isnan(values)
    groups, values = groups[present].astype(np.int64), values[present]
    counts = np.bincount(groups, minlength=n_groups)
    ordered = _sorted_within(groups, values)
    starts = np.cumsum(counts) - counts
    result = np.full((n_groups, len(quantiles)), np.nan)
    filled = counts > 0
    for column, quantile in enumerate(quantiles):
        position = quantile * (counts[filled] - 1)
        lower = np.floor(position).astype(np.int64)
        weight = position - lower
        upper = np.minimum(lower + 1, counts[filled] - 1)
        low, high = ordered[starts[filled] + lower], ordered[starts[filled] + upper]
        # From the nearer end, as numpy does, so that the last digit is the same.
        result[filled, column] = np.where(weight < 0.5, low + (high - low) * weight, high - (high - low) * (1 - weight))
    return result


def _sorted_within(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values by group, then ascending."""
    if len(values) and values.min() >= 0 and values.max() < 2**31 and (values == np.floor(values)).all():
        # Whole milliseconds: sorting group and value as one integer is several times faster than sorting by two keys.
        return (np.sort(groups << 31 | values.astype(np.int64)) & (2**31 - 1)).astype(np.float64)
    return values[np.lexsort((values, groups))]


def number(value: float) -> float | None:
    """A plain float; None for NaN: of nothing there is no figure."""
    return None if np.isnan(value) else float(value)
