"""What the routes of themes answer. Times are epoch milliseconds."""

from __future__ import annotations

from pydantic import BaseModel, Field

from insights_core.entities import InsightEstimate, Outcome, Signal
from insights_core.entities.alert import AlertRule, Channel
from insights_core.entities.clustering import ClusteringConfig
from insights_core.entities.insight import TextCounts
from insights_core.server.bodies import Body, Milliseconds, StoredBody


class DateRangeBody(Body):
    start: Milliseconds | None = None
    end: Milliseconds | None = None
    last_days: int | None = None


class ThemeBody(StoredBody):
    theme_id: str
    name: str
    description: str
    base_filters: list[str]
    theme_filters: list[str]
    signals: list[Signal]
    sample_rate: float
    sample_seed: int
    max_traces: int | None
    date_range: DateRangeBody
    prompt: str
    clustering_config: ClusteringConfig
    schedule: str
    enabled: bool
    model: str | None
    tag_traces: bool
    alert_rules: list[AlertRule]


class ThemeItem(Body):
    theme: ThemeBody
    builtin: bool
    run_id: str | None
    last_status: str | None
    last_run_at: Milliseconds | None
    next_due_at: Milliseconds | None
    run_count: int
    trace_count: int
    cluster_count: int
    cost_usd: float


class ThemesResponse(BaseModel):
    themes: list[ThemeItem]


class ThemeResponse(BaseModel):
    theme: ThemeBody


class ThemeIdResponse(BaseModel):
    theme_id: str


class PreviewResponse(Body):
    base_matching: int
    theme_matching: int
    matching: int
    sampled: int
    cached_summaries: int
    model_calls: int
    estimate: InsightEstimate


class SampleBody(Body):
    trace_id: str
    theme_relevant: bool | None
    why: str
    title: str
    summary: str
    outcome: Outcome
    status: str
    latency_ms: float | None
    timestamp_ms: int


class TestResponse(Body):
    matching: int
    samples: list[SampleBody]
    model: str
    prompt: str
    cost_usd: float
    input_tokens: int
    output_tokens: int


class ThemeRunBody(Body):
    theme_id: str
    run_id: str | None
    status: str
    message: str
    trace_count: int
    irrelevant_count: int
    cluster_count: int
    cost_usd: float
    input_tokens: int
    output_tokens: int
    texts: TextCounts = Field(default_factory=TextCounts)


class ThemeRunsResponse(BaseModel):
    runs: list[ThemeRunBody]


class PointBody(Body):
    start: Milliseconds
    count: int
    total: int
    share: float
    lower: float
    upper: float


class TrendBody(Body):
    cluster_id: str
    title: str
    points: list[PointBody]
    change: str
    sentence: str


class TrendsResponse(BaseModel):
    trends: list[TrendBody]


class DeliveryBody(Body):
    channel: Channel
    state: str
    attempts: int
    error: str
    at: Milliseconds | None


class AlertBody(StoredBody):
    alert_id: str
    theme_id: str
    rule: AlertRule
    cluster_id: str
    title: str
    message: str
    window_start: Milliseconds
    count: int
    run_id: str
    deliveries: list[DeliveryBody]


class AlertsResponse(BaseModel):
    alerts: list[AlertBody]
