"""Reading: all files of an entity together make it what it is, whoever writes meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import ChangeSet, Edit
from insights_core.artifacts.documents import MAX_BYTES, iso, revision_of
from insights_core.artifacts.files import EMPTY, FOLDER, RunFiles
from insights_core.artifacts.forms import Place, from_changes, from_document, plain, to_document
from insights_core.artifacts.kinds import Kind
from insights_core.entities.common import StoredEntity
from insights_core.errors import BrokenArtifactError

_logger = logging.getLogger(__name__)
# A reader meets files that vanish while somebody writes; each time it looks again.
_ROUNDS = 20


@dataclass(slots=True)
class Found:
    """The files of one entity in a listing."""

    document_size: int | None = None
    sets: list[str] = field(default_factory=list)
    """Digests of the sets of changes, in order."""
    emptied: list[str] = field(default_factory=list)
    largest: int = 0
    """Bytes of the largest of the files."""

    @property
    def version(self) -> tuple[Any, ...]:
        """The same as long as no file changed."""
        return (self.document_size, *self.sets)


@dataclass(slots=True)
class State:
    """An entity as all its files together make it."""

    entity: StoredEntity
    changes: ChangeSet | None
    """None where they were not needed."""
    found: Found


class Reader:
    """Finds and reads the files of entities.

    Args:
        files: Where they are.
    """

    def __init__(self, files: RunFiles) -> None:
        self._files = files

    def find(self, run_id: str, kind: Kind[Any]) -> dict[str, Found]:
        """Entity id -> its files, of all entities of a kind; one request."""
        found: dict[str, Found] = {}
        for name, size in self._files.sizes(run_id).items():
            parts = kind.read_name(name)
            if parts is None:
                continue
            entry = found.setdefault(parts[0], Found())
            entry.largest = max(entry.largest, size)
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

    def state(self, place: Place, found: Found | None = None, *, with_changes: bool = False) -> State | None:
        """The entity, or None where there is none.

        Args:
            place: Where it lies.
            found: Its files, where they are known already.
            with_changes: Also read the changes where the document alone would do.

        Raises:
            BrokenArtifactError: A file cannot be read; the message names it.
        """
        for _ in range(_ROUNDS):
            if found is None:
                found = self.find(place.run_id, place.kind).get(place.entity_id)
            if found is None:
                return None
            if found.largest > MAX_BYTES:
                raise BrokenArtifactError(
                    f"{place} or its changes have {found.largest:,} bytes; at most {MAX_BYTES:,} are read."
                )
            state = self._try(place, found, with_changes)
            if state is not None:
                return state
            found = None
        raise BrokenArtifactError(f"{place} changed {_ROUNDS} times while it was read. Try again.")

    def _try(self, place: Place, found: Found, with_changes: bool) -> State | None:
        """The entity, or None where a file vanished in between."""
        text = None if found.document_size is None else self._files.read(place.run_id, place.file_name)
        if text is None:
            known = self.changes(place, found.sets) if found.sets else None
            return None if known is None else State(from_changes(place, known), known, found)
        held, untouched = revision_of(text)
        complete = not found.sets or found.sets == [held]
        if complete and (untouched or not found.sets) and not with_changes:
            return State(from_document(place, text), None, found)
        known = self.changes(place, found.sets)
        if known is None:
            return None
        if not known:
            entity = from_document(place, text)
            first = log.creation(plain(entity), "", iso(entity.updated_at))
            return State(entity, {first.id: first}, found)
        if not untouched:
            known = _with_hand_edits(place, text, held, known, alone=len(found.sets) == 1)
        return State(from_changes(place, known), known, found)

    def changes(self, place: Place, digests: Sequence[str]) -> ChangeSet | None:
        """The changes in several sets, joined; None where one vanished in between."""
        joined: ChangeSet = {}
        for digest in digests:
            name = place.changes_name(digest)
            text = self._files.read(place.run_id, name)
            if text is None:
                return None
            try:
                joined |= log.load(text)
            except ValueError as error:
                raise BrokenArtifactError(
                    f"{FOLDER}/{name} in run {place.run_id} cannot be read: {error}. "
                    f"Delete it to go on with {place.file_name} as it is."
                ) from error
        return joined


def _with_hand_edits(place: Place, text: str, held: str | None, known: ChangeSet, *, alone: bool) -> ChangeSet:
    """The changes, with what somebody changed in the file by hand as one more."""
    if held is None and to_document(place, from_changes(place, known), known).startswith(text):
        # A store that does not write files as a whole: the process that wrote this one is halfway, or died there.
        return known
    after = plain(from_document(place, text))
    base = log.known_when(known, held) if held else None
    before = plain(from_changes(place, base or known))
    edit = log.difference(before, after, [place.kind.id_field or "", *place.fixed])
    if base is None:
        edit = _of_unknown_age(edit, rewritten=held is None and alone)
        if edit:
            _logger.warning("%s was edited by hand and no longer says which changes it holds: %s.", place, edit.why)
    if not edit:
        return known
    by_hand = log.record(edit, "by hand", known)
    return {**known, by_hand.id: by_hand}


def _of_unknown_age(edit: Edit, rewritten: bool) -> Edit:
    """What of an edit may count where nobody knows which changes its author saw; the history says so.

    Args:
        edit: The difference from what is known now.
        rewritten: The file lost its revision line, while nobody else was writing: what it says was meant so. Else it
            may be an old copy, or half of a file.
    """
    if rewritten:
        return Edit(
            set=edit.set,
            merge={name: {k: v for k, v in update.items() if v is not None} for name, update in edit.merge.items()},
            add=edit.add,
            why="edited by hand without its revision line; what it lacks was kept",
        )
    return Edit(add=edit.add, why="edited by hand from an unknown revision; only what it adds was taken")
