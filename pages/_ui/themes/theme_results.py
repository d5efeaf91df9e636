"""The lower part of a theme's page: the run that is looked at, and its result from several sides."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Insight, InsightStatus, Theme
from pages._ui.insight import compare, granularity, insight_panes, progress
from pages._ui.look.formats import clock, emphasised, escape_markdown, plural
from pages._ui.map import cluster_map
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, states, url_state
from pages._ui.themes import (
    theme_actions,
    theme_alerts,
    theme_changes,
    theme_data,
    theme_definition,
    theme_export,
    theme_runs,
    theme_trend,
    words,
)

_VIEWS = {
    "topics": "Topics",
    "changes": "What changed",
    "trend": "Trend",
    "map": "Map",
    "alerts": "Alerts",
    "runs": "Runs",
    "definition": "Definition",
}


def results(theme: Theme, runs: list[Insight], experiment_id: str, may_write: bool) -> None:
    """Progress of what is under way, then the chosen run."""
    running = theme_data.under_way(runs)
    if running:
        with layout.card("Under way", height="content"):
            progress.running_insight(running.run_id, "theme-page", with_link=False)
    finished = [one for one in runs if one.status == InsightStatus.FINISHED]
    if not finished:
        _nothing(theme, runs, experiment_id, may_write)
        return
    chosen = _chosen_run(finished)
    shown = url_state.segmented("View", _VIEWS, "view", "theme-view", "topics")
    _show(shown, theme, chosen, runs, may_write)


def of_deleted(theme_id: str, runs: list[Insight]) -> None:
    """What a theme left behind that is no more: its insights, with the theme as it ran."""
    with layout.page_header(theme_id, "A theme that was deleted; its insights stay", ("themes", "Themes", {})):
        pass
    theme_runs.table(runs)


def _nothing(theme: Theme, runs: list[Insight], experiment_id: str, may_write: bool) -> None:
    if runs and runs[0].status == InsightStatus.FAILED:
        st.error(escape_markdown(runs[0].progress.message or "Its last run failed."), icon=":material/error:")
    elif not theme_data.under_way(runs):
        with states.empty("Not run yet", f"It reads {words.scope(theme)}. A run says what it found, topic by topic."):
            if may_write:
                theme_actions.run_button(theme, experiment_id, "run-theme-first", primary=True)
    with layout.card("Definition", height="content"):
        theme_definition.definition(theme)


def _chosen_run(finished: list[Insight]) -> Insight:
    """The run of the URL, else the latest; with its figures in a line and the way to the insight's own page."""
    by_id = {one.run_id: one for one in finished}
    # No "4 s ago": a name that changes from run to run of the page is another option.
    names = {
        one.run_id: f"Run {len(finished) - place}, {clock(one.created_at)}" + ("" if place else ", the latest")
        for place, one in enumerate(finished)
    }
    changed = url_state.follow(
        "run", "theme-run", list(by_id), finished[0].run_id, forget=("cluster", "trace", "level")
    )
    with st.container(horizontal=True, vertical_alignment="center", key="theme-run-line"):
        run_id = st.selectbox(
            "Run",
            list(by_id),
            format_func=lambda one: names.get(one, one),
            key="theme-run",
            on_change=changed,
            label_visibility="collapsed",
            width=260,
        )
        chosen = by_id[run_id]
        found = theme_data.found(chosen)
        st.markdown(
            f"**{escape_markdown(words.concerned(found))}** :gray[in {plural(found.topics, 'topic')}]", width="stretch"
        )
        if len(finished) > 1 and st.button(
            "Compare", icon=":material/compare_arrows:", key="compare-runs", type="tertiary"
        ):
            compare.compare_dialog(chosen)
        theme_export.button(chosen)
        navigation.link("insight", "Open as insight", {"run": run_id})
    return chosen


def _show(shown: str, theme: Theme, chosen: Insight, runs: list[Insight], may_write: bool) -> None:
    experiment_id = chosen.experiment_id
    whole = loaders.insight_details(chosen)
    if shown == "topics":
        if whole.overview:
            st.markdown(emphasised(whole.overview))
        insight_panes.panes(chosen)
    elif shown == "changes":
        theme_changes.changes(chosen, runs)
    elif shown == "trend":
        theme_trend.trend(theme.theme_id, experiment_id, granularity.shown(chosen, whole), runs)
    elif shown == "map":
        details = granularity.shown(chosen, whole)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            granularity.control(whole, show_label=True)
            colour_by = cluster_map.colour_control(experiment_id, details)
        cluster_map.cluster_map(chosen, details, colour_by)
    elif shown == "alerts":
        theme_alerts.alerts(theme, experiment_id, may_write)
    elif shown == "runs":
        theme_runs.table(runs)
    else:
        theme_definition.as_it_ran(theme, chosen)
