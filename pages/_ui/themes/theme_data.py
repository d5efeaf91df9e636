"""What pages of themes show of them: how each stands, and what its last run found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from insights_core.entities import Insight, Theme, ThemeStanding
from insights_core.entities.schedule import next_due
from insights_core.themes.files import builtin_themes
from pages._ui.insight import granularity, progress
from pages._ui.shell import loaders
from pages._ui.traces.trace_themes import latest_finished, runs_of

_TOP = 3


@dataclass(frozen=True)
class Found:
    """What a run of a theme found, as short as a list can show it."""

    read: int
    """Traces that were looked at."""
    concerned: int
    """Of these, traces that have to do with the theme."""
    topics: int
    largest: tuple[tuple[str, str, int], ...]
    """Cluster id, title and traces of the largest topics."""


def standings(experiment_id: str) -> list[ThemeStanding]:
    """Each theme with what it has done so far: those that are on first, among them those that found something."""
    runs = runs_of(experiment_id)
    stands = [_standing(theme, runs.get(theme.theme_id, [])) for theme in loaders.themes(experiment_id)]
    return sorted(stands, key=lambda one: (not one.theme.enabled, one.run_count == 0))


def _standing(theme: Theme, runs: list[Insight]) -> ThemeStanding:
    last = runs[0] if runs else None
    finished = latest_finished(runs)
    return ThemeStanding(
        theme=theme,
        builtin=theme.theme_id in builtin_themes(),
        run_id=last.run_id if last else None,
        last_status=last.status.value if last else None,
        last_run_at=last.created_at if last else None,
        next_due_at=next_due(theme.schedule, last.created_at if last else None, datetime.now(UTC))
        if theme.enabled
        else None,
        run_count=len(runs),
        trace_count=finished.trace_count if finished else 0,
        cluster_count=finished.cluster_count if finished else 0,
        cost_usd=sum(one.cost_usd for one in runs),
    )


def under_way(runs: list[Insight]) -> Insight | None:
    """The run that goes on now."""
    return next((one for one in runs if one.status in progress.UNDER_WAY), None)


def found(insight: Insight) -> Found:
    """What a finished run found."""
    return _found(loaders.tracking_uri(), insight.run_id, int(insight.updated_at.timestamp() * 1000), insight)


@st.cache_data(show_spinner=False, max_entries=256)
def _found(uri: str, run_id: str, version: int, _insight: Insight) -> Found:
    whole = loaders.insight_details(_insight)
    details = granularity.at_level(whole, granularity.default_level(whole))
    sizes: dict[str, int] = {}
    for row in details.traces:
        if row.cluster_id is not None and row.relevant:
            sizes[row.cluster_id] = sizes.get(row.cluster_id, 0) + 1
    titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    largest = sorted(sizes, key=lambda one: -sizes[one])[:_TOP]
    return Found(
        read=len(details.traces) + len(getattr(details, "irrelevant", ())),
        concerned=sum(row.relevant for row in details.traces),
        topics=len(sizes),
        largest=tuple((one, titles.get(one, ""), sizes[one]) for one in largest),
    )
