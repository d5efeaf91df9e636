"""Patterns that the user adds: checked before they run over every trace."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from insights_core import settings
from insights_core.errors import InvalidParameterError
from insights_core.traces.redaction.forms import Form

_SLOW_S = 0.2  # for a text of a few hundred characters; patterns without a flaw take microseconds


def user_forms(patterns: Mapping[str, str] | None = None) -> list[Form]:
    """The patterns of INSIGHTS_REDACT_PATTERNS and more.

    Raises:
        InvalidParameterError: A pattern is unusable; the message names it.
    """
    own = {**_patterns_of_settings(), **(patterns or {})}
    return [Form(name, (), _user_pattern(name, pattern)) for name, pattern in own.items()]


@lru_cache(maxsize=256)
def _user_pattern(name: str, pattern: str) -> re.Pattern[str]:
    """A pattern of the user, compiled.

    Raises:
        InvalidParameterError: It is no regular expression, matches the empty text, or could run for ever.
    """
    try:
        compiled = re.compile(pattern)
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
        nested = _nested_repeat(parsed)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} is no regular expression: {error}.", field=name
        ) from error
    if compiled.search("") is not None:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} matches the empty text, so it would match everywhere.", field=name
        )
    if nested:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} repeats a repetition, as (a+)* does, which can take for ever on some texts. "
            "Give the inner one a limit, such as {1,50}.",
            field=name,
        )
    if length := _slow_at(compiled, _examples(parsed)):
        raise InvalidParameterError(
            f"The redaction pattern {name!r} takes too long on a text of {length} characters: it can match one text in "
            "too many ways, as (a|aa)+b does. Make its alternatives exclude each other, and repeat fewer of them.",
            field=name,
        )
    return compiled


def _parts(argument: Any) -> Iterator[Any]:
    """The patterns inside an operator's argument."""
    for part in argument if isinstance(argument, tuple) else (argument,):
        for branch in part if isinstance(part, list) else [part]:
            if hasattr(branch, "data"):
                yield branch


def _nested_repeat(parsed: Any, inside: bool = False) -> bool:
    """Whether an unlimited repetition stands inside an unlimited repetition."""
    for operator, argument in parsed:
        repeats = str(operator) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] > 1000
        if (repeats and inside) or any(_nested_repeat(part, inside or repeats) for part in _parts(argument)):
            return True
    return False


def _examples(parsed: Any) -> list[str]:
    """A few characters that a pattern looks for."""
    found: list[str] = []

    def look(operator: Any, argument: Any) -> None:
        name = str(operator)
        if name == "LITERAL":
            found.append(chr(argument))
        elif name == "RANGE":
            found.append(chr(argument[0]))
        elif name == "CATEGORY":
            found.append({"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(argument), "a"))
        elif name in ("ANY", "NOT_LITERAL"):
            found.append("a")
        elif name == "IN":
            for inner in argument:
                look(*inner)
        for part in _parts(argument) if name != "IN" else ():
            for inner in part:
                look(*inner)

    for each in parsed:
        look(*each)
    return list(dict.fromkeys(found))[:12]


def _slow_at(pattern: re.Pattern[str], examples: list[str]) -> int:
    """The length at which a text of the pattern's own characters takes it more than a moment; 0 where none does."""
    together = "".join(examples)
    for piece in [*examples, together]:
        for length in (*range(10, 40, 2), 100, 200, 400, 800, 1600):
            text = (piece * length)[:length] + "\x00"
            started = time.process_time()
            pattern.search(text)
            if time.process_time() - started > _SLOW_S:
                return length
    return 0


def _patterns_of_settings() -> dict[str, str]:
    """The patterns in the file that INSIGHTS_REDACT_PATTERNS names."""
    path = settings.INSIGHTS_REDACT_PATTERNS.get()
    if not path:
        return {}
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidParameterError(f"INSIGHTS_REDACT_PATTERNS names {path}, which cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidParameterError(f"{path} must hold `name: regular expression` pairs, not {type(found).__name__}.")
    return {str(name): str(pattern) for name, pattern in found.items()}
