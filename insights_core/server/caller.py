"""Who calls, and what they may do: every route works through this server's own MLflow API as its caller.

MLflow then decides what is allowed, whatever stands in front of it: its basic-auth app, another plugin, or nothing.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request
from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider

from insights_core.client import InsightsClient
from insights_core.errors import mlflow_errors

T = TypeVar("T")

_FORWARDED = ("authorization", "cookie", "x-mlflow-workspace")
_headers: ContextVar[dict[str, str] | None] = ContextVar("caller_headers", default=None)

# MLflow's own routes share one pool of 40 threads. Each of ours waits for some of those, so ours must be fewer and
# elsewhere, or enough of them at once would wait for threads that they hold themselves.
_THREADS = 16


@cache
def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(_THREADS)


class CallerHeaders(RequestHeaderProvider):
    """Gives MLflow's client the credentials of whoever called the route that runs in this context."""

    def in_context(self) -> bool:
        return bool(_headers.get())

    def request_headers(self) -> dict[str, str]:
        return _headers.get() or {}


def forward_credentials() -> None:
    """Make MLflow's client in this process send the caller's credentials; done once at start-up.

    MLflow downloads artifacts in a thread pool of its own, whose threads must know the caller too.
    """
    import contextvars
    from concurrent.futures import ThreadPoolExecutor

    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.tracking.request_header.registry import _request_header_provider_registry as registry

    class ContextThreadPool(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)

    def create_thread_pool(_: ArtifactRepository) -> ThreadPoolExecutor:
        return ContextThreadPool(max_workers=8)

    if not any(isinstance(provider, CallerHeaders) for provider in registry):
        registry.register(CallerHeaders)
        ArtifactRepository._create_thread_pool = create_thread_pool  # type: ignore[method-assign]


def own_address(request: Request) -> str:
    """The address at which this server reaches itself, with MLflow's static prefix where one is set."""
    from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR

    host, port = request.scope["server"]
    shown = f"[{host}]" if ":" in host else host
    # A TLS proxy on this host sets the scope's scheme by this header, while the port behind it speaks plain HTTP.
    scheme = "http" if "x-forwarded-proto" in request.headers else request.scope.get("scheme", "http")
    return f"{scheme}://{shown}:{port}{os.environ.get(STATIC_PREFIX_ENV_VAR, '').rstrip('/')}"


def _name(authorization: str) -> str | None:
    """The user name in a Basic authorization, for the histories; MLflow itself checks the password."""
    kind, _, encoded = authorization.partition(" ")
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0] if kind.lower() == "basic" else None
    except ValueError:
        return None


class Caller:
    """The caller of one request.

    Attributes:
        client: An InsightsClient that acts with the caller's rights.
    """

    def __init__(self, request: Request) -> None:
        self.headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        self.client = InsightsClient(own_address(request))
        self.client.author = _name(self.headers.get("authorization", ""))

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work with the caller's credentials, outside the event loop and outside MLflow's threads."""
        token = _headers.set({name.title(): value for name, value in self.headers.items()})
        try:
            return await anyio.to_thread.run_sync(work, limiter=_limiter())
        finally:
            _headers.reset(token)

    def must_be_signed_in(self) -> None:
        """Ask MLflow for something that any signed-in user may have.

        Raises:
            PermissionDeniedError: MLflow refuses the credentials.
        """
        with mlflow_errors():
            self.client.mlflow.search_experiments(max_results=1)

    def may_read_traces(self, experiment_ids: Sequence[str]) -> None:
        """Ask MLflow whether the caller may read traces, assessments and runs of these experiments.

        The filter matches nothing and costs nothing, but names every kind of thing the analytics read.

        Raises:
            PermissionDeniedError: Not all of them.
        """
        with mlflow_errors():
            self.client.mlflow.search_traces(
                locations=list(experiment_ids),
                filter_string="timestamp_ms < 1 AND feedback.`insights` = 'x' AND attributes.run_id = 'x'",
                max_results=1,
                include_spans=False,
            )


async def signed_in(request: Request) -> Caller:
    """The dependency of every route: a caller whom MLflow knows."""
    caller = Caller(request)
    await caller.run(caller.must_be_signed_in)
    return caller


SignedIn = Annotated[Caller, Depends(signed_in)]
