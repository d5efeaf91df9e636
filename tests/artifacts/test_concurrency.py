"""Many processes change one entity at once; every change is there afterwards."""

from __future__ import annotations

import uuid

import pytest

from insights_core.artifacts.documents import parse
from insights_core.artifacts.investigations import Investigations
from insights_core.artifacts.watching import Watcher

EACH = 50

_ADD = """
from insights_core.artifacts.store import EntityStore
run_id, hypothesis_id, each, lock, *traces = arguments
EntityStore.uses_host_lock = lock == "lock"
ready()
for place in range(int(each)):
    client.update_hypothesis(
        run_id, hypothesis_id, author=f"p{number}",
        evidence=[{"trace_id": traces[place % len(traces)], "rationale": f"{number}-{place}", "supports": place % 2 == 0}],
    )
"""
_ADD_OR_SWITCH = _ADD.replace(
    "for place",
    """
if number == 0:
    for turn in range(4):
        client.update_hypothesis(run_id, hypothesis_id, status="TESTING" if turn % 2 else "REJECTED", reason=f"turn {turn}")
    client.update_hypothesis(run_id, hypothesis_id, status="VALIDATED", reason="last")
    raise SystemExit
for place""",
)


def start(client: Investigations, experiment_id: str) -> tuple[str, str]:
    run_id = client.create_analysis(experiment_id, "Locks", "Locks")
    return run_id, client.create_hypothesis(run_id, "Locks are slow")


def rationales(processes, each: int) -> set[str]:
    return {f"{number}-{place}" for number in processes for place in range(each)}


def check_everything_is_there(uri: str, run_id: str, hypothesis_id: str, expected: set[str]) -> None:
    """In what the SDK reads, in the YAML file alone, in the tag, and in the history."""
    client = Investigations(uri)
    hypothesis = client.get_hypothesis(run_id, hypothesis_id)
    assert {item.rationale for item in hypothesis.evidence} == expected
    assert len(hypothesis.evidence) == len(expected)
    files = client.entity_store.files
    document = parse(files.read(run_id, f"hypothesis_{hypothesis_id}.yaml"))
    assert {item["rationale"] for item in document["evidence"]} == expected
    [line] = client.summarize_hypotheses(run_id)
    assert (line.evidence_count, line.status) == (len(expected), hypothesis.status)
    assert sum(entry.field == "evidence" for entry in hypothesis.history) == len(expected)
    # Nothing is left over: the entity, and one file with its changes.
    assert len([name for name in files.sizes(run_id) if name.startswith("hypothesis")]) == 2


@pytest.mark.parametrize("where", ["sqlite", "server"])
def test_four_processes_add_fifty_pieces_of_evidence_each_and_none_is_lost(
    where, tracking_uri, request, at_once, make_traces
):
    uri = tracking_uri if where == "sqlite" else request.getfixturevalue("mlflow_server")
    client = Investigations(uri)
    experiment_id = client.mlflow.create_experiment(f"concurrent {uuid.uuid4().hex}")
    traces = make_traces(client, experiment_id, 5)
    run_id, hypothesis_id = start(client, experiment_id)
    at_once(_ADD, 4, uri, run_id, hypothesis_id, str(EACH), "lock", *traces)
    check_everything_is_there(uri, run_id, hypothesis_id, rationales(range(4), EACH))


@pytest.mark.parametrize("where", ["sqlite", "server"])
def test_nothing_is_lost_without_a_lock_while_one_process_changes_the_status(
    where, tracking_uri, request, at_once, make_traces
):
    """Processes on different machines share no lock: the files alone must do."""
    uri = tracking_uri if where == "sqlite" else request.getfixturevalue("mlflow_server")
    client = Investigations(uri)
    experiment_id = client.mlflow.create_experiment(f"no lock {uuid.uuid4().hex}")
    traces = make_traces(client, experiment_id, 5)
    run_id, hypothesis_id = start(client, experiment_id)
    at_once(_ADD_OR_SWITCH, 3, uri, run_id, hypothesis_id, "6", "no lock", *traces)
    check_everything_is_there(uri, run_id, hypothesis_id, rationales(range(1, 3), 6))
    hypothesis = client.get_hypothesis(run_id, hypothesis_id)
    assert hypothesis.status == "VALIDATED"
    assert hypothesis.metadata["reason"] == "last"
    turns = [entry.after for entry in hypothesis.history if entry.field == "status"]
    assert turns == ["TESTING", *["REJECTED", "TESTING"] * 2, "VALIDATED"]


