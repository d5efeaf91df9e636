"""Writing: a change is safe in a file of its own before anything else is touched.

A writer has read the changes and added its own. It writes the larger set under its new name, then the YAML, then the
tag, and deletes the sets it read. Two writers at once leave two sets; both are in everybody's view, since readers and
writers join whatever sets there are, and the next writer leaves one again. A set is deleted only by somebody who has
already written a larger one, so no change is ever without a file that holds it, whoever dies when.
"""

from __future__ import annotations

import json

from insights_core.artifacts import changes as log
from insights_core.artifacts.changes import ChangeSet
from insights_core.artifacts.files import EMPTY, RunFiles
from insights_core.artifacts.forms import Place, from_changes, to_document
from insights_core.artifacts.reading import Found, Reader
from insights_core.artifacts.retrying import persistently
from insights_core.connection import Connection
from insights_core.entities.common import StoredEntity

# How often a writer tidies up after others who write at the same time; its own change is safe before the first.
_ROUNDS = 20


class Writer:
    """Writes sets of changes and what follows from them.

    Args:
        connection: Where MLflow is.
        files: Where the entities are.
        reader: Tells what others write meanwhile.
    """

    def __init__(self, connection: Connection, files: RunFiles, reader: Reader) -> None:
        self._connection = connection
        self._files = files
        self._reader = reader

    def publish(self, place: Place, known: ChangeSet, found: Found | None) -> StoredEntity:
        """Write the changes, the document and the tag, until nothing that others wrote is missing in them.

        Args:
            place: Where the entity lies.
            known: All changes, the new one included.
            found: The files they were read from; None for a new entity.
        """
        absorbed = set(found.sets) if found else set()
        for _ in range(_ROUNDS):
            digest = log.digest(known)
            entity = from_changes(place, known)
            self._files.write(place.run_id, place.changes_name(digest), log.dump(known))
            self._files.write(place.run_id, place.file_name, to_document(place, entity, known))
            self._tag(place, entity, digest)
            self._files.discard(place.run_id, [place.changes_name(old) for old in absorbed - {digest}])
            if found is None:
                return entity
            now_there = self._reader.find(place.run_id, place.kind).get(place.entity_id) or Found()
            strangers = [other for other in now_there.sets if other != digest and other not in absorbed]
            if digest in now_there.sets and not strangers:
                self._sweep(place, now_there, digest)
                return entity
            theirs = self._reader.changes(place, strangers)
            if theirs is not None:
                known = {**known, **theirs}
                absorbed |= {digest, *strangers}
        # Others never paused. The change is in a set of its own or in theirs, where everybody sees it.
        return entity

    def remove(self, place: Place, found: Found) -> None:
        """Delete an entity with all its files."""
        self._files.discard(place.run_id, [place.file_name, *(place.changes_name(digest) for digest in found.sets)])
        tag = place.kind.tag(place.entity_id)
        if tag in self._connection.mlflow.get_run(place.run_id).data.tags:
            self._connection.mlflow.delete_tag(place.run_id, tag)

    def _sweep(self, place: Place, found: Found, digest: str) -> None:
        """Empty what a store would not delete, and delete what others had to leave empty."""
        left = [place.changes_name(other) for other in found.sets if other != digest]
        for name in left:
            self._files.write(place.run_id, name, EMPTY)
        if found.emptied and not left and self._files.may_delete(place.run_id):
            self._files.discard(place.run_id, [place.changes_name(other) for other in found.emptied])

    def _tag(self, place: Place, entity: StoredEntity, digest: str) -> None:
        text = json.dumps(place.kind.summary(entity, digest), ensure_ascii=False, separators=(",", ":"))
        tag = place.kind.tag(place.entity_id)
        persistently(lambda: self._connection.mlflow.set_tag(place.run_id, tag, text))
