"""Endpoints of insight jobs."""

from __future__ import annotations

from fastapi import APIRouter

from insights_core import settings
from insights_core.entities import InsightSpec
from insights_core.errors import InvalidParameterError
from insights_core.server.bodies import (
    EstimateResponse,
    ExperimentRequest,
    InsightBody,
    InsightResponse,
    InsightRunRequest,
    InsightsResponse,
    RunIdResponse,
    SpecRequest,
)
from insights_core.server.caller import Caller, SignedIn
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(prefix="/jobs", tags=["Insight jobs"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


def _insight(caller: Caller, run_id: str) -> InsightResponse:
    return InsightResponse(insight=InsightBody.model_validate(caller.client.get_insight(run_id)))


def _must_be_allowed(spec: InsightSpec) -> None:
    """A caller chooses among this server's embedding models; any other name could be a path on its disk."""
    own = settings.INSIGHTS_EMBEDDING_MODEL.get()
    allowed = ["offline", *([own] if own else [])]
    if spec.embedding_model is not None and spec.embedding_model not in allowed:
        raise InvalidParameterError(
            f"embedding_model is {spec.embedding_model!r}; this server offers {', '.join(allowed)}. "
            "Whoever runs it can offer another by INSIGHTS_EMBEDDING_MODEL.",
            field="spec.embedding_model",
        )


@router.post("/estimate")
async def estimate(body: SpecRequest, caller: SignedIn) -> EstimateResponse:
    """What a job would do and cost, before anything is spent."""
    _must_be_allowed(body.spec)
    return EstimateResponse(estimate=await caller.run(lambda: caller.client.estimate_insight(body.spec)))


@router.post("/create")
async def create(body: SpecRequest, caller: SignedIn) -> RunIdResponse:
    """Start a job in a process of its own; answers with the id of its run."""
    _must_be_allowed(body.spec)
    return RunIdResponse(run_id=await caller.run(lambda: caller.client.create_insight(body.spec)))


@router.post("/get")
async def get(body: InsightRunRequest, caller: SignedIn) -> InsightResponse:
    """State and progress of a job."""
    return await caller.run(lambda: _insight(caller, body.run_id))


@router.post("/list")
async def list_jobs(body: ExperimentRequest, caller: SignedIn) -> InsightsResponse:
    """All jobs of an experiment, newest first."""
    found = await caller.run(lambda: caller.client.list_insights(body.experiment_id))
    return InsightsResponse(insights=[InsightBody.model_validate(item) for item in found])


@router.post("/cancel")
async def cancel(body: InsightRunRequest, caller: SignedIn) -> InsightResponse:
    """Ask a running job to stop; what it has summarised is kept."""

    def work() -> InsightResponse:
        caller.client.cancel_insight(body.run_id)
        return _insight(caller, body.run_id)

    return await caller.run(work)


@router.post("/delete")
async def delete(body: InsightRunRequest, caller: SignedIn) -> RunIdResponse:
    """Delete the run of a job that is not running; summaries and cluster tags on the traces stay."""
    await caller.run(lambda: caller.client.delete_insight(body.run_id))
    return RunIdResponse(run_id=body.run_id)


@router.post("/resume")
async def resume(body: InsightRunRequest, caller: SignedIn) -> InsightResponse:
    """Go on with a job that was stopped or whose process died, without repeating what is done."""

    def work() -> InsightResponse:
        caller.client.resume_insight(body.run_id)
        return _insight(caller, body.run_id)

    return await caller.run(work)
