"""What a source of facts must give; `SqlSource` and `RestSource` do."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple, Protocol

import numpy as np

from insights_core.analytics.facts import Columns, Vocabularies

HOUR_MS = 3_600_000

# Tags that MLflow writes on every trace with a value of its own: columns of them hold as many strings as traces
# and answer no question. Filters on them go to MLflow's own search.
UNHELD_TAGS = ("mlflow.artifactLocation",)


class Fingerprint(NamedTuple):
    """What one hour of an experiment looked like. Equal parts: nothing changed in that table."""

    trace_count: int
    traces: Hashable
    """Also stands for their spans."""
    tags: Hashable
    assessments: Hashable


class Source(Protocol):
    """One MLflow, read for facts. Times are epoch milliseconds; a range is [start, end), None is open."""

    words: Vocabularies
    max_age_s: float
    """How old an answer may be where nobody asks for a fresh one."""
    note: str
    """What is checked less often than that, in a sentence; empty where everything is."""

    traces_a_load: int
    """Traces read by one set of queries; bounds what loading takes on top of what is kept."""

    def forget(self) -> None:
        """Somebody asks for fresh facts: let the next check trust nothing that it does not look at every time."""

    def token(self) -> Hashable | None:
        """Something that is equal to an earlier one only if nothing was committed in between; None: cannot tell."""

    def known_experiments(self, experiment_ids: Iterable[str]) -> set[str]:
        """Which of these experiments exist."""

    def check(
        self, experiment_ids: list[str], start: int | None, end: int | None
    ) -> dict[tuple[str, int], Fingerprint]:
        """(experiment id, start of hour) -> fingerprint, for each hour that has traces."""

    def traces(self, experiment_id: str, start: int, end: int) -> Columns:
        """The trace columns, by time, then id."""

    def tags(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        """The tag columns; `trace` is the row in `trace_ids`. So for the next two."""

    def assessments(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns: ...

    def spans(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns: ...

    def metadata(
        self, experiment_ids: list[str], start: int | None, end: int | None, key: str
    ) -> dict[str, str] | None:
        """Trace id -> value of one key of the trace metadata; None where only MLflow's search can tell."""

    def traces_of_run(self, experiment_ids: list[str], run_id: str) -> list[str] | None:
        """Ids of the traces that belong to a run, made by it or linked to it; None where only MLflow's search can tell."""
