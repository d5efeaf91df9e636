"""Which status may follow which."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from insights_core.entities import AnalysisStatus, HypothesisStatus, IssueStatus
from insights_core.errors import InvalidParameterError, InvalidStatusChangeError

S = TypeVar("S", bound=StrEnum)

_NEXT: dict[type[StrEnum], dict[StrEnum, tuple[StrEnum, ...]]] = {
    AnalysisStatus: {
        AnalysisStatus.ACTIVE: (AnalysisStatus.COMPLETED, AnalysisStatus.ARCHIVED),
        AnalysisStatus.COMPLETED: (AnalysisStatus.ACTIVE, AnalysisStatus.ARCHIVED),
        # What was archived is looked at again before it is called completed.
        AnalysisStatus.ARCHIVED: (AnalysisStatus.ACTIVE,),
    },
    HypothesisStatus: {
        HypothesisStatus.TESTING: (HypothesisStatus.VALIDATED, HypothesisStatus.REJECTED),
        # A verdict is taken back before the opposite one is given, so that the history says why.
        HypothesisStatus.VALIDATED: (HypothesisStatus.TESTING,),
        HypothesisStatus.REJECTED: (HypothesisStatus.TESTING,),
    },
    IssueStatus: {
        IssueStatus.OPEN: (IssueStatus.IN_PROGRESS, IssueStatus.RESOLVED, IssueStatus.REJECTED),
        IssueStatus.IN_PROGRESS: (IssueStatus.OPEN, IssueStatus.RESOLVED, IssueStatus.REJECTED),
        IssueStatus.RESOLVED: (IssueStatus.OPEN, IssueStatus.IN_PROGRESS),
        IssueStatus.REJECTED: (IssueStatus.OPEN,),
    },
}


def allowed_next(status: StrEnum) -> tuple[StrEnum, ...]:
    """The statuses that can follow this one."""
    return _NEXT[type(status)][status]


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


def check_change(before: S, after: S, what: str) -> None:
    """Refuse a change of status that makes no sense; the same status again is no change.

    Raises:
        InvalidStatusChangeError: Naming the statuses that can follow.
    """
    if after != before and after not in allowed_next(before):
        raise InvalidStatusChangeError(
            f"{what} is {before} and cannot become {after}; from {before} it can become {' or '.join(allowed_next(before))}.",
            field="status",
            status=str(before),
            allowed=[str(status) for status in allowed_next(before)],
        )
