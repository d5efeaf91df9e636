"""Entities in runs: read, listed and changed, with no update lost on stores that cannot compare and set.

Beside the entity's YAML file lies a file of all changes ever made to it, named after their digest and never altered
(see `publishing`). What a person edits in the YAML counts as one more change (see `reading`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, TypeVar

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import Edit
from insights_core.artifacts.documents import iso
from insights_core.artifacts.files import RunFiles, in_parallel
from insights_core.artifacts.forms import Place, plain
from insights_core.artifacts.kinds import Kind, is_id
from insights_core.artifacts.locks import host_lock
from insights_core.artifacts.publishing import Writer
from insights_core.artifacts.reading import Found, Reader
from insights_core.connection import Connection
from insights_core.entities.common import StoredEntity
from insights_core.errors import BrokenArtifactError, ConflictError, InvalidParameterError

E = TypeVar("E", bound=StoredEntity)

_logger = logging.getLogger(__name__)


class EntityList(list[E], Generic[E]):
    """The entities that can be read.

    Attributes:
        broken: File name -> why it cannot be read.
    """

    def __init__(self, items: Iterable[E] = (), broken: dict[str, str] | None = None) -> None:
        super().__init__(items)
        self.broken = broken or {}


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
        self._reader = Reader(self.files)
        self._writer = Writer(connection, self.files, self._reader)
        self._cache: dict[tuple[str, str, str], tuple[tuple[Any, ...], StoredEntity]] = {}
        self._guard = threading.Lock()

    def read(self, run_id: str, kind: Kind[E], entity_id: str, fixed: Mapping[str, Any] | None = None) -> E | None:
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
        # Never from memory: a listing does not show a hand's edit that leaves the size as it is.
        state = self._reader.state(Place(run_id, kind, entity_id, fixed or {}))
        return None if state is None else state.entity  # type: ignore[return-value]

    def read_all(
        self, run_id: str, kind: Kind[E], only: Sequence[str] | None = None, fixed: Mapping[str, Any] | None = None
    ) -> EntityList[E]:
        """All entities of a kind in a run, oldest first; only those that changed are read again.

        Args:
            run_id: The run that holds them.
            kind: What they are.
            only: Read these ids and no others.
            fixed: Fields that follow from where the entities lie.
        """
        everything = self._reader.find(run_id, kind)
        wanted = [item for item in everything.items() if only is None or item[0] in only]
        broken: dict[str, str] = {}

        def read_one(item: tuple[str, Found]) -> Any:
            try:
                return self._remembered(Place(run_id, kind, item[0], fixed or {}), item[1])
            except BrokenArtifactError as error:
                broken[kind.file_name(item[0])] = error.message
                _logger.warning("%s", error.message)
                return None

        entities = [entity for entity in in_parallel(read_one, wanted) if entity is not None]
        return EntityList(sorted(entities, key=lambda entity: entity.created_at), broken)

    def _remembered(self, place: Place, found: Found) -> StoredEntity | None:
        key = (place.run_id, place.kind.name, place.entity_id)
        with self._guard:
            cached = self._cache.get(key)
        if cached is None or cached[0] != found.version:
            state = self._reader.state(place, found)
            if state is None:
                return None
            cached = (state.found.version, state.entity)
            with self._guard:
                self._cache[key] = cached
        return cached[1].model_copy()

    def create(self, run_id: str, kind: Kind[E], entity: E, author: str, *, named: bool = False) -> None:
        """Store a new entity.

        Args:
            run_id: The run to hold it.
            kind: What it is.
            entity: The entity.
            author: Who creates it.
            named: Somebody chose its id, so that it may be taken.

        Raises:
            InvalidParameterError: Its id is taken.
            ConflictError: Somebody else took it at the same moment.
        """
        place = Place(run_id, kind, kind.id_of(entity))
        first = log.creation(plain(entity), author, iso(entity.created_at))
        with self._lock(place) if named else nullcontext():
            if named and place.entity_id in self._reader.find(run_id, kind):
                raise InvalidParameterError(
                    f"There is a {kind.name} {place.entity_id!r} already. Choose another {kind.id_field}, or change that one.",
                    field=str(kind.id_field),
                )
            self._writer.publish(place, {first.id: first}, None)
            if named and self._first_change(place) != first.id:
                raise ConflictError(
                    f"Somebody else created the {kind.name} {place.entity_id!r} at the same moment; theirs is kept."
                )

    def _first_change(self, place: Place) -> str | None:
        state = self._reader.state(place, with_changes=True)
        return None if state is None or not state.changes else log.in_order(state.changes)[0].id

    def change(
        self,
        run_id: str,
        kind: Kind[E],
        entity_id: str,
        decide: Callable[[E], Edit],
        author: str,
        fixed: Mapping[str, Any] | None = None,
    ) -> E | None:
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
        place = Place(run_id, kind, entity_id, fixed or {})
        with self._lock(place):
            state = self._reader.state(place, with_changes=True)
            if state is None or state.changes is None:
                return None
            entity: Any = state.entity
            edit = decide(entity)
            if edit:
                own = log.record(edit, author, state.changes)
                entity = self._writer.publish(place, {**state.changes, own.id: own}, state.found)
            return entity

    def delete(self, run_id: str, kind: Kind[Any], entity_id: str) -> bool:
        """Remove an entity with all its files; False where there is none."""
        if kind.id_field and not is_id(entity_id):
            return False
        found = self._reader.find(run_id, kind).get(entity_id)
        if found is not None:
            self._writer.remove(Place(run_id, kind, entity_id), found)
        return found is not None

    def _lock(self, place: Place) -> AbstractContextManager[None]:
        name = f"{self._connection.tracking_uri} {place.run_id} {place.kind.stem(place.entity_id)}"
        return host_lock(name) if self.uses_host_lock else nullcontext()
