"""The process of one insight job: `python -m insights_core.insight.jobs.worker --run-id RUN`.

`InsightJobs.create_insight` and `resume_insight` start it; the token in its environment must be the one in the run's
lease tag, or it ends without doing anything. Exit codes: 0 done, 1 failed, 3 cancelled or not the owner.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import traceback
from collections.abc import Coroutine
from typing import Any

from insights_core.connection import Connection
from insights_core.errors import InsightsError, from_mlflow
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.progress import JobCancelledError, JobStoppedError, RunReporter, read_progress
from insights_core.names import HEADERS_VARIABLE, LOG_ARTIFACT, TOKEN_VARIABLE
from insights_core.traces.redaction import Redactor

_log = logging.getLogger(__name__)
_NOT_OURS = 3
_LISTEN_EVERY_S = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Work on a run until it ends; every end is written into the run."""
    parser = argparse.ArgumentParser(prog="python -m insights_core.insight.jobs.worker")
    parser.add_argument("--run-id", required=True)
    run_id: str = parser.parse_args(arguments).run_id
    token = os.environ.pop(TOKEN_VARIABLE, "")
    _use_headers(os.environ.pop(HEADERS_VARIABLE, ""))
    connection = Connection()
    spent_usd = read_progress(connection.mlflow.get_run(run_id).data.tags).cost_usd
    reporter = RunReporter(connection, run_id, token, spent_usd)
    if not token or not reporter.take():
        return _NOT_OURS
    with reporter:
        return _work(connection, run_id, reporter)


def _work(connection: Connection, run_id: str, reporter: RunReporter) -> int:
    from insights_core.insight.jobs.pipeline import run_pipeline, stages_for

    try:
        spec = persist.read_spec(connection, run_id)
        stages = stages_for(spec, spent_usd=reporter.cost_usd)
        message = asyncio.run(_until_stopped(run_pipeline(connection, run_id, spec, stages, reporter), reporter))
    except JobCancelledError:
        return _end(connection, run_id, reporter, "KILLED", "Cancelled.", _NOT_OURS)
    except JobStoppedError:
        return _NOT_OURS
    except Exception as error:
        if reporter.is_deleted():
            return _NOT_OURS
        known = from_mlflow(error)
        said = known.message if type(known) is not InsightsError else _unexpected(connection, run_id, error, known)
        return _end(connection, run_id, reporter, "FAILED", said, 1)
    return _end(connection, run_id, reporter, "FINISHED", message, 0)


async def _until_stopped(work: Coroutine[Any, Any, str], reporter: RunReporter) -> str:
    """The result of the work, unless the reporter stops it: then no call that is under way is waited for."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LISTEN_EVERY_S))[0]:
            reporter.check()
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


def _unexpected(connection: Connection, run_id: str, error: Exception, known: InsightsError) -> str:
    """What the run says of an error that the job does not know; its traceback becomes an artifact where it can."""
    said = f"Unexpected {type(error).__name__}: {known.message.splitlines()[0]}"
    try:
        # An exception may quote an address or a header with its password.
        connection.mlflow.log_text(run_id, Redactor().redact(traceback.format_exc()), LOG_ARTIFACT)
    except Exception as second:
        _log.warning("The traceback of run %s could not be kept: %s", run_id, second)
        return f"{said}."
    return f"{said} (the run's {LOG_ARTIFACT} has the details)."


def _end(connection: Connection, run_id: str, reporter: RunReporter, status: str, message: str, code: int) -> int:
    """First the message, then the status: who sees the status finds the message there."""
    reporter.finish("done" if status == "FINISHED" else None, message)
    connection.mlflow.set_terminated(run_id, status)
    return code


def _use_headers(headers: str) -> None:
    """Let MLflow's client send what the process that started this one sent: a REST caller's credentials."""
    if not headers:
        return
    from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider
    from mlflow.tracking.request_header.registry import _request_header_provider_registry

    given: dict[str, str] = json.loads(headers)

    class GivenHeaders(RequestHeaderProvider):
        def in_context(self) -> bool:
            return True

        def request_headers(self) -> dict[str, str]:
            return given

    _request_header_provider_registry.register(GivenHeaders)


if __name__ == "__main__":
    raise SystemExit(main())
