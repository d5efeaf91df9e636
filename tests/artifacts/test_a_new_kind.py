"""A new kind of entity is a model and a `Kind`, here; creating, reading, changing and watching come with it."""

from __future__ import annotations

from enum import StrEnum

import pytest
from pydantic import BaseModel, Field

from insights_core.artifacts.collection import Collection
from insights_core.artifacts.documents import parse
from insights_core.artifacts.investigations import Investigations
from insights_core.artifacts.kinds import Kind
from insights_core.entities.common import Status, StoredEntity
from insights_core.entities.investigation import new_id
from insights_core.errors import (
    ConflictError,
    ExperimentNotFoundError,
    InvalidParameterError,
    InvalidStatusChangeError,
    NotFoundError,
)


class Mood(Status):
    NEW = "NEW"
    DONE = "DONE"

    @classmethod
    def rules(cls):
        return {cls.DONE: ()}


class Colour(StrEnum):
    RED = "red"


class Range(BaseModel):
    days: int | None = None
    hours: int | None = None


class Note(StoredEntity):
    note_id: str = Field(default_factory=new_id, min_length=1)
    title: str
    rate: float = Field(1.0, gt=0, le=1)
    labels: list[str] | None = None
    range: Range | None = None
    colour: Colour = Colour.RED
    mood: Mood = Mood.NEW


NOTE = Kind("note", Note, "note_id", "title", lambda note: {"rate": note.rate, "status": note.mood})


class Mark(StoredEntity):
    name: str


MARK = Kind("mark", Mark, None, "name")


@pytest.fixture
def notes(client: Investigations, experiment_id: str) -> Collection[Note]:
    return Collection(client, NOTE, experiment_id=experiment_id)


def test_it_is_created_read_listed_changed_and_deleted(notes, client, experiment_id):
    assert notes.list() == []
    made = notes.create({"title": "First", "labels": ["a"]}, author="me")
    notes.create({"note_id": "second", "title": "Second"})
    assert notes.get(made.note_id).labels == ["a"]
    assert [note.title for note in notes.list()] == ["First", "Second"]
    changed = notes.update("second", {"rate": 0.5, "mood": "done"}, reason="enough", author="you")
    assert (changed.rate, changed.mood, changed.title) == (0.5, Mood.DONE, "Second")
    assert [(line.title, line.status, line.model_extra["rate"]) for line in notes.summaries()] == [
        ("First", "NEW", 1.0),
        ("Second", "DONE", 0.5),
    ]
    notes.delete("second")
    other = Collection(Investigations(client.tracking_uri), NOTE, experiment_id=experiment_id)
    assert [note.title for note in other.list()] == ["First"]
    for lost in (other.get, other.delete, other.history, lambda each: other.update(each, {"title": "x"})):
        with pytest.raises(NotFoundError, match="no note 'second' in experiment"):
            lost("second")


def test_its_file_is_named_after_it_and_can_be_read_by_a_person(notes, client):
    notes.create({"note_id": "plain", "title": "Two\nlines", "range": {"days": 3}})
    [run] = client.mlflow.search_runs([notes._experiment_id], "tags.`mlflow.insights.type` = 'parent'")
    text = client.entity_store.files.read(run.info.run_id, "note_plain.yaml")
    assert text.startswith("note_id: plain\ntitle: |-\n  Two\n  lines\n")
    assert parse(text)["range"] == {"days": 3, "hours": None}


def test_its_history_says_who_changed_what_from_what_to_what_and_why(notes):
    notes.create({"note_id": "n", "title": "a", "labels": ["x"], "range": {"days": 1}}, author="me")
    notes.update("n", {"title": "b", "labels": ["y"]}, reason="better", author="you")
    notes.update("n", {"range": {"days": 1, "hours": 2}})
    told = [(entry.author, entry.field, entry.before, entry.after, entry.why) for entry in notes.history("n")]
    assert told[0][:2] == ("me", "created_at")
    assert told[1:4] == [
        ("you", "title", "a", "b", "better"),
        ("you", "labels", ["x"], None, "better"),
        ("you", "labels", None, ["y"], "better"),
    ]
    assert told[4][1:4] == ("range", {"hours": None}, {"hours": 2})
    assert notes.get("n").updated_at == notes.history("n")[-1].at


def test_fields_that_were_empty_can_be_filled_and_emptied_again(notes):
    notes.create({"note_id": "n", "title": "a"})
    assert notes.update("n", {"range": {"days": 1}, "labels": ["x"]}).range.days == 1
    assert notes.update("n", {"labels": ["x", "y"]}).labels == ["x", "y"]
    emptied = notes.update("n", {"range": None, "labels": None})
    assert (emptied.range, emptied.labels) == (None, None)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"titel": "x"}, "titel", "no field 'titel' to set; there are"),
        ({"rate": 2}, "rate", "less than or equal to 1"),
        ({"history": []}, "history", "no field 'history'"),
        ({"note_id": "other"}, "note_id", "no field 'note_id'"),
        ({"mood": "never"}, "mood", "choose one of NEW, DONE"),
        ({"range": {"days": "many"}}, "range", "range.days"),
    ],
)
def test_a_wrong_change_is_refused_with_its_field_and_changes_nothing(fields, field, said, notes):
    notes.create({"note_id": "n", "title": "a"})
    with pytest.raises(InvalidParameterError, match=said) as refused:
        notes.update("n", fields)
    assert refused.value.details["field"] == field
    assert len(notes.history("n")) == 1


