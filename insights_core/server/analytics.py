"""Endpoints of the analytics: traffic, assessments, tools, tags, dimensions, correlations.

They answer from columns that each worker process keeps of MLflow's tables, after MLflow has said that the caller may
read the traces of every experiment that was asked for. A right that is taken away ends within five seconds.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from threading import Lock
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, field_validator

from insights_core.analytics import models
from insights_core.analytics.client import Analytics
from insights_core.server.bodies import ExperimentId, Request
from insights_core.server.caller import Caller, SignedIn
from insights_core.server.routing import ERROR_RESPONSES, InsightsRoute

router = APIRouter(tags=["Analytics"], route_class=InsightsRoute, responses=ERROR_RESPONSES)


_LAST_MS = 253_402_300_799_999  # the end of the year 9999; databases hold no later time
Milliseconds = Annotated[int, Field(ge=0, le=_LAST_MS)]


class RangeRequest(Request):
    experiment_ids: list[ExperimentId] = Field(min_length=1)
    start_time: Milliseconds | None = None
    """Epoch milliseconds, inclusive."""
    end_time: Milliseconds | None = None
    """Epoch milliseconds, inclusive."""
    time_bucket: Literal["hour", "day", "week"] = "hour"
    """Width of a point of the series; every request may name it, and answers without a series pay no heed to it."""

    @field_validator("experiment_ids")
    @classmethod
    def _each_once(cls, ids: list[str]) -> list[str]:
        return list(dict.fromkeys(ids))


class SeriesRequest(RangeRequest):
    """A question whose answer has a series."""


class AssessmentRequest(SeriesRequest):
    assessment_name: str


class ToolRequest(SeriesRequest):
    tool_name: str


class TagRequest(RangeRequest):
    tag_key: str
    limit: int = Field(10, ge=1)


class NpmiRequest(RangeRequest):
    dimension1: models.DimensionValue
    dimension2: models.DimensionValue


class CorrelationsRequest(RangeRequest):
    filter_string: str = Field(min_length=1)
    correlation_dimensions: list[Literal["tools", "tags", "assessments"]] = Field(min_length=1)
    limit: int = Field(5, ge=1)


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


async def _answer(caller: Caller, body: RangeRequest, question: Callable[..., BaseModel]) -> Any:
    """The answer, already written as JSON: in the event loop a month by the hour would hold up everybody else."""
    arguments: dict[str, Any] = dict(body)
    if not isinstance(body, SeriesRequest):
        del arguments["time_bucket"]

    def work() -> Response:
        _require_rights(caller, body.experiment_ids)
        return Response(question(**arguments).model_dump_json(), media_type="application/json")

    return await caller.run(work)


@router.post("/traffic-cost/volume")
async def volume(body: SeriesRequest, caller: SignedIn) -> models.VolumeResponse:
    """How many traces, and how many of them failed."""
    return await _answer(caller, body, _analytics().volume)


@router.post("/traffic-cost/latency")
async def latency(body: SeriesRequest, caller: SignedIn) -> models.LatencyResponse:
    """Percentiles of the traces' durations in milliseconds."""
    return await _answer(caller, body, _analytics().latency)


@router.post("/traffic-cost/errors")
async def errors(body: SeriesRequest, caller: SignedIn) -> models.ErrorsResponse:
    """Share of traces that failed, in percent."""
    return await _answer(caller, body, _analytics().errors)


@router.post("/assessments/discovery")
async def assessments(body: RangeRequest, caller: SignedIn) -> models.AssessmentsResponse:
    """Which assessments there are, of which type, from whom, on how many traces."""
    return await _answer(caller, body, _analytics().assessments)


@router.post("/assessments/metrics")
async def assessment(body: AssessmentRequest, caller: SignedIn) -> models.AssessmentResponse:
    """One assessment: failures, percentiles or values, as its type asks for."""
    return await _answer(caller, body, _analytics().assessment)


@router.post("/tools/discovery")
async def tools(body: SeriesRequest, caller: SignedIn) -> models.ToolsResponse:
    """Every tool with its calls, failures and durations."""
    return await _answer(caller, body, _analytics().tools)


@router.post("/tools/metrics")
async def tool(body: ToolRequest, caller: SignedIn) -> models.ToolResponse:
    """The same for one tool."""
    return await _answer(caller, body, _analytics().tool)


@router.post("/tags/discovery")
async def tags(body: RangeRequest, caller: SignedIn) -> models.TagsResponse:
    """Which tag keys there are, most traces first; MLflow's own are left out."""
    return await _answer(caller, body, _analytics().tags)


@router.post("/tags/metrics")
async def tag(body: TagRequest, caller: SignedIn) -> models.TagResponse:
    """The most frequent values of one tag."""
    return await _answer(caller, body, _analytics().tag)


@router.post("/dimensions/discovery")
async def dimensions(body: RangeRequest, caller: SignedIn) -> models.DimensionsResponse:
    """What traces can be sliced by, found in the data."""
    return await _answer(caller, body, _analytics().dimensions)


@router.post("/dimensions/calculate-npmi")
async def npmi(body: NpmiRequest, caller: SignedIn) -> models.NPMIResponse:
    """How strongly two dimensions go together, with a 95 % interval."""
    return await _answer(caller, body, _analytics().npmi)


@router.post("/correlations")
async def correlations(body: CorrelationsRequest, caller: SignedIn) -> models.CorrelationsResponse:
    """Tools, tags and assessments that go with a filter, strongest first."""
    return await _answer(caller, body, _analytics().correlations)
