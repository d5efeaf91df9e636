"""Routes of investigations: analyses, hypotheses, issues. Each is the client's verb of its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter

from insights_core.client import InsightsClient
from insights_core.entities import Evidence, Issue
from insights_core.server.bodies import (
    AnalysesResponse,
    AnalysisBody,
    AnalysisItem,
    AnalysisResponse,
    HypothesesResponse,
    HypothesisBody,
    HypothesisIdResponse,
    HypothesisItem,
    HypothesisResponse,
    IssueBody,
    IssueIdResponse,
    IssueItem,
    IssueResponse,
    IssuesResponse,
    LoggedResponse,
    PreviewResponse,
    PreviewTrace,
    RunIdResponse,
)
from insights_core.server.requests import route
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(prefix="/agentic", tags=["Investigations"], route_class=InsightsRoute, responses=ERROR_RESPONSES)

_WHOLE_TITLE = 199  # a summary holds the first 200 characters; a longer statement must be read


@route(router)
def list_analyses(client: InsightsClient, experiment_id: str) -> AnalysesResponse:
    counts = {item.id: item for item in client.summarize_analyses(experiment_id)}
    items = []
    for analysis in client.list_analyses(experiment_id):
        found = counts.get(analysis.run_id)
        items.append(
            AnalysisItem(
                **AnalysisBody.model_validate(analysis).model_dump(),
                hypothesis_count=found.hypothesis_count if found else 0,
                validated_count=found.validated_count if found else 0,
            )
        )
    return AnalysesResponse(analyses=items)


@route(router)
def get_analysis(client: InsightsClient, insights_run_id: str) -> AnalysisResponse:
    return AnalysisResponse(analysis=AnalysisBody.model_validate(client.get_analysis(insights_run_id)))


@route(router)
def create_analysis(client: InsightsClient, **given: Any) -> RunIdResponse:
    return RunIdResponse(run_id=client.create_analysis(**given))


@route(router)
def update_analysis(client: InsightsClient, insights_run_id: str, **given: Any) -> AnalysisResponse:
    return AnalysisResponse(analysis=AnalysisBody.model_validate(client.update_analysis(insights_run_id, **given)))


@route(router)
def list_hypotheses(client: InsightsClient, insights_run_id: str) -> HypothesesResponse:
    items = []
    # From the run's tags, in one request whatever the number: this is what a live view polls.
    for found in client.summarize_hypotheses(insights_run_id):
        whole = len(found.title) < _WHOLE_TITLE
        statement = found.title if whole else client.get_hypothesis(insights_run_id, found.id).statement
        items.append(
            HypothesisItem.model_validate({**found.model_dump(), "hypothesis_id": found.id, "statement": statement})
        )
    return HypothesesResponse(hypotheses=items)


@route(router)
def get_hypothesis(client: InsightsClient, **given: Any) -> HypothesisResponse:
    return HypothesisResponse(hypothesis=HypothesisBody.model_validate(client.get_hypothesis(**given)))


@route(router)
def create_hypothesis(client: InsightsClient, **given: Any) -> HypothesisIdResponse:
    return HypothesisIdResponse(hypothesis_id=client.create_hypothesis(**given))


@route(router)
def update_hypothesis(client: InsightsClient, **given: Any) -> HypothesisResponse:
    return HypothesisResponse(hypothesis=HypothesisBody.model_validate(client.update_hypothesis(**given)))


@route(router)
def preview_hypotheses(client: InsightsClient, insights_run_id: str, max_traces: int | None) -> PreviewResponse:
    evidence = [item for hypothesis in client.list_hypotheses(insights_run_id) for item in hypothesis.evidence]
    return _preview(client.preview_hypotheses(insights_run_id, max_traces), evidence)


def _issue_item(issue: Issue) -> IssueItem:
    values = issue.model_dump(include=set(IssueItem.model_fields))
    return IssueItem.model_validate({**values, "trace_count": issue.trace_count, "evidence_count": len(issue.evidence)})


@route(router)
def list_issues(client: InsightsClient, experiment_id: str) -> IssuesResponse:
    return IssuesResponse(issues=[_issue_item(item) for item in client.list_issues(experiment_id)])


@route(router)
def get_issue(client: InsightsClient, issue_id: str) -> IssueResponse:
    return IssueResponse(issue=IssueBody.model_validate(client.get_issue(issue_id)))


@route(router)
def create_issue(client: InsightsClient, **given: Any) -> IssueIdResponse:
    return IssueIdResponse(issue_id=client.create_issue(**given))


@route(router)
def update_issue(client: InsightsClient, **given: Any) -> IssueResponse:
    return IssueResponse(issue=IssueBody.model_validate(client.update_issue(**given)))


@route(router)
def preview_issues(client: InsightsClient, experiment_id: str, max_traces: int | None) -> PreviewResponse:
    evidence = [item for issue in client.list_issues(experiment_id) for item in issue.evidence]
    return _preview(client.preview_issues(experiment_id, max_traces), evidence)


@route(router)
def log_issue_assessments(client: InsightsClient, **given: Any) -> LoggedResponse:
    return LoggedResponse.model_validate(client.log_issue_assessments(**given))


def _preview(traces: list[Any], evidence: Iterable[Evidence]) -> PreviewResponse:
    """The contract's rows; total_count counts distinct traces of the evidence, also those that are gone."""
    rationales: dict[str, str] = {}
    for item in evidence:
        rationales.setdefault(item.trace_id, item.rationale)
    rows = [
        PreviewTrace(
            trace_id=trace.info.trace_id,
            request_id=trace.info.client_request_id or trace.info.trace_id,
            status=str(trace.info.state.value),
            execution_time_ms=trace.info.execution_duration,
            timestamp=trace.info.request_time,
            evidence_rationale=rationales.get(trace.info.trace_id, ""),
        )
        for trace in traces
    ]
    return PreviewResponse(traces=rows, total_count=len(rationales), returned_count=len(rows))
