"""When a theme runs by itself: the one place where schedules are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

MANUAL = "manual"
_NAMED = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_EVERY = re.compile(r"every\s+(\d{1,6})\s*(?:minutes?|min|m)", re.IGNORECASE)
_LONGEST_MINUTES = 7 * 24 * 60
# A Monday, so that weeks begin on Mondays.
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)


def read_schedule(text: str) -> str:
    """A schedule in its one spelling: `manual`, `every N minutes`, `hourly`, `daily`, `weekly`.

    Raises:
        ValueError: It is none of these; the message says which there are.
    """
    said = " ".join(str(text).lower().split())
    if said == MANUAL or said in _NAMED:
        return said
    found = _EVERY.fullmatch(said)
    if found and 1 <= int(found[1]) <= _LONGEST_MINUTES:
        return f"every {int(found[1])} minutes"
    raise ValueError(
        f"{text!r} is no schedule; there are manual, hourly, daily, weekly and every N minutes "
        f"with N from 1 to {_LONGEST_MINUTES:,}"
    )


def interval_of(schedule: str) -> timedelta | None:
    """The time between two runs; None for `manual`."""
    if schedule in _NAMED:
        return _NAMED[schedule]
    found = _EVERY.fullmatch(schedule)
    return timedelta(minutes=int(found[1])) if found else None


def next_due(schedule: str, last_run: datetime | None, moment: datetime) -> datetime | None:
    """When the next run is due; None for `manual`.

    Time is cut into slots of the interval (full hours, days from midnight, weeks from Monday, all UTC), and each slot
    wants one run. So a caller that looks every ten minutes does not let a daily run drift by ten minutes a day.

    Args:
        schedule: As `read_schedule` gives it.
        last_run: When the last one was started; None where there is none.
        moment: Now.
    """
    interval = interval_of(schedule)
    if interval is None:
        return None
    if last_run is None:
        return moment
    return _EPOCH + ((last_run - _EPOCH) // interval + 1) * interval
