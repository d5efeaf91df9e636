"""Calls that MLflow may refuse only because somebody else did the same at the same moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ATTEMPTS = 10
# MLflow looks whether a row is there and then inserts it: of two at once, one meets the database's own check.
_PASSING = ("unique", "duplicate", "integrityerror", "database is locked", "deadlock", "serializ", "lock wait")


def persistently(call: Callable[[], T]) -> T:
    """The result of a call that may safely be made again, made again while the database was busy."""
    from mlflow.exceptions import MlflowException

    attempt = 0
    while True:
        try:
            return call()
        except MlflowException as error:
            attempt += 1
            text = str(error).lower()
            if attempt == _ATTEMPTS or not any(word in text for word in _PASSING):
                raise
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - no secret, only out of step
