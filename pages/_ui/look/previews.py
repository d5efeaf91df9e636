"""What a trace's request or answer says, out of the beginning of its JSON."""

from __future__ import annotations

import json
import re
from typing import Any

_TEXT_KEYS = ("content", "text", "question", "query", "prompt", "input", "message", "answer", "output", "response")
_USERS = ("user", "human")
# MLflow cuts previews: what is cut cannot be parsed, but its texts can be found.
_CUT_TEXT = re.compile(r'"(?:' + "|".join(_TEXT_KEYS) + r')"\s*:\s*"((?:[^"\\]|\\.)+)')


def preview(text: str) -> str:
    """The words in a preview: as they are, or the user's (else the last) text in its JSON, cut or not."""
    text = text.strip()
    if not text.startswith(("{", "[", '"')):
        return text
    try:
        found = _words(json.loads(text))
    except (ValueError, RecursionError):
        found = [(None, _unescaped(part)) for part in _CUT_TEXT.findall(text)]
    said = [words for role, words in found if role in _USERS] or [words for _, words in found if words.strip()]
    return said[-1].strip() if said else text


def _words(value: Any, role: str | None = None, key: str | None = None) -> list[tuple[str | None, str]]:
    """(role, text) of every text that stands under one of _TEXT_KEYS, in order."""
    if isinstance(value, str):
        return [(role, value)] if key is None or key in _TEXT_KEYS else []
    if isinstance(value, list):
        return [one for item in value for one in _words(item, role, key)]
    if isinstance(value, dict):
        own = value.get("role") or value.get("type")
        role = own if isinstance(own, str) and own in (*_USERS, "assistant", "ai", "system", "tool") else role
        return [one for name, item in value.items() for one in _words(item, role, name)]
    return []


def _unescaped(part: str) -> str:
    try:
        return json.loads(f'"{part}"')
    except ValueError:
        return part
