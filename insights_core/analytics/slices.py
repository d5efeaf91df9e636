"""Any part of the traces as a mask over a view."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from insights_core.analytics.dimensions import dimension_clauses
from insights_core.analytics.facts import View
from insights_core.analytics.filters import TOOL, Clause, Evaluator, NotHeldError, parse_filter
from insights_core.analytics.models import DimensionValue, Slice
from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError, NotFoundError, mlflow_errors

if TYPE_CHECKING:
    from insights_core.analytics.store import FactStore


class Slicer:
    """Evaluates slices of one view.

    Args:
        store: Where what columns do not hold is asked for.
        connection: Where MLflow is, for filters that only its search can answer.
        experiment_ids: The view's.
        start: The view's range, epoch milliseconds, inclusive.
        end: Exclusive.
    """

    def __init__(
        self, store: FactStore, connection: Connection, experiment_ids: list[str], start: int | None, end: int | None
    ) -> None:
        self._store = store
        self._connection = connection
        self._experiment_ids = experiment_ids
        self._range = (start, end)
        self.asked_mlflow = False
        """Whether a slice so far depended on what columns do not hold, which may change while they do not."""

    def mask(self, view: View, part: Slice) -> np.ndarray:
        """Where a slice is: a bool array of shape (n_traces,).

        Raises:
            InvalidParameterError: The filter or the dimension is wrong.
            NotFoundError: The cluster does not exist.
        """
        mask = np.ones(len(view), dtype=bool)
        if part.filter_string:
            mask &= self._filter(view, part.filter_string)
        if part.dimension:
            mask &= self.dimension(view, part.dimension)
        if part.trace_ids is not None:
            mask &= view.rows_of(part.trace_ids)
        if part.cluster_id is not None:
            mask &= view.rows_of(self._cluster(part))
        return mask

    def dimension(self, view: View, dimension: DimensionValue) -> np.ndarray:
        """The traces that have a dimension's value."""
        return self._evaluator(view).mask(dimension_clauses(dimension, view))

    def _evaluator(self, view: View) -> Evaluator:
        return Evaluator(view, self._metadata, self._traces_of_run)

    def _metadata(self, key: str) -> dict[str, str] | None:
        self.asked_mlflow = True
        return self._store.source.metadata(self._experiment_ids, *self._range, key)

    def _traces_of_run(self, run_id: str) -> list[str] | None:
        self.asked_mlflow = True
        return self._store.source.traces_of_run(self._experiment_ids, run_id)

    def _filter(self, view: View, filter_string: str) -> np.ndarray:
        clauses = parse_filter(filter_string)
        try:
            with mlflow_errors():
                return self._evaluator(view).mask(clauses)
        except NotHeldError:
            return view.rows_of(self._search(filter_string))

    def _search(self, filter_string: str) -> Iterable[str]:
        """Ids of the traces that MLflow's own search finds in the range."""
        from insights_core.traces.stores import search_ids

        self.asked_mlflow = True
        start, end = self._range
        for experiment_id in self._experiment_ids:
            scope = TraceScope(
                experiment_id=experiment_id, filter_string=filter_string, start_time_ms=start, end_time_ms=end
            )
            with mlflow_errors():
                yield from search_ids(self._connection, scope)

    def _cluster(self, part: Slice) -> list[str]:
        from insights_core.entities.insight import DETAILS_ARTIFACT, ClusterDetails

        self.asked_mlflow = True
        if part.insight_run_id is None:
            raise InvalidParameterError(
                "A slice by cluster_id needs insight_run_id too: clusters belong to an insight.", field="insight_run_id"
            )
        with mlflow_errors(), TemporaryDirectory() as folder:
            path = self._connection.mlflow.download_artifacts(part.insight_run_id, DETAILS_ARTIFACT, folder)
            details = ClusterDetails.model_validate_json(Path(path).read_bytes())
        wanted = {part.cluster_id}
        for cluster in sorted(details.clusters, key=lambda one: -one.level):
            if cluster.parent_id in wanted:
                wanted.add(cluster.cluster_id)
        if part.cluster_id not in {cluster.cluster_id for cluster in details.clusters}:
            names = ", ".join(cluster.cluster_id for cluster in details.clusters[:30])
            raise NotFoundError(
                f"Insight {part.insight_run_id} has no cluster {part.cluster_id!r}. There is {names or 'none'}.",
                field="cluster_id",
            )
        return [row.trace_id for row in details.traces if row.cluster_id in wanted]


def defining(clauses: Iterable[Clause]) -> set[tuple[str, str]]:
    """The tools, tags and assessments that comparisons are about: what goes with a slice by definition."""
    kinds = {"tag": "tag", "feedback": "assessment", "expectation": "assessment", TOOL: "tool"}
    found = {(kinds[clause.type], clause.key) for clause in clauses if clause.type in kinds}
    return found | {
        ("tool", str(clause.value))
        for clause in clauses
        if clause.type == "span" and clause.key == "name" and clause.comparator == "="
    }