def test_what_cannot_be_created_is_refused(notes):
    for fields in ({}, {"title": "a", "rate": 0}, {"title": "a", "colour": "mauve"}, {"title": "a", "created_at": 1}):
        with pytest.raises(InvalidParameterError):
            notes.create(fields)
    for entity_id in ("../up", "a b", "-", "", "x" * 101):
        with pytest.raises(InvalidParameterError, match="note_id"):
            notes.create({"note_id": entity_id, "title": "a"})
    assert notes.list() == []


def test_a_status_follows_the_rules_of_its_kind(notes):
    notes.create({"note_id": "n", "title": "a"})
    assert Mood.NEW.allowed_next == (Mood.DONE,)
    notes.update("n", {"mood": "DONE"})
    with pytest.raises(InvalidStatusChangeError, match="Note n is DONE"):
        notes.update("n", {"mood": "NEW"})
    assert notes.update("n", {"mood": "DONE"}).mood == Mood.DONE


def test_an_id_is_given_once(notes, monkeypatch):
    notes.create({"note_id": "n", "title": "a"})
    with pytest.raises(InvalidParameterError, match="a note 'n' already"):
        notes.create({"note_id": "n", "title": "b"})
    # Another process, which saw none yet.
    monkeypatch.setattr("insights_core.artifacts.reading.Reader.find", _blind_once())
    with pytest.raises(ConflictError, match="note 'n' at the same moment"):
        notes.create({"note_id": "n", "title": "b"})
    assert notes.get("n").title == "a"


def _blind_once():
    from insights_core.artifacts.reading import Reader

    find, looks = Reader.find, []

    def blind(self, run_id, kind):
        looks.append(kind)
        return {} if len(looks) == 1 else find(self, run_id, kind)

    return blind


def test_watching_it_costs_one_request_while_nothing_changes(web_client, web_experiment, mlflow_server, requests_sent):
    notes = Collection(web_client, NOTE, experiment_id=web_experiment)
    with pytest.raises(NotFoundError, match="holds no note to watch yet"):
        notes.watch()
    notes.create({"note_id": "n", "title": "a"})
    notes.create({"note_id": "m", "title": "b"})
    watcher = Collection(Investigations(mlflow_server), NOTE, experiment_id=web_experiment).watch()
    assert {note.title for note in watcher.poll().changed} == {"a", "b"}
    requests_sent.clear()
    assert watcher.poll().unchanged
    assert len(requests_sent) == 1
    notes.update("n", {"title": "c"})
    requests_sent.clear()
    assert [note.title for note in watcher.poll().changed] == ["c"]
    assert len(requests_sent) == 3
    notes.delete("m")
    assert watcher.poll().removed == [("note", "m")]


def test_a_run_can_hold_one_of_a_kind(client, experiment_id):
    run_id = client.create_analysis(experiment_id, "Run", "Run")
    mark = Collection(client, MARK, run=run_id)
    with pytest.raises(NotFoundError):
        mark.get()
    mark.create({"name": "here"})
    assert (mark.get().name, mark.update("", {"name": "there"}).name) == ("here", "there")
    assert [entry.field for entry in mark.history()] == ["created_at", "name"]


def test_an_experiment_that_is_not_there_is_said(client):
    with pytest.raises(ExperimentNotFoundError):
        Collection(client, NOTE, experiment_id="999").list()


_CHANGE = """
import importlib.util
from insights_core.artifacts.collection import Collection
path, experiment_id, each = arguments
spec = importlib.util.spec_from_file_location("kinds_of_a_test", path)
sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
notes = Collection(client, module.NOTE, experiment_id=experiment_id)
ready()
for place in range(int(each)):
    seen = notes.get("n")
    own = {"rate": (place + 1) / 8} if number else {"title": f"t{place}"}
    notes.update("n", {"labels": [*(seen.labels or ()), f"{number}-{place}"], **own}, seen=seen)
"""


def test_nothing_is_lost_where_processes_change_the_same_one_at_once(notes, client, at_once):
    """Each sends the whole list as it saw it, with one more label."""
    notes.create({"note_id": "n", "title": "a"})
    at_once(_CHANGE, 2, client.tracking_uri, __file__, notes._experiment_id, "8")
    found = notes.get("n")
    assert sorted(found.labels) == [f"{number}-{place}" for number in range(2) for place in range(8)]
    assert (found.title, found.rate) == ("t7", 1)
    assert [entry.field for entry in found.history].count("labels") == 16
