"""How many traces match, and what a run would take."""

from __future__ import annotations

from datetime import UTC, datetime

from insights_core.entities import InsightEstimate, Theme, TraceScope
from insights_core.entities.theme import filter_of
from insights_core.themes.specs import spec_of
from pages._ui.shell import loaders


def count(experiment_id: str, condition: str | None) -> int:
    """Traces of all times that match a filter."""
    return loaders.count_traces(TraceScope(experiment_id=experiment_id, filter_string=condition))


def counts(theme: Theme, experiment_id: str) -> tuple[int, int, int, int]:
    """Traces of the theme's time: all, those of the base filters, of the theme filters, of both."""
    start, end = theme.date_range.bounds_ms(_hour())

    def matching(conditions: list[str]) -> int:
        return loaders.count_traces(
            TraceScope(
                experiment_id=experiment_id,
                filter_string=filter_of(conditions),
                start_time_ms=start,
                end_time_ms=end,
            )
        )

    return matching([]), matching(theme.base_filters), matching(theme.theme_filters), matching(theme.conditions)


def estimate(theme: Theme, experiment_id: str) -> InsightEstimate:
    """What a run would read, take and cost."""
    return loaders.estimate(spec_of(theme, experiment_id, _hour()))


def _hour() -> datetime:
    """Now to the hour, so that what was counted a moment ago still holds."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
