"""One run of a theme at a time: workers that start at once agree on one of them.

Whoever wants to run a theme creates its run and looks; one that finds another living run that is older, or that has
passed this look already, gives way and discards its own. Then it writes its process into its run, and looks once more,
now giving way to an older one only. Two runs cannot both stay: whichever wrote its process first was seen by the
other's first look, or saw the other in its own second look. Clocks that differ between machines only decide which one
stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from insights_core.artifacts.runs import discard_run
from insights_core.connection import Connection
from insights_core.errors import mlflow_errors
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.liveness import claimed_at_ms, is_alive
from insights_core.insight.jobs.progress import read_progress
from insights_core.names import LEASE_TAG, THEME_TAG, TYPE_TAG, WORKER_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

    from insights_core.entities.insight import InsightSpec


@dataclass(frozen=True)
class Claimed:
    """What became of the wish to run a theme."""

    run_id: str | None = None
    """The run; None where there is none."""
    ours: bool = False
    """It is for this process to work on."""
    status: str = ""
    message: str = ""
    """Why it is not."""


def claim_theme(connection: Connection, spec: InsightSpec, lease: str) -> Claimed:
    """A run for a theme, or why there is none.

    Args:
        connection: Where MLflow is.
        spec: Filled in from the theme.
        lease: The value of the lease tag.

    Raises:
        InvalidParameterError: A model is named but no endpoint is set, or the filter cannot be read.
    """
    from insights_core.insight.jobs.parts import stages_for
    from insights_core.insight.jobs.result import why_nothing
    from insights_core.traces.search import iter_trace_infos

    stages = stages_for(spec)
    if running := living_runs(connection, spec.scope.experiment_id, spec.theme_id or ""):
        return Claimed(running[0].info.run_id, message="it runs already")
    # A run that finds nothing would only fill the list.
    if next(iter_trace_infos(connection, spec.scope), None) is None:
        return Claimed(status="SKIPPED", message=why_nothing(spec, 0))
    with mlflow_errors():
        run_id = persist.create_insight_run(connection, spec, stages.model, {LEASE_TAG: lease})
        try:
            prompt_hash = stages.summarizer.prompt_hash
            persist.write_spec(connection, run_id, spec, stages.model, stages.prompt, prompt_hash)
            if must_give_way(connection, run_id, at_work=False):
                discard_run(connection, run_id)
                said = "another worker began the same theme at the same moment and goes on with it"
                return Claimed(status="SKIPPED", message=said)
        except BaseException:
            discard_run(connection, run_id)
            raise
    return Claimed(run_id, ours=True)


def living_runs(connection: Connection, experiment_id: str, theme_id: str) -> list[Run]:
    """Runs of the theme in the experiment whose process is alive."""
    with mlflow_errors():
        found = connection.mlflow.search_runs(
            [experiment_id],
            filter_string=f"tags.`{TYPE_TAG}` = 'insight' AND tags.`{THEME_TAG}` = '{theme_id}' "
            "AND attributes.status = 'RUNNING'",
            max_results=1000,
        )
    return [run for run in found if is_alive(run.data.tags, read_progress(run.data.tags).updated_at)]


def must_give_way(connection: Connection, run_id: str, *, at_work: bool) -> bool:
    """Whether another run of the same theme goes first.

    Args:
        connection: Where MLflow is.
        run_id: The own run.
        at_work: The own process stands in its run already: this is the second look.
    """
    with mlflow_errors():
        own = connection.mlflow.get_run(run_id)
    theme_id = own.data.tags.get(THEME_TAG)
    if not theme_id:
        return False
    others = living_runs(connection, own.info.experiment_id, theme_id)
    return any(
        _is_older(other, own) or (not at_work and WORKER_TAG in other.data.tags)
        for other in others
        if other.info.run_id != run_id
    )


def _is_older(other: Run, own: Run) -> bool:
    return (claimed_at_ms(other.data.tags), other.info.run_id) < (claimed_at_ms(own.data.tags), own.info.run_id)
