"""Statuses as callers give them, and which may follow which."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from insights_core.entities.common import Status
from insights_core.errors import InvalidParameterError, InvalidStatusChangeError

S = TypeVar("S", bound=StrEnum)


def allowed_next(status: Status) -> tuple[Status, ...]:
    """The statuses that can follow this one."""
    return status.allowed_next


def as_choice(kind: type[S], value: object, field: str) -> S:
    """The member of an enum that a text names, in any case.

    Raises:
        InvalidParameterError: It names none; the message lists them.
    """
    try:
        return kind(str(value).strip().upper())
    except ValueError:
        raise InvalidParameterError(
            f"{field} {str(value)!r} is not known; choose one of {', '.join(kind)}.", field=field
        ) from None


def check_change(before: Status, after: Status, what: str) -> None:
    """Refuse a change of status that makes no sense; the same status again is no change.

    Raises:
        InvalidStatusChangeError: Naming the statuses that can follow.
    """
    allowed = before.allowed_next
    if after != before and after not in allowed:
        raise InvalidStatusChangeError(
            f"{what} is {before} and cannot become {after}; from {before} it can become {' or '.join(allowed)}.",
            field="status",
            status=str(before),
            allowed=[str(status) for status in allowed],
        )
