"""Arguments of questions as callers give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from insights_core.analytics.models import DimensionValue, Slice
from insights_core.errors import InvalidParameterError

ExperimentIds = str | Sequence[str]
DimensionLike = DimensionValue | dict[str, Any]
SliceLike = Slice | dict[str, Any] | str | DimensionValue | None
"""A slice, its fields as a dict, a filter string, or a dimension."""


def experiments_of(experiment_ids: ExperimentIds) -> list[str]:
    """The ids, each once."""
    given = [experiment_ids] if isinstance(experiment_ids, str) else [str(one) for one in experiment_ids]
    if not given:
        raise InvalidParameterError("experiment_ids is empty; name at least one experiment.", field="experiment_ids")
    return list(dict.fromkeys(given))


def half_open(start_time: int | None, end_time: int | None) -> tuple[int | None, int | None]:
    """[start, end) from a range with both ends inclusive."""
    if start_time is not None and end_time is not None and start_time > end_time:
        raise InvalidParameterError(
            f"start_time {start_time} is after end_time {end_time}; give them in milliseconds, earlier first.",
            field="start_time",
        )
    return start_time, None if end_time is None else end_time + 1


def checked_limit(limit: int | None) -> int | None:
    """The limit, if it is none or from 1."""
    if limit is not None and limit < 1:
        raise InvalidParameterError(f"limit is {limit}; give a whole number from 1, or none for all.", field="limit")
    return limit


def both_filters(one: str | None, other: str | None) -> str | None:
    """One filter that says both."""
    return " AND ".join(text for text in (one, other) if text and text.strip()) or None


def as_slice(given: SliceLike) -> Slice | None:
    """A slice in whatever form it was given."""
    if given is None or isinstance(given, Slice):
        return given
    if isinstance(given, str):
        return Slice(filter_string=given)
    if isinstance(given, DimensionValue):
        return Slice(dimension=given)
    try:
        return Slice.model_validate(given)
    except ValidationError as error:
        raise _invalid(error, "slice") from error


def as_dimension(given: DimensionLike, field: str) -> DimensionValue:
    """A dimension in whatever form it was given."""
    try:
        return DimensionValue.model_validate(given)
    except ValidationError as error:
        raise _invalid(error, field) from error


def _invalid(error: ValidationError, field: str) -> InvalidParameterError:
    first = error.errors()[0]
    where = ".".join([field, *map(str, first["loc"])])
    return InvalidParameterError(f"{where}: {first['msg']}.", field=where)
