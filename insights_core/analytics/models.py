"""What analytics answers: the bodies of the SDK, the CLI and REST."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Strength = Literal["Strong", "Moderate", "Weak"]
AssessmentType = Literal["boolean", "numeric", "string"]
TimeBucket = Literal["hour", "day", "week"]
DimensionKind = Literal["tools", "tags", "assessments"]
AtLeastOne = Annotated[int, Field(ge=1)]
EpochMs = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
"""To the end of the year 9999; databases hold no later time."""


class Response(BaseModel):
    """Base of everything below: immutable, so that an answer may be shared between threads."""

    model_config = ConfigDict(frozen=True)


class VolumeSummary(Response):
    count: int
    ok_count: int
    error_count: int


class VolumePoint(VolumeSummary):
    time_bucket: int
    """Start of the bucket, epoch milliseconds."""


class VolumeResponse(Response):
    summary: VolumeSummary
    time_series: list[VolumePoint]


class Percentiles(Response):
    """Milliseconds of what was measured."""

    p50_latency: float
    p90_latency: float
    p99_latency: float


class KnownPercentiles(Response):
    """Milliseconds; None where nothing was measured, which is not 0 ms."""

    p50_latency: float | None
    p90_latency: float | None
    p99_latency: float | None


class LatencySummary(KnownPercentiles):
    avg_latency: float | None
    min_latency: float | None
    max_latency: float | None


class LatencyPoint(Percentiles):
    time_bucket: int
    avg_latency: float


class LatencyResponse(Response):
    summary: LatencySummary
    time_series: list[LatencyPoint]


class ErrorsSummary(Response):
    total_count: int
    error_count: int
    error_rate: float | None
    """Percent, two decimals; None where there is no trace."""


class ErrorsPoint(Response):
    time_bucket: int
    total_count: int
    error_count: int
    error_rate: float


class ErrorsResponse(Response):
    summary: ErrorsSummary
    time_series: list[ErrorsPoint]


class ValueCount(Response):
    value: str
    count: int
    percentage: float
    """Of the total, percent, two decimals."""


class AssessmentInfo(Response):
    assessment_name: str
    assessment_type: AssessmentType
    sources: list[str]
    """Source types: HUMAN, LLM_JUDGE, CODE."""
    trace_count: int
    mixed: bool = False
    """Values of several types were found; the assessment is then treated as strings."""


class AssessmentsResponse(Response):
    data: list[AssessmentInfo]


class BooleanSummary(Response):
    total_count: int
    failure_count: int
    failure_rate: float
    """Percent of the total that is false, two decimals."""


class BooleanPoint(BooleanSummary):
    time_bucket: int


class NumericPercentiles(Response):
    p50_value: float
    p90_value: float
    p99_value: float


class NumericSummary(NumericPercentiles):
    total_count: int
    min_value: float
    max_value: float
    below_p50_count: int
    """Values strictly below the median."""


class NumericPoint(NumericPercentiles):
    time_bucket: int
    count: int


class StringSummary(Response):
    total_count: int
    unique_values: int
    top_values: list[ValueCount]
    """All values, most frequent first."""


class AssessmentResponse(Response):
    """Metrics of one assessment; which summary depends on the type."""

    assessment_name: str
    assessment_type: AssessmentType
    sources: list[str]
    mixed: bool = False
    error_count: int = 0
    """Assessments that hold an error in place of a value; they count nowhere else."""
    summary: BooleanSummary | NumericSummary | StringSummary
    time_series: list[BooleanPoint] | list[NumericPoint] | None


class ToolVolumePoint(Response):
    time_bucket: int
    trace_count: int
    invocation_count: int


class ToolLatencyPoint(Percentiles):
    time_bucket: int


class ToolErrorPoint(Response):
    time_bucket: int
    error_rate: float


class ToolSeries(Response):
    volume: list[ToolVolumePoint]
    latency: list[ToolLatencyPoint]
    errors: list[ToolErrorPoint]


class ToolMetrics(KnownPercentiles):
    tool_name: str
    trace_count: int
    invocation_count: int
    error_count: int
    error_rate: float | None
    """Failed invocations, percent, two decimals; None where there was no invocation."""
    time_series: ToolSeries


class ToolsResponse(Response):
    data: list[ToolMetrics]


class ToolResponse(Response):
    data: ToolMetrics


class TagInfo(Response):
    tag_key: str
    trace_count: int
    unique_values: int


class TagsResponse(Response):
    data: list[TagInfo]


class TagMetrics(TagInfo):
    top_values: list[ValueCount]


class TagResponse(Response):
    data: TagMetrics


class DimensionParameter(Response):
    name: str
    type: Literal["string", "number", "enum"]
    required: bool = True
    description: str | None = None
    enum_values: list[str] | None = None


class Dimension(Response):
    name: str
    display_name: str
    description: str
    parameters: list[DimensionParameter]


class DimensionsResponse(Response):
    data: list[Dimension]


class DimensionValue(Response):
    """A dimension with its parameters: what traces have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class DimensionCount(Response):
    name: str
    value: str
    count: int


