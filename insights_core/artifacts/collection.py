"""One way to keep entities of any kind: created, read, listed, changed, watched, with revision and history.

A new kind is one file: a Pydantic model and its `Kind`.

    class Note(StoredEntity):
        note_id: str = Field(default_factory=new_id)
        title: str

    NOTE = Kind("note", Note, "note_id", "title")
    notes = Collection(client, NOTE, experiment_id="1")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from insights_core.artifacts.base import EntityClient, clean, clean_all
from insights_core.artifacts.changes import Edit, difference
from insights_core.artifacts.forms import first_field, first_problem, plain
from insights_core.artifacts.kinds import Kind, is_id
from insights_core.artifacts.listing import summaries
from insights_core.artifacts.runs import find_parent, parent_run
from insights_core.artifacts.statuses import as_choice, check_change
from insights_core.artifacts.store import EntityList
from insights_core.artifacts.watching import Watcher
from insights_core.entities.common import Change, Status, StoredEntity
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import InvalidParameterError, NotFoundError, mlflow_errors

if TYPE_CHECKING:
    from mlflow.entities import Run

E = TypeVar("E", bound=StoredEntity)
# What keeping an entity writes itself.
_KEPT = ("created_at", "updated_at", "history")


class Collection(Generic[E]):
    """The entities of one kind in one run.

    Args:
        client: Where MLflow is, and who changes things.
        kind: What they are.
        run: The run that holds them, or its id. A run spares a request; its summaries are as old as it is.
        experiment_id: In place of a run: the experiment's Insights run holds them, created with the first one.
    """

    def __init__(
        self, client: EntityClient, kind: Kind[E], *, run: Run | str | None = None, experiment_id: str | None = None
    ) -> None:
        self._client = client
        self._kind = kind
        self._run = run
        self._experiment_id = "" if run else client.experiment_or_default(experiment_id)

    def create(self, fields: E | Mapping[str, Any], *, author: str | None = None) -> E:
        """Keep a new entity.

        Args:
            fields: The entity, or its fields.
            author: Who; None takes the client's author.

        Raises:
            InvalidParameterError: A field is unknown or wrong, or the id is taken; nothing was kept.
            ConflictError: Somebody else took the id at the same moment.
        """
        named = isinstance(fields, Mapping) and self._kind.id_field in fields
        entity = self._checked(fields) if isinstance(fields, Mapping) else fields
        entity_id = self._kind.id_of(entity)
        if self._kind.id_field and not is_id(entity_id):
            raise InvalidParameterError(
                f"{self._kind.id_field} {entity_id!r} cannot be part of a file's name. "
                "Use 1 to 100 letters, digits, - and _, beginning with a letter or a digit.",
                field=self._kind.id_field,
            )
        with mlflow_errors():
            run_id = _id_of(self._run) if self._run else parent_run(self._client, self._experiment_id)
            self._client.entity_store.create(run_id, self._kind, entity, self._client.who(author), named=named)
        return entity

    def get(self, entity_id: str = "") -> E:
        """One entity with its history.

        Raises:
            NotFoundError: There is none with this id; the error is the kind's own.
            BrokenArtifactError: Its file cannot be read.
        """
        with mlflow_errors():
            place = self._place()
            found = place and self._client.entity_store.read(place[0], self._kind, entity_id, place[1])
            if not found:
                raise self._missing(entity_id)
        return found

    def list(self) -> EntityList[E]:
        """All entities, oldest first; `.broken` names files that cannot be read.

        Asked again, only what changed is read again. The entities are shared: treat them as read-only.
        """
        with mlflow_errors():
            place = self._place()
            if place is None:
                return EntityList()
            return self._client.entity_store.read_all(place[0], self._kind, fixed=place[1])

    def summaries(self) -> Sequence[EntitySummary]:
        """One line for each entity, oldest first, without reading the entities."""
        with mlflow_errors():
            run = self._found()
            run = self._client.mlflow.get_run(run) if isinstance(run, str) else run
            return [] if run is None else summaries(run, self._kind)

    def update(
        self,
        entity_id: str,
        fields: Mapping[str, Any],
        *,
        seen: E | None = None,
        reason: str | None = None,
        author: str | None = None,
    ) -> E:
        """Set fields; what others change at the same time in other fields stays.

        Args:
            entity_id: Its id.
            fields: Field -> new value.
            seen: The entity that the new values were made from: items that others added since to a list or a mapping
                stay too. Without it, a list or a mapping is taken as a whole.
            reason: Why; stays in the history.
            author: Who; None takes the client's author.

        Raises:
            NotFoundError: There is none with this id; the error is the kind's own.
            InvalidParameterError: A field is unknown or wrong; nothing was changed.
            InvalidStatusChangeError: The status cannot follow the present one.
        """
        fixed = [self._kind.id_field or "", *self._kind.of_run]

        def decide(entity: E) -> Edit:
            before = plain(seen or entity)
            after = self._checked({**before, **self._statuses(entity, fields)}, fields, fixed)
            edit = difference(before, plain(after), fixed)
            edit.why = clean(reason)
            return edit

        return self.change(entity_id, decide, author=author)

    def change(self, entity_id: str, decide: Callable[[E], Edit], *, author: str | None = None) -> E:
        """Change an entity by what a function decides, who gets it as it is and may refuse by raising.

        Raises:
            NotFoundError: There is none with this id; the error is the kind's own.
        """
        with mlflow_errors():
            place, who = self._place(), self._client.who(author)
            changed = place and self._client.entity_store.change(place[0], self._kind, entity_id, decide, who, place[1])
            if not changed:
                raise self._missing(entity_id)
        return changed

    def delete(self, entity_id: str) -> None:
        """Remove an entity with its history.

        Raises:
            NotFoundError: There is none with this id; the error is the kind's own.
        """
        with mlflow_errors():
            place = self._place()
            if place is None or not self._client.entity_store.delete(place[0], self._kind, entity_id):
                raise self._missing(entity_id)

    def history(self, entity_id: str = "") -> Sequence[Change]:
        """Who changed which field, when, from what, to what, why; oldest first.

        Raises:
            NotFoundError: There is none with this id; the error is the kind's own.
        """
        return self.get(entity_id).history

    def watch(self, *, read_entities: bool = True) -> Watcher:
        """Tells what changes; a poll of what did not costs one request.

        Raises:
            NotFoundError: Nothing was ever kept in the experiment.
        """
        run = self._found()
        if run is None:
            raise NotFoundError(f"Experiment {self._experiment_id} holds no {self._kind.name} to watch yet.")
        return Watcher(self._client, _id_of(run), read_entities=read_entities, kinds=[self._kind])

    def _found(self) -> Run | str | None:
        """The run that holds them, or its id; None where nothing was ever kept."""
        return self._run or find_parent(self._client, self._experiment_id)

    def _place(self) -> tuple[str, dict[str, Any]] | None:
        """Id of the run, and the fields that follow from it."""
        run = self._found()
        if run is None:
            return None
        if isinstance(run, str):
            if not self._kind.of_run:
                return run, {}
            run = self._client.mlflow.get_run(run)
        self._client.entity_store.files.know(run.info.run_id, run.info.artifact_uri)
        return run.info.run_id, self._kind.given_by(run)

    def _missing(self, entity_id: str) -> NotFoundError:
        where = f"run {_id_of(self._run)!r}" if self._run else f"experiment {self._experiment_id!r}"
        remedy = f" List them with `{self._kind.listing}`." if self._kind.listing else ""
        return self._kind.missing(
            f"There is no {self._kind.name} {entity_id!r} in {where}, which has {len(self.summaries())}.{remedy}"
        )

    def _checked(
        self, values: Mapping[str, Any], given: Mapping[str, Any] | None = None, fixed: Sequence[str] = ()
    ) -> E:
        """The entity that the values make; `given` are those that the caller named, if not all of them."""
        allowed = [name for name in self._kind.model.model_fields if name not in (*_KEPT, *fixed)]
        unknown = sorted(set(values if given is None else given) - set(allowed))
        if unknown:
            raise InvalidParameterError(
                f"The {self._kind.name} has no field {unknown[0]!r} to set; there are {', '.join(allowed)}.",
                field=unknown[0],
            )
        try:
            return self._kind.model.model_validate(clean_all(values))
        except ValidationError as error:
            raise InvalidParameterError(f"{first_problem(error)}.", field=first_field(error)) from error

    def _statuses(self, entity: E, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields, with every status checked against the one it follows."""
        checked = dict(fields)
        for name, value in fields.items():
            present = getattr(entity, name, None)
            if isinstance(present, Status):
                checked[name] = as_choice(type(present), value, name)
                check_change(
                    present, checked[name], f"{self._kind.name.capitalize()} {self._kind.id_of(entity)}".strip()
                )
        return checked


def _id_of(run: Run | str) -> str:
    return run if isinstance(run, str) else run.info.run_id
