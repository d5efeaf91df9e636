"""What leaves for others: the same entities without private data, which people and agents quote from traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

_TEXTS = frozenset(
    (
        "name",
        "title",
        "description",
        "statement",
        "testing_plan",
        "rationale",
        "resolution",
        "why",
        "reason",
        "before",
        "after",
    )
)
"""The fields that people and agents write in; ids, times and figures are no text."""

Model = TypeVar("Model", bound=BaseModel)


def without_private(entities: Sequence[Model]) -> list[Model]:
    """Copies of entities whose texts have no private data; names that one of them introduces go in all."""
    from insights_core.traces.redaction import Redactor

    redactor = Redactor()
    stored = [entity.model_dump() for entity in entities]
    people = redactor.people_in("\n".join(text for fields in stored for text in _texts(fields)))

    def clean(value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            return {key: clean(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [clean(part, field) for part in value]
        return redactor.redact(value, people) if isinstance(value, str) and field in _TEXTS else value

    return [type(entity).model_validate(clean(fields)) for entity, fields in zip(entities, stored, strict=True)]


def _texts(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, field)
    elif isinstance(value, str) and field in _TEXTS:
        yield value
