"""Values from a source, as the arrays that columns are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from insights_core.analytics.facts import Columns


class Rows:
    """Turns trace ids into the rows they have in an array of ids (bytes); -1 for an unknown one."""

    def __init__(self, trace_ids: np.ndarray) -> None:
        self._row = {trace_id.decode(): row for row, trace_id in enumerate(trace_ids.tolist())}

    def __call__(self, trace_ids: Iterable[str]) -> np.ndarray:
        row = self._row
        return np.array([row.get(one, -1) for one in trace_ids], dtype=np.int32)


def by_trace(columns: Columns) -> Columns:
    """Rows in the order of their traces; those of unknown traces (written meanwhile) are left for the next check."""
    order = np.argsort(columns["trace"], kind="stable")
    order = order[np.searchsorted(columns["trace"][order], 0) :]
    return {name: values[order] for name, values in columns.items()}


def to_bytes(values: Iterable[str]) -> np.ndarray:
    return np.array([value.encode() for value in values] or [], dtype="S") if values else np.empty(0, dtype="S1")


def to_integers(values: Any) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def to_floats(values: Any) -> np.ndarray:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def to_flags(values: Any) -> np.ndarray:
    return np.array(values, dtype=bool)


def to_whole_ms(values: Any) -> np.ndarray:
    """Whole milliseconds of nanoseconds, as MLflow counts a span's latency; NaN for a span under way."""
    return np.floor(np.array(values, dtype=np.float64) / 1e6)
