"""Redacted texts of traces, kept between runs: on disk, or in Redis for a day where REDIS_URL is set."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Protocol

from insights_core import settings
from insights_core.llm.cache import ResponseCache

_log = logging.getLogger(__name__)

_LIFE_S = 24 * 3600
_PREFIX = "insights:text:"
# A server that is away must cost one pause, not one for each trace.
_TIMEOUT_S = 2.0


class TextCache(Protocol):
    """Text keys -> what was read of a trace, as plain values; nothing in it that was not redacted."""

    def get(self, key: str) -> dict[str, Any] | None:
        """What was stored under the key, or None."""
        ...

    def put(self, key: str, entry: dict[str, Any]) -> None:
        """Store it; never raises."""
        ...


class DiskTexts(ResponseCache):
    """One file a text, readable by its owner only, beside the model's answers. Safe to delete."""

    def __init__(self) -> None:
        super().__init__(Path(settings.INSIGHTS_CACHE_DIR.get()).expanduser() / "texts")


class RedisTexts:
    """Texts in Redis, shared by all workers, forgotten after 24 hours.

    Args:
        url: As REDIS_URL has it.
    """

    def __init__(self, url: str) -> None:
        import redis

        self._redis: Any = redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._usable = True

    def get(self, key: str) -> dict[str, Any] | None:
        """See `TextCache`."""
        stored = self._asked(lambda: self._redis.get(_PREFIX + key))
        try:
            entry = json.loads(stored) if stored else None
        except ValueError:
            return None
        return entry if isinstance(entry, dict) else None

    def put(self, key: str, entry: dict[str, Any]) -> None:
        """See `TextCache`."""
        self._asked(lambda: self._redis.setex(_PREFIX + key, _LIFE_S, json.dumps(entry)))

    def _asked(self, question: Any) -> Any:
        if not self._usable:
            return None
        try:
            return question()
        except Exception as error:
            self._usable = False
            # Its message may hold the address with a password.
            _log.warning("Texts are not kept in Redis: it does not answer (%s).", type(error).__name__)
            return None


def kept_texts() -> TextCache:
    """The one that the settings ask for."""
    url = settings.REDIS_URL.get()
    return RedisTexts(url) if url else DiskTexts()
