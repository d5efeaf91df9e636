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


def told_once(columns: Columns, span_ids: np.ndarray, parent_ids: np.ndarray) -> dict[str, np.ndarray]:
    """Span columns in which a call that a span around it tells too, with its model and its cost, has neither.

    Wrappers and agents add up what their clients cost. MLflow counts the outermost in a trace's cost; so do the spans here.

    Args:
        columns: In the order of their traces.
        span_ids: Bytes of shape (n_spans,). So are the next.
        parent_ids: Bytes, empty for a root.
    """
    told = _wrapped(columns["trace"], span_ids, parent_ids, columns["total_cost"])
    found = dict(columns)
    for name, nothing in _COSTS.items() if len(told) else ():
        found[name] = columns[name].copy()
        found[name][told] = nothing
    return found


_COSTS = {"model": -1, "provider": -1, "input_cost": np.nan, "output_cost": np.nan, "total_cost": np.nan}


def _wrapped(trace: np.ndarray, span_ids: np.ndarray, parent_ids: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Positions of the priced spans that have a priced one above them."""
    priced = ~np.isnan(cost)
    first = np.flatnonzero(np.diff(trace, prepend=-1))
    if not len(first):
        return first
    suspect = np.add.reduceat(priced.astype(np.int64), first) > 1
    ends = np.append(first[1:], len(trace))
    found: list[int] = []
    for start, end in zip(first[suspect].tolist(), ends[suspect].tolist(), strict=True):
        row_of = {span: row for row, span in enumerate(span_ids[start:end].tolist(), start)}
        parent = [row_of.get(one) for one in parent_ids[start:end].tolist()]
        for row in np.flatnonzero(priced[start:end]).tolist():
            above, seen = parent[row], {start + row}
            while above is not None and above not in seen and not priced[above]:
                seen.add(above)
                above = parent[above - start]
            if above is not None and above not in seen:
                found.append(start + row)
    return np.array(found, dtype=np.int64)
