"""Changes to an entity, kept as a set that only grows, and how a set of changes becomes the entity.

Whoever joins two sets of changes loses none, in whatever order and however often they are joined. That is what
makes concurrent updates safe on stores that cannot compare and set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from insights_core.artifacts.documents import iso
from insights_core.entities.common import now

# Fields that follow from the changes themselves.
_DERIVED = ("created_at", "updated_at", "history")


@dataclass(slots=True)
class Edit:
    """What somebody wants changed; every part is optional.

    Attributes:
        set: Field -> new value.
        merge: Field that is a mapping -> keys to set in it; None removes a key.
        add: Field that is a list -> items to add unless they are there. A list is a set in the order of its additions.
        remove: Field that is a list -> items to take out.
        why: The reason, kept in the history.
    """

    set: dict[str, Any] = field(default_factory=dict)
    merge: dict[str, dict[str, Any]] = field(default_factory=dict)
    add: dict[str, list[Any]] = field(default_factory=dict)
    remove: dict[str, list[Any]] = field(default_factory=dict)
    why: str | None = None

    def __bool__(self) -> bool:
        return any((self.set, self.merge, self.add, self.remove))


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change by one author; never altered once it is written."""

    id: str
    at: str
    author: str
    body: Mapping[str, Any]
    """`create` with a whole entity, or the parts of an Edit."""

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "at": self.at, "author": self.author, **self.body}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ChangeRecord:
        body = {key: value for key, value in values.items() if key not in ("id", "at", "author")}
        return cls(str(values["id"]), str(values["at"]), str(values["author"]), body)


ChangeSet = dict[str, ChangeRecord]


def creation(values: Mapping[str, Any], author: str, at: str | None = None) -> ChangeRecord:
    """The change that an entity begins with."""
    text = json.dumps(values, sort_keys=True, default=str)
    # Two processes that take over the same file, which no change tells of, give it the same id.
    return ChangeRecord(
        "create-" + hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest(),
        at or iso(now()),
        author,
        {"create": dict(values)},
    )


def record(edit: Edit, author: str, known: ChangeSet) -> ChangeRecord:
    """An edit as a change that comes after all that its author knew of, whatever the clocks say."""
    moment = now()
    if known:
        latest = max(change.at for change in known.values())
        moment = max(moment, datetime.fromisoformat(latest).astimezone(UTC) + timedelta(milliseconds=1))
    parts = {"set": edit.set, "merge": edit.merge, "add": edit.add, "remove": edit.remove, "why": edit.why}
    return ChangeRecord(uuid4().hex, iso(moment), author, {key: value for key, value in parts.items() if value})


def digest(ids: Iterable[str]) -> str:
    """16 hex digits that stand for a set of change ids, in any order."""
    total = 0
    for each in ids:
        total ^= _hash(each)
    return f"{total:016x}"


def _hash(change_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(change_id.encode(), digest_size=8).digest(), "big")


def in_order(changes: ChangeSet) -> list[ChangeRecord]:
    """Creation first, then by time; the id decides between equal times, so that everybody folds alike."""
    return sorted(changes.values(), key=lambda change: ("create" not in change.body, change.at, change.id))


def known_when(changes: ChangeSet, wanted: str) -> ChangeSet | None:
    """Those of the changes that a document with this digest holds, or None where it cannot be told."""
    total, known = 0, ChangeSet()
    for change in in_order(changes):
        if f"{total:016x}" == wanted and known:
            return known
        total ^= _hash(change.id)
        known[change.id] = change
    return known if f"{total:016x}" == wanted else None


def dump(changes: ChangeSet) -> str:
    """The changes as text: the same set gives the same text."""
    lines = [json.dumps(change.to_json(), ensure_ascii=True) for change in in_order(changes)]
    return '{"changes": [\n' + ",\n".join(lines) + "\n]}\n"


def load(text: str) -> ChangeSet:
    """The changes in a text.

    Raises:
        ValueError: It is not what `dump` writes.
    """
    try:
        records = [ChangeRecord.from_json(item) for item in json.loads(text).get("changes", [])]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a list of changes: {error}") from error
    return {change.id: change for change in records}


def fold(changes: ChangeSet) -> dict[str, Any]:
    """The entity that the changes make, as plain JSON values, with its history."""
    ordered = in_order(changes)
    values: dict[str, Any] = {}
    for change in ordered:
        if "create" in change.body:
            if values:
                continue
            values = deepcopy(dict(change.body["create"]))
            values.setdefault("history", [])
            if not values["history"]:
                # Of a kind without a status, its time is all there is to tell.
                told = "status" if "status" in values else "created_at"
                values["history"].append(_entry(change, told, None, values.get(told)))
            continue
        _apply(values, change)
    if ordered:
        values["updated_at"] = max(ordered[-1].at, str(values.get("updated_at") or ""))
    return values


