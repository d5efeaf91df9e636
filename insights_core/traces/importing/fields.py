"""What records say beside their messages: tags, times, session, user."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

# Enough for every field that one filters by; a long text is no tag.
_MAX_TAGS, _MAX_TAG_CHARS = 60, 250
_UNUSUAL = re.compile(r"[^\w.\-/ ]")
_SESSION_KEYS = (
    "session_id",
    "sessionId",
    "conversation_id",
    "conversationId",
    "thread_id",
    "threadId",
    "chat_id",
    "dialogue_id",
)
_USER_KEYS = ("user_id", "userId", "user", "customer_id")
_TIME_KEYS = ("timestamp", "created_at", "createdAt", "created", "start_time", "started_at", "time", "date")


def tags_of(fields: dict[str, Any]) -> dict[str, str]:
    """Tags from all scalar fields; nested ones get dotted names, lists are left out, long values are cut."""
    tags: dict[str, str] = {}
    for name, value in _scalars(fields, ""):
        key = _UNUSUAL.sub("_", name)[:_MAX_TAG_CHARS]
        # MLflow's own tags steer MLflow; a file must not.
        key = f"imported.{key}" if key.lower().startswith("mlflow.") else key
        text = value if isinstance(value, str) else json.dumps(value)
        tags.setdefault(key, text if len(text) <= _MAX_TAG_CHARS else text[: _MAX_TAG_CHARS - 1] + "…")
        if len(tags) == _MAX_TAGS:
            break
    return tags


def _scalars(fields: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    # Breadth first: where there are too many, the outer ones are kept.
    for name, value in fields.items():
        if isinstance(value, str | int | float | bool) and value != "" and str(name).strip():
            yield f"{prefix}{name}", value
    for name, value in fields.items():
        if isinstance(value, dict) and prefix.count(".") < 6:
            yield from _scalars(value, f"{prefix}{name}.")


def session_of(fields: dict[str, Any]) -> str | None:
    """The session that the record names."""
    return _first(fields, _SESSION_KEYS)


def user_of(fields: dict[str, Any]) -> str | None:
    """The user that the record names, at whatever depth."""
    found = _first(fields, _USER_KEYS)
    if found:
        return found
    return next((str(value) for name, value in _scalars(fields, "") if name.endswith((".user_id", ".userId"))), None)


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next(
        (str(fields[name]) for name in names if isinstance(fields.get(name), str | int) and str(fields[name]).strip()),
        None,
    )


def time_of(fields: dict[str, Any]) -> int | None:
    """The time that a record or message names, in epoch milliseconds."""
    return next((moment for name in _TIME_KEYS if (moment := epoch_ms(fields.get(name))) is not None), None)


def epoch_ms(value: Any) -> int | None:
    """A time as epoch milliseconds: ISO 8601 (UTC where no zone is given), or epoch seconds, milli-, micro- or nanoseconds."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
        else:
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e20:
        return None
    # Between 1980 and 2100 the size tells the unit.
    for factor, unit in ((1e9, 1e3), (1e12, 1.0), (1e15, 1e-3), (1e18, 1e-6)):
        if 0.31 * factor < value < 4.2 * factor:
            return int(value * unit)
    return None


def parsed(value: Any) -> Any:
    """What a text of JSON stands for, else the value itself: exports nest JSON as text, viewers show objects better."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
