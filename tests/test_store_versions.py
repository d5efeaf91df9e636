"""A database of another MLflow than the installed one is said to be that, with what helps."""

from __future__ import annotations

import sqlite3

import mlflow
import pytest

from insights_core.connection import Connection
from insights_core.errors import UnsupportedStoreError, from_mlflow


def with_revision(uri: str, revision: str) -> str:
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    return uri


def test_a_newer_store_says_upgrade_or_use_its_server(tracking_uri):
    with pytest.raises(UnsupportedStoreError) as refused:
        Connection(with_revision(tracking_uri, "abcdef123456")).mlflow.search_experiments()
    message = str(refused.value)
    assert f"newer MLflow than MLflow {mlflow.__version__}" in message and "abcdef123456" in message
    assert "pip install --upgrade mlflow" in message and "address of the server" in message
    assert "db upgrade" not in message and "\n" not in message


def test_an_older_store_says_db_upgrade():
    from mlflow.exceptions import MlflowException

    # The first schema that MLflow ever had.
    old = MlflowException("Detected out-of-date database schema (found version 451aebb31d03, but expected x).")
    message = str(from_mlflow(old))
    assert "older MLflow than" in message and "`mlflow db upgrade`" in message and "pip install" not in message
