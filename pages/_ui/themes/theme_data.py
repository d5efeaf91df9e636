"""What pages of themes show of them: how each stands, and what its last run found."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from insights_core.entities import Insight, ThemeStanding
from pages._ui.insight import granularity, progress
from pages._ui.shell import loaders

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
    """Each theme with what it has done so far: those that are on first, among them those that have run."""
    found = _standings(loaders.tracking_uri(), experiment_id)
    return sorted(found, key=lambda one: (not one.theme.enabled, one.run_count == 0))


@st.cache_data(ttl=2, show_spinner=False, max_entries=32)
def _standings(uri: str, experiment_id: str) -> list[ThemeStanding]:
    return loaders.client().list_theme_standings(experiment_id)


def forget() -> None:
    """Read themes and their runs again, after something was created or changed."""
    _standings.clear()
    loaders.forget_lists()


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
        if row.cluster_id is not None:
            sizes[row.cluster_id] = sizes.get(row.cluster_id, 0) + 1
    titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    largest = sorted(sizes, key=lambda one: -sizes[one])[:_TOP]
    return Found(
        read=len(details.traces) + len(details.irrelevant),
        concerned=len(details.traces),
        topics=len(sizes),
        largest=tuple((one, titles.get(one, ""), sizes[one]) for one in largest),
    )
