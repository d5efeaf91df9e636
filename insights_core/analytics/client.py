"""`Analytics`: every question about traffic, cost, quality, tools, tags and what goes with what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from insights_core.analytics import assessments as quality
from insights_core.analytics import changes as changed
from insights_core.analytics import correlations as together
from insights_core.analytics import dimensions as slicing
from insights_core.analytics import tags as tagging
from insights_core.analytics import tools as tooling
from insights_core.analytics import traffic
from insights_core.analytics.arguments import (
    DimensionLike,
    ExperimentIds,
    SliceLike,
    as_dimension,
    as_slice,
    both_filters,
    checked_limit,
    experiments_of,
    half_open,
)
from insights_core.analytics.buckets import bucket_starts
from insights_core.analytics.facts import View
from insights_core.analytics.filters import Clause, needs_spans, parse_filter
from insights_core.analytics.models import (
    AssessmentResponse,
    AssessmentsResponse,
    AtLeastOne,
    ChangesResponse,
    CorrelationsResponse,
    DimensionKind,
    DimensionsResponse,
    EpochMs,
    Freshness,
    NPMIResponse,
    Slice,
    SliceTraces,
    TagResponse,
    TagsResponse,
    TimeBucket,
    ToolResponse,
)
from insights_core.analytics.slices import Slicer, defining
from insights_core.analytics.store import FactStore, fact_store
from insights_core.connection import Connection
from insights_core.errors import InvalidParameterError

R = TypeVar("R")
A = TypeVar("A", covariant=True)


class Series(Protocol[A]):
    """A question that takes a range, a bucket and a slice, and nothing else."""

    def __call__(
        self,
        experiment_ids: ExperimentIds,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        time_bucket: TimeBucket = "hour",
        *,
        slice: SliceLike = None,
    ) -> A: ...


def _series(metric: Callable[[View, str], A], text: str, *, spans: bool = False) -> Series[A]:
    """The method that asks a metric of a view by buckets."""

    def ask(
        self: Analytics,
        experiment_ids: ExperimentIds,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        time_bucket: TimeBucket = "hour",
        *,
        slice: SliceLike = None,
    ) -> A:
        return self._bucketed(metric, experiment_ids, start_time, end_time, time_bucket, slice, spans=spans)

    ask.__name__, ask.__doc__ = metric.__name__, text
    ask.__qualname__ = f"Analytics.{metric.__name__}"
    ask.__annotations__["return"] = metric.__annotations__["return"]
    return cast("Series[A]", ask)


class Analytics(Connection):
    """Figures about the traces of experiments, on every tracking URI.

    All methods take the experiments (one id or several), a time range on the traces' start times, both ends inclusive
    as in MLflow's `query_trace_metrics` (epoch milliseconds; None is open), and most a `slice` that narrows the traces
    further. Buckets are UTC hours, days, or weeks from Monday; a series has the buckets that hold something.

    Shared args:
        experiment_ids: One id or several.
        start_time: Traces that started then or later, epoch milliseconds; by default no limit.
        end_time: Traces that started then or earlier, epoch milliseconds; by default no limit.
        time_bucket: Width of a point of the series, UTC.
        slice: Only the traces of this part: a filter in MLflow's syntax, a dimension, or both.
        assessment_name: Name of the assessment.
        tool_name: Name of the tool.
        tag_key: Key of the tag.
        dimension1: A dimension with its parameters.
        dimension2: The other dimension.
        filter_string: The traces to look at, in MLflow's filter syntax.
        correlation_dimensions: What to look for; by default all kinds.
        limit: At most this many, highest first.
        min_support: Leave out what fewer traces of the slice have.
        max_q: Only what passes this share of false discoveries.

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
        self, experiment_ids: ExperimentIds, start_time: EpochMs | None = None, end_time: EpochMs | None = None
    ) -> Freshness:
        """How old answers about these traces may be, after a check if one is due."""
        view = self._view(experiment_ids, start_time, end_time)
        source = self.facts.source
        return Freshness(as_of=view.as_of_ms, max_age_s=source.max_age_s, trace_count=len(view), note=source.note)

    # Traffic and cost

    volume = _series(traffic.volume, "Traces, and those that are OK or ERROR; the rest are in progress.")

    latency = _series(traffic.latency, "Execution times of the traces that have ended, milliseconds.")

    errors = _series(traffic.errors, "Traces with status ERROR and their share.")

    cost_and_tokens = _series(
        traffic.cost_and_tokens,
        "Tokens and cost as MLflow recorded them, and cost by model; None where it recorded none.",
        spans=True,
    )

    def changes(self, experiment_ids: ExperimentIds, start_time: EpochMs, end_time: EpochMs) -> ChangesResponse:
        """What is unlike the same weekdays and hours of up to four weeks before, beyond the usual noise.

        Of quiet times, about one in a hundred is told as changed.
        """
        start, end = half_open(start_time, end_time)
        if start is None or end is None:
            raise InvalidParameterError("Changes need a start_time and an end_time.", field="start_time")
        view = self._view(experiment_ids, changed.reach(start, end), end_time)
        return self._ask(view, changed.changes, start, end)

    # Quality

    def assessments(
        self,
        experiment_ids: ExperimentIds,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        *,
        slice: SliceLike = None,
    ) -> AssessmentsResponse:
        """Every assessment with its type, sources and traces."""
        return self._ask(self._view(experiment_ids, start_time, end_time, slice), quality.assessments)

    def assessment(
        self,
        experiment_ids: ExperimentIds,
        assessment_name: str,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        time_bucket: TimeBucket = "hour",
        *,
        slice: SliceLike = None,
    ) -> AssessmentResponse:
        """Metrics of one assessment, by its type."""
        return self._bucketed(
            quality.assessment, experiment_ids, start_time, end_time, time_bucket, slice, named=(assessment_name,)
        )

    # Tools

    tools = _series(tooling.tools, "Every tool with its volume, latency and errors.", spans=True)

    def tool(
        self,
        experiment_ids: ExperimentIds,
        tool_name: str,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        time_bucket: TimeBucket = "hour",
        *,
        slice: SliceLike = None,
    ) -> ToolResponse:
        """One tool with its volume, latency and errors."""
        return self._bucketed(
            tooling.tool, experiment_ids, start_time, end_time, time_bucket, slice, named=(tool_name,), spans=True
        )

    # Tags

    def tags(
        self,
        experiment_ids: ExperimentIds,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        *,
        slice: SliceLike = None,
    ) -> TagsResponse:
        """Every tag key that users set."""
        return self._ask(self._view(experiment_ids, start_time, end_time, slice), tagging.tags)

    def tag(
        self,
        experiment_ids: ExperimentIds,
        tag_key: str,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        limit: AtLeastOne | None = 10,
        *,
        slice: SliceLike = None,
    ) -> TagResponse:
        """The most frequent values of one key; `limit` None gives all."""
        return self._ask(
            self._view(experiment_ids, start_time, end_time, slice), tagging.tag, tag_key, checked_limit(limit)
        )

    # Dimensions and correlations

    def dimensions(
        self, experiment_ids: ExperimentIds, start_time: EpochMs | None = None, end_time: EpochMs | None = None
    ) -> DimensionsResponse:
        """What the traces can be sliced by."""
        return self._ask(self._view(experiment_ids, start_time, end_time, spans=True), slicing.dimensions)

    def npmi(
        self,
        experiment_ids: ExperimentIds,
        dimension1: DimensionLike,
        dimension2: DimensionLike,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        *,
        slice: SliceLike = None,
    ) -> NPMIResponse:
        """How much two dimensions go together, with a 95 % interval."""
        first, second = as_dimension(dimension1, "dimension1"), as_dimension(dimension2, "dimension2")
        view = self._view(experiment_ids, start_time, end_time, slice, spans=True)
        slicer = self._slicer(experiment_ids, start_time, end_time)
        names = [(one.name, slicing.dimension_text(one)) for one in (first, second)]
        return together.pair(view, slicer.dimension(view, first), slicer.dimension(view, second), *names)

    def correlations(
        self,
        experiment_ids: ExperimentIds,
        filter_string: str | None = None,
        correlation_dimensions: Collection[DimensionKind] = together.DIMENSION_KINDS,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        limit: AtLeastOne | None = 5,
        *,
        slice: SliceLike = None,
        min_support: AtLeastOne = together.MIN_SUPPORT,
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
        given = as_slice(slice) or Slice()
        part = given.model_copy(update={"filter_string": both_filters(filter_string, given.filter_string)})
        view = self._view(
            experiment_ids, start_time, end_time, spans="tools" in correlation_dimensions or self._needs_spans(part)
        )
        within, mask = self._cut(view, part, experiment_ids, start_time, end_time)
        left_out = defining(self._clauses(view, part))
        kinds, most = tuple(correlation_dimensions), checked_limit(limit)
        return self.facts.answers.get(
            within,
            (together.correlations, repr(part), kinds, most, min_support, max_q),
            lambda: together.correlations(view, mask, kinds, most, min_support, left_out, max_q),
        )

    def slice_trace_ids(
        self,
        experiment_ids: ExperimentIds,
        slice: SliceLike = None,
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
        limit: AtLeastOne | None = None,
    ) -> SliceTraces:
        """The traces of a slice (or a filter string, or a dimension), newest first."""
        view = self._view(experiment_ids, start_time, end_time, slice)
        order = np.lexsort((view.traces["trace_id"], -view.traces["time_ms"]))
        chosen = view.traces["trace_id"][order[: checked_limit(limit)]]
        return SliceTraces(trace_ids=[one.decode() for one in chosen.tolist()], total_count=len(view))

    def sessions(
        self,
        experiment_ids: ExperimentIds,
        trace_ids: Sequence[str],
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
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
        start_time: EpochMs | None = None,
        end_time: EpochMs | None = None,
    ) -> str | None:
        """A dimension as a filter string for MLflow's search; None where that cannot say it."""
        view = self._view(experiment_ids, start_time, end_time, spans=True)
        return slicing.filter_of_dimension(as_dimension(dimension, "dimension"), view)

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
        part = as_slice(given)
        experiments = experiments_of(experiment_ids)
        start, end = half_open(start_time, end_time)
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
        return Slicer(self.facts, self, experiments_of(experiment_ids), *half_open(start_time, end_time))

    @staticmethod
    def _needs_spans(part: Slice | None) -> bool:
        return part is not None and (part.dimension is not None or needs_spans(parse_filter(part.filter_string)))

    @staticmethod
    def _clauses(view: View, part: Slice) -> list[Clause]:
        return parse_filter(part.filter_string) + (
            slicing.dimension_clauses(part.dimension, view) if part.dimension else []
        )
