"""`Analytics`: every question about traffic, cost, quality, tools, tags and what goes with what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from insights_core.analytics import assessments as quality
from insights_core.analytics import changes as changed
from insights_core.analytics import correlations as together
from insights_core.analytics import dimensions as slicing
from insights_core.analytics import tags as tagging
from insights_core.analytics import tools as tooling
from insights_core.analytics import traffic
from insights_core.analytics.buckets import bucket_starts
from insights_core.analytics.facts import View
from insights_core.analytics.filters import Clause, needs_spans, parse_filter
from insights_core.analytics.models import (
    AssessmentResponse,
    AssessmentsResponse,
    ChangesResponse,
    CorrelationsResponse,
    CostResponse,
    DimensionsResponse,
    DimensionValue,
    ErrorsResponse,
    Freshness,
    LatencyResponse,
    NPMIResponse,
    Slice,
    SliceTraces,
    TagResponse,
    TagsResponse,
    ToolResponse,
    ToolsResponse,
    VolumeResponse,
)
from insights_core.analytics.slices import Slicer, defining
from insights_core.analytics.store import FactStore, fact_store
from insights_core.connection import Connection
from insights_core.errors import InvalidParameterError

ExperimentIds = str | Sequence[str]
R = TypeVar("R")
DimensionLike = DimensionValue | dict[str, Any]
SliceLike = Slice | dict[str, Any] | str | DimensionValue | None
"""A slice, its fields as a dict, a filter string, or a dimension."""


class Analytics(Connection):
    """Figures about the traces of experiments, on every tracking URI.

    All methods take the experiments (one id or several), a time range on the traces' start times, both ends inclusive
    as in MLflow's `query_trace_metrics` (epoch milliseconds; None is open), and most a `slice` that narrows the traces
    further. Buckets are UTC hours, days, or weeks from Monday; a series has the buckets that hold something.

    Answers are at most as old as `facts.source.max_age_s` (5 s on databases, 30 s over HTTP); see `freshness`.

    Args:
        tracking_uri: Any MLflow tracking URI but a file store; None takes MLFLOW_TRACKING_URI.
    """

    @property
    def facts(self) -> FactStore:
        """The facts of this process for this tracking URI."""
        _ = self.mlflow  # sets how long MLflow tries a server that does not answer; refuses a file that is not there
        return fact_store(self.tracking_uri)

    def refresh(self) -> None:
        """Make the next answers as fresh as MLflow is, whatever the allowed age."""
        self.facts.refresh()

    def freshness(
        self, experiment_ids: ExperimentIds, start_time: int | None = None, end_time: int | None = None
    ) -> Freshness:
        """How old answers about these traces may be, after a check if one is due."""
        view = self._view(experiment_ids, start_time, end_time)
        source = self.facts.source
        return Freshness(as_of=view.as_of_ms, max_age_s=source.max_age_s, trace_count=len(view), note=source.note)

    # Traffic and cost

    def volume(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> VolumeResponse:
        """Traces, and those that are OK or ERROR; the rest are in progress."""
        return self._bucketed(traffic.volume, experiment_ids, start_time, end_time, time_bucket, slice)

    def latency(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> LatencyResponse:
        """Execution times of the traces that have ended, milliseconds."""
        return self._bucketed(traffic.latency, experiment_ids, start_time, end_time, time_bucket, slice)

    def errors(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> ErrorsResponse:
        """Traces with status ERROR and their share."""
        return self._bucketed(traffic.errors, experiment_ids, start_time, end_time, time_bucket, slice)

    def cost_and_tokens(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "day",
        *,
        slice: SliceLike = None,
    ) -> CostResponse:
        """Tokens and cost as MLflow recorded them, and cost by model; None where it recorded none."""
        return self._bucketed(
            traffic.cost_and_tokens, experiment_ids, start_time, end_time, time_bucket, slice, spans=True
        )

    def changes(self, experiment_ids: ExperimentIds, start_time: int, end_time: int) -> ChangesResponse:
        """What is unlike the same weekdays and hours of up to four weeks before, beyond the usual noise.

        Of quiet times, about one in a hundred is told as changed.
        """
        start, end = _range(start_time, end_time)
        if start is None or end is None:
            raise InvalidParameterError("Changes need a start_time and an end_time.", field="start_time")
        view = self._view(experiment_ids, changed.reach(start, end), end_time)
        return self._ask(view, changed.changes, start, end)

    # Quality

    def assessments(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        *,
        slice: SliceLike = None,
    ) -> AssessmentsResponse:
        """Every assessment with its type, sources and traces."""
        return self._ask(self._view(experiment_ids, start_time, end_time, slice), quality.assessments)

    def assessment(
        self,
        experiment_ids: ExperimentIds,
        assessment_name: str,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> AssessmentResponse:
        """Metrics of one assessment, by its type."""
        return self._bucketed(
            quality.assessment, experiment_ids, start_time, end_time, time_bucket, slice, named=(assessment_name,)
        )

    # Tools

    def tools(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> ToolsResponse:
        """Every tool with its volume, latency and errors."""
        return self._bucketed(tooling.tools, experiment_ids, start_time, end_time, time_bucket, slice, spans=True)

    def tool(
        self,
        experiment_ids: ExperimentIds,
        tool_name: str,
        start_time: int | None = None,
        end_time: int | None = None,
        time_bucket: str = "hour",
        *,
        slice: SliceLike = None,
    ) -> ToolResponse:
        """The same for one tool."""
        return self._bucketed(
            tooling.tool, experiment_ids, start_time, end_time, time_bucket, slice, named=(tool_name,), spans=True
        )

    # Tags

    def tags(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None = None,
        end_time: int | None = None,
        *,
        slice: SliceLike = None,
    ) -> TagsResponse:
        """Every tag key that users set."""
        return self._ask(self._view(experiment_ids, start_time, end_time, slice), tagging.tags)

    def tag(
        self,
        experiment_ids: ExperimentIds,
        tag_key: str,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = 10,
        *,
        slice: SliceLike = None,
    ) -> TagResponse:
        """The most frequent values of one key; `limit` None gives all."""
        return self._ask(self._view(experiment_ids, start_time, end_time, slice), tagging.tag, tag_key, _limit(limit))

    # Dimensions and correlations

    def dimensions(
        self, experiment_ids: ExperimentIds, start_time: int | None = None, end_time: int | None = None
    ) -> DimensionsResponse:
        """What the traces can be sliced by."""
        return self._ask(self._view(experiment_ids, start_time, end_time, spans=True), slicing.dimensions)

    def npmi(
        self,
        experiment_ids: ExperimentIds,
        dimension1: DimensionLike,
        dimension2: DimensionLike,
        start_time: int | None = None,
        end_time: int | None = None,
        *,
        slice: SliceLike = None,
    ) -> NPMIResponse:
        """How much two dimensions go together, with a 95 % interval."""
        first, second = _as_dimension(dimension1, "dimension1"), _as_dimension(dimension2, "dimension2")
        view = self._view(experiment_ids, start_time, end_time, slice, spans=True)
        slicer = self._slicer(experiment_ids, start_time, end_time)
        names = [(one.name, slicing.dimension_text(one)) for one in (first, second)]
        return together.pair(view, slicer.dimension(view, first), slicer.dimension(view, second), *names)

    def correlations(
        self,
        experiment_ids: ExperimentIds,
        filter_string: str | None = None,
        correlation_dimensions: Collection[str] = together.DIMENSION_KINDS,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = 5,
        *,
        slice: SliceLike = None,
        min_support: int = together.MIN_SUPPORT,
        max_q: float | None = None,
    ) -> CorrelationsResponse:
        """The tools, tags and assessments that go with a filter or a slice, highest first; `limit` None gives all.

        What defines the slice is left out, as are values that fewer than `min_support` of its traces have. `q_value`
        corrects for how many values were looked at, and `max_q` lists only what passes; 0.05 is what pages show. Traces
        of one session count as far as they differ.
        """
        wrong = [kind for kind in correlation_dimensions if kind not in together.DIMENSION_KINDS]
        if wrong or not correlation_dimensions:
            raise InvalidParameterError(
                f"correlation_dimensions holds {wrong or 'nothing'}; valid are {', '.join(together.DIMENSION_KINDS)}.",
                field="correlation_dimensions",
            )
        given = _as_slice(slice) or Slice()
        part = given.model_copy(update={"filter_string": _both(filter_string, given.filter_string)})
        view = self._view(
            experiment_ids, start_time, end_time, spans="tools" in correlation_dimensions or self._needs_spans(part)
        )
        within, mask = self._cut(view, part, experiment_ids, start_time, end_time)
        left_out = defining(self._clauses(view, part))
        kinds, most = tuple(correlation_dimensions), _limit(limit)
        return self.facts.answers.get(
            within,
            (together.correlations, repr(part), kinds, most, min_support, max_q),
            lambda: together.correlations(view, mask, kinds, most, min_support, left_out, max_q),
        )

    def slice_trace_ids(
        self,
        experiment_ids: ExperimentIds,
        slice: SliceLike = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
    ) -> SliceTraces:
        """The traces of a slice (or a filter string, or a dimension), newest first."""
        view = self._view(experiment_ids, start_time, end_time, slice)
        order = np.lexsort((view.traces["trace_id"], -view.traces["time_ms"]))
        chosen = view.traces["trace_id"][order[: _limit(limit)]]
        return SliceTraces(trace_ids=[one.decode() for one in chosen.tolist()], total_count=len(view))

    def sessions(
        self,
        experiment_ids: ExperimentIds,
        trace_ids: Sequence[str],
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> list[int]:
        """A number for each trace, the same for those that statistics take for one session; -1 where it is not known."""
        view = self._view(experiment_ids, start_time, end_time)
        known = {
            trace_id: unit
            for trace_id, unit in zip(view.traces["trace_id"].tolist(), view.units.of.tolist(), strict=True)
        }
        return [known.get(one.encode(), -1) for one in trace_ids]

    def dimension_filter(
        self,
        experiment_ids: ExperimentIds,
        dimension: DimensionLike,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> str | None:
        """A dimension as a filter string for MLflow's search; None where that cannot say it."""
        view = self._view(experiment_ids, start_time, end_time, spans=True)
        return slicing.filter_of_dimension(_as_dimension(dimension, "dimension"), view)

    # Views

    def _bucketed(
        self,
        metric: Callable[..., Any],
        experiment_ids: ExperimentIds,
        start_time: int | None,
        end_time: int | None,
        time_bucket: str,
        part: SliceLike,
        *,
        named: tuple[str, ...] = (),
        spans: bool = False,
    ) -> Any:
        bucket_starts(np.empty(0, dtype=np.int64), time_bucket)  # a wrong bucket is told before anything is loaded
        return self._ask(
            self._view(experiment_ids, start_time, end_time, part, spans=spans), metric, *named, time_bucket
        )

    def _ask(self, view: View, metric: Callable[..., R], *arguments: Any) -> R:
        """A metric of a view; the same question about the same facts is computed once."""
        return self.facts.answers.get(view, (metric, *arguments), lambda: metric(view, *arguments))

    def _view(
        self,
        experiment_ids: ExperimentIds,
        start_time: int | None,
        end_time: int | None,
        given: SliceLike = None,
        *,
        spans: bool = False,
    ) -> View:
        part = _as_slice(given)
        experiments = _experiments(experiment_ids)
        start, end = _range(start_time, end_time)
        view = self.facts.view(experiments, start, end, spans=spans or self._needs_spans(part))
        if part is None or part == Slice():
            return view
        return self._cut(view, part, experiment_ids, start_time, end_time)[0]

    def _cut(
        self, view: View, part: Slice, experiment_ids: ExperimentIds, start_time: int | None, end_time: int | None
    ) -> tuple[View, np.ndarray]:
        """A slice of a view and where it is."""

        def mask() -> tuple[np.ndarray, bool]:
            slicer = self._slicer(experiment_ids, start_time, end_time)
            return slicer.mask(view, part), not slicer.asked_mlflow

        return self.facts.select(view, repr(part), mask)

    def _slicer(self, experiment_ids: ExperimentIds, start_time: int | None, end_time: int | None) -> Slicer:
        return Slicer(self.facts, self.mlflow, _experiments(experiment_ids), *_range(start_time, end_time))

    @staticmethod
    def _needs_spans(part: Slice | None) -> bool:
        return part is not None and (part.dimension is not None or needs_spans(parse_filter(part.filter_string)))

    @staticmethod
    def _clauses(view: View, part: Slice) -> list[Clause]:
        return parse_filter(part.filter_string) + (
            slicing.dimension_clauses(part.dimension, view) if part.dimension else []
        )


