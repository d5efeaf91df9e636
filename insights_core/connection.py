"""A connection to MLflow: the tracking URI, MLflow's own client, and the default experiment."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.errors import InvalidParameterError, UnsupportedStoreError, mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")


def check_tracking_uri(uri: str) -> str:
    """The URI itself, if it points to a store that can hold traces.

    Raises:
        UnsupportedStoreError: It points to a file store.
        InvalidParameterError: It is of no kind that MLflow knows.
    """
    scheme = uri.split(":", 1)[0].split("+", 1)[0].lower() if ":" in uri else ""
    if scheme in ("", "file"):
        raise UnsupportedStoreError(
            f"The tracking URI {uri!r} is a file store (FileStore), which cannot be analysed. "
            "Use sqlite:///mlflow.db, postgresql://…, mysql://… or the http(s) address of an MLflow server."
        )
    if scheme not in _SCHEMES:
        raise InvalidParameterError(
            f"The tracking URI {uri!r} has the unknown scheme {scheme!r}; known are {', '.join(_SCHEMES)}."
        )
    return uri


class Connection:
    """Base of the clients here: where MLflow is and which experiment is meant where none is named.

    Args:
        tracking_uri: Any MLflow tracking URI but a file store; None takes MLFLOW_TRACKING_URI.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        self.tracking_uri = check_tracking_uri(tracking_uri or settings.MLFLOW_TRACKING_URI.get())

    @cached_property
    def mlflow(self) -> MlflowClient:
        """MLflow's own client for this tracking URI."""
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
