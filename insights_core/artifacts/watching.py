"""Watching a run: one request tells whether anything changed, and what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from insights_core.artifacts.kinds import ANALYSIS, HYPOTHESIS, ISSUE, THEME, Kind
from insights_core.artifacts.listing import summaries
from insights_core.artifacts.store import EntityStore
from insights_core.connection import Connection
from insights_core.entities.common import StoredEntity
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import RunNotFoundError, mlflow_errors

if TYPE_CHECKING:
    from mlflow.entities import Run

KINDS: tuple[Kind[Any], ...] = (ANALYSIS, HYPOTHESIS, ISSUE, THEME)


@dataclass(slots=True)
class Changes:
    """What happened since the last poll."""

    changed: list[StoredEntity] = field(default_factory=list)
    """New and changed entities as they are now; empty where the watcher reads none."""
    summaries: list[EntitySummary] = field(default_factory=list)
    """The same entities as lines of a list."""
    removed: list[tuple[str, str]] = field(default_factory=list)
    """Kind and id of entities that are gone."""
    broken: dict[str, str] = field(default_factory=dict)
    """File name -> why it cannot be read."""

    @property
    def unchanged(self) -> bool:
        return not (self.summaries or self.removed)


class Watcher:
    """Tells what changed in a run that holds entities.

    A poll of an unchanged run costs one request. What changed costs one listing for each kind and one file for each
    entity, however many there are.

    Args:
        connection: Where MLflow is; an InsightsClient shares what it has read already.
        run_id: The run.
        read_entities: Also read changed entities; False gives only summaries, at no further request.
        kinds: What to look at.
    """

    def __init__(
        self, connection: Connection, run_id: str, *, read_entities: bool = True, kinds: Sequence[Kind[Any]] = KINDS
    ) -> None:
        self._connection = connection
        shared = getattr(connection, "entity_store", None)
        self._store = shared if isinstance(shared, EntityStore) else EntityStore(connection)
        self._read_entities = read_entities
        self._kinds = kinds
        self._seen: dict[tuple[str, str], str] = {}
        self.run_id = run_id
        self.summaries: dict[tuple[str, str], EntitySummary] = {}

    def poll(self) -> Changes:
        """What changed since the last poll; the first one gives everything.

        Raises:
            RunNotFoundError: The run is gone.
        """
        with mlflow_errors():
            run = self._connection.mlflow.get_run(self.run_id)
            if run.info.lifecycle_stage != "active":
                raise RunNotFoundError(f"Run {self.run_id!r} is deleted.")
            self._store.files.know(self.run_id, run.info.artifact_uri)
            changes = Changes()
            for kind in self._kinds:
                self._compare(run, kind, changes)
        return changes

    def _compare(self, run: Run, kind: Kind[Any], changes: Changes) -> None:
        tags = {kind.id_in_tag(key): text for key, text in run.data.tags.items()}
        present = {(kind.name, each): text for each, text in tags.items() if each is not None}
        known = {(kind.name, item.id): item for item in summaries(run, kind)}
        fresh = [key for key, text in present.items() if self._seen.get(key) != text]
        gone = [key for key in self._seen if key[0] == kind.name and key not in present]
        if fresh and self._read_entities:
            found = self._store.read_all(self.run_id, kind, only=[key[1] for key in fresh], fixed=kind.given_by(run))
            changes.changed += found
            changes.broken |= found.broken
        changes.summaries += [known[key] for key in fresh if key in known]
        changes.removed += gone
        # Remembered only now: a poll that failed is asked again.
        self._seen.update({key: present[key] for key in fresh})
        self.summaries.update({key: known[key] for key in fresh if key in known})
        for key in gone:
            del self._seen[key]
            self.summaries.pop(key, None)
