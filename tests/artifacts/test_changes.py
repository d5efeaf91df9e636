"""A set of changes makes the same entity for everybody, whoever's clock is wrong and in whatever order they are joined."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import Edit, creation, difference, digest, dump, fold, known_when, load, record
from insights_core.artifacts.documents import iso
from insights_core.entities.common import now


def started(**values) -> log.ChangeSet:
    first = creation({"title": "a", "status": "NEW", "labels": [], "notes": {}, **values}, "me", iso(now()))
    return {first.id: first}


def joined(known: log.ChangeSet, *edits: Edit, author: str = "me") -> log.ChangeSet:
    for edit in edits:
        change = record(edit, author, known)
        known = {**known, change.id: change}
    return known


def test_a_change_comes_after_all_that_its_author_knew_of_though_the_clock_went_back(monkeypatch):
    known = joined(started(), Edit(set={"title": "b"}))
    for years in (1, 0.5, 2):
        monkeypatch.setattr(log, "now", lambda years=years: now() - timedelta(days=365 * years))
        known = joined(known, Edit(set={"title": f"after {years}"}))
        assert fold(known)["title"] == f"after {years}"
    moments = [change.at for change in log.in_order(known)]
    assert moments == sorted(set(moments))
    assert fold(known)["updated_at"] == moments[-1]


def test_a_change_is_dated_now_where_no_clock_is_wrong():
    change = record(Edit(set={"title": "b"}), "me", started())
    assert abs(datetime.fromisoformat(change.at) - now()) < timedelta(seconds=5)


def test_changes_of_the_same_millisecond_make_the_same_entity_for_everybody():
    known = started()
    one = log.ChangeRecord("1", "2999-01-01T00:00:00.000Z", "a", {"set": {"title": "one"}})
    other = log.ChangeRecord("2", "2999-01-01T00:00:00.000Z", "b", {"set": {"title": "other"}})
    forth, back = {**known, "1": one, "2": other}, {"2": other, "1": one, **known}
    assert fold(forth) == fold(back)
    assert fold(forth)["title"] == "other"


def test_an_entity_begins_with_its_creation_though_a_change_is_dated_before_it():
    known = started()
    early = log.ChangeRecord("0", "2000-01-01T00:00:00.000Z", "a", {"set": {"title": "early"}})
    found = fold({"0": early, **known})
    assert (found["title"], found["status"]) == ("early", "NEW")


def test_removing_what_is_not_there_is_no_change():
    known = started(labels=["kept"])
    before = fold(known)["history"]
    found = fold(joined(known, Edit(remove={"labels": ["never there"]})))
    assert (found["labels"], found["history"]) == (["kept"], before)


def test_the_same_evidence_again_is_no_change():
    item = {"trace_id": "tr-1", "rationale": "It failed", "supports": True}
    known = joined(started(evidence=[item]), Edit(add={"evidence": [dict(item)]}))
    assert fold(known)["evidence"] == [item]
    assert [entry["field"] for entry in fold(known)["history"]] == ["status"]


def test_no_document_was_written_before_its_creation():
    assert known_when(started(), digest([])) is None


def test_the_first_of_two_creations_counts():
    known = started()
    late = creation({"title": "late"}, "you", "2999-01-01T00:00:00.000Z")
    assert fold({late.id: late, **known})["title"] == "a"


def test_what_is_set_to_what_it_is_leaves_no_trace_in_the_history():
    known = joined(started(), Edit(set={"title": "a"}), Edit(merge={"notes": {}}), Edit(add={"labels": []}))
    assert len(fold(known)["history"]) == 1


def test_lists_grow_and_shrink_by_item_and_mappings_by_key():
    known = joined(
        started(labels=["x"], notes={"k": 1}),
        Edit(add={"labels": ["y", "x"]}, merge={"notes": {"k": 2, "m": 3}}),
        Edit(remove={"labels": ["x", "never"]}, merge={"notes": {"k": None}}),
    )
    values = fold(known)
    assert (values["labels"], values["notes"]) == (["y"], {"m": 3})
    told = [(entry["field"], entry["from"], entry["to"]) for entry in values["history"][1:]]
    assert told == [
        ("notes", {"k": 1}, {"k": 2, "m": 3}),
        ("labels", None, ["y"]),
        ("notes", {"k": 2}, {"k": None}),
        ("labels", ["x", "never"], None),
    ]


def test_a_change_is_never_altered_by_those_after_it():
    known = joined(started(labels=None), Edit(set={"labels": ["x"], "notes": {"k": [1]}}))
    before = dump(known)
    fold(joined(known, Edit(add={"labels": ["y"]}, merge={"notes": {"m": 1}})))
    assert dump(known) == before


def test_evidence_is_the_same_where_trace_and_reason_are_and_may_turn():
    said = {"trace_id": "tr-1", "rationale": "it  waits", "supports": True}
    turned = {"trace_id": "tr-1", "rationale": "it waits", "supports": False}
    silent = {"trace_id": "tr-1", "rationale": "it waits", "supports": None}
    [item] = fold(joined(started(), Edit(add={"evidence": [said]}), Edit(add={"evidence": [turned]})))["evidence"]
    assert (item["rationale"], item["supports"]) == ("it  waits", False)
    values = fold(joined(started(), Edit(add={"evidence": [said]}), Edit(add={"evidence": [silent]})))
    assert [one["supports"] for one in values["evidence"]] == [True]
    assert [entry["to"] for entry in values["history"][1:]] == [["tr-1"]]


@pytest.mark.parametrize(
    ("before", "after", "edit"),
    [
        ({"a": 1}, {"a": 2}, {"set": {"a": 2}}),
        ({"a": [1]}, {"a": [1, 2]}, {"add": {"a": [2]}}),
        ({"a": [1, 2]}, {"a": [2]}, {"remove": {"a": [1]}}),
        ({"a": None}, {"a": [1]}, {"add": {"a": [1]}}),
        ({"a": [1]}, {"a": None}, {"set": {"a": None}}),
        ({"a": {"k": 1, "m": 2}}, {"a": {"k": 3}}, {"merge": {"a": {"k": 3, "m": None}}}),
        ({"a": None}, {"a": {"k": 1}}, {"merge": {"a": {"k": 1}}}),
        ({"id": 1, "history": [1], "updated_at": 1}, {"id": 2, "history": [], "updated_at": 2}, {}),
    ],
)
def test_a_difference_is_the_least_that_turns_one_into_the_other(before, after, edit):
    found = difference(before, after, ["id"])
    assert {name: getattr(found, name) for name in ("set", "merge", "add", "remove") if getattr(found, name)} == edit
    if edit:
        values = fold(joined(started(**before), found))
        assert {name: values[name] for name in after} == after


def test_a_document_says_which_changes_it_holds():
    first = started()
    second = joined(first, Edit(set={"title": "b"}))
    third = joined(second, Edit(set={"title": "c"}))
    assert known_when(third, digest(second)) == second
    assert known_when(third, digest(third)) == third
    assert known_when(third, digest(["somebody else's"])) is None
    assert known_when({}, digest([])) == {}


def test_changes_come_back_as_they_were_written():
    known = joined(started(), Edit(set={"title": "é\ud800"}, why="because"))
    assert load(dump(known)) == known


@pytest.mark.parametrize("text", ["[]", '{"changes": [1]}', '{"changes": [{"id": "1"}]}', "nothing", "[" * 200_000])
def test_a_file_that_holds_no_changes_is_refused(text):
    with pytest.raises(ValueError):
        load(text)


def test_an_edit_of_nothing_is_nothing():
    assert not Edit(why="a reason alone")
    for part in ("set", "merge", "add", "remove"):
        assert Edit(**{part: {"a": [1]}})
