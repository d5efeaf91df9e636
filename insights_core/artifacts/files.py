"""The files in a run's `insights/` folder, with as few requests as MLflow allows."""

from __future__ import annotations

import contextvars
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from insights_core.artifacts.retrying import VANISHED, persistently
from insights_core.connection import Connection
from insights_core.errors import BrokenArtifactError, NotFoundError, PermissionDeniedError, from_mlflow

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

T = TypeVar("T")
R = TypeVar("R")

FOLDER = "insights"
# What a file is overwritten with where it may not be deleted: MLflow's basic-auth asks for MANAGE to delete.
EMPTY = "{}"
_THREADS = 8


class RunFiles:
    """Whole text files in `insights/`: listed, read, written and deleted by name.

    Args:
        connection: Where MLflow is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._repositories: dict[str, ArtifactRepository] = {}
        self._undeletable: set[str] = set()
        self._guard = threading.Lock()

    def know(self, run_id: str, artifact_uri: str) -> None:
        """Take over where a run keeps its artifacts, so that nobody has to ask."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with self._guard:
            if run_id not in self._repositories:
                self._repositories[run_id] = get_artifact_repository(
                    artifact_uri, tracking_uri=self._connection.tracking_uri
                )

    def _repository(self, run_id: str) -> ArtifactRepository:
        if run_id not in self._repositories:
            self.know(run_id, self._connection.mlflow.get_run(run_id).info.artifact_uri)
        return self._repositories[run_id]

    def sizes(self, run_id: str) -> dict[str, int]:
        """Name -> size in bytes of every file; one request."""
        repository = self._repository(run_id)
        listed = persistently(lambda: repository.list_artifacts(FOLDER), VANISHED)
        return {item.path.rsplit("/", 1)[-1]: item.file_size or 0 for item in listed if not item.is_dir}

    def read(self, run_id: str, name: str) -> str | None:
        """The text of a file, or None where it does not exist (any more); one request.

        Raises:
            BrokenArtifactError: It is not UTF-8.
        """
        repository = self._repository(run_id)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            try:
                # The public download asks twice more whether the path is a folder.
                persistently(lambda: repository._download_file(f"{FOLDER}/{name}", str(path)))
                return path.read_text("utf-8")
            except UnicodeDecodeError as error:
                raise BrokenArtifactError(f"{FOLDER}/{name} in run {run_id} is not UTF-8 text: {error}.") from error
            except Exception as error:
                if _is_missing(error):
                    return None
                raise

    def write(self, run_id: str, name: str, text: str) -> None:
        """Store a file as a whole: others see the old one or the new one. One request."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text, "utf-8", newline="")
            repository = self._repository(run_id)
            persistently(lambda: repository.log_artifact(str(path), FOLDER))

    def discard(self, run_id: str, names: Iterable[str]) -> None:
        """Delete files that nobody needs any more; where this is refused, leave them empty."""
        for name in names:
            if run_id in self._undeletable:
                self.write(run_id, name, EMPTY)
                continue
            try:
                repository = self._repository(run_id)
                persistently(partial(repository.delete_artifacts, f"{FOLDER}/{name}"))
            except Exception as error:
                if isinstance(from_mlflow(error), PermissionDeniedError):
                    self._undeletable.add(run_id)
                    self.write(run_id, name, EMPTY)
                # Anything else: it is gone already, or the next one who looks finds it and tries again.

    def may_delete(self, run_id: str) -> bool:
        """False once a deletion in this run was refused."""
        return run_id not in self._undeletable


def in_parallel(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`[work(item) for item in items]` with several requests under way at once."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_THREADS, len(items))) as pool:
        # The caller's credentials may live in context variables.
        tasks = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
        return [task.result() for task in tasks]


def _is_missing(error: Exception) -> bool:
    if isinstance(error, FileNotFoundError):
        return True
    response: Any = getattr(error, "response", None)
    if response is not None:
        return response.status_code == 404
    return isinstance(from_mlflow(error), NotFoundError)
