"""Entities as YAML that a person can read and edit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml

# libyaml reads 200 entities in the time the pure Python parser reads 15.
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# An entity with 10,000 pieces of evidence has 5 MB.
MAX_BYTES = 50_000_000
_MAX_DEPTH = 60
_REVISION = "revision"
_REVISION_LINE = re.compile(rf"^{_REVISION}: '?([0-9a-f]{{16}})-([0-9a-f]{{16}})'?\s*$", re.MULTILINE)
# Cheap signs of a text that could be small and yet grow without bounds; only then is it looked at event by event.
_SUSPICIOUS = re.compile(r"(?:^|[\s\[{,:-])\*[^\s*]|(?:- ){30}|(?:[\[{]\s*){30}", re.MULTILINE)


class DocumentError(ValueError):
    """The text is no YAML mapping that may be read; the message says why and where."""


class _Dumper(_BaseDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text and "\r" not in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_time(dumper: Any, moment: datetime) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", iso(moment))


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(datetime, _represent_time)


def iso(moment: datetime) -> str:
    """A UTC time as 2026-01-31T09:30:00.000Z; such texts sort by time."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def render(values: Mapping[str, Any], digest: str) -> str:
    """The document, in the order of the mapping, closed by a line that says which changes it holds.

    Args:
        values: Plain values and datetimes.
        digest: 16 hex digits that stand for the set of changes (see `changes.digest`).
    """
    body = yaml.dump(
        dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return f"{body}{_REVISION}: {digest}-{_checksum(body)}\n"


def parse(text: str) -> dict[str, Any]:
    """The mapping in a document, without its revision.

    Raises:
        DocumentError: It is not valid YAML, no mapping, too large, too deep, or uses aliases.
    """
    if len(text) > MAX_BYTES:
        raise DocumentError(f"it has {len(text):,} characters; at most {MAX_BYTES:,} are read")
    try:
        if _SUSPICIOUS.search(text):
            _check_events(text)
        values = yaml.load(text, Loader=_BaseLoader)  # noqa: S506 - the C form of the safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(" ".join(str(error).split())) from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise DocumentError("it is no mapping of field names to values")
    values.pop(_REVISION, None)
    return values


def revision_of(text: str) -> tuple[str | None, bool]:
    """Which changes a document holds, and whether it is as it was written.

    Returns:
        The digest of its set of changes (None where it has none), and True where no hand has edited it since.
    """
    found = None
    for match in _REVISION_LINE.finditer(text):
        found = match
    if found is None:
        return None, False
    untouched = not text[found.end() :].strip() and _checksum(text[: found.start()]) == found[2]
    return found[1], untouched


def _checksum(body: str) -> str:
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _check_events(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise DocumentError(f"it uses the alias *{event.anchor}, which is not allowed{event.start_mark}")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise DocumentError(f"it is nested more than {_MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
