"""What the routes of themes answer. Times are epoch milliseconds."""

from __future__ import annotations

from pydantic import BaseModel

from insights_core.entities import Signal
from insights_core.entities.alert import AlertRule, Channel
from insights_core.entities.clustering import ClusteringConfig
from insights_core.entities.theme_runs import ThemeRun
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


class ThemeRunsResponse(BaseModel):
    runs: list[ThemeRun]


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
