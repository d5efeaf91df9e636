"""The cards' API: alone (`mlflow-insights cards serve`), and in the dashboard's own process.

Every question is asked with the tenant of the caller in its keys, so that what belongs to another is not found in the
same way and time as what does not exist.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from insights_core.cards import access, connection, keys, metrics
from insights_core.cards.queueing import event_of, queue_event
from insights_core.cards.reading import CardFilter, Cards
from insights_core.entities.card import Card, Event
from insights_core.errors import (
    InsightsError,
    InvalidParameterError,
    NotFoundError,
    PermissionDeniedError,
    QueueFullError,
)
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute, error_response

_MOST_BYTES = 65_536
_MOST = 200

router = APIRouter(route_class=InsightsRoute, responses=ERROR_RESPONSES)
Limit = Annotated[int, Query(ge=1, le=_MOST)]


def _caller(request: Request) -> access.Caller:
    return access.caller_of(request.headers, request.client.host if request.client else None)


SignedIn = Annotated[access.Caller, Depends(_caller)]


def _cards(caller: access.Caller) -> Cards:
    return Cards(caller.tenant("read"), connection.shared())


@router.get("/insights/recent")
def recent(
    caller: SignedIn,
    limit: Limit = 50,
    decision: str | None = None,
    agent: str | None = None,
    tool: str | None = None,
    finding: str | None = None,
) -> dict[str, Any]:
    """The newest cards of the tenant."""
    wanted = CardFilter(decision=decision, agent=agent, tool=tool, finding=finding)
    return _items(_cards(caller).recent(limit, wanted))


@router.get("/insights/by-agent/{agent_id:path}")
def by_agent(agent_id: str, caller: SignedIn, limit: Limit = 50) -> dict[str, Any]:
    """The cards of one agent, the latest first."""
    return _items(_cards(caller).by_agent(agent_id, limit))


@router.get("/insights/{event_id}")
def one(event_id: str, caller: SignedIn) -> dict[str, Any]:
    """The card of one event."""
    return {"data": card_body(_cards(caller).get(event_id))}


@router.post(
    "/insights/events",
    status_code=202,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": Event.model_json_schema()}}}},
)
async def emit(request: Request, caller: SignedIn) -> dict[str, Any]:
    """Queue an event of the tenant. The same event_id twice is queued once."""
    tenant_id = caller.tenant("emit")
    given = await _body(request)
    event = event_of({"tenant_id": tenant_id, **given})
    if event.tenant_id != tenant_id:
        raise PermissionDeniedError("The event's tenant_id is not the tenant of this request.")
    result = await run_in_threadpool(lambda: queue_event(connection.shared(), event))
    if result == "full":
        raise QueueFullError(
            f"{keys.QUEUE:,} events of this tenant wait already; this one was dropped and counted. Start another worker."
        )
    return {"data": {"event_id": event.event_id, "result": result}}


@router.get("/metrics")
def prometheus(caller: SignedIn) -> Response:
    """Metrics in Prometheus' text format: of every tenant for the internal secret, else of the token's own."""
    redis: Any = connection.shared()
    with connection.redis_errors():
        tenants = redis.zrange(keys.TENANTS, 0, -1) if caller.internal else [caller.tenant("read")]
    standings = {tenant: Cards(tenant, redis).standing() for tenant in tenants}
    return Response(metrics.prometheus_text(standings), media_type=metrics.CONTENT_TYPE)


@router.get("/health")
def health() -> Response:
    """Whether this API and its Redis answer; open to everybody, and says nothing else."""
    try:
        with connection.redis_errors():
            connection.shared().ping()
    except InsightsError:
        return JSONResponse({"status": "unavailable", "redis": "does not answer"}, 503)
    return JSONResponse({"status": "ok", "redis": connection.place()})


def _items(cards: list[Card]) -> dict[str, Any]:
    return {"data": {"items": [card_body(card) for card in cards]}}


def card_body(card: Card) -> dict[str, Any]:
    """A card as the API sends it: the event's fields and the explanation's side by side."""
    event = card.event.model_dump(mode="json")
    said = card.explanation.model_dump(mode="json") if card.explanation else {}
    short = {"agent": card.event.agent_id, "finding": card.event.findings[0] if card.event.findings else None}
    empty = dict.fromkeys(("summary", "intent", "why", "pattern", "fits_pattern", "model", "label"))
    return {**event, **short, **empty, **said, "status": card.status, "reason": card.reason}


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object in a request, which must not be large: an event is small.

    Only as JSON: other types a page of a foreign site could send in the name of whoever looks at it.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidParameterError("Send the event with Content-Type: application/json.", field="Content-Type")
    text = bytearray()
    async for part in request.stream():
        text += part
        if len(text) > _MOST_BYTES:
            raise InvalidParameterError(
                f"The body is larger than {_MOST_BYTES:,} bytes; an event is small.", field="body"
            )
    try:
        found = json.loads(bytes(text))
    except (ValueError, RecursionError):
        raise InvalidParameterError("The body is no valid JSON.", field="body") from None
    if not isinstance(found, dict):
        raise InvalidParameterError("The body must be one event as a JSON object.", field="body")
    return found


def create_app() -> FastAPI:
    """The API as an app of its own.

    Raises:
        InvalidParameterError: INSIGHTS_CARD_TOKENS cannot be used.
    """
    access.check_tokens()
    app = FastAPI(
        title="Insight cards",
        version="1",
        description="Generated explanations of decision events. Not authoritative.",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(router)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return error_response(InvalidParameterError(f"{request.method} is not possible here."))
        return error_response(NotFoundError(f"There is no {request.method} {request.url.path} here."))

    return app
