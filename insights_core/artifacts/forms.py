"""The three forms of an entity, a model, a document and a set of changes, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import ChangeSet
from insights_core.artifacts.documents import DocumentError, parse, render
from insights_core.artifacts.files import FOLDER
from insights_core.artifacts.kinds import Kind
from insights_core.entities.common import StoredEntity
from insights_core.errors import BrokenArtifactError


@dataclass(frozen=True)
class Place:
    """Where an entity lies.

    Attributes:
        run_id: The run that holds it.
        kind: What it is.
        entity_id: Its id; empty for a kind of which a run holds one.
        fixed: Fields that follow from where it lies, such as run_id.
    """

    run_id: str
    kind: Kind[Any]
    entity_id: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return self.kind.file_name(self.entity_id)

    def changes_name(self, digest: str) -> str:
        return self.kind.changes_name(self.entity_id, digest)

    def __str__(self) -> str:
        return f"{FOLDER}/{self.file_name} in run {self.run_id}"


def plain(entity: StoredEntity) -> dict[str, Any]:
    """An entity as plain JSON values."""
    return entity.model_dump(mode="json", by_alias=True)


def from_document(place: Place, text: str) -> StoredEntity:
    """The entity that a document describes.

    Raises:
        BrokenArtifactError: It describes none; the message names the file and the first problem.
    """
    try:
        return _validated(place, parse(text))
    except (DocumentError, ValidationError) as error:
        reason = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise BrokenArtifactError(
            f"{place} cannot be read: {reason}. "
            "Correct it, or delete it: it is then made again from the changes that are kept beside it.",
            run_id=place.run_id,
            file=f"{FOLDER}/{place.file_name}",
        ) from error


def from_changes(place: Place, known: ChangeSet) -> StoredEntity:
    """The entity that a set of changes makes.

    Raises:
        BrokenArtifactError: It makes none.
    """
    try:
        return _validated(place, log.fold(known))
    except ValidationError as error:
        raise BrokenArtifactError(
            f"The changes of {place.file_name} make no {place.kind.name}: {first_problem(error)}."
        ) from error


def to_document(place: Place, entity: StoredEntity, known: ChangeSet) -> str:
    """The entity as a document that says which changes it holds."""
    values = entity.model_dump(mode="python", by_alias=True, exclude_none=False)
    order = place.kind.field_order()
    extras = [name for name in values if name not in order and name != "history"]
    ordered = {name: values[name] for name in [*order, *extras, "history"] if name in values}
    return render(_tidy(ordered), log.digest(known))


def first_problem(error: ValidationError) -> str:
    """The field and what is wrong with it, of the first of a validation's errors."""
    first = error.errors()[0]
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{'.'.join(str(part) for part in first['loc'])}: {said}"


def first_field(error: ValidationError) -> str:
    """The field that the first of a validation's errors is about."""
    return str(next(iter(error.errors()[0]["loc"]), ""))


def _validated(place: Place, values: dict[str, Any]) -> StoredEntity:
    own = {place.kind.id_field: place.entity_id} if place.kind.id_field else {}
    return place.kind.model.model_validate({**values, **place.fixed, **own})


def _tidy(value: Any) -> Any:
    """Plain values for YAML: an enum as its text, no empty `why`, no `supports` where it has no meaning."""
    if isinstance(value, dict):
        return {
            str(key): _tidy(item) for key, item in value.items() if not (item is None and key in ("why", "supports"))
        }
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    return str(value) if isinstance(value, str) else value
