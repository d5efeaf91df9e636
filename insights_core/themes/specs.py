"""From a theme to the specification of one insight."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from insights_core.entities import InsightSpec, TraceScope, now
from insights_core.entities.clustering import ClusteringConfig
from insights_core.entities.theme import Theme, filter_of
from insights_core.errors import InvalidParameterError
from insights_core.themes.checks import checked_theme


def spec_of(theme: Theme, experiment_id: str, moment: datetime | None = None) -> InsightSpec:
    """What a theme asks of an experiment at a moment (None: now)."""
    spec = InsightSpec(
        scope=TraceScope(experiment_id=experiment_id),
        instruction=instruction_of(theme),
        name=theme.name,
        theme_id=theme.theme_id,
    )
    return with_theme(spec, theme, moment)


def instruction_of(theme: Theme) -> str:
    """What stands as the instruction of a theme's insights."""
    return theme.description.strip() if len(theme.description.strip()) >= 3 else f"{theme.name.strip()} in these traces"


def with_theme(spec: InsightSpec, theme: Theme, moment: datetime | None = None) -> InsightSpec:
    """A specification with a theme filled in: its conditions are added, and what the specification leaves open is its.

    One that holds the theme already is left as it is: it was filled in before.

    Raises:
        InvalidParameterError: It holds another theme than it names, or one that cannot run.
    """
    if spec.theme is not None:
        if spec.theme.theme_id != spec.theme_id:
            raise InvalidParameterError(
                f"theme.theme_id is {spec.theme.theme_id!r}, but theme_id is {spec.theme_id!r}.", field="theme_id"
            )
        return spec.model_copy(update={"theme": checked_theme(spec.theme)})
    changes: dict[str, Any] = {"theme": theme.model_copy(update={"history": []}), "theme_id": theme.theme_id}
    if spec.scope.trace_ids is None:
        changes["scope"] = _scope(spec.scope, theme, moment or now())
    if spec.clustering == ClusteringConfig():
        changes["clustering"] = theme.clustering_config
    for name, value in (("name", theme.name), ("model", theme.model)):
        if getattr(spec, name) is None:
            changes[name] = value
    return spec.model_copy(update=changes)


def _scope(scope: TraceScope, theme: Theme, moment: datetime) -> TraceScope:
    conditions = [scope.filter_string.strip()] if scope.filter_string and scope.filter_string.strip() else []
    changes: dict[str, Any] = {"filter_string": filter_of([*conditions, *theme.conditions])}
    if scope.start_time_ms is None and scope.end_time_ms is None:
        changes["start_time_ms"], changes["end_time_ms"] = theme.date_range.bounds_ms(moment)
    if scope.sample_rate == 1.0:
        changes["sample_rate"] = theme.sample_rate
    if scope.seed == 0:
        changes["seed"] = theme.sample_seed
    if scope.max_traces is None:
        changes["max_traces"] = theme.max_traces
    return scope.model_copy(update=changes)
