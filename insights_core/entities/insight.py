"""What an insight job is asked, what it says while it runs, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from insights_core.entities.clustering import ClusteringConfig as ClusteringConfig
from insights_core.entities.common import Record, Strict, UtcTime
from insights_core.entities.theme import Theme
from insights_core.names import CLUSTER_TAG as CLUSTER_TAG
from insights_core.names import DETAILS_ARTIFACT as DETAILS_ARTIFACT
from insights_core.names import SUMMARY_ASSESSMENT as SUMMARY_ASSESSMENT

# The "model" where none is used.
OFFLINE = "offline"
DETAILS_SCHEMA_VERSION = 2
OUTLIERS_TITLE = "Fits no topic"


class TraceScope(Strict):
    """Which traces. All conditions hold together; explicit ids leave the others out of account."""

    experiment_id: str
    """The experiment."""
    filter_string: str | None = None
    """Only traces that match, in MLflow's filter syntax."""
    start_time_ms: int | None = None
    """Inclusive, epoch milliseconds."""
    end_time_ms: int | None = None
    """Exclusive, epoch milliseconds."""
    run_id: str | None = None
    """Only traces of this run."""
    session_id: str | None = None
    """Only traces of this session."""
    trace_ids: list[str] | None = None
    """Exactly these traces."""
    sample_rate: float = Field(1.0, gt=0, le=1)
    """Share of the matching traces to take, at random over all of them."""
    max_traces: int | None = Field(None, ge=1)
    """At most this many, at random over all that match."""
    seed: int = 0
    """For the sample and the clusters."""


class InsightSpec(Strict):
    """Everything that defines an insight job; stored as `insights/insight.yaml`."""

    scope: TraceScope
    instruction: str = Field(min_length=3, max_length=4000)
    """What you want to know, in your own words."""
    name: str | None = None
    """By default the beginning of the instruction."""
    description: str = ""
    """For those who read the result."""
    theme_id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """A theme's id, of letters, digits, `_` and `-`."""
    theme: Theme | None = None
    """The theme with this id exactly as it runs; by default as it is when the job is created."""
    model: str | None = None
    """A model of the endpoint, or `offline`; by default INSIGHTS_MODEL where an endpoint is set, else offline."""
    embedding_model: str | None = None
    """By default INSIGHTS_EMBEDDING_MODEL, else vectors made offline."""
    clustering: ClusteringConfig = Field(default_factory=ClusteringConfig)
    max_chars: int = Field(12_000, ge=500)
    """Budget for one trace's text."""
    max_cost_usd: float | None = Field(None, gt=0)
    """Stop before it costs more; by default INSIGHTS_MAX_COST_USD."""
    failed_when: str | None = Field(None, max_length=500)
    """Which traces failed, as a person defines it: conditions on `tags.NAME`, `feedback.NAME` and `status`, joined by
    AND or by OR, such as `tags.reward < 1`; by default no trace is known to have failed but by its status."""


class Outcome(StrEnum):
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Claim(Record):
    """One statement of a summary and the lines of the trace's text it rests on."""

    text: str
    lines: list[int] = Field(default_factory=list)
    """Line numbers of the trace's text (L001 is 1)."""
    quote: str = ""
    """Words that stand in those lines."""


class TraceSummary(Record):
    """What one trace says, in the light of the instruction."""

    title: str
    """At most 12 words."""
    summary: str
    outcome: Outcome = Outcome.UNKNOWN
    errors: list[Claim] = Field(default_factory=list)
    relevant: bool = True
    """Whether the trace has to do with the instruction."""
    claims: list[Claim] = Field(default_factory=list)
    parts: dict[str, str] = Field(default_factory=dict)
    """What was asked, errors, how it ended, tools, as far as they were told apart: what topics are found and named from."""


class InsightStatus(StrEnum):
    RUNNING = "RUNNING"
    STALLED = "STALLED"
    """The run says RUNNING but its process has given no sign of life for 30 s; `resume_insight` goes on."""
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class TextCounts(Record):
    """Where the texts of traces came from."""

    from_memory: int = 0
    """Another theme had them made."""
    from_cache: int = 0
    """An earlier run had."""
    made: int = 0
    """Fetched, read and redacted."""

    @property
    def hit_rate(self) -> float | None:
        """Share that was not made; None where no text was asked for."""
        asked = self.from_memory + self.from_cache + self.made
        return (asked - self.made) / asked if asked else None

    def add(self, other: TextCounts) -> None:
        """Count up."""
        self.from_memory += other.from_memory
        self.from_cache += other.from_cache
        self.made += other.made


class InsightProgress(Record):
    """What a running job says of itself; stored in the run's tag `mlflow.insights.progress`."""

    stage: str = "queued"
    """collect, wait, summarize, embed, cluster, name, map, overview, persist, done."""
    done: int = 0
    total: int = 0
    cost_usd: float = 0.0
    updated_at: UtcTime | None = None
    """Also the sign of life."""
    texts: TextCounts | None = None
    """Of a theme that shares its texts with others."""
    message: str = ""
    """Why it failed, in one sentence; empty while all is well."""