def _apply(values: dict[str, Any], change: ChangeRecord) -> None:
    history = values.setdefault("history", [])
    for name, after in change.body.get("set", {}).items():
        if values.get(name) != after:
            history.append(_entry(change, name, values.get(name), after))
            values[name] = after  # later changes copy it before they add to it
    for name, update in change.body.get("merge", {}).items():
        _merge(values, change, name, update)
    for name, items in change.body.get("remove", {}).items():
        gone = {_identity(item) for item in items}
        kept = [item for item in values.get(name) or [] if _identity(item) not in gone]
        if len(kept) != len(values.get(name) or []):
            values[name] = kept
            history.append(_entry(change, name, [_shown(item) for item in items], None))
    for name, items in change.body.get("add", {}).items():
        present = list(values.get(name) or [])
        new = _add(present, items)
        if new:
            values[name] = present
            history.append(_entry(change, name, None, [_shown(item) for item in new]))


def _merge(values: dict[str, Any], change: ChangeRecord, name: str, update: Mapping[str, Any]) -> None:
    present = dict(values.get(name) or {})
    changed = {key: value for key, value in update.items() if present.get(key) != value}
    if not changed:
        return
    values[name] = present
    before = {key: present[key] for key in changed if key in present}
    for key, value in changed.items():
        if value is None:
            present.pop(key, None)
        else:
            present[key] = value
    values["history"].append(_entry(change, name, before or None, changed))


def _add(present: list[Any], items: Sequence[Any]) -> list[Any]:
    """Add what is new; an item that is there takes over what the later one says more (supports or refutes)."""
    places = {_identity(item): place for place, item in enumerate(present)}
    new = []
    for item in items:
        place = places.get(_identity(item))
        if place is None:
            places[_identity(item)] = len(present)
            present.append(item)
            new.append(item)
        elif isinstance(item, dict) and item.get("supports") not in (None, present[place].get("supports")):
            present[place] = {**present[place], "supports": item["supports"]}
            new.append(item)
    return new


def _identity(item: Any) -> Any:
    """Evidence is the same where trace and rationale are the same."""
    if isinstance(item, dict) and "trace_id" in item:
        return item["trace_id"], " ".join(str(item.get("rationale", "")).split())
    return json.dumps(item, sort_keys=True, default=str)


def _shown(item: Any) -> Any:
    return item["trace_id"] if isinstance(item, dict) and "trace_id" in item else item


def _entry(change: ChangeRecord, name: str, before: Any, after: Any) -> dict[str, Any]:
    why = change.body.get("why")
    return {"at": change.at, "author": change.author, "field": name, "from": before, "to": after, "why": why}


def difference(before: Mapping[str, Any], after: Mapping[str, Any], fixed: Sequence[str]) -> Edit:
    """The edit that turns one into the other; both are plain JSON values.

    Args:
        before: The entity as it was written.
        after: The entity as a hand left it.
        fixed: Fields that no hand may change, such as ids.
    """
    edit = Edit(why="edited by hand")
    for name, value in after.items():
        earlier = before.get(name)
        if name in fixed or name in _DERIVED or value == earlier:
            continue
        if isinstance(value, list) and isinstance(earlier, list | None):
            _list_difference(edit, name, earlier or [], value)
        elif isinstance(value, dict) and isinstance(earlier, dict | None):
            gone = {key: None for key in earlier or {} if key not in value}
            edit.merge[name] = {**{k: v for k, v in value.items() if (earlier or {}).get(k) != v}, **gone}
        else:
            edit.set[name] = value
    return edit


def _list_difference(edit: Edit, name: str, before: list[Any], after: list[Any]) -> None:
    earlier = {_identity(item): item for item in before}
    later = {_identity(item) for item in after}
    added = [item for item in after if _identity(item) not in earlier or _turned(earlier[_identity(item)], item)]
    removed = [item for item in before if _identity(item) not in later]
    if added:
        edit.add[name] = added
    if removed:
        edit.remove[name] = removed


def _turned(before: Any, after: Any) -> bool:
    """Whether evidence now supports what it refuted, or the other way round."""
    return isinstance(after, dict) and after.get("supports") != before.get("supports")
