"""The app that `mlflow server --app-name insights` runs: MLflow's own, and these routes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app() -> FastAPI:
    """MLflow's app with the insights routes; open to everybody who reaches it, as MLflow's own is."""
    from mlflow.server.fastapi_app import create_fastapi_app

    return install(create_fastapi_app())


def create_basic_auth_app() -> FastAPI:
    """The same behind MLflow's basic authentication: `mlflow server --app-name insights-basic-auth`."""
    from mlflow.server import auth

    return install(auth.create_app())


def install(app: FastAPI) -> FastAPI:
    """Add the insights routes to an MLflow app, before its catch-all route."""
    from mlflow.server.handlers import _add_static_prefix

    from insights_core.server import BASE_PATH
    from insights_core.server.caller import forward_credentials

    forward_credentials()
    native = list(app.router.routes)
    for root in ("/api", "/ajax-api"):
        app.include_router(_router(), prefix=_add_static_prefix(root + BASE_PATH))
    added = [route for route in app.router.routes if route not in native]
    # MLflow's last route takes every path, so whatever is added behind it is never reached.
    app.router.routes[:] = added + native
    return app


def _router() -> APIRouter:
    """Every route of ours. Each must know its caller, also one that is added later: the dependency stands here."""
    from fastapi import APIRouter, Depends

    from insights_core.errors import NotFoundError
    from insights_core.server import agentic, analytics, jobs, themes
    from insights_core.server.caller import signed_in
    from insights_core.server.routing import InsightsRoute

    router = APIRouter(route_class=InsightsRoute, dependencies=[Depends(signed_in)])
    for part in (analytics.router, agentic.router, jobs.router, themes.router):
        router.include_router(part)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return openapi_document()

    @router.api_route("/{path:path}", methods=_VERBS, include_in_schema=False)
    async def unknown(path: str, request: Request) -> None:
        raise NotFoundError(f"There is no {request.method} /{path} here; openapi.json beside it lists every route.")

    return router


def openapi_document() -> dict[str, Any]:
    """The OpenAPI description of the insights routes, with their paths on the server."""
    from fastapi import FastAPI

    from insights_core.server import BASE_PATH, agentic, analytics, jobs, themes

    described = FastAPI(
        title="MLflow Insights",
        version="1",
        description="Investigations, insight jobs, themes and analytics of MLflow traces.",
    )
    for part in (analytics.router, agentic.router, jobs.router, themes.router):
        described.include_router(part, prefix="/api" + BASE_PATH)
    return described.openapi()
