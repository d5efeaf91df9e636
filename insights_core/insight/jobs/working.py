"""Work on runs that are claimed: one insight, or several themes side by side that read each trace once."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from insights_core import settings
from insights_core.artifacts.runs import discard_run
from insights_core.connection import Connection
from insights_core.errors import InsightsError, from_mlflow
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.claims import must_give_way
from insights_core.insight.jobs.progress import JobCancelledError, JobStoppedError, RunReporter, read_progress
from insights_core.insight.reading import FirstPass, Texts, kept_texts
from insights_core.names import LOG_ARTIFACT
from insights_core.traces.redaction import Redactor

if TYPE_CHECKING:
    from insights_core.entities.insight import InsightSpec
    from insights_core.llm import ModelEndpoint

_log = logging.getLogger(__name__)

DONE, FAILED, NOT_OURS = 0, 1, 3
_LISTEN_EVERY_S = 0.5


@dataclass
class _Company:
    """What runs of one process share; empty for a run that is alone."""

    texts: Texts | None = None
    endpoints: dict[str, ModelEndpoint] = field(default_factory=dict)
    """Model -> an endpoint whose connections and slots they share."""
    first_passes: dict[str, FirstPass] = field(default_factory=dict)
    """Model -> one question about each trace for all themes with this model."""
    excuses: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Run id -> tells the first pass that this theme has no more traces to ask about."""


async def work_on(
    connection: Connection, run_ids: Sequence[str], token: str, *, own_process: bool = False
) -> dict[str, int]:
    """Work on runs until they end; every end is written into its run, and none concerns the others.

    Args:
        connection: Where MLflow is.
        run_ids: Insight runs with their specifications.
        token: What their lease tags must hold.
        own_process: The process is there for one of them alone, and may be ended with it.

    Returns:
        Run id -> DONE, FAILED, or NOT_OURS where it was cancelled or belongs to another process.
    """
    alone = len(run_ids) == 1
    async with AsyncExitStack() as stack:
        company = _Company() if alone else await _company(connection, run_ids, stack)
        tasks = [_run(connection, run_id, token, company, own_process and alone) for run_id in run_ids]
        return dict(zip(run_ids, await asyncio.gather(*tasks), strict=True))


async def _company(connection: Connection, run_ids: Sequence[str], stack: AsyncExitStack) -> _Company:
    from insights_core.llm import endpoint_from_settings

    company = _Company(Texts(connection, kept_texts()))
    specs: dict[str, InsightSpec] = {}
    for run_id in run_ids:
        try:
            specs[run_id] = persist.read_spec(connection, run_id)
        except InsightsError:
            continue  # Its own work will meet the same, and say it in its run.
    for model in {spec.model or "" for spec in specs.values()}:
        try:
            endpoint = endpoint_from_settings(model or None)
        except InsightsError:
            continue
        if endpoint is None:
            continue
        stack.push_async_callback(endpoint.aclose)
        company.endpoints[model] = endpoint
        themes = {key: spec.theme for key, spec in specs.items() if spec.theme and (spec.model or "") == model}
        least = settings.INSIGHTS_FIRST_PASS_THEMES.get()
        if 0 < least <= len(themes):
            first_pass = company.first_passes[model] = FirstPass(themes.values(), least)
            company.excuses |= {key: partial(first_pass.register, each.theme_id, ()) for key, each in themes.items()}
    return company


async def _run(connection: Connection, run_id: str, token: str, company: _Company, may_exit: bool) -> int:
    try:
        run = connection.mlflow.get_run(run_id)
        spent_usd = read_progress(run.data.tags).cost_usd
        reporter = RunReporter(connection, run_id, token, spent_usd, may_exit)
        if not token or not reporter.take():
            return NOT_OURS
        if company.texts and must_give_way(connection, run_id, at_work=True):
            discard_run(connection, run_id)
            return NOT_OURS
        with reporter:
            return await _work(connection, run_id, reporter, company)
    except Exception as error:
        _log.warning("Run %s ended early: %s", run_id, from_mlflow(error).message)
        return FAILED
    finally:
        # The other themes wait to hear from every one.
        company.excuses.get(run_id, lambda: None)()


async def _work(connection: Connection, run_id: str, reporter: RunReporter, company: _Company) -> int:
    from insights_core.insight.jobs.parts import stages_for
    from insights_core.insight.jobs.pipeline import run_pipeline

    try:
        spec = persist.read_spec(connection, run_id)
        model = spec.model or ""
        stages = stages_for(spec, spent_usd=reporter.cost_usd, beside=company.endpoints.get(model))
        stages.first_pass = company.first_passes.get(model)
        work = run_pipeline(connection, run_id, spec, stages, reporter, company.texts)
        message = await _until_stopped(work, reporter)
    except JobCancelledError:
        return _end(connection, run_id, reporter, "KILLED", "Cancelled.", NOT_OURS)
    except JobStoppedError:
        return NOT_OURS
    except Exception as error:
        if reporter.is_deleted():
            return NOT_OURS
        known = from_mlflow(error)
        said = known.message if type(known) is not InsightsError else _unexpected(connection, run_id, error, known)
        return _end(connection, run_id, reporter, "FAILED", said, FAILED)
    return _end(connection, run_id, reporter, "FINISHED", message, DONE)


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