class InsightEstimate(Record):
    """What a job would do, before anything is spent."""

    matching_traces: int
    sample_traces: int
    summarized_traces: int
    """Already summarised with the same model, prompt and text: cost nothing."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where the model has no known price."""
    duration_s: float
    model_calls: int = 0
    """For summaries, names and the overview."""
    model: str
    basis: str
    """How the figures were come by, in a sentence."""


class Insight(Record):
    """One insight run as lists and headers show it."""

    run_id: str
    experiment_id: str
    name: str
    description: str = ""
    instruction: str
    status: InsightStatus
    created_at: UtcTime
    updated_at: UtcTime
    trace_count: int = 0
    """Traces in the result; while it runs, traces in the sample."""
    cluster_count: int = 0
    theme_id: str | None = None
    model: str = "offline"
    cost_usd: float = 0.0
    progress: InsightProgress = Field(default_factory=InsightProgress)


class Tally(Record):
    """How many of some traces broke, failed and seem to have failed: three things that are never added up."""

    size: int
    """Traces."""
    error_count: int = 0
    """Of these, traces whose status is ERROR."""
    known_count: int = 0
    """Of these, traces of which a person's rule (`failed_when`) says whether they failed."""
    failed_count: int = 0
    """Of those known, the ones that failed."""
    suspected_count: int = 0
    """Of the others, traces that seem to have failed: a guess."""

    @classmethod
    def of(cls, rows: Sequence[TraceRow]) -> Tally:
        """The counts of these traces."""
        found = Tally(size=len(rows))
        for row in rows:
            found.add(row)
        return found

    def add(self, row: TraceRow) -> None:
        """Count what a trace says of itself; its size is counted already."""
        self.error_count += row.status == "ERROR"
        self.known_count += row.failed_by == "rule"
        self.failed_count += row.failed_by == "rule" and bool(row.failed)
        self.suspected_count += row.failed_by == "guess" and bool(row.failed)

    @property
    def bad_count(self) -> int:
        """Failed traces where a rule says which failed, else those whose status is ERROR."""
        return self.failed_count if self.known_count else self.error_count

    @property
    def bad_of(self) -> int:
        """Out of how many `bad_count` is."""
        return self.known_count or self.size

    @property
    def bad_rate(self) -> float:
        """Share of `bad_count`; 0 where there is no trace."""
        return self.bad_count / self.bad_of if self.bad_of else 0.0

    @property
    def bad_word(self) -> str:
        """failed, or errors: what `bad_count` counts."""
        return "failed" if self.known_count else "errors"


class Cluster(Tally):
    """A node of the hierarchy. Leaves hold traces, parents hold clusters."""

    cluster_id: str
    parent_id: str | None = None
    level: int
    """0 for a leaf, 1 for its parent, 2 for the parent above."""
    title: str
    description: str = ""
    keywords: list[str] = Field(default_factory=list)
    example_trace_ids: list[str] = Field(default_factory=list)
    """Most typical first; what the title rests on."""
    near_miss_trace_ids: list[str] = Field(default_factory=list)
    """The nearest traces that are not in it; what the title was set off against."""
    fate: Literal["born", "same", "grown", "shrunk", "split", "merged"] | None = None
    """What became of it since the insight that this one continues; None where it continues none."""
    reason: str = ""
    """Why, in a sentence."""
    came_from: list[str] = Field(default_factory=list)
    """Ids of the earlier topics that its traces were in, most first, its own included."""
    previous_size: int | None = None
    """Its traces in the earlier insight; None for one that was not there."""
    overlap: float | None = None
    """Of the traces of both insights that are in it or were, the share that are in it and were."""
    overlap_low: float | None = None
    overlap_high: float | None = None
    """95 % interval of the overlap, by a bootstrap over traces."""


class GoneTopic(Record):
    """A topic of the insight that this one continues, and is here no more."""

    cluster_id: str
    title: str
    size: int
    """Traces that it had."""
    reason: str
    """Why, in a sentence."""


class TraceRow(Record):
    """One trace of an insight."""

    trace_id: str
    cluster_id: str | None
    """None marks an outlier; in the artifact those have the group "Fits no topic"."""
    nearest_cluster_id: str | None
    """The same as cluster_id, or for an outlier the nearest cluster."""
    x: float
    y: float
    title: str
    summary: str
    outcome: Outcome = Outcome.UNKNOWN
    status: str
    """OK, ERROR or IN_PROGRESS, as MLflow has it."""
    error: str | None = None
    """The first error in a few words."""
    latency_ms: float | None = None
    timestamp_ms: int
    span_count: int = 0
    relevant: bool = True
    failed: bool | None = None
    """Whether it did not do what was asked; None where nobody and nothing says it."""
    failed_by: Literal["rule", "guess"] | None = None
    """Whether a person's rule says so or a guess; never the status alone, which `status` has."""
    session: str | None = None
    """A digest that traces of one session share; None where it has none."""


