"""Assessments and tags onto many traces: while the model works, and in few transactions or requests.

MLflow's own calls write one at a time: 1.5 ms each on SQLite, 10 ms over HTTP. A SQL store takes a batch in one
transaction instead (0.3 ms each), a server several requests at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from insights_core.connection import Connection
from insights_core.errors import InsightsError, UnavailableError, from_mlflow

if TYPE_CHECKING:
    from mlflow.entities import Feedback

_log = logging.getLogger(__name__)

# A stock server starts four workers; more threads only queue.
_HTTP_THREADS = 4
_BATCH = 200
# What a kill can lose of what is already paid for (the cache of answers has it still).
_FLUSH_EVERY_S = 1.0
_TRIES = 6
# More are refused.
_LINKS_A_CALL = 100


class TraceWriter:
    """Writes assessments and tags onto traces.

    Args:
        connection: Where MLflow is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._store: Any = connection.mlflow._tracing_client.store
        self._known: frozenset[str] = frozenset()

    def log_feedback(self, items: Sequence[Feedback], known: Collection[str] = ()) -> list[str]:
        """Create assessments, or replace those that have the same id.

        Args:
            items: With ids.
            known: Ids of which the traces have an assessment; it saves a refused request each over HTTP.

        Returns:
            Ids of traces that are gone; all others are written.
        """
        self._known = frozenset(known)
        gone: list[str] = []
        for batch in _batches(items):
            gone += self._persist(self._feedback_by_sql, self._feedback_by_call, batch)
        return gone

    def set_tags(self, key: str, values: Sequence[tuple[str, str]]) -> list[str]:
        """Set one tag on many traces, given as (trace id, value); gives the ids of traces that are gone."""
        gone: list[str] = []
        for batch in _batches(values):
            gone += self._persist(
                lambda part: self._tags_by_sql(key, part), lambda item: self._tag_by_call(key, item), batch
            )
        return gone

    def link(self, trace_ids: Sequence[str], run_id: str) -> None:
        """Link traces to a run."""
        for start in range(0, len(trace_ids), _LINKS_A_CALL):
            page = list(trace_ids[start : start + _LINKS_A_CALL])
            with_retries(lambda page=page: self._connection.mlflow.link_traces_to_run(page, run_id))

    def _persist(self, by_sql: Any, by_call: Any, batch: list[Any]) -> list[str]:
        answers: list[Any]
        if hasattr(self._store, "ManagedSessionMaker"):
            try:
                return with_retries(lambda: by_sql(batch))
            except UnavailableError:
                raise
            except Exception as error:
                # These are MLflow's insides; its public calls do the same, more slowly.
                _log.info(
                    "Writing %d items in one transaction failed (%s); writing them one by one.", len(batch), error
                )
            answers = [by_call(item) for item in batch]
        else:
            with ThreadPoolExecutor(_HTTP_THREADS) as threads:
                answers = list(threads.map(by_call, batch))
        return list(filter(None, answers))

    def _feedback_by_sql(self, batch: list[Feedback]) -> list[str]:
        from mlflow.store.tracking.dbmodels.models import SqlAssessments, SqlTraceInfo
        from mlflow.store.tracking.utils.sql_trace_rollups import RollupFamily, enqueue_rollup_rebuilds

        with self._store.ManagedSessionMaker(read_only=False) as session:
            columns = (SqlTraceInfo.request_id, SqlTraceInfo.experiment_id, SqlTraceInfo.timestamp_ms)
            wanted = [str(item.trace_id) for item in batch]
            traces = {row[0]: row for row in session.query(*columns).filter(columns[0].in_(wanted))}
            for experiment_id in {row[1] for row in traces.values()}:
                times = [row[2] for row in traces.values() if row[1] == experiment_id]
                enqueue_rollup_rebuilds(session, RollupFamily.ASSESSMENT, experiment_id, times)
            for item in batch:
                if item.trace_id in traces:
                    row = SqlAssessments.from_mlflow_entity(item)
                    _, row.experiment_id, row.trace_timestamp_ms = traces[item.trace_id]
                    session.merge(row)
        return [trace_id for trace_id in wanted if trace_id not in traces]

    def _feedback_by_call(self, item: Feedback) -> str | None:
        from mlflow.exceptions import MlflowException

        def replace() -> None:
            self._store.update_assessment(
                trace_id=item.trace_id,
                assessment_id=item.assessment_id,
                feedback=item.feedback,
                metadata=item.metadata,
            )

        def create() -> None:
            try:
                self._store.create_assessment(item)
            except MlflowException as refused:
                # A second one with the same id is a broken constraint, which a server reports as status 500.
                if "constraint" not in str(refused) and "500" not in str(refused):
                    raise
                try:
                    replace()
                except MlflowException:
                    raise refused from None

        return _unless_gone(replace if item.assessment_id in self._known else create, str(item.trace_id))

    def _tags_by_sql(self, key: str, batch: list[tuple[str, str]]) -> list[str]:
        from mlflow.store.tracking.dbmodels.models import SqlTraceInfo, SqlTraceTag

        with self._store.ManagedSessionMaker(read_only=False) as session:
            wanted = [trace_id for trace_id, _ in batch]
            known = set(session.scalars(_select(SqlTraceInfo.request_id).where(SqlTraceInfo.request_id.in_(wanted))))
            for trace_id, value in batch:
                if trace_id in known:
                    session.merge(SqlTraceTag(request_id=trace_id, key=key, value=value))
        return [trace_id for trace_id in wanted if trace_id not in known]

    def _tag_by_call(self, key: str, item: tuple[str, str]) -> str | None:
        return _unless_gone(lambda: self._store.set_trace_tag(item[0], key, item[1]), item[0])


