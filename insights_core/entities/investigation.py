"""Analyses, hypotheses, issues and their evidence: the entities of an investigation."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import uuid4

from pydantic import Field

from insights_core.entities.common import Record, Status, StoredEntity, UtcTime, now


def new_id() -> str:
    """A fresh UUID as text."""
    return str(uuid4())


class AnalysisStatus(Status):
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"

    @classmethod
    def rules(cls) -> Mapping[AnalysisStatus, tuple[AnalysisStatus, ...]]:
        return {
            cls.ACTIVE: (cls.COMPLETED, cls.ARCHIVED),
            cls.COMPLETED: (cls.ACTIVE, cls.ARCHIVED),
            # What was archived is looked at again before it is called completed.
            cls.ARCHIVED: (cls.ACTIVE,),
        }


class HypothesisStatus(Status):
    TESTING = "TESTING"
    VALIDATED = "VALIDATED"
    REJECTED = "REJECTED"

    @classmethod
    def rules(cls) -> Mapping[HypothesisStatus, tuple[HypothesisStatus, ...]]:
        return {
            cls.TESTING: (cls.VALIDATED, cls.REJECTED),
            # A verdict is taken back before the opposite one is given, so that the history says why.
            cls.VALIDATED: (cls.TESTING,),
            cls.REJECTED: (cls.TESTING,),
        }


class IssueStatus(Status):
    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    RESOLVED = "RESOLVED"
    REJECTED = "REJECTED"

    @classmethod
    def rules(cls) -> Mapping[IssueStatus, tuple[IssueStatus, ...]]:
        return {
            cls.OPEN: (cls.IN_PROGRESS, cls.RESOLVED, cls.REJECTED),
            cls.IN_PROGRESS: (cls.OPEN, cls.RESOLVED, cls.REJECTED),
            cls.RESOLVED: (cls.OPEN, cls.IN_PROGRESS),
            cls.REJECTED: (cls.OPEN,),
        }


class Severity(StrEnum):
    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Evidence(Record):
    """A trace and why it counts."""

    trace_id: str
    rationale: str
    """What in the trace supports or refutes."""
    supports: bool | None = None
    """Hypotheses only: True supports, False refutes."""
    created_at: UtcTime = Field(default_factory=now)
    author: str = ""


class Analysis(StoredEntity):
    """One investigation: `insights/analysis.yaml` in its own run."""

    run_id: str
    experiment_id: str
    name: str
    description: str = ""
    """Goals and guidance."""
    status: AnalysisStatus = AnalysisStatus.ACTIVE


def distinct_traces(evidence: list[Evidence]) -> int:
    """Number of different trace ids over the evidence."""
    return len({item.trace_id for item in evidence})


class Hypothesis(StoredEntity):
    """A testable statement: `insights/hypothesis_{id}.yaml` in the analysis run."""

    hypothesis_id: str = Field(default_factory=new_id)
    statement: str
    testing_plan: str = ""
    """How to find traces for and against, and what decides."""
    status: HypothesisStatus = HypothesisStatus.TESTING
    evidence: list[Evidence] = Field(default_factory=list)
    metrics: dict[str, Any] = Field(default_factory=dict)

    @property
    def trace_count(self) -> int:
        return distinct_traces(self.evidence)

    @property
    def supports_count(self) -> int:
        """Pieces of evidence that support; evidence that does not say counts as supporting."""
        return sum(item.supports is not False for item in self.evidence)

    @property
    def refutes_count(self) -> int:
        return len(self.evidence) - self.supports_count


class Issue(StoredEntity):
    """A validated problem: `insights/issue_{id}.yaml` in the parent run, visible for the whole experiment."""

    issue_id: str = Field(default_factory=new_id)
    source_run_id: str
    """The analysis run it came from."""
    hypothesis_id: str | None = None
    title: str
    description: str = ""
    severity: Severity = Severity.MEDIUM
    status: IssueStatus = IssueStatus.OPEN
    evidence: list[Evidence] = Field(default_factory=list)
    assessments: list[str] = Field(default_factory=list)
    """Names of assessments that mark this issue on traces."""
    resolution: str | None = None

    @property
    def trace_count(self) -> int:
        return distinct_traces(self.evidence)


class EntitySummary(Record):
    """One line of a list of entities; it comes from a tag, without reading the entity itself."""

    kind: str
    """analysis, hypothesis, issue, or the name of another kind; what only that kind tells is in `model_extra`."""
    id: str
    """The run id of an analysis."""
    run_id: str
    """The run that holds it."""
    revision: str
    """Another one after every change."""
    title: str
    """The first 200 characters of name, statement or title."""
    status: str = ""
    """Empty for a kind that has none."""
    created_at: UtcTime
    updated_at: UtcTime
    evidence_count: int = 0
    supports_count: int = 0
    refutes_count: int = 0
    trace_count: int = 0
    last_evidence_at: UtcTime | None = None
    """Hypotheses only: when the newest piece of evidence was found."""
    severity: str | None = None
    source_run_id: str | None = None
    hypothesis_id: str | None = None


class AnalysisSummary(EntitySummary):
    """One line of a list of analyses."""

    run_name: str = ""
    hypothesis_count: int = 0
    validated_count: int = 0