class SkippedTrace(Record):
    trace_id: str
    reason: str
    attempts: int = 0
    """How often in a row it failed, over the runs of a theme; 0 where nothing was tried."""


class GuessQuality(Record):
    """How often the guess of which traces failed agrees with what a person's rule says, on traces it had not seen."""

    known: int
    """Traces of which the rule tells."""
    failed: int
    """Of these, the failed ones."""
    flagged: int
    """Of the known ones, those that the guess says failed."""
    hits: int
    """Of the flagged ones, those that did."""
    precision_low: float
    precision_high: float
    """95 % interval of hits / flagged."""
    recall_low: float
    recall_high: float
    """95 % interval of hits / failed."""

    @property
    def beats_base_rate(self) -> bool:
        """Whether what it flags fails more often than the traces do anyway; else it is not shown."""
        return self.precision_low > self.failed / self.known


class TrustMetrics(Record):
    """How far the result can be trusted."""

    stability_ari: float | None = None
    """Mean adjusted Rand index between the clusters and those of re-runs on random 80 % samples; 1 is the same every time, 0 is chance. None below 20 traces."""
    stability_runs: int = 0
    stability_chance: float | None = None
    """The same for vectors of as many traces that spread alike but have no topics: what chance gives."""
    topics_verdict: Literal["hold", "weak", "none", "one", "few", "identical", "empty"] | None = None
    """hold: stability is clearly above chance; weak: hardly; none: no topics stand out; one: all say much the same, or nothing sets groups apart; few: too few traces to tell; identical: all traces say the same; empty: there are no traces. None in results made before it was kept."""
    coverage: float = 0.0
    """Share of the summarised traces that are in a cluster."""
    outlier_count: int = 0
    silhouette: float | None = None
    """Mean silhouette by cosine over clustered traces: 1 well apart, 0 overlapping."""
    claims_checked: int = 0
    claims_confirmed: int = 0
    """Claims whose cited lines exist, contain what is quoted, and do not say otherwise: no denial, number, name or actor differs."""
    redactions: dict[str, int] = Field(default_factory=dict)
    """Kind of private data -> how often it was removed before text left the process."""
    guess: GuessQuality | None = None
    """None where too few traces are known to have failed or not."""


class ClusterDetails(Record):
    """What the artifact `mlflow_insights_cluster_details.json` says.

    The artifact has a group of its own for outliers, so that whoever counts its leaves counts every trace; here their
    cluster_id is None. Version 1 had no such group.
    """

    schema_version: int = DETAILS_SCHEMA_VERSION
    run_id: str
    experiment_id: str
    instruction: str
    overview: str
    matching_traces: int
    sampled_traces: int
    clusters: list[Cluster]
    traces: list[TraceRow]
    skipped: list[SkippedTrace] = Field(default_factory=list)
    continues: str | None = None
    """The run of the earlier insight whose topics these go on from."""
    gone: list[GoneTopic] = Field(default_factory=list)
    """Its topics that are not here any more."""
    irrelevant: list[SkippedTrace] = Field(default_factory=list)
    """Traces that were read and do not concern the theme, and why."""
    texts: TextCounts = Field(default_factory=TextCounts)
    metrics: TrustMetrics
    config: dict[str, Any] = Field(default_factory=dict)
    model: str = "offline"
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    duration_s: float = 0.0

    @property
    def outliers_id(self) -> str:
        """The id of the group of outliers, in the artifact and in traces' tags."""
        return f"{self.run_id[:8]}-outlier"

    @model_validator(mode="after")
    def _without_group(self) -> ClusterDetails:
        self.clusters = [cluster for cluster in self.clusters if cluster.cluster_id != self.outliers_id]
        for row in self.traces:
            row.cluster_id = None if row.cluster_id == self.outliers_id else row.cluster_id
        return self

    def to_artifact(self) -> str:
        """The text of the artifact, in which every trace has a cluster."""
        outliers = [row for row in self.traces if row.cluster_id is None]
        group = Cluster(
            cluster_id=self.outliers_id,
            size=len(outliers),
            level=0,
            title=OUTLIERS_TITLE,
            description="Traces that are like no others here; nearest_cluster_id says which topic is nearest to each.",
        )
        for row in outliers:
            group.add(row)
        values = self.model_dump(mode="json")
        values["clusters"] += [group.model_dump(mode="json")] if outliers else []
        for row in values["traces"]:
            row["cluster_id"] = row["cluster_id"] or self.outliers_id
        return json.dumps(values, indent=1, ensure_ascii=False)
