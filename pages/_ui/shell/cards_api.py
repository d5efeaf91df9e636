"""The API of insight cards in the dashboard's own process. It has its own rules of access; see `insights_core.cards.access`."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

# The page Insights lies at /insights, and Streamlit asks for paths below it: so each path is named.
_PATHS = (
    "/insights/recent",
    "/insights/events",
    "/insights/by-agent/{agent_id:path}",
    "/insights/{event_id}",
    "/health",
    "/metrics",
)


class _Api:
    """The app, made when it is first asked: it takes a second to import, and most dashboards are never asked."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from starlette.concurrency import run_in_threadpool

            self._app = await run_in_threadpool(_made)
        await self._app(scope, receive, send)


def _made() -> Any:
    from insights_core.cards.local import start_local
    from insights_core.server.cards import create_app

    start_local()
    return create_app()


def routes() -> list[Route]:
    """The routes for `st.App`."""
    api = _Api()
    return [Route(path, api) for path in _PATHS]
