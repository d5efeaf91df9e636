"""Which traces: MLflow's search as a stream, a count, and a random sample over everything that matches."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope
from insights_core.traces import stores
from insights_core.traces.scopes import search_errors

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo


@dataclass(slots=True)
class Sample:
    """The traces to work on, newest first."""

    matching: int
    """Traces that match, before sampling."""
    infos: list[TraceInfo]
    missing: list[str] = field(default_factory=list)
    """Of the explicit ids, those that the experiment does not have."""


def count_traces(connection: Connection, scope: TraceScope) -> int:
    """Number of traces that match, before sampling; explicit ids that do not exist are not counted.

    Raises:
        InvalidParameterError: The filter cannot be read; the message shows a valid one.
        NotFoundError: There is no such experiment or run.
    """
    with search_errors(connection, scope):
        if scope.trace_ids is not None:
            return sum(1 for _ in stores.infos_by_id(connection, scope.experiment_id, scope.trace_ids))
        if scope.filter_string is None and scope.run_id is None and scope.session_id is None:
            return stores.count_by_time(connection, scope)
        ids = stores.matching_ids(connection, scope)
        return len(ids) if ids is not None else stores.count_on_server(connection, scope)


def iter_trace_infos(connection: Connection, scope: TraceScope, newest_first: bool = True) -> Iterator[TraceInfo]:
    """Everything that matches, fetched page by page; sampling is ignored, each trace comes once.

    Raises:
        InvalidParameterError: The filter cannot be read; the message shows a valid one.
        NotFoundError: There is no such experiment or run.
    """
    with search_errors(connection, scope):
        if scope.trace_ids is None:
            yield from stores.search(connection, scope, newest_first)
        else:
            yield from sorted(
                stores.infos_by_id(connection, scope.experiment_id, scope.trace_ids),
                key=_newest_first,
                reverse=not newest_first,
            )


def sample_traces(connection: Connection, scope: TraceScope) -> Sample:
    """A random sample of everything that matches, not of the newest; spans are not fetched.

    The same seed and the same traces give the same sample, in whatever order the traces came in, and a
    larger sample contains the smaller one: every trace has a random number made from seed and id, and the
    smallest numbers win.

    Raises:
        InvalidParameterError: The filter cannot be read; the message shows a valid one.
        NotFoundError: There is no such experiment or run.
    """
    with search_errors(connection, scope):
        ids = stores.matching_ids(connection, scope) if scope.trace_ids is None else None
        if ids is not None:
            wanted = _smallest(ids, _sample_size(len(ids), scope), lambda trace_id: trace_id, scope.seed)
            chosen = list(stores.infos_by_id(connection, scope.experiment_id, wanted))
            return Sample(len(ids), sorted(chosen, key=_newest_first))
        return _sample_stream(connection, scope)


def _sample_size(matching: int, scope: TraceScope) -> int:
    size = math.ceil(matching * scope.sample_rate)
    return size if scope.max_traces is None else min(size, scope.max_traces)


def _smallest(items: Sequence[Any], size: int, id_of: Callable[[Any], str], seed: int) -> list[Any]:
    return list(items) if size >= len(items) else heapq.nsmallest(size, items, key=lambda item: _lot(seed, id_of(item)))


def _lot(seed: int, trace_id: str) -> bytes:
    """The random number of a trace: uniform, and nothing but seed and id decides it."""
    return hashlib.blake2b(trace_id.encode(), key=str(seed).encode()[:64], digest_size=16).digest()


def _sample_stream(connection: Connection, scope: TraceScope) -> Sample:
    stream = (
        stores.search(connection, scope)
        if scope.trace_ids is None
        else stores.infos_by_id(connection, scope.experiment_id, scope.trace_ids)
    )
    if scope.max_traces is None:
        infos = list(stream)
        matching = len(infos)
    else:
        counted = _Counted(stream)
        # At most max_traces infos are held, however many match.
        infos = heapq.nsmallest(scope.max_traces, counted, key=lambda info: _lot(scope.seed, info.trace_id))
        matching = counted.count
    chosen = _smallest(infos, _sample_size(matching, scope), lambda info: info.trace_id, scope.seed)
    missing: list[str] = []
    if scope.trace_ids is not None and matching < len(set(scope.trace_ids)):
        found = {info.trace_id for info in stores.infos_by_id(connection, scope.experiment_id, scope.trace_ids)}
        missing = [trace_id for trace_id in dict.fromkeys(scope.trace_ids) if trace_id not in found]
    return Sample(matching, sorted(chosen, key=_newest_first), missing)


class _Counted:
    """An iterator that remembers how many it gave."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self.count += 1
            yield item


def _newest_first(info: TraceInfo) -> tuple[int, str]:
    return -info.request_time, info.trace_id
