"""Endpoints of investigations: analyses, hypotheses, issues."""

from __future__ import annotations

from fastapi import APIRouter

from insights_core.entities import Issue
from insights_core.server.bodies import (
    AnalysesResponse,
    AnalysisBody,
    AnalysisItem,
    AnalysisRequest,
    AnalysisResponse,
    CreateAnalysisRequest,
    CreateHypothesisRequest,
    CreateIssueRequest,
    ExperimentRequest,
    HypothesesResponse,
    HypothesisBody,
    HypothesisIdResponse,
    HypothesisItem,
    HypothesisRequest,
    HypothesisResponse,
    IssueBody,
    IssueIdResponse,
    IssueItem,
    IssueRequest,
    IssueResponse,
    IssuesResponse,
    PreviewIssuesRequest,
    PreviewRequest,
    PreviewResponse,
    PreviewTrace,
    RunIdResponse,
    UpdateAnalysisRequest,
    UpdateHypothesisRequest,
    UpdateIssueRequest,
)
from insights_core.server.caller import SignedIn
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(prefix="/agentic", tags=["Investigations"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


_WHOLE_TITLE = 199  # a summary holds the first 200 characters; a longer statement must be read


@router.post("/analyses/list")
async def list_analyses(body: ExperimentRequest, caller: SignedIn) -> AnalysesResponse:
    """All analyses of an experiment, with how many hypotheses each has and how many are validated."""

    def work() -> AnalysesResponse:
        counts = {item.id: item for item in caller.client.summarize_analyses(body.experiment_id)}
        items = []
        for analysis in caller.client.list_analyses(body.experiment_id):
            found = counts.get(analysis.run_id)
            items.append(
                AnalysisItem(
                    **AnalysisBody.model_validate(analysis).model_dump(),
                    hypothesis_count=found.hypothesis_count if found else 0,
                    validated_count=found.validated_count if found else 0,
                )
            )
        return AnalysesResponse(analyses=items)

    return await caller.run(work)


@router.post("/analyses/get")
async def get_analysis(body: AnalysisRequest, caller: SignedIn) -> AnalysisResponse:
    """One analysis with its history."""
    found = await caller.run(lambda: caller.client.get_analysis(body.insights_run_id))
    return AnalysisResponse(analysis=AnalysisBody.model_validate(found))


@router.post("/analyses/create")
async def create_analysis(body: CreateAnalysisRequest, caller: SignedIn) -> RunIdResponse:
    """Start an analysis; answers with the id of its run."""
    return RunIdResponse(run_id=await caller.run(lambda: caller.client.create_analysis(**body.model_dump())))


@router.post("/analyses/update")
async def update_analysis(body: UpdateAnalysisRequest, caller: SignedIn) -> AnalysisResponse:
    """Change name, description or status; what is left out stays."""

    def work() -> AnalysisResponse:
        caller.client.update_analysis(body.insights_run_id, body.name, body.description, body.status)
        return AnalysisResponse(analysis=AnalysisBody.model_validate(caller.client.get_analysis(body.insights_run_id)))

    return await caller.run(work)


@router.post("/hypotheses/list")
async def list_hypotheses(body: AnalysisRequest, caller: SignedIn) -> HypothesesResponse:
    """All hypotheses of an analysis, with how much evidence speaks for and against each."""

    def work() -> HypothesesResponse:
        client, items = caller.client, []
        # From the run's tags, in one request whatever the number: this is what a live view polls.
        for found in client.summarize_hypotheses(body.insights_run_id):
            whole = len(found.title) < _WHOLE_TITLE
            statement = found.title if whole else client.get_hypothesis(body.insights_run_id, found.id).statement
            items.append(
                HypothesisItem.model_validate({**found.model_dump(), "hypothesis_id": found.id, "statement": statement})
            )
        return HypothesesResponse(hypotheses=items)

    return await caller.run(work)


@router.post("/hypotheses/get")
async def get_hypothesis(body: HypothesisRequest, caller: SignedIn) -> HypothesisResponse:
    """One hypothesis with its evidence and history."""
    found = await caller.run(lambda: caller.client.get_hypothesis(body.insights_run_id, body.hypothesis_id))
    return HypothesisResponse(hypothesis=HypothesisBody.model_validate(found))


@router.post("/hypotheses/create")
async def create_hypothesis(body: CreateHypothesisRequest, caller: SignedIn) -> HypothesisIdResponse:
    """Add a hypothesis to an analysis; answers with its id."""
    return HypothesisIdResponse(
        hypothesis_id=await caller.run(lambda: caller.client.create_hypothesis(**body.model_dump()))
    )


@router.post("/hypotheses/update")
async def update_hypothesis(body: UpdateHypothesisRequest, caller: SignedIn) -> HypothesisResponse:
    """Change a hypothesis or add evidence; what is left out stays, evidence is only ever added."""

    def work() -> HypothesisResponse:
        caller.client.update_hypothesis(**body.model_dump())
        found = caller.client.get_hypothesis(body.insights_run_id, body.hypothesis_id)
        return HypothesisResponse(hypothesis=HypothesisBody.model_validate(found))

    return await caller.run(work)


@router.post("/hypotheses/preview")
async def preview_hypotheses(body: PreviewRequest, caller: SignedIn) -> PreviewResponse:
    """The traces that the hypotheses of an analysis rest on."""

    def work() -> PreviewResponse:
        evidence = [
            item for hypothesis in caller.client.list_hypotheses(body.insights_run_id) for item in hypothesis.evidence
        ]
        traces = caller.client.preview_hypotheses(body.insights_run_id, body.max_traces)
        return _preview(traces, {item.trace_id: item.rationale for item in reversed(evidence)})

    return await caller.run(work)


def _issue_item(issue: Issue) -> IssueItem:
    values = issue.model_dump(include=set(IssueItem.model_fields))
    return IssueItem.model_validate({**values, "trace_count": issue.trace_count, "evidence_count": len(issue.evidence)})


@router.post("/issues/list")
async def list_issues(body: ExperimentRequest, caller: SignedIn) -> IssuesResponse:
    """All issues of an experiment, most traces first."""
    found = await caller.run(lambda: caller.client.list_issues(body.experiment_id))
    return IssuesResponse(issues=[_issue_item(item) for item in found])


@router.post("/issues/get")
async def get_issue(body: IssueRequest, caller: SignedIn) -> IssueResponse:
    """One issue with its evidence and history."""
    found = await caller.run(lambda: caller.client.get_issue(body.issue_id))
    return IssueResponse(issue=IssueBody.model_validate(found))


@router.post("/issues/create")
async def create_issue(body: CreateIssueRequest, caller: SignedIn) -> IssueIdResponse:
    """Make an issue of what an analysis found; answers with its id."""
    return IssueIdResponse(issue_id=await caller.run(lambda: caller.client.create_issue(**body.model_dump())))


@router.post("/issues/update")
async def update_issue(body: UpdateIssueRequest, caller: SignedIn) -> IssueResponse:
    """Change an issue or add evidence; what is left out stays, evidence is only ever added."""

    def work() -> IssueResponse:
        caller.client.update_issue(**body.model_dump())
        return IssueResponse(issue=IssueBody.model_validate(caller.client.get_issue(body.issue_id)))

    return await caller.run(work)


@router.post("/issues/preview")
async def preview_issues(body: PreviewIssuesRequest, caller: SignedIn) -> PreviewResponse:
    """The traces that the issues of an experiment rest on."""

    def work() -> PreviewResponse:
        evidence = [item for issue in caller.client.list_issues(body.experiment_id) for item in issue.evidence]
        traces = caller.client.preview_issues(body.experiment_id, body.max_traces)
        return _preview(traces, {item.trace_id: item.rationale for item in reversed(evidence)})

    return await caller.run(work)


def _preview(traces: list, rationales: dict[str, str]) -> PreviewResponse:
    """The contract's rows; total_count counts distinct traces of the evidence, also those that are gone."""
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