def _experiments(experiment_ids: ExperimentIds) -> list[str]:
    given = [experiment_ids] if isinstance(experiment_ids, str) else [str(one) for one in experiment_ids]
    if not given:
        raise InvalidParameterError("experiment_ids is empty; name at least one experiment.", field="experiment_ids")
    return list(dict.fromkeys(given))


def _range(start_time: int | None, end_time: int | None) -> tuple[int | None, int | None]:
    """[start, end) from a range with both ends inclusive."""
    if start_time is not None and end_time is not None and start_time > end_time:
        raise InvalidParameterError(
            f"start_time {start_time} is after end_time {end_time}; give them in milliseconds, earlier first.",
            field="start_time",
        )
    return start_time, None if end_time is None else end_time + 1


def _limit(limit: int | None) -> int | None:
    if limit is not None and limit < 1:
        raise InvalidParameterError(f"limit is {limit}; give a whole number from 1, or none for all.", field="limit")
    return limit


def _both(one: str | None, other: str | None) -> str | None:
    return " AND ".join(text for text in (one, other) if text and text.strip()) or None


def _as_slice(given: SliceLike) -> Slice | None:
    if given is None or isinstance(given, Slice):
        return given
    if isinstance(given, str):
        return Slice(filter_string=given)
    if isinstance(given, DimensionValue):
        return Slice(dimension=given)
    try:
        return Slice.model_validate(given)
    except ValidationError as error:
        raise _invalid(error, "slice") from error


def _as_dimension(given: DimensionLike, field: str) -> DimensionValue:
    try:
        return DimensionValue.model_validate(given)
    except ValidationError as error:
        raise _invalid(error, field) from error


def _invalid(error: ValidationError, field: str) -> InvalidParameterError:
    first = error.errors()[0]
    where = ".".join([field, *map(str, first["loc"])])
    return InvalidParameterError(f"{where}: {first['msg']}.", field=where)
