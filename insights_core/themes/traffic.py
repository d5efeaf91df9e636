"""When traces of a theme's topics came: what trends and alerts are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from insights_core.entities.insight import ClusterDetails, TraceRow
from insights_core.statistics.units import Units

DAY_MS = 86_400_000
# Monday, 5 January 1970: weeks begin on Mondays.
_MONDAY_MS = 4 * DAY_MS


@dataclass(frozen=True, eq=False)
class Traffic:
    """Traces of one or more insights of a theme, each once, by time."""

    time_ms: np.ndarray
    """Ints of shape (n,)."""
    topic: np.ndarray
    """Position in `topics`; -1 for a trace in none. Ints of shape (n,)."""
    bad: np.ndarray
    """Whether it failed: by the rule where there is one, else by its status. Bools of shape (n,)."""
    units: Units
    topics: dict[str, str]
    """Cluster id -> title, of the leaves of the latest insight."""
    scale: float
    """How many matching traces each of these stands for: above 1 where they are a sample."""
    covered_from_ms: int
    """From here on all traces are among these."""

    @classmethod
    def of(cls, runs: Sequence[ClusterDetails]) -> Traffic:
        """The traces of some runs of a theme, oldest run first; the latest says what topic a trace is of."""
        last = runs[-1]
        topics = {one.cluster_id: one.title for one in last.clusters if one.level == 0}
        code = {cluster_id: number for number, cluster_id in enumerate(topics)}
        rows: dict[str, TraceRow] = {row.trace_id: row for run in runs for row in run.traces}
        found = sorted(rows.values(), key=lambda row: (row.timestamp_ms, row.trace_id))
        sessions: dict[str, int] = {}
        units = [sessions.setdefault(row.session, len(sessions)) if row.session else -1 for row in found]
        known = any(row.failed_by == "rule" for row in found)
        bad = [row.failed_by == "rule" and bool(row.failed) if known else row.status == "ERROR" for row in found]
        return cls(
            np.array([row.timestamp_ms for row in found], dtype=np.int64),
            np.array([code.get(row.cluster_id or "", -1) for row in found], dtype=int),
            np.array(bad, dtype=bool),
            Units.of_codes(np.array(units, dtype=int)),
            topics,
            max(1.0, last.matching_traces / max(last.sampled_traces, 1)),
            min((_from(run) for run in runs), default=0),
        )

    def within(self, start_ms: int, end_ms: int) -> np.ndarray:
        """Which traces are of a time, bools of shape (n,); the end is exclusive."""
        return (self.time_ms >= start_ms) & (self.time_ms < end_ms)

    def windows(self, days: int, until_ms: int) -> list[int]:
        """Beginnings of all windows that are covered from their first to their last moment, oldest first."""
        length = days * DAY_MS
        first = -(-(self.covered_from_ms - _MONDAY_MS) // length) * length + _MONDAY_MS
        return list(range(first, until_ms - length + 1, length))


def moment_of(epoch_ms: int) -> datetime:
    """Epoch milliseconds as a time, UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def window_of(moment_ms: int, days: int) -> int:
    """Beginning of the window that a moment is in."""
    length = days * DAY_MS
    return (moment_ms - _MONDAY_MS) // length * length + _MONDAY_MS


def _from(run: ClusterDetails) -> int:
    start = (run.config.get("scope") or {}).get("start_time_ms")
    return int(start) if start is not None else min((row.timestamp_ms for row in run.traces), default=0)
