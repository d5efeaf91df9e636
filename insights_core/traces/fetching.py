"""Traces with their spans, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from insights_core.connection import Connection
from insights_core.errors import mlflow_errors
from insights_core.names import SPANS_TAG

if TYPE_CHECKING:
    from mlflow.entities import Trace

# Traces with spans can be megabytes each.
_TRACES_A_FETCH = 50


def iter_traces(connection: Connection, trace_ids: Sequence[str]) -> Iterator[Trace]:
    """The traces with their spans, in the order of the ids, fetched in batches; one that is gone is left out."""
    for start in range(0, len(trace_ids), _TRACES_A_FETCH):
        batch = list(trace_ids[start : start + _TRACES_A_FETCH])
        with mlflow_errors():
            found = _fetch(connection, batch)
        for trace_id in batch:
            if trace_id in found:
                yield found[trace_id]


def _fetch(connection: Connection, trace_ids: list[str]) -> dict[str, Trace]:
    from mlflow.exceptions import MlflowException

    client = connection.mlflow._tracing_client
    try:
        found = {trace.info.trace_id: trace for trace in client.store.batch_get_traces(trace_ids)}
    except MlflowException as error:
        # One trace whose spans lie elsewhere or were never written fails the whole batch.
        if len(trace_ids) > 1 and not _is_outage(error):
            half = len(trace_ids) // 2
            return _fetch(connection, trace_ids[:half]) | _fetch(connection, trace_ids[half:])
        found = {}
    for trace_id in trace_ids:
        if trace_id not in found and (trace := _fetch_one(client, trace_id)) is not None:
            found[trace_id] = trace
    return found


def _fetch_one(client: Any, trace_id: str) -> Trace | None:
    """A trace on the slow way: spans in an artifact, a trace without spans, or nothing where it is gone."""
    from mlflow.entities import Trace, TraceData
    from mlflow.exceptions import MlflowException

    try:
        infos = client.store.batch_get_trace_infos([trace_id])
        if not infos:
            return None
        if SPANS_TAG in infos[0].tags:
            return client.store.get_trace(trace_id, allow_partial=True)
    except MlflowException as error:
        if _is_outage(error):
            raise
        return None
    try:
        return client.get_trace(trace_id)
    except MlflowException:
        return Trace(info=infos[0], data=TraceData(spans=[]))


def _is_outage(error: Exception) -> bool:
    from insights_core.errors import PermissionDeniedError, UnavailableError, from_mlflow

    return isinstance(from_mlflow(error), PermissionDeniedError | UnavailableError)
