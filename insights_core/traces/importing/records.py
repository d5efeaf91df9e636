"""The records of a JSON or JSONL file, whichever it turns out to be."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insights_core.errors import InvalidParameterError

# Under these names exports wrap their list of records.
_WRAPPERS = ("results", "data", "records", "items", "conversations", "traces", "events", "rows", "samples")


@dataclass(slots=True)
class Record:
    """One record and where it stands, for messages."""

    position: int
    """From 0."""
    place: str
    value: Any


def read_records(file: Path, looks_like_record: Callable[[object], bool]) -> Iterator[Record]:
    """The records of a file. JSONL is read line by line; a JSON document is read whole.

    Args:
        file: UTF-8 or UTF-16, with or without a byte order mark, any line ends.
        looks_like_record: Tells a document that is one record from a document that is a list of records.

    Raises:
        InvalidParameterError: It is not JSON or JSONL; the message names the line.
    """
    try:
        if _is_jsonl(file):
            yield from _lines(file)
        else:
            yield from _document(file, looks_like_record)
    except UnicodeError as error:
        raise InvalidParameterError(
            f"{file.name} is not UTF-8 text ({error}). Save it as UTF-8 and import it again.", field="path"
        ) from error


def _open(file: Path) -> Any:
    with file.open("rb") as raw:
        start = raw.read(2)
    encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    return file.open(encoding=encoding)


def _is_jsonl(file: Path) -> bool:
    """Whether each line is a record: then the first stands alone, or it is broken and the second stands alone."""
    with _open(file) as lines:
        filled = (line.strip() for line in lines if line.strip())
        first, second = next(filled, ""), next(filled, None)
    if second is None or first in ("[", "{"):
        return False
    return _is_json(first) or _is_json(second) or first[:1] not in ("[", "{")


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


def _lines(file: Path) -> Iterator[Record]:
    position = 0
    with _open(file) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidParameterError(
                    f"{file.name}, line {number}: {_reason(error)}. Expected one JSON object or list a line.",
                    field="path",
                    line=number,
                ) from error
            yield Record(position, f"{file.name}, line {number} (record {position})", value)
            position += 1


def _document(file: Path, looks_like_record: Callable[[object], bool]) -> Iterator[Record]:
    with _open(file) as text:
        content = text.read()
    if not content.strip():
        raise InvalidParameterError(f"{file.name} is empty. Expected JSON or JSONL.", field="path")
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        raise InvalidParameterError(
            f"{file.name}, line {error.lineno}: {error.msg} (column {error.colno}). Expected a JSON list of records, or JSONL.",
            field="path",
            line=error.lineno,
        ) from error
    except RecursionError as error:
        raise InvalidParameterError(f"{file.name} is nested too deeply to be read.", field="path") from error
    for position, item in enumerate(_items(value, looks_like_record)):
        yield Record(position, f"{file.name}, record {position}", item)


def _items(value: Any, looks_like_record: Callable[[object], bool]) -> list[Any]:
    if looks_like_record(value):
        return [value]
    if isinstance(value, dict):
        for name in _WRAPPERS:
            if isinstance(value.get(name), list):
                return value[name]
        return [value]
    return value if isinstance(value, list) else [value]


def _reason(error: Exception) -> str:
    return f"{error.msg} (column {error.colno})" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
