"""Themes as YAML: those that come with the program, and what is exported and imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from insights_core.artifacts.documents import DocumentError, parse
from insights_core.entities.theme import Theme
from insights_core.errors import InvalidParameterError
from insights_core.themes.checks import checked_theme

_FOLDER = Path(__file__).parent / "builtin"
# What an experiment keeps of a theme, and what means nothing elsewhere.
_OF_AN_EXPERIMENT = ("created_at", "updated_at", "history", "revision")
_MAX_BYTES = 1_000_000


@cache
def builtin_themes() -> dict[str, Theme]:
    """Id -> theme, in the order in which they are listed; shared, so treat them as read-only."""
    order = ["error_analysis", "ux_issues", "feature_requests", "success_patterns", "performance_issues"]
    found = [Theme.model_validate(yaml.safe_load(path.read_text())) for path in _FOLDER.glob("*.yaml")]
    found.sort(key=lambda theme: [*order, theme.theme_id].index(theme.theme_id))
    return {theme.theme_id: theme for theme in found}


def to_yaml(theme: Theme) -> str:
    """A theme as a file that `from_yaml` reads; what is as by default is left out."""
    values = theme.model_dump(mode="json", exclude_defaults=True, exclude=set(_OF_AN_EXPERIMENT))

    class Dumper(yaml.SafeDumper):
        """Texts of several lines as blocks that a person can read."""

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


def from_yaml(text: str, source: str = "the text") -> Theme:
    """The theme that a YAML text describes, fully checked.

    Args:
        text: A YAML mapping with the fields of a theme.
        source: Named in errors.

    Raises:
        InvalidParameterError: It is no YAML mapping, or a field of it is unknown or wrong.
    """
    if len(text) > _MAX_BYTES:
        raise InvalidParameterError(f"{source} is longer than a million characters; a theme is a short YAML file.")
    try:
        values = dict(parse(text))
    except DocumentError as error:
        raise InvalidParameterError(f"{source} is no theme: {error}.", field="theme") from error
    for name in _OF_AN_EXPERIMENT:
        values.pop(name, None)
    return checked_theme(values)


def read_file(path: str | Path) -> Theme:
    """The theme in a YAML file.

    Raises:
        InvalidParameterError: The file cannot be read, or holds no theme.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidParameterError(f"The file {str(path)!r} cannot be read: {reason}.", field="path") from error
    return from_yaml(text, f"The file {str(path)!r}")


def id_from_name(name: str, taken: Mapping[str, Any]) -> str:
    """An id made of a name, with a number behind it where it is taken."""
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:50] or "theme"
    number, found = 2, stem
    while found in taken:
        found, number = f"{stem}_{number}", number + 1
    return found
