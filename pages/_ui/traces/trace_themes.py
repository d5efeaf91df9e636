"""What the themes of an experiment say of its traces: for the tab of one trace, and for the view across themes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Insight, InsightStatus
from insights_core.themes.crossing import Perspective, Reading, perspectives, reading_of
from pages._ui.look.badges import badge
from pages._ui.look.formats import escape_markdown
from pages._ui.shell import loaders, navigation


def runs_of(experiment_id: str) -> dict[str, list[Insight]]:
    """Theme id -> its insights, the newest first."""
    found: dict[str, list[Insight]] = {}
    for one in loaders.insights(experiment_id):
        if one.theme_id:
            found.setdefault(one.theme_id, []).append(one)
    return found


def latest_finished(runs: Sequence[Insight]) -> Insight | None:
    """The newest run that has a result."""
    return next((one for one in runs if one.status == InsightStatus.FINISHED), None)


def latest_runs(experiment_id: str) -> dict[str, Insight]:
    """Theme id -> its latest finished run, for themes that there still are."""
    runs = runs_of(experiment_id)
    found = {theme.theme_id: latest_finished(runs.get(theme.theme_id, [])) for theme in loaders.themes(experiment_id)}
    return {theme_id: one for theme_id, one in found.items() if one is not None}


def readings(experiment_id: str) -> list[Reading]:
    """What the latest run of each theme says. Shared between sessions: read it, never change it."""
    return [reading(theme_id, one) for theme_id, one in latest_runs(experiment_id).items()]


def reading(theme_id: str, one: Insight) -> Reading:
    """What a finished run says of each trace."""
    return _reading(loaders.tracking_uri(), theme_id, one.run_id, int(one.updated_at.timestamp() * 1000), one)


@st.cache_resource(show_spinner=False, max_entries=32)
def _reading(uri: str, theme_id: str, run_id: str, version: int, _one: Insight) -> Reading:
    return reading_of(theme_id, loaders.insight_details(_one))


def trace_themes(experiment_id: str, trace_id: str) -> None:
    """Which themes the trace concerns, with its summary and topic in each."""
    told(perspectives(readings(experiment_id), trace_id), experiment_id, trace_id)


def told(said: Sequence[Perspective], experiment_id: str, trace_id: str) -> None:
    """One paragraph a theme; those that did not read the trace in a line at the end."""
    for one in said:
        if one.standing == "unread":
            continue
        name = escape_markdown(loaders.theme_name(experiment_id, one.theme_id), 80)
        relevant = one.standing == "relevant"
        with st.container(gap="xxsmall", key=f"theme-of-trace-{one.theme_id}"):
            with st.container(horizontal=True, vertical_alignment="center", key=f"flush-said-{one.theme_id}"):
                st.markdown(f"**{name}** {badge('concerns' if relevant else 'apart')}", width="stretch")
                if relevant:
                    there = {"theme": one.theme_id, "run": one.run_id, "trace": trace_id}
                    there |= {"cluster": one.cluster_id} if one.cluster_id else {"cluster": "outliers"}
                    navigation.link("theme", escape_markdown(one.topic or "Without a name", 70), there)
            if one.summary or one.title:
                st.caption(escape_markdown(one.summary or one.title, 500))
    unread = [loaders.theme_name(experiment_id, one.theme_id) for one in said if one.standing == "unread"]
    if unread:
        st.caption(f"Not read by {escape_markdown(', '.join(unread), 200)}: their filters or samples left it out.")
