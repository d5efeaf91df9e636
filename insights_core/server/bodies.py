"""What the investigation and job routes answer. Times are epoch milliseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from insights_core.entities import (
    AnalysisStatus,
    HypothesisStatus,
    InsightEstimate,
    InsightStatus,
    IssueStatus,
    Severity,
)


def _milliseconds(moment: Any) -> Any:
    return round(moment.timestamp() * 1000) if isinstance(moment, datetime) else moment


Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]


class Body(BaseModel):
    """Part of an answer; made from an entity by attribute."""

    model_config = ConfigDict(from_attributes=True)


class ChangeBody(Body):
    at: Milliseconds
    author: str
    field: str
    before: Any = Field(None, serialization_alias="from")
    after: Any = Field(None, serialization_alias="to")
    why: str | None = None


class EvidenceBody(Body):
    trace_id: str
    rationale: str
    supports: bool | None = None
    created_at: Milliseconds
    author: str = ""


class StoredBody(Body):
    created_at: Milliseconds
    updated_at: Milliseconds
    metadata: dict[str, Any] = Field(default_factory=dict)
    history: list[ChangeBody] = Field(default_factory=list)


# Analyses


class AnalysisBody(StoredBody):
    run_id: str
    experiment_id: str
    name: str
    description: str
    status: AnalysisStatus


class AnalysisItem(AnalysisBody):
    hypothesis_count: int
    validated_count: int


class AnalysesResponse(BaseModel):
    analyses: list[AnalysisItem]


class AnalysisResponse(BaseModel):
    analysis: AnalysisBody


class RunIdResponse(BaseModel):
    run_id: str


# Hypotheses


class HypothesisBody(StoredBody):
    hypothesis_id: str
    statement: str
    testing_plan: str
    status: HypothesisStatus
    evidence: list[EvidenceBody]
    metrics: dict[str, Any]
    trace_count: int


class HypothesisItem(Body):
    hypothesis_id: str
    statement: str
    status: HypothesisStatus
    created_at: Milliseconds
    updated_at: Milliseconds
    trace_count: int
    evidence_count: int
    supports_count: int
    refutes_count: int


class HypothesesResponse(BaseModel):
    hypotheses: list[HypothesisItem]


class HypothesisResponse(BaseModel):
    hypothesis: HypothesisBody


class HypothesisIdResponse(BaseModel):
    hypothesis_id: str


# Issues


class IssueItem(Body):
    issue_id: str
    title: str
    severity: Severity
    status: IssueStatus
    source_run_id: str
    hypothesis_id: str | None = None
    trace_count: int
    evidence_count: int
    created_at: Milliseconds
    updated_at: Milliseconds


class IssueBody(StoredBody):
    issue_id: str
    source_run_id: str
    hypothesis_id: str | None = None
    title: str
    description: str
    severity: Severity
    status: IssueStatus
    evidence: list[EvidenceBody]
    assessments: list[str]
    resolution: str | None = None
    trace_count: int


class IssuesResponse(BaseModel):
    issues: list[IssueItem]


class IssueResponse(BaseModel):
    issue: IssueBody


class IssueIdResponse(BaseModel):
    issue_id: str


class LoggedResponse(Body):
    name: str
    logged: list[str]
    already: list[str]
    """Traces that had it from an earlier time."""
    missing: list[str]
    """Traces that no longer exist."""


# Previews


class PreviewTrace(BaseModel):
    trace_id: str
    request_id: str
    status: str
    execution_time_ms: int | None
    timestamp: int
    evidence_rationale: str


class PreviewResponse(BaseModel):
    traces: list[PreviewTrace]
    total_count: int
    returned_count: int


# Insight jobs


class ProgressBody(Body):
    stage: str
    done: int
    total: int
    cost_usd: float
    updated_at: Milliseconds | None = None
    message: str = ""


class InsightBody(Body):
    run_id: str
    experiment_id: str
    name: str
    description: str
    instruction: str
    status: InsightStatus
    created_at: Milliseconds
    updated_at: Milliseconds
    trace_count: int
    cluster_count: int
    theme_id: str | None = None
    model: str
    cost_usd: float
    progress: ProgressBody


class InsightResponse(BaseModel):
    insight: InsightBody


class InsightsResponse(BaseModel):
    insights: list[InsightBody]


class EstimateResponse(BaseModel):
    estimate: InsightEstimate
