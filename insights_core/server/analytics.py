"""Endpoints of the analytics: traffic, assessments, tools, tags, dimensions, correlations.

They answer from columns that each worker process keeps of MLflow's tables, after MLflow has said that the caller may
read the traces of every experiment that was asked for. A right that is taken away ends within five seconds.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from functools import cache
from hashlib import sha256
from threading import Lock

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from insights_core.analytics import models
from insights_core.analytics.client import Analytics
from insights_core.operations import OPERATIONS, definition
from insights_core.server.caller import Caller
from insights_core.server.requests import Request, add_route
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(tags=["Analytics"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


class Bucketed(Request):
    """Every request may name a bucket; answers without a series pay no heed to it."""

    time_bucket: models.TimeBucket = Field("hour", description="Width of a point of the series, UTC.")


@cache
def _analytics() -> Analytics:
    """This server's analytics, on the store that the server itself uses."""
    import os

    from mlflow.server.constants import BACKEND_STORE_URI_ENV_VAR

    return Analytics(os.environ[BACKEND_STORE_URI_ENV_VAR])


# For so long a caller who may read traces is not looked up again: a page asks a dozen questions at once, and asking MLflow
# costs ten times what an answer does. As old as answers may be; whoever may not is looked up every time.
_TRUST_S = 5.0
_KEPT_CALLERS = 1_000
_trusted: OrderedDict[bytes, float] = OrderedDict()
_trusted_lock = Lock()


def _require_rights(caller: Caller, experiment_ids: list[str]) -> None:
    """Raise unless MLflow lets the caller read the traces of all these experiments."""
    # A digest, so that no password stays in memory.
    told = json.dumps([sorted(caller.headers.items()), sorted(experiment_ids)])
    key, now = sha256(told.encode()).digest(), time.monotonic()
    with _trusted_lock:
        if _trusted.get(key, -_TRUST_S) > now - _TRUST_S:
            return
    caller.may_read_traces(experiment_ids)
    with _trusted_lock:
        _trusted[key] = now
        _trusted.move_to_end(key)
        while len(_trusted) > _KEPT_CALLERS:
            _trusted.popitem(last=False)


def _add(name: str) -> None:
    """The route of one question."""
    method = f"analytics.{name}"
    taken = {parameter.name for parameter in definition(method).parameters}

    def answer(caller: Caller, body: BaseModel) -> Response:
        """Already written as JSON: in the event loop a month by the hour would hold up everybody else."""
        arguments = {key: value for key, value in dict(body).items() if key in taken}
        _require_rights(caller, arguments["experiment_ids"])
        found = getattr(_analytics(), name)(**arguments)
        return Response(found.model_dump_json(), media_type="application/json")

    add_route(router, method, answer, getattr(models, definition(method).answer), Bucketed)


for _one in OPERATIONS:
    if _one.route and _one.method.startswith("analytics."):
        _add(_one.method.removeprefix("analytics."))