class SummaryLog:
    """Stores summaries from a thread of its own, so that the model never waits for MLflow.

    Use as a context manager; leaving the block writes what is left and raises what went wrong.

    Args:
        writer: Writes them.
    """

    def __init__(self, writer: TraceWriter) -> None:
        self.gone: list[str] = []
        """Traces that were deleted meanwhile."""
        self._writer = writer
        self._waiting: list[Feedback] = []
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="insight-summaries", daemon=True)

    def __enter__(self) -> SummaryLog:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._failure and kind is None:
            raise self._failure

    def add(self, feedback: Feedback, replaces: bool = False) -> None:
        """Store this soon.

        Args:
            feedback: With its id.
            replaces: The trace has an assessment with this id.

        Raises:
            InsightsError: An earlier one could not be stored.
        """
        if self._failure:
            raise self._failure
        with self._lock:
            self._waiting.append(feedback)
            if replaces:
                self._known.add(str(feedback.assessment_id))

    def _work(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(_FLUSH_EVERY_S)
            with self._lock:
                batch, self._waiting = self._waiting, []
                known, self._known = self._known, set()
            if not batch or self._failure:
                continue
            try:
                self.gone += self._writer.log_feedback(batch, known)
            except Exception as error:
                self._failure = from_mlflow(error)


def with_retries(write: Any) -> Any:
    """Do it, again after a pause where the store did not answer: a locked database, a server that restarts.

    Raises:
        UnavailableError: It did not answer for about a minute.
    """
    for attempt in range(_TRIES):
        try:
            return write()
        except Exception as error:
            known = from_mlflow(error)
            if type(known) is InsightsError:
                raise
            if not isinstance(known, UnavailableError) or attempt == _TRIES - 1:
                raise known from error
            time.sleep(min(30.0, 2.0**attempt))
    raise AssertionError("unreachable")


def _unless_gone(write: Any, trace_id: str) -> str | None:
    from insights_core.errors import NotFoundError

    try:
        with_retries(write)
    except Exception as error:
        # Where a trace is gone, MLflow says so for assessments, and lets the database say it for tags.
        if isinstance(from_mlflow(error), NotFoundError) or "foreign key" in str(error).lower():
            return trace_id
        raise
    return None


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _select(column: Any) -> Any:
    from sqlalchemy import select

    return select(column)
