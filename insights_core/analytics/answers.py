"""Answers that are kept: the same question about the same facts is computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from pydantic import BaseModel

from insights_core.analytics.facts import View

R = TypeVar("R")
# Points of time series in all that is kept; one takes some 400 bytes.
_KEPT_POINTS = 150_000


class Answers:
    """Answers to the latest questions, shared by all threads; they are immutable."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[tuple[Any, ...], tuple[int, Any]] = OrderedDict()
        self._points = 0

    def get(self, view: View, question: tuple[Any, ...], compute: Callable[[], R]) -> R:
        """The answer to a question about the facts of a view, computed at most once while it is kept."""
        key = (view.identity, *question)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][1]
        answer = compute()
        size = _size(answer)
        with self._lock:
            if key not in self._known and size <= _KEPT_POINTS:
                self._known[key] = (size, answer)
                self._points += size
            while self._points > _KEPT_POINTS:
                self._points -= self._known.popitem(last=False)[1][0]
        return answer

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._known.clear()
            self._points = 0


def _size(answer: Any) -> int:
    """Roughly how many objects an answer has; lists are taken to hold what their first item is like."""
    if isinstance(answer, BaseModel):
        return 1 + sum(_size(value) for value in answer.__dict__.values())
    return len(answer) * _size(answer[0]) if isinstance(answer, list) and answer else 1