_DIE = """
from insights_core.artifacts.files import RunFiles
run_id, hypothesis_id, when = arguments
write, written = RunFiles.write, []
def dying(self, run_id, name, text):
    if when == "before " + ("changes" if ".changes-" in name else "document"):
        print("now", flush=True)
        time.sleep(60)
    write(self, run_id, name, text)
RunFiles.write = dying
client.update_hypothesis(run_id, hypothesis_id, statement="Half a change", evidence=["tr-1: kept"], allow_missing=True)
"""


@pytest.mark.parametrize(
    ("when", "statement"), [("before changes", "Locks are slow"), ("before document", "Half a change")]
)
def test_a_process_killed_while_it_writes_leaves_a_readable_entity(when, statement, client, experiment_id, killed):
    run_id, hypothesis_id = start(client, experiment_id)
    watcher = Watcher(client, run_id)
    watcher.poll()
    killed(_DIE, client.tracking_uri, run_id, hypothesis_id, when)
    assert client.get_hypothesis(run_id, hypothesis_id).statement == statement
    assert [item.statement for item in client.list_hypotheses(run_id)] == [statement]
    client.update_hypothesis(run_id, hypothesis_id, metrics={"p": 1})
    expected = {"kept"} if statement == "Half a change" else set()
    changed = watcher.poll().changed[0]
    assert (changed.statement, changed.metrics) == (statement, {"p": 1})
    if expected:
        check_everything_is_there(client.tracking_uri, run_id, hypothesis_id, expected)


def test_a_file_that_was_written_halfway_is_made_whole(client, experiment_id):
    run_id, hypothesis_id = start(client, experiment_id)
    client.update_hypothesis(run_id, hypothesis_id, evidence=["tr-1: kept"], allow_missing=True)
    files, name = client.entity_store.files, f"hypothesis_{hypothesis_id}.yaml"
    whole = files.read(run_id, name)
    for length in range(1, len(whole) - 1, 7):
        files.write(run_id, name, whole[:length])
        fresh = Investigations(client.tracking_uri)
        assert [item.rationale for item in fresh.get_hypothesis(run_id, hypothesis_id).evidence] == ["kept"]
    client.update_hypothesis(run_id, hypothesis_id, metrics={"p": 1})
    assert "kept" in files.read(run_id, name)


def test_where_nothing_may_be_deleted_changes_are_kept_without_growing(client, experiment_id, monkeypatch):
    """MLflow's basic-auth lets only those with MANAGE delete artifacts."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    def refuse(self, artifact_path=None):
        raise MlflowException("no right to delete", error_code="PERMISSION_DENIED")

    run_id, hypothesis_id = start(client, experiment_id)
    with monkeypatch.context() as patch:
        patch.setattr(LocalArtifactRepository, "delete_artifacts", refuse)
        for place in range(5):
            client.update_hypothesis(run_id, hypothesis_id, evidence=[f"tr-1: {place}"], allow_missing=True)
    sizes = client.entity_store.files.sizes(run_id)
    full = [name for name, size in sizes.items() if ".changes-" in name and name.startswith("hypo") and size > 2]
    assert len(full) == 1
    other = Investigations(client.tracking_uri)
    other.update_hypothesis(run_id, hypothesis_id, evidence=["tr-1: 5"], allow_missing=True)
    check_everything_is_there(client.tracking_uri, run_id, hypothesis_id, {str(place) for place in range(6)})
