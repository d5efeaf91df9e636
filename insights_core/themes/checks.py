"""Whether what somebody wrote is a theme that can run: unknown fields, wrong filters, wrong prompts, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from insights_core.artifacts.base import clean_all
from insights_core.artifacts.forms import first_field, first_problem
from insights_core.entities.theme import Theme
from insights_core.errors import InvalidParameterError
from insights_core.traces.scopes import check_filter


def checked_theme(fields: Theme | Mapping[str, Any]) -> Theme:
    """A theme of which every field is known and every filter can be read.

    Raises:
        InvalidParameterError: The message names the field, and the condition's number or the position in the prompt.
    """
    values = fields.model_dump(mode="json") if isinstance(fields, Theme) else dict(fields)
    known = list(Theme.model_fields)
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise InvalidParameterError(
                f"A theme has no field {name!r}; there are {', '.join(known)}.{meant}", field=str(name)
            )
    try:
        theme = Theme.model_validate(clean_all(values))
    except ValidationError as error:
        raise InvalidParameterError(f"{first_problem(error)}.", field=first_field(error)) from error
    check_conditions("base_filters", theme.base_filters)
    check_conditions("theme_filters", theme.theme_filters)
    return theme


def check_conditions(field: str, conditions: Sequence[str]) -> None:
    """Whether MLflow can read each condition.

    Raises:
        InvalidParameterError: The message names the field and the condition's number.
    """
    for number, condition in enumerate(conditions, 1):
        try:
            check_filter(condition)
        except InvalidParameterError as error:
            raise InvalidParameterError(
                f"{field}, condition {number}: {error.message}", field=field, condition=number
            ) from error
