"""The shape of a payload: its types, lengths and a hash, and nothing of what it says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Within what `entities.card` takes, also where each name is as long as it may be. What is beyond is counted, not shown.
_DEPTH, _FIELDS = 3, 24
_SAFE_NAME = re.compile(r"[A-Za-z_][\w.-]{0,40}", re.ASCII)


def shape_of(payload: Any) -> dict[str, Any]:
    """Types, lengths, and one SHA-256 of the whole, for `Event.payload_shape`.

    Names of fields are kept where they look like names, since they belong to the tool and not to the caller; a key
    that could be anything, such as an address, becomes `field_1`.
    """
    try:
        text = json.dumps(payload, sort_keys=True, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(payload).__name__ + str(payload)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {**_shape(payload, 0, [_FIELDS]), "hash": f"sha256:{digest}"}


def _shape(value: Any, depth: int, left: list[int]) -> dict[str, Any]:
    """Args: value: part of the payload; depth: of the part; left: how many fields may still be shown, in all."""
    if isinstance(value, Mapping):
        shape: dict[str, Any] = {"type": "object", "count": len(value)}
        fields: dict[str, Any] = {}
        for place, (key, part) in enumerate(value.items() if depth < _DEPTH else (), 1):
            if left[0] <= 0:
                break
            left[0] -= 1
            name = key if isinstance(key, str) and _SAFE_NAME.fullmatch(key) else f"field_{place}"
            fields[name] = _shape(part, depth + 1, left)
        return {**shape, "fields": fields} if fields else shape
    if isinstance(value, list | tuple):
        shape = {"type": "array", "count": len(value)}
        return {**shape, "element": _shape(value[0], depth + 1, left)} if value and depth < _DEPTH else shape
    if isinstance(value, str):
        return {"type": "string", "length": len(value)}
    if isinstance(value, bytes | bytearray):
        return {"type": "bytes", "length": len(value)}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "integer" if isinstance(value, int) else "number"}
    return {"type": "null" if value is None else "object"}
