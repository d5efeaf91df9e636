"""What every stored entity shares: UTC times, an author, a history of changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def now() -> datetime:
    """The present time, UTC, to the millisecond (REST sends milliseconds; nothing may get lost between the two)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_utc)]


class Status(StrEnum):
    """Base of the statuses of entities: which there are, and which may follow which."""

    @classmethod
    def rules(cls) -> Mapping[Self, tuple[Self, ...]]:
        """Status -> what may follow it; where a status is not named, any other may."""
        return {}

    @property
    def allowed_next(self) -> tuple[Self, ...]:
        """The statuses that can follow this one."""
        return self.rules().get(self, tuple(other for other in type(self) if other != self))


class Record(BaseModel):
    """Base of all models that are stored. Unknown fields, added by hand or by a newer version, are kept."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class Strict(BaseModel):
    """Base of models that callers fill in: an unknown field is a mistake, not a note."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Change(Record):
    """One entry of an entity's history."""

    at: UtcTime = Field(default_factory=now)
    """When."""
    author: str = ""
    """Who: the OS or signed-in user, or what the caller said."""
    field: str
    """Which field; `evidence` for evidence that was added."""
    before: Any = Field(None, alias="from")
    """The earlier value; None where there was none."""
    after: Any = Field(None, alias="to")
    """The later value."""
    why: str | None = None
    """The reason given, if one was."""


class StoredEntity(Record):
    """Base of every kind of entity that is kept; `artifacts.kinds.Kind` says what else a kind needs."""

    created_at: UtcTime = Field(default_factory=now)
    updated_at: UtcTime = Field(default_factory=now)
    metadata: dict[str, Any] = Field(default_factory=dict)
    history: list[Change] = Field(default_factory=list)
    """Oldest first."""
