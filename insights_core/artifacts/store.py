"""Entities in runs: read, listed and changed, with no update lost on stores that cannot compare and set.

Beside the entity's YAML file lies a file of all changes ever made to it, named after their digest and never altered.
A writer reads the changes, adds its own, writes the larger set under its new name, then the YAML, then the tag, and
deletes the sets it read. Two writers at once leave two sets; both are in everybody's view, since readers and writers
join whatever sets there are, and the next writer leaves one again. A set is deleted only by somebody who has
already written a larger one, so no change is ever without a file that holds it, whoever dies when.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import ChangeSet, Edit
from insights_core.artifacts.documents import DocumentError, iso, parse, render, revision_of
from insights_core.artifacts.files import EMPTY, FOLDER, RunFiles, in_parallel
from insights_core.artifacts.kinds import Kind, is_id
from insights_core.artifacts.locks import host_lock
from insights_core.artifacts.retrying import persistently
from insights_core.connection import Connection
from insights_core.entities.common import StoredEntity
from insights_core.errors import BrokenArtifactError

E = TypeVar("E", bound=StoredEntity)

_logger = logging.getLogger(__name__)
# How often a writer tidies up after others who write at the same time; its own change is safe before the first.
_TIDY_ROUNDS = 20
# A reader meets files that vanish while somebody writes; each time it looks again.
_READ_ROUNDS = 20


class EntityList(list[E], Generic[E]):
    """The entities that can be read.

    Attributes:
        broken: File name -> why it cannot be read.
    """

    def __init__(self, items: Iterable[E] = (), broken: dict[str, str] | None = None) -> None:
        super().__init__(items)
        self.broken = broken or {}


@dataclass(slots=True)
class _Found:
    """The files of one entity in a listing."""

    document_size: int | None = None
    sets: list[str] = field(default_factory=list)
    """Digests of the sets of changes, in order."""
    emptied: list[str] = field(default_factory=list)

    @property
    def version(self) -> tuple[Any, ...]:
        return (self.document_size, *self.sets)


@dataclass(slots=True)
class _State:
    """An entity as all its files together make it."""

    entity: StoredEntity
    changes: ChangeSet | None
    """None where they were not needed."""
    found: _Found


class EntityStore:
    """Entities of every kind in the runs of one tracking server.

    Args:
        connection: Where MLflow is.
    """

    # Only ever switched off to show that nothing rests on it.
    uses_host_lock = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.files = RunFiles(connection)
        self._cache: dict[tuple[str, str, str], tuple[tuple[Any, ...], StoredEntity]] = {}
        self._guard = threading.Lock()

    # Reading

    def read(self, run_id: str, kind: Kind, entity_id: str, fixed: dict[str, Any] | None = None) -> StoredEntity | None:
        """One entity with every change in it, or None where there is none.

        Args:
            run_id: The run that holds it.
            kind: What it is.
            entity_id: Its id; empty for a kind of which a run holds one.
            fixed: Fields that follow from where the entity lies, such as run_id.

        Raises:
            BrokenArtifactError: Its file cannot be read; the message names it.
        """
        if kind.id_field and not is_id(entity_id):
            return None
        found = self._find(run_id, kind).get(entity_id)
        # Never from memory: a listing does not show a hand's edit that leaves the size as it is.
        state = None if found is None else self._state(run_id, kind, entity_id, found, fixed, with_changes=False)
        return None if state is None else state.entity

    def read_all(
        self, run_id: str, kind: Kind, only: Sequence[str] | None = None, fixed: dict[str, Any] | None = None
    ) -> EntityList[Any]:
        """All entities of a kind in a run, oldest first; only those that changed are read again.

        Args:
            run_id: The run that holds them.
            kind: What they are.
            only: Read these ids and no others.
            fixed: Fields that follow from where the entities lie.
        """
        everything = self._find(run_id, kind)
        wanted = [item for item in everything.items() if only is None or item[0] in only]
        broken: dict[str, str] = {}

        def read_one(item: tuple[str, _Found]) -> StoredEntity | None:
            try:
                return self._entity(run_id, kind, item[0], item[1], fixed)
            except BrokenArtifactError as error:
                broken[kind.file_name(item[0])] = error.message
                _logger.warning("%s", error.message)
                return None

        entities = [entity for entity in in_parallel(read_one, wanted) if entity is not None]
        return EntityList(sorted(entities, key=lambda entity: entity.created_at), broken)

    def _find(self, run_id: str, kind: Kind) -> dict[str, _Found]:
        found: dict[str, _Found] = {}
        for name, size in self.files.sizes(run_id).items():
            parts = kind.read_name(name)
            if parts is None:
                continue
            entry = found.setdefault(parts[0], _Found())
            if parts[1] is None:
                entry.document_size = size
            elif size <= len(EMPTY):
                entry.emptied.append(parts[1])
            else:
                entry.sets.append(parts[1])
        for entry in found.values():
            entry.sets.sort()
        # What is left of a deleted entity where nothing may be deleted.
        return {key: entry for key, entry in found.items() if entry.sets or (entry.document_size or 0) > len(EMPTY)}

    def _entity(
        self, run_id: str, kind: Kind, entity_id: str, found: _Found, fixed: dict[str, Any] | None
    ) -> StoredEntity | None:
        key = (run_id, kind.name, entity_id)
        with self._guard:
            cached = self._cache.get(key)
        if cached is None or cached[0] != found.version:
            state = self._state(run_id, kind, entity_id, found, fixed, with_changes=False)
            if state is None:
                return None
            cached = (state.found.version, state.entity)
            with self._guard:
                self._cache[key] = cached
        return cached[1].model_copy()

    def _state(
        self,
        run_id: str,
        kind: Kind,
        entity_id: str,
        found: _Found | None,
        fixed: dict[str, Any] | None,
        with_changes: bool,
    ) -> _State | None:
        for _ in range(_READ_ROUNDS):
            if found is None:
                found = self._find(run_id, kind).get(entity_id)
            if found is None:
                return None
            state = self._try_state(run_id, kind, entity_id, found, fixed, with_changes)
            if state is not None:
                return state
            found = None
        raise BrokenArtifactError(
            f"{FOLDER}/{kind.file_name(entity_id)} in run {run_id} changed {_READ_ROUNDS} times while it was read. Try again."
        )

    def _try_state(
        self, run_id: str, kind: Kind, entity_id: str, found: _Found, fixed: dict[str, Any] | None, with_changes: bool
    ) -> _State | None:
        """The entity, or None where a file vanished in between."""
        text = None if found.document_size is None else self.files.read(run_id, kind.file_name(entity_id))
        if text is None and not found.sets:
            return None
        if text is None:
            known = self._changes(run_id, kind, entity_id, found.sets)
            return None if known is None else _State(self._build(kind, entity_id, known, fixed), known, found)
        held, untouched = revision_of(text)
        complete = not found.sets or found.sets == [held]
        if complete and (untouched or not found.sets) and not with_changes:
            return _State(self._parsed(run_id, kind, entity_id, text, fixed), None, found)
        known = self._changes(run_id, kind, entity_id, found.sets)
        if known is None:
            return None
        if not known:
            entity = self._parsed(run_id, kind, entity_id, text, fixed)
            first = log.creation(_plain(kind, entity), "", iso(entity.updated_at))
            known = {first.id: first}
            return _State(entity, known, found)
        if not untouched:
            known = self._with_hand_edits(run_id, kind, entity_id, text, held, known, fixed)
        return _State(self._build(kind, entity_id, known, fixed), known, found)

    def _changes(self, run_id: str, kind: Kind, entity_id: str, digests: Sequence[str]) -> ChangeSet | None:
        joined: ChangeSet = {}
        for digest in digests:
            name = kind.changes_name(entity_id, digest)
            text = self.files.read(run_id, name)
            if text is None:
                return None
            try:
                joined |= log.load(text)
            except ValueError as error:
                raise BrokenArtifactError(
                    f"{FOLDER}/{name} in run {run_id} cannot be read: {error}. Delete it to go on with {kind.file_name(entity_id)} as it is."
                ) from error
        return joined

    def _with_hand_edits(
        self,
        run_id: str,
        kind: Kind,
        entity_id: str,
        text: str,
        held: str | None,
        known: ChangeSet,
        fixed: dict[str, Any] | None,
    ) -> ChangeSet:
        """The changes, with what somebody changed in the file by hand as one more."""
        try:
            after = _plain(kind, self._parsed(run_id, kind, entity_id, text, fixed))
        except BrokenArtifactError:
            rendered = self._render(kind, self._build(kind, entity_id, known, fixed), known)
            # A store that does not write files as a whole: the process that wrote this one died halfway.
            if rendered.startswith(text):
                return known
            raise
        base = known_base = log.known_when(known, held or "")
        if known_base is None:
            base = known
        before = _plain(kind, self._build(kind, entity_id, base or known, fixed))
        edit = log.difference(before, after, [kind.id_field or "", *(fixed or {})])
        if known_base is None:
            # An old copy from who knows when: what it has more counts, what it lacks may just be newer.
            edit = Edit(add=edit.add, why=edit.why)
        if not edit:
            return known
        by_hand = log.record(edit, "by hand", known)
        return {**known, by_hand.id: by_hand}

    def _parsed(self, run_id: str, kind: Kind, entity_id: str, text: str, fixed: dict[str, Any] | None) -> StoredEntity:
        try:
            return _validated(kind, entity_id, parse(text), fixed)
        except (DocumentError, ValidationError) as error:
            reason = _first_problem(error) if isinstance(error, ValidationError) else str(error)
            raise BrokenArtifactError(
                f"{FOLDER}/{kind.file_name(entity_id)} in run {run_id} cannot be read: {reason}. "
                "Correct it, or delete it: it is then made again from the changes that are kept beside it.",
                run_id=run_id,
                file=f"{FOLDER}/{kind.file_name(entity_id)}",
            ) from error

    def _build(self, kind: Kind, entity_id: str, known: ChangeSet, fixed: dict[str, Any] | None) -> StoredEntity:
        try:
            return _validated(kind, entity_id, log.fold(known), fixed)
        except ValidationError as error:
            raise BrokenArtifactError(
                f"The changes of {kind.file_name(entity_id)} make no {kind.name}: {_first_problem(error)}."
            ) from error

    # Writing

    def create(self, run_id: str, kind: Kind, entity: StoredEntity, author: str) -> None:
        """Store a new entity."""
        entity_id = getattr(entity, kind.id_field) if kind.id_field else ""
        first = log.creation(_plain(kind, entity), author, iso(entity.created_at))
        self._publish(run_id, kind, entity_id, {first.id: first}, None)

    def change(
        self,
        run_id: str,
        kind: Kind,
        entity_id: str,
        decide: Callable[[Any], Edit],
        author: str,
        fixed: dict[str, Any] | None = None,
    ) -> StoredEntity | None:
        """Change an entity, joining in whatever others change at the same time.

        Args:
            run_id: The run that holds it.
            kind: What it is.
            entity_id: Its id; empty for a kind of which a run holds one.
            decide: Gets the entity as it is and gives what to change; may refuse by raising.
            author: Who changes it.
            fixed: Fields that follow from where the entity lies.

        Returns:
            The entity with the change, or None where there is none with this id.
        """
        if kind.id_field and not is_id(entity_id):
            return None
        with self._lock(run_id, kind, entity_id):
            state = self._state(run_id, kind, entity_id, None, fixed, with_changes=True)
            if state is None or state.changes is None:
                return None
            edit = decide(state.entity)
            if not edit:
                return state.entity
            own = log.record(edit, author, state.changes)
            return self._publish(run_id, kind, entity_id, {**state.changes, own.id: own}, state.found, fixed)

    def delete(self, run_id: str, kind: Kind, entity_id: str) -> bool:
        """Remove an entity with all its files; False where there is none."""
        if kind.id_field and not is_id(entity_id):
            return False
        found = self._find(run_id, kind).get(entity_id)
        if found is None:
            return False
        names = [kind.changes_name(entity_id, digest) for digest in found.sets]
        self.files.discard(run_id, [kind.file_name(entity_id), *names])
        run = self._connection.mlflow.get_run(run_id)
        if kind.tag(entity_id) in run.data.tags:
            self._connection.mlflow.delete_tag(run_id, kind.tag(entity_id))
        return True

    def _lock(self, run_id: str, kind: Kind, entity_id: str) -> Any:
        from contextlib import nullcontext

        name = f"{self._connection.tracking_uri} {run_id} {kind.stem(entity_id)}"
        return host_lock(name) if self.uses_host_lock else nullcontext()

    def _publish(
        self,
        run_id: str,
        kind: Kind,
        entity_id: str,
        known: ChangeSet,
        found: _Found | None,
        fixed: dict[str, Any] | None = None,
    ) -> StoredEntity:
        """Write a set of changes and what follows from it, until nothing that others wrote is missing in it."""
        absorbed = set(found.sets) if found else set()
        for _ in range(_TIDY_ROUNDS):
            digest = log.digest(known)
            entity = self._build(kind, entity_id, known, fixed)
            self.files.write(run_id, kind.changes_name(entity_id, digest), log.dump(known))
            self.files.write(run_id, kind.file_name(entity_id), self._render(kind, entity, known))
            self._tag(run_id, kind, entity_id, entity, digest)
            self.files.discard(run_id, [kind.changes_name(entity_id, old) for old in absorbed - {digest}])
            if found is None:
                return entity
            now_there = self._find(run_id, kind).get(entity_id) or _Found()
            strangers = [other for other in now_there.sets if other != digest and other not in absorbed]
            if digest in now_there.sets and not strangers:
                self._sweep(run_id, kind, entity_id, now_there, digest)
                return entity
            theirs = self._changes(run_id, kind, entity_id, strangers)
            if theirs is not None:
                known = {**known, **theirs}
                absorbed |= {digest, *strangers}
        # Others never paused. The change is in a set of its own or in theirs, where everybody sees it.
        return entity

    def _sweep(self, run_id: str, kind: Kind, entity_id: str, found: _Found, digest: str) -> None:
        """Empty what a store would not delete, and delete what others had to leave empty."""
        left = [kind.changes_name(entity_id, other) for other in found.sets if other != digest]
        for name in left:
            self.files.write(run_id, name, EMPTY)
        if found.emptied and not left and self.files.may_delete(run_id):
            names = [kind.changes_name(entity_id, other) for other in found.emptied]
            self.files.discard(run_id, names)

    def _tag(self, run_id: str, kind: Kind, entity_id: str, entity: StoredEntity, digest: str) -> None:
        text = json.dumps(kind.summary(entity, digest), ensure_ascii=False, separators=(",", ":"))
        persistently(lambda: self._connection.mlflow.set_tag(run_id, kind.tag(entity_id), text))

    def _render(self, kind: Kind, entity: StoredEntity, known: ChangeSet) -> str:
        values = entity.model_dump(mode="python", by_alias=True, exclude_none=False)
        order = kind.field_order()
        extras = [name for name in values if name not in order and name != "history"]
        ordered = {name: values[name] for name in [*order, *extras, "history"] if name in values}
        return render(_tidy(ordered), log.digest(known))


def _tidy(value: Any) -> Any:
    """Plain values for YAML: an enum as its text, no empty `why`, no `supports` where it has no meaning."""
    if isinstance(value, dict):
        return {
            str(key): _tidy(item) for key, item in value.items() if not (item is None and key in ("why", "supports"))
        }
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _validated(kind: Kind, entity_id: str, values: dict[str, Any], fixed: dict[str, Any] | None) -> StoredEntity:
    own = {kind.id_field: entity_id} if kind.id_field else {}
    return kind.model.model_validate({**values, **(fixed or {}), **own})


def _plain(kind: Kind, entity: StoredEntity) -> dict[str, Any]:
    return entity.model_dump(mode="json", by_alias=True)


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
