"""Bodies of the investigation and job endpoints. Times are epoch milliseconds."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from insights_core.entities import (
    AnalysisStatus,
    HypothesisStatus,
    InsightEstimate,
    InsightSpec,
    InsightStatus,
    IssueStatus,
    Severity,
)


def _milliseconds(moment: Any) -> Any:
    return round(moment.timestamp() * 1000) if isinstance(moment, datetime) else moment


Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]


ExperimentId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$", examples=["0"])]
"""MLflow's experiment ids are whole numbers; on anything else its own API breaks."""


class Request(BaseModel):
    """An unknown field in a request is a mistake."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, values: Any) -> Any:
        """PostgreSQL's texts cannot hold the character NUL, no text in UTF-8 half a character; no id or name has them."""
        if isinstance(values, dict):
            text = json.dumps(values, ensure_ascii=False)
            if "\\u0000" in text:
                raise ValueError("a text holds the character NUL, which cannot be stored")
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValueError("a text holds half a character (a lone surrogate), which cannot be stored")
        return values


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


class EvidenceRequest(Request):
    trace_id: str
    rationale: str
    supports: bool | None = None


class ExperimentRequest(Request):
    experiment_id: ExperimentId


class AnalysisRequest(Request):
    insights_run_id: str


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


class CreateAnalysisRequest(ExperimentRequest):
    run_name: str = Field(min_length=1)
    name: str = Field(min_length=1)
    description: str = ""


class UpdateAnalysisRequest(AnalysisRequest):
    name: str | None = None
    description: str | None = None
    status: AnalysisStatus | None = None


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


class HypothesisRequest(AnalysisRequest):
    hypothesis_id: str


class CreateHypothesisRequest(AnalysisRequest):
    statement: str = Field(min_length=1)
    testing_plan: str = ""
    evidence: list[EvidenceRequest] | None = None
    metrics: dict[str, Any] | None = None


class UpdateHypothesisRequest(HypothesisRequest):
    statement: str | None = None
    testing_plan: str | None = None
    status: HypothesisStatus | None = None
    reason: str | None = None
    evidence: list[EvidenceRequest] | None = None
    add_traces: list[str] | None = None
    metrics: dict[str, Any] | None = None


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


class IssueRequest(Request):
    issue_id: str


class CreateIssueRequest(AnalysisRequest):
    title: str = Field(min_length=1)
    description: str = ""
    severity: Severity = Severity.MEDIUM
    hypothesis_id: str | None = None
    evidence: list[EvidenceRequest] | None = None
    assessments: list[str] | None = None


class UpdateIssueRequest(IssueRequest):
    title: str | None = None
    description: str | None = None
    severity: Severity | None = None
    status: IssueStatus | None = None
    resolution: str | None = None
    evidence: list[EvidenceRequest] | None = None
    add_traces: list[str] | None = None
    assessments: list[str] | None = None


class IssueIdResponse(BaseModel):
    issue_id: str


# Previews


class PreviewRequest(AnalysisRequest):
    max_traces: int | None = Field(None, ge=1)


class PreviewIssuesRequest(ExperimentRequest):
    max_traces: int | None = Field(None, ge=1)


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


class InsightRunRequest(Request):
    run_id: str


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


class SpecRequest(Request):
    spec: InsightSpec


class EstimateResponse(BaseModel):
    estimate: InsightEstimate
