"""Calls that MLflow may refuse only because somebody else did the same at the same moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ATTEMPTS = 12
# MLflow looks whether a row is there and then inserts it: of two at once, one meets the database's own check.
_PASSING = ("unique", "duplicate", "integrityerror", "database is locked", "deadlock", "serializ", "lock wait")
# A stock server measures a file before it opens it: one that is replaced in between comes cut short, and the
# connection with it is closed.
_CUT = ("connection aborted", "connection reset", "connection broken", "incompleteread", "remotedisconnected")
# A folder is listed name by name: a file that is deleted meanwhile makes MLflow stumble, over HTTP with a 500.
VANISHED = ("no such file", "500")


def persistently(call: Callable[[], T], passing: tuple[str, ...] = ()) -> T:
    """The result of a call that may safely be made again, made again where a passing fault stopped it.

    Args:
        call: May be made any number of times.
        passing: Further words by which such a fault is known.
    """
    attempt = 0
    while True:
        try:
            return call()
        except Exception as error:
            attempt += 1
            text = str(error).lower()
            if attempt == _ATTEMPTS or not any(word in text for word in (*_PASSING, *_CUT, *passing)):
                raise
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - no secret, only out of step
