"""One parent run an experiment, whoever asks and however many at once."""

from __future__ import annotations

import uuid

import pytest

from insights_core.artifacts.runs import create_child_run, find_parent_run, get_run_of_type, parent_run
from insights_core.connection import Connection
from insights_core.errors import ExperimentNotFoundError, RunNotFoundError

_ASK = """
from insights_core.artifacts.runs import parent_run
here, there, experiment_here, experiment_there = client, Investigations(arguments[0]), arguments[1], arguments[2]
there.mlflow.search_experiments(max_results=1)
ready()
print(parent_run(here, experiment_here), parent_run(there, experiment_there))
"""


def parents_of(connection: Connection, experiment_id: str) -> list:
    return list(connection.mlflow.search_runs([experiment_id]))


def test_the_parent_run_is_made_on_first_use_and_never_again(tracking_uri, experiment_id):
    connection = Connection(tracking_uri)
    assert find_parent_run(connection, experiment_id) is None
    first = parent_run(connection, experiment_id)
    assert parent_run(connection, experiment_id) == first == find_parent_run(connection, experiment_id)
    [run] = parents_of(connection, experiment_id)
    assert run.info.run_name == "Insights"
    assert run.data.tags["mlflow.insights.type"] == "parent"
    assert run.data.tags["mlflow.insights.parent"] == "true"


def test_processes_that_start_at_once_share_one_parent_run(tracking_uri, mlflow_server, at_once):
    """On SQLite, and then, a little out of step, over HTTP on a stock server."""
    connections = [Connection(tracking_uri), Connection(mlflow_server)]
    experiments = [each.mlflow.create_experiment(f"at once {uuid.uuid4().hex}") for each in connections]
    answers = at_once(_ASK, 4, tracking_uri, mlflow_server, *experiments)
    made = [parents_of(*each) for each in zip(connections, experiments, strict=True)]
    assert [len(runs) for runs in made] == [1, 1]
    assert answers == [" ".join(runs[0].info.run_id for runs in made)] * 4


def test_threads_that_ask_a_stock_server_at_once_share_one_parent_run(mlflow_server):
    from concurrent.futures import ThreadPoolExecutor

    connections = [Connection(mlflow_server) for _ in range(8)]
    for _ in range(3):
        experiment_id = connections[0].mlflow.create_experiment(f"threads {uuid.uuid4().hex}")
        with ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(lambda each: parent_run(each, experiment_id), connections))  # noqa: B023
        assert answers == {run.info.run_id for run in parents_of(connections[0], experiment_id)}
        assert len(answers) == 1


def test_a_parent_run_whose_maker_died_before_saying_so_is_used(tracking_uri, experiment_id):
    connection = Connection(tracking_uri)
    made = connection.mlflow.create_run(experiment_id, tags={"mlflow.insights.type": "parent-candidate"}).info.run_id
    connection.mlflow.log_param(made, "insights.parent", "elected")
    assert parent_run(connection, experiment_id) == made
    assert connection.mlflow.get_run(made).data.tags["mlflow.insights.type"] == "parent"


def test_a_candidate_whose_maker_died_does_not_stop_others(tracking_uri, experiment_id):
    connection = Connection(tracking_uri)
    dead = connection.mlflow.create_run(experiment_id, tags={"mlflow.insights.type": "parent-candidate"}).info.run_id
    assert parent_run(connection, experiment_id) != dead
    assert len(parents_of(connection, experiment_id)) == 1


def test_an_unknown_or_deleted_experiment_is_refused_with_those_that_exist(tracking_uri, experiment_id):
    connection = Connection(tracking_uri)
    for wrong in ("987654", "no-such"):
        with pytest.raises(ExperimentNotFoundError, match=rf"{wrong}.*Tests"):
            parent_run(connection, wrong)
    connection.mlflow.delete_experiment(experiment_id)
    with pytest.raises(ExperimentNotFoundError, match="deleted"):
        parent_run(connection, experiment_id)


def test_a_child_run_is_nested_and_the_active_run_stays(tracking_uri, experiment_id):
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    connection = Connection(tracking_uri)
    parent = parent_run(connection, experiment_id)
    with mlflow.start_run(experiment_id=experiment_id) as active:
        child = create_child_run(connection, experiment_id, parent, "Errors", {"mlflow.insights.type": "analysis"})
        assert mlflow.active_run().info.run_id == active.info.run_id
    assert get_run_of_type(connection, child, "analysis").data.tags["mlflow.parentRunId"] == parent
    with pytest.raises(RunNotFoundError, match="not an insight run but of type 'analysis'"):
        get_run_of_type(connection, child, "insight")
    with pytest.raises(RunNotFoundError, match="ordinary MLflow run"):
        get_run_of_type(connection, active.info.run_id, "analysis")