class IntersectionCount(Response):
    count: int


class CorrelationScore(Response):
    npmi_score: float | None
    """None where it is undefined: one of the two has no trace."""
    strength: Strength
    npmi_lower: float | None
    """Lower end of the 95 % interval of the true score, if traces like these keep coming."""
    npmi_upper: float | None


class Independence(Response):
    """What is independent of what in intervals and tests."""

    unit: Literal["session", "trace"]
    """session where any two traces belong to one, trace where none do."""
    unit_count: int


class NPMIResponse(Independence):
    dimension1: DimensionCount
    dimension2: DimensionCount
    intersection: IntersectionCount
    correlation: CorrelationScore


class Correlation(Response):
    dimension: Literal["tool", "tag", "assessment"]
    value: str
    """The tool's name, `name=error` for a tool that failed, `key=value` for tags and assessments."""
    npmi_score: float
    npmi_lower: float
    """Lower end of the interval, widened for having been listed: of those listed, 95 % hold the true score."""
    npmi_upper: float
    trace_count: int
    """Traces of the slice that have the value."""
    percentage_of_slice: float
    """Of the slice's traces, how many percent have the value."""
    percentage_of_total: float
    """Of the traces with the value, how many percent are in the slice."""
    strength: Strength
    q_value: float
    """False discovery rate at which it would be a finding that this comes more often with the slice than chance has it,
    over everything that was looked at."""


class CorrelationsResponse(Independence):
    data: list[Correlation]
    looked_at: int
    """Values that were looked at, listed or not."""
    enough: bool
    """Whether a value that doubles the share of the slice could have been found. Where not, finding nothing says nothing."""


class Change(Response):
    """A change larger than the usual noise."""

    measure: Literal["error_rate", "p90_latency", "cost", "count"]
    """error_rate is a share, p90_latency milliseconds, cost dollars a trace, count traces."""
    kind: Literal["rose", "fell", "burst"]
    """burst: one day of the time, against all other traces."""
    before: float
    now: float
    q_value: float
    """False discovery rate, over all measures or all days that were looked at."""
    start_ms: int | None = None
    """Of a burst: when its 24 hours begin."""
    when_ms: int | None = None
    """Of a burst: a moment in its middle."""


class ChangesResponse(Response):
    data: list[Change]
    windows: int
    """With how many earlier times, of the same weekdays and hours, it was compared."""


class Slice(BaseModel):
    """A part of the traces. Everything that is given must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter_string: str | None = None
    """MLflow's trace filter syntax."""
    dimension: DimensionValue | None = None
    trace_ids: tuple[str, ...] | None = None
    insight_run_id: str | None = None
    """With cluster_id: the insight that the cluster belongs to."""
    cluster_id: str | None = None
    """A cluster and what is below it."""


class UsageSummary(Response):
    """Tokens and cost as MLflow recorded them; None where no trace has any."""

    trace_count: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    input_cost_usd: float | None
    output_cost_usd: float | None
    total_cost_usd: float | None


class UsagePoint(UsageSummary):
    time_bucket: int


class ModelUsage(Response):
    """Cost of the spans of one model. MLflow keeps tokens per trace, not per model, in its columns."""

    model: str
    provider: str | None
    trace_count: int
    span_count: int
    input_cost_usd: float
    output_cost_usd: float
    total_cost_usd: float


class CostResponse(Response):
    summary: UsageSummary
    time_series: list[UsagePoint]
    by_model: list[ModelUsage]
    """Most expensive first; empty where no span names a model or a cost."""


class SliceTraces(Response):
    trace_ids: list[str]
    """Newest first, at most the limit that was asked for."""
    total_count: int


class Freshness(Response):
    """How old an answer may be."""

    as_of: int
    """Epoch milliseconds: every change MLflow had committed by then is in the answers."""
    max_age_s: float
    trace_count: int
    note: str = ""
    """What is checked less often, in a sentence; empty where everything is."""
