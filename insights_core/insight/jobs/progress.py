"""What a running job says through its run, and what it hears there: cancelled, deleted, or taken over by another process."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

from insights_core.connection import Connection
from insights_core.entities.common import now
from insights_core.entities.insight import InsightProgress, TextCounts
from insights_core.errors import NotFoundError, mlflow_errors
from insights_core.insight.jobs.liveness import describe_process, lease_token
from insights_core.insight.stages import JobStoppedError, Stage
from insights_core.names import CANCEL_TAG, LEASE_TAG, PROGRESS_TAG, WORKER_TAG

_log = logging.getLogger(__name__)

# Often enough for a person who watches, seldom enough for a server with many jobs.
_WRITE_EVERY_S = 1.0
_SIGN_OF_LIFE_EVERY_S = 5.0
_LISTEN_EVERY_S = 2.0
# Numeric code cannot be interrupted between two reports; after a cancellation it gets this long.
_GRACE_S = 15.0
# After a deletion there is nothing to leave in order.
_GRACE_OF_DELETED_S = 2.0


class JobCancelledError(JobStoppedError):
    """Somebody cancelled it."""


class LeaseLostError(JobStoppedError):
    """Another process has taken the run over."""


class RunDeletedError(JobStoppedError):
    """The run is gone: nobody waits for its result."""


def read_progress(tags: Mapping[str, str]) -> InsightProgress:
    """The progress in a run's tags; an empty one where there is none or it cannot be read."""
    try:
        return InsightProgress.model_validate_json(tags.get(PROGRESS_TAG, "{}"))
    except ValueError:
        return InsightProgress()


class RunReporter:
    """Writes progress and signs of life into a run's tag, and listens for cancellation and take-over.

    Use as a context manager: a thread does both until the block ends.

    Args:
        connection: Where MLflow is.
        run_id: The insight run.
        token: What the lease tag must hold for this process to own the run.
        spent_usd: What earlier processes of this run spent.
        may_exit: The process is the job's alone, so that it may be ended where the job does not hear that it shall stop.
    """

    def __init__(
        self, connection: Connection, run_id: str, token: str, spent_usd: float = 0.0, may_exit: bool = True
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._token = token
        self._spent_usd = spent_usd
        self._may_exit = may_exit
        self._progress = InsightProgress(stage="collect", cost_usd=spent_usd)
        self._lock = threading.Lock()
        self._changed = True
        self._ended = threading.Event()
        self._stop: JobStoppedError | None = None
        self._stop_since = 0.0
        self._thread = threading.Thread(target=self._live, name="insight-progress", daemon=True)

    def take(self) -> bool:
        """Write this process into the run, if the lease is its own."""
        client = self._connection.mlflow
        if lease_token(client.get_run(self._run_id).data.tags) != self._token:
            return False
        client.set_tag(self._run_id, WORKER_TAG, describe_process(self._token, os.getpid()))
        return lease_token(client.get_run(self._run_id).data.tags) == self._token

    def __enter__(self) -> RunReporter:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    @property
    def cost_usd(self) -> float:
        """Spent by this and earlier processes of the run."""
        return self._progress.cost_usd

    def stage(self, name: Stage, total: int = 0) -> None:
        """See `stages.Reporter`."""
        self.check()
        with self._lock:
            self._progress.stage, self._progress.done, self._progress.total = name, 0, total
            self._changed = True

    def advance(self, done: int, cost_usd: float | None = None, texts: TextCounts | None = None) -> None:
        """See `stages.Reporter`; `cost_usd` is what this process spent."""
        self.check()
        with self._lock:
            self._progress.done = done
            if cost_usd is not None:
                self._progress.cost_usd = self._spent_usd + cost_usd
            if texts is not None:
                self._progress.texts = texts.model_copy()
            self._changed = True

    def check(self) -> None:
        """Raise where the job shall stop.

        Raises:
            JobStoppedError: It is cancelled, its run was deleted, or another process has taken it over.
        """
        if self._stop:
            raise self._stop

    def is_deleted(self) -> bool:
        """Whether the run is gone, asked now."""
        return self._tags() is None

    def finish(self, stage: Stage | None = None, message: str = "") -> None:
        """The last word: written at once, with retries, as nobody would repeat it."""
        self._ended.set()
        with self._lock:
            self._progress.stage = stage or self._progress.stage
            self._progress.message = message
        for attempt in range(5):
            try:
                self._write()
                return
            except Exception:
                if attempt == 4:
                    raise
                time.sleep(2**attempt)

    def _live(self) -> None:
        written = listened = time.monotonic()
        while not self._ended.wait(0.25):
            moment = time.monotonic()
            if moment - written >= (_WRITE_EVERY_S if self._changed else _SIGN_OF_LIFE_EVERY_S):
                written = moment
                self._try(self._write)
            if moment - listened >= _LISTEN_EVERY_S:
                listened = moment
                self._try(self._listen)
            grace_s = _GRACE_OF_DELETED_S if isinstance(self._stop, RunDeletedError) else _GRACE_S
            if self._stop and self._may_exit and moment - self._stop_since > grace_s:
                self._leave()

    def _try(self, exchange: Callable[[], None]) -> None:
        try:
            exchange()
        except Exception as error:
            # A server that restarts must not end the job; if it stays away, the work itself will find out.
            _log.warning("The progress of run %s could not be exchanged: %s", self._run_id, error)

    def _write(self) -> None:
        with self._lock:
            self._progress.updated_at = now()
            self._changed = False
            text = self._progress.model_dump_json()
        self._connection.mlflow.set_tag(self._run_id, PROGRESS_TAG, text)

    def _listen(self) -> None:
        if self._stop:
            return
        tags = self._tags()
        if tags is None:
            self._stop = RunDeletedError("The run was deleted.")
        elif lease_token(tags) != self._token:
            self._stop = LeaseLostError(f"{LEASE_TAG} names another process.")
        elif CANCEL_TAG in tags:
            self._stop = JobCancelledError("Cancelled.")
        self._stop_since = time.monotonic()

    def _tags(self) -> dict[str, str] | None:
        """The run's tags; None where it was deleted."""
        try:
            with mlflow_errors():
                run = self._connection.mlflow.get_run(self._run_id)
        except NotFoundError:
            return None
        return run.data.tags if run.info.lifecycle_stage == "active" else None

    def _leave(self) -> None:
        """End the process from outside the work: nothing is half-written that a resumed job could trip over."""
        if isinstance(self._stop, JobCancelledError):
            self._progress.message = "Cancelled."
            self._write()
            self._connection.mlflow.set_terminated(self._run_id, "KILLED")
        os._exit(1)
