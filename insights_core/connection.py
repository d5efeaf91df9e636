"""A connection to MLflow: the tracking URI, MLflow's own client, and the default experiment."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.errors import InvalidParameterError, NotFoundError, UnsupportedStoreError, mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")
_REFUSED = {
    "databricks": "Databricks' own tracking service",
    "databricks-uc": "Databricks' Unity Catalog",
    "uc": "Unity Catalog",
    "arn": "an Amazon SageMaker tracking server",
}
_POSSIBLE = (
    "cannot be analysed. Use sqlite:///mlflow.db, postgresql://…, mysql://… or the http(s) address of an MLflow server."
)


def check_tracking_uri(uri: str) -> str:
    """The URI itself, if it points to a store that can hold traces.

    Raises:
        UnsupportedStoreError: It points to a file store.
        InvalidParameterError: It is of no kind that MLflow knows.
    """
    scheme = uri.split(":", 1)[0].split("+", 1)[0].lower() if ":" in uri else ""
    service = uri.split(":", 1)[0].lower()  # `databricks` stands alone, too
    if service in _REFUSED:
        raise UnsupportedStoreError(f"The tracking URI {uri!r} is {_REFUSED[service]}, which {_POSSIBLE}")
    if scheme in ("", "file"):
        raise UnsupportedStoreError(f"The tracking URI {uri!r} is a file store (FileStore), which {_POSSIBLE}")
    if scheme not in _SCHEMES:
        raise InvalidParameterError(
            f"The tracking URI {uri!r} has the unknown scheme {scheme!r}; known are {', '.join(_SCHEMES)}."
        )
    return uri


def _must_exist(uri: str) -> None:
    """Refuse a SQLite file that does not exist: MLflow would make an empty one, and a typing error look like no data."""
    if not uri.startswith("sqlite"):
        return
    from sqlalchemy.engine import make_url

    name = make_url(uri).database
    if name and name != ":memory:" and not name.startswith("file:") and not Path(name).exists():
        raise NotFoundError(
            f"There is no MLflow database at {str(Path(name).absolute())!r}, where the tracking URI {uri!r} points. "
            "Correct it with --tracking-uri or MLFLOW_TRACKING_URI, or make one with `mlflow-insights demo` or "
            "`mlflow-insights import-traces`."
        )


class Connection:
    """Base of the clients here: where MLflow is and which experiment is meant where none is named.

    Args:
        tracking_uri: Any MLflow tracking URI but a file store; None takes MLFLOW_TRACKING_URI.
    """

    may_create = False
    """Whether a SQLite file that does not exist may be made; importing does, reading does not."""

    def __init__(self, tracking_uri: str | None = None) -> None:
        self.tracking_uri = check_tracking_uri(tracking_uri or settings.MLFLOW_TRACKING_URI.get())

    @cached_property
    def mlflow(self) -> MlflowClient:
        """MLflow's own client for this tracking URI."""
        if not self.may_create:
            _must_exist(self.tracking_uri)
        # MLflow's defaults retry a dead server for minutes; a person waits for the answer.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        # A bar for each artifact of a few kilobytes is noise in a terminal and a log.
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        with mlflow_errors():
            return MlflowClient(tracking_uri=self.tracking_uri)

    def experiment_or_default(self, experiment_id: str | None = None) -> str:
        """The given experiment id, or MLFLOW_EXPERIMENT_ID.

        Raises:
            InvalidParameterError: Neither is set.
        """
        chosen = experiment_id or settings.MLFLOW_EXPERIMENT_ID.get()
        if not chosen:
            raise InvalidParameterError("No experiment was named. Give experiment_id, or set MLFLOW_EXPERIMENT_ID.")
        return str(chosen)
