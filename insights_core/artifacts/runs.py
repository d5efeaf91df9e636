"""The runs that hold everything: one parent run an experiment, and the runs nested in it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from insights_core.artifacts.retrying import persistently
from insights_core.connection import Connection
from insights_core.errors import (
    ConflictError,
    ExperimentNotFoundError,
    InvalidParameterError,
    NotFoundError,
    RunNotFoundError,
    mlflow_errors,
)
from insights_core.names import PARENT_RUN_NAME, PARENT_RUN_TAG, PARENT_TAG, PARENT_VERDICT, TYPE_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

_log = logging.getLogger(__name__)
# MLflow never lets a param change, in any store: the one thing two processes cannot both write.
_VERDICT = PARENT_VERDICT
_ELECTED, _WITHDRAWN = "elected", "withdrawn"
_CANDIDATE = "parent-candidate"
_ROUNDS = 60
_PATIENCE_S = 0.4
_NAMES_SHOWN = 10


def parent_run(connection: Connection, experiment_id: str) -> str:
    """The id of the experiment's one "Insights" run; it is created where there is none.

    However many processes ask at once, all get the same run, on every tracking URI.

    Raises:
        ExperimentNotFoundError: There is no such experiment, or it is deleted.
    """
    found = find_parent_run(connection, experiment_id)
    if found is not None:
        return found
    with mlflow_errors():
        _check_experiment(connection, experiment_id)
        return _elect(connection, experiment_id)


def find_parent_run(connection: Connection, experiment_id: str) -> str | None:
    """The id of the experiment's "Insights" run, or None where nothing was ever kept there.

    Raises:
        ExperimentNotFoundError: There is no such experiment, or it is deleted.
    """
    found = find_parent(connection, experiment_id)
    return None if found is None else found.info.run_id


def find_parent(connection: Connection, experiment_id: str) -> Run | None:
    """The experiment's "Insights" run, or None where nothing was ever kept there; one request.

    Raises:
        ExperimentNotFoundError: There is no such experiment, or it is deleted.
    """
    with mlflow_errors():
        try:
            winner = _winner(_candidates(connection, experiment_id))
        except Exception:
            # A server may refuse the search of an experiment that is not there; say which there are.
            _check_experiment(connection, experiment_id)
            raise
        if winner is None:
            _check_experiment(connection, experiment_id)
            return None
        _mark_elected(connection, winner)
        return winner


def create_child_run(
    connection: Connection, experiment_id: str, parent_run_id: str, run_name: str, tags: Mapping[str, str]
) -> str:
    """Create a run nested in another one; the caller's own active run stays what it is.

    Args:
        connection: Where MLflow is.
        experiment_id: Experiment of the parent run.
        parent_run_id: The run to nest in.
        run_name: Name in MLflow's own pages.
        tags: Further tags.

    Returns:
        Id of the new run; its status is RUNNING.
    """
    with mlflow_errors():
        run = connection.mlflow.create_run(
            experiment_id, run_name=run_name, tags={PARENT_RUN_TAG: parent_run_id, **tags}
        )
    return run.info.run_id


def discard_run(connection: Connection, run_id: str) -> None:
    """Take away a run whose content could not be written; where it may not be deleted, it is at least ended."""
    from mlflow.exceptions import MlflowException

    for take_away in (connection.mlflow.delete_run, lambda each: connection.mlflow.set_terminated(each, "FAILED")):
        try:
            take_away(run_id)
            return
        except MlflowException as error:
            _log.warning("The run %s could not be taken away: %s", run_id, error)


def get_run_of_type(connection: Connection, run_id: str, kind: str) -> Run:
    """A run with its tags, if it is of the wanted kind.

    Args:
        connection: Where MLflow is.
        run_id: Its id.
        kind: `parent`, `analysis` or `insight`.

    Raises:
        RunNotFoundError: There is no such run, it is deleted, or it is something else.
    """
    listing = {"analysis": "list-analyses", "insight": "list-insights"}.get(kind)
    remedy = f" List them with `mlflow-insights {listing} --experiment-id …`." if listing else ""
    try:
        with mlflow_errors():
            run = connection.mlflow.get_run(run_id)
    except (NotFoundError, InvalidParameterError) as error:
        raise RunNotFoundError(f"There is no {kind} run {run_id!r}.{remedy}") from error
    actual = run.data.tags.get(TYPE_TAG)
    if actual != kind:
        what = f"of type {actual!r}" if actual else "an ordinary MLflow run"
        raise RunNotFoundError(f"Run {run_id!r} is not an {kind} run but {what}.{remedy}")
    if run.info.lifecycle_stage != "active":
        raise RunNotFoundError(f"The {kind} run {run_id!r} is deleted. Restore it with `mlflow runs restore`.")
    return run


def _candidates(connection: Connection, experiment_id: str) -> list[Run]:
    return list(
        connection.mlflow.search_runs(
            [experiment_id], filter_string=f"tags.`{TYPE_TAG}` LIKE 'parent%'", max_results=1000
        )
    )


def _winner(runs: list[Run]) -> Run | None:
    elected = [
        run for run in runs if run.data.tags.get(TYPE_TAG) == "parent" or run.data.params.get(_VERDICT) == _ELECTED
    ]
    # More than one only where somebody restored a deleted one: the same one for every reader.
    return min(elected, key=_age, default=None)


def _age(run: Run) -> tuple[int, str]:
    return run.info.start_time, run.info.run_id


def _elect(connection: Connection, experiment_id: str) -> str:
    """Agree with all other processes on one run.

    Everybody creates a candidate and then looks for others. Who wants to win first withdraws every other candidate
    and then elects its own, both by writing the same param, which the first writer settles for good. Of two that
    compete at least one sees the other's candidate, so never are both elected. The youngest wait for the oldest,
    so that two rarely withdraw each other.
    """
    own = _create_candidate(connection, experiment_id)
    began = time.monotonic()
    for _ in range(_ROUNDS):
        runs = _candidates(connection, experiment_id)
        winner = _winner(runs)
        if winner is not None:
            return _yield_to(connection, own, winner.info.run_id)
        rivals = [run for run in runs if run.info.run_id != own and run.data.params.get(_VERDICT) != _WITHDRAWN]
        patient = time.monotonic() - began < _PATIENCE_S
        if patient and rivals and min(runs, key=_age).info.run_id != own:
            time.sleep(random.uniform(0.02, 0.08))  # noqa: S311 - no secret, only out of step
            continue
        for rival in rivals:
            if _settle(connection, rival.info.run_id, _WITHDRAWN) == _ELECTED:
                return _yield_to(connection, own, rival.info.run_id)
        if _settle(connection, own, _ELECTED) == _ELECTED:
            for run in runs:
                if run.info.run_id != own:
                    _discard(connection, run.info.run_id)
            _mark(connection, own)
            return own
        _discard(connection, own)
        time.sleep(random.uniform(0.05, 0.5))  # noqa: S311
        own, began = _create_candidate(connection, experiment_id), time.monotonic()
    _discard(connection, own)
    raise ConflictError(
        f"{_ROUNDS} attempts to create the Insights run of experiment {experiment_id} met others doing the same. Try again."
    )


def _create_candidate(connection: Connection, experiment_id: str) -> str:
    run = connection.mlflow.create_run(experiment_id, run_name=PARENT_RUN_NAME, tags={TYPE_TAG: _CANDIDATE})
    return run.info.run_id


def _yield_to(connection: Connection, own: str, winner: str) -> str:
    if own != winner:
        _discard(connection, own)
    _mark(connection, winner)
    return winner


def _settle(connection: Connection, run_id: str, verdict: str) -> str:
    """Write the verdict on a candidate unless there is one; give the one that holds."""
    from mlflow.exceptions import MlflowException

    try:
        persistently(lambda: connection.mlflow.log_param(run_id, _VERDICT, verdict))
    except MlflowException:
        run = connection.mlflow.get_run(run_id)
        settled = run.data.params.get(_VERDICT)
        if settled is None and run.info.lifecycle_stage == "active":
            raise
        return settled or _WITHDRAWN
    return verdict


def _mark_elected(connection: Connection, run: Run) -> None:
    """Finish what a process began that ended between being elected and saying so."""
    if run.data.tags.get(TYPE_TAG) != "parent":
        _mark(connection, run.info.run_id)


def _mark(connection: Connection, run_id: str) -> None:
    persistently(lambda: connection.mlflow.set_tag(run_id, PARENT_TAG, "true"))
    persistently(lambda: connection.mlflow.set_tag(run_id, TYPE_TAG, "parent"))


def _discard(connection: Connection, run_id: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        connection.mlflow.delete_run(run_id)
    except MlflowException:
        # Its owner has deleted it already, or this user may not: it is withdrawn in any case.
        return


def _check_experiment(connection: Connection, experiment_id: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        experiment = connection.mlflow.get_experiment(experiment_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
            raise
        raise ExperimentNotFoundError(
            f"There is no experiment {experiment_id!r}. {_known_experiments(connection)}"
        ) from error
    if experiment.lifecycle_stage != "active":
        raise ExperimentNotFoundError(
            f"Experiment {experiment_id!r} ({experiment.name}) is deleted. Restore it with "
            f"`mlflow experiments restore --experiment-id {experiment_id}`, or use another. {_known_experiments(connection)}"
        )


def _known_experiments(connection: Connection) -> str:
    known = connection.mlflow.search_experiments(max_results=_NAMES_SHOWN + 1)
    named = ", ".join(f"{item.experiment_id} ({item.name})" for item in known[:_NAMES_SHOWN])
    return f"There are {named}{' and more' if len(known) > _NAMES_SHOWN else ''}." if known else "There are none."
