"""Jobs that would pay for the same summaries take turns: the later one waits, and then reuses them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from insights_core.connection import Connection
from insights_core.errors import mlflow_errors
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.liveness import claimed_at_ms, is_alive
from insights_core.insight.jobs.progress import read_progress
from insights_core.names import INSTRUCTION_TAG, MODEL_TAG, THEME_TAG, TYPE_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

    from insights_core.insight.stages import Reporter

_LOOK_EVERY_S = 1.0


async def wait_for_turn(connection: Connection, run_id: str, trace_ids: Collection[str], reporter: Reporter) -> bool:
    """Wait while an earlier job is under way that asks the same of some of these traces; whether there was one.

    Raises:
        JobStoppedError: The reporter says so.
    """
    waited = False
    wanted = set(trace_ids)
    while await asyncio.to_thread(_has_elder, connection, run_id, wanted):
        reporter.advance(0) if waited else reporter.stage("wait")
        waited = True
        await asyncio.sleep(_LOOK_EVERY_S)
    return waited


def _has_elder(connection: Connection, run_id: str, wanted: set[str]) -> bool:
    with mlflow_errors():
        own = connection.mlflow.get_run(run_id)
        others = connection.mlflow.search_runs(
            [own.info.experiment_id],
            filter_string=f"tags.`{TYPE_TAG}` = 'insight' AND attributes.status = 'RUNNING'",
            max_results=1000,
        )
    return any(_before(other, own) and _reads(connection, other, wanted) for other in others)


def _before(other: Run, own: Run) -> bool:
    """Whether a living job asks the same, and claimed its run first."""
    theirs, mine = other.data.tags, own.data.tags
    return (
        _asked(theirs) == _asked(mine)
        and (claimed_at_ms(theirs), other.info.run_id) < (claimed_at_ms(mine), own.info.run_id)
        and is_alive(theirs, read_progress(theirs).updated_at)
    )


def _asked(tags: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(tags.get(name) for name in (INSTRUCTION_TAG, MODEL_TAG, THEME_TAG))


def _reads(connection: Connection, run: Run, wanted: set[str]) -> bool:
    """Whether a job reads some of the traces; one that has not chosen yet may."""
    sample = persist.read_sample(connection, run.info.run_id)
    return sample is None or not wanted.isdisjoint(sample[1])
