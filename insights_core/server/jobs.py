"""Endpoints of insight jobs."""

from __future__ import annotations

from fastapi import APIRouter

from insights_core import settings
from insights_core.client import InsightsClient
from insights_core.entities import InsightSpec
from insights_core.errors import InvalidParameterError
from insights_core.server.bodies import EstimateResponse, InsightBody, InsightResponse, InsightsResponse, RunIdResponse
from insights_core.server.requests import route
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(prefix="/jobs", tags=["Insight jobs"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


def _insight(client: InsightsClient, run_id: str) -> InsightResponse:
    return InsightResponse(insight=InsightBody.model_validate(client.get_insight(run_id)))


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


@route(router)
def estimate_insight(client: InsightsClient, spec: InsightSpec) -> EstimateResponse:
    _must_be_allowed(spec)
    return EstimateResponse(estimate=client.estimate_insight(spec))


@route(router)
def create_insight(client: InsightsClient, spec: InsightSpec) -> RunIdResponse:
    _must_be_allowed(spec)
    return RunIdResponse(run_id=client.create_insight(spec))


@route(router)
def get_insight(client: InsightsClient, run_id: str) -> InsightResponse:
    return _insight(client, run_id)


@route(router)
def list_insights(client: InsightsClient, experiment_id: str) -> InsightsResponse:
    return InsightsResponse(insights=[InsightBody.model_validate(item) for item in client.list_insights(experiment_id)])


@route(router)
def cancel_insight(client: InsightsClient, run_id: str) -> InsightResponse:
    client.cancel_insight(run_id)
    return _insight(client, run_id)


@route(router)
def delete_insight(client: InsightsClient, run_id: str) -> RunIdResponse:
    client.delete_insight(run_id)
    return RunIdResponse(run_id=run_id)


@route(router)
def resume_insight(client: InsightsClient, run_id: str) -> InsightResponse:
    client.resume_insight(run_id)
    return _insight(client, run_id)
