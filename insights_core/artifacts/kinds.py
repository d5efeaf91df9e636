"""The kinds of entities that are kept in runs: their files, their tags, and what their tag says of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from insights_core.entities import Analysis, Hypothesis, Issue
from insights_core.entities.alert import Alert
from insights_core.entities.common import StoredEntity
from insights_core.entities.theme import Theme
from insights_core.errors import (
    HypothesisNotFoundError,
    IssueNotFoundError,
    NotFoundError,
    RunNotFoundError,
    ThemeNotFoundError,
)
from insights_core.names import REVISION_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run

E = TypeVar("E", bound=StoredEntity)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_LAST = ("metadata", "created_at", "updated_at", "history")
# Tags hold 5,000 characters on older stores; a title needs no more than a line.
_TITLE_CHARS = 200


def is_id(text: object) -> bool:
    """Whether a text may be the id of an entity, and so part of a file name."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class Kind(Generic[E]):
    """A kind of entity: with its model, all that keeping it needs (see `collection.Collection`).

    Attributes:
        name: Also the first part of its files' names.
        model: Its Pydantic model.
        id_field: The field with its id; None where a run holds one.
        title_field: What names it in lists.
        describe: Further facts for its summary, as plain values.
        of_run: Fields that follow from the run that holds it: run_id, experiment_id.
        missing: The error where there is none with an id.
        listing: The command that lists them, for that error.
    """

    name: str
    model: type[E]
    id_field: str | None
    title_field: str
    describe: Callable[[Any], dict[str, Any]] = lambda entity: {}
    of_run: tuple[str, ...] = ()
    missing: type[NotFoundError] = NotFoundError
    listing: str = ""

    def stem(self, entity_id: str) -> str:
        return f"{self.name}_{entity_id}" if self.id_field else self.name

    def file_name(self, entity_id: str) -> str:
        return f"{self.stem(entity_id)}.yaml"

    def changes_name(self, entity_id: str, digest: str) -> str:
        """The file of a set of changes: named after the entity's, and never seen as an entity itself."""
        return f"{self.stem(entity_id)}.changes-{digest}.json"

    def read_name(self, name: str) -> tuple[str, str | None] | None:
        """The entity id in a file's name, and the digest where it holds changes; None for any other file."""
        prefix = f"{self.name}_(?P<id>{_ID.pattern})" if self.id_field else f"{self.name}(?P<id>)"
        match = re.fullmatch(rf"{prefix}(?:\.yaml|\.changes-(?P<digest>[0-9a-f]{{16}})\.json)", name)
        return (match["id"], match["digest"]) if match else None

    def tag(self, entity_id: str) -> str:
        """The tag that changes with every change of the entity."""
        return f"{REVISION_TAG}.{self.name}" + (f".{entity_id}" if self.id_field else "")

    def id_in_tag(self, key: str) -> str | None:
        """The entity id in a tag's key; None for any other tag."""
        prefix = self.tag("")
        return key[len(prefix) :] if (key.startswith(prefix) if self.id_field else key == prefix) else None

    def id_of(self, entity: E) -> str:
        """Its id; empty for a kind of which a run holds one."""
        return str(getattr(entity, self.id_field)) if self.id_field else ""

    def given_by(self, run: Run) -> dict[str, Any]:
        """The values of the fields that follow from the run."""
        return {name: getattr(run.info, name) for name in self.of_run}

    def field_order(self) -> list[str]:
        """Fields as a person wants to read them: what it is first, what happened to it last."""
        own = [name for name in self.model.model_fields if name not in _LAST]
        first = [self.id_field] if self.id_field else []
        return first + [name for name in own if name not in first] + [name for name in _LAST[:3]]

    def summary(self, entity: E, digest: str) -> dict[str, Any]:
        """What the tag says: enough for a line in a list."""
        return {
            "rev": digest,
            "title": str(getattr(entity, self.title_field, ""))[:_TITLE_CHARS],
            "created_at": round(entity.created_at.timestamp() * 1000),
            "updated_at": round(entity.updated_at.timestamp() * 1000),
            **self.describe(entity),
        }


def _last_evidence(item: Hypothesis) -> int | None:
    return max((round(one.created_at.timestamp() * 1000) for one in item.evidence), default=None)


ANALYSIS = Kind(
    "analysis",
    Analysis,
    None,
    "name",
    lambda item: {"status": item.status},
    of_run=("run_id", "experiment_id"),
    missing=RunNotFoundError,
    listing="mlflow-insights list-analyses --experiment-id …",
)
HYPOTHESIS = Kind(
    "hypothesis",
    Hypothesis,
    "hypothesis_id",
    "statement",
    lambda item: {
        "status": item.status,
        "evidence": len(item.evidence),
        "supports": item.supports_count,
        "refutes": item.refutes_count,
        "traces": item.trace_count,
        "evidence_at": _last_evidence(item),
    },
    missing=HypothesisNotFoundError,
    listing="mlflow-insights list-hypotheses --run-id …",
)
ISSUE = Kind(
    "issue",
    Issue,
    "issue_id",
    "title",
    lambda item: {
        "status": item.status,
        "severity": item.severity,
        "evidence": len(item.evidence),
        "traces": item.trace_count,
        "source_run": item.source_run_id,
        "hypothesis": item.hypothesis_id,
    },
    missing=IssueNotFoundError,
    listing="mlflow-insights list-issues --experiment-id …",
)
THEME = Kind(
    "theme",
    Theme,
    "theme_id",
    "name",
    lambda item: {"status": "enabled" if item.enabled else "disabled", "schedule": item.schedule},
    missing=ThemeNotFoundError,
    listing="mlflow-insights themes list --experiment-id …",
)
ALERT = Kind(
    "alert",
    Alert,
    "alert_id",
    "title",
    lambda item: {"status": "open" if item.open else "delivered", "theme": item.theme_id, "rule": item.rule.key},
    listing="mlflow-insights themes alerts --experiment-id …",
)
