"""The table of insights with its filters, and the running ones above it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from insights_core.entities import Insight, InsightStatus
from pages._ui.actions import create_insight
from pages._ui.insight import progress
from pages._ui.look import badges
from pages._ui.look.formats import moment, money, plural
from pages._ui.parts import filters, layout, tables
from pages._ui.shell import loaders, navigation, states, url_state

_KINDS = {"all": "All", "finished": "Finished", "running": "Running", "failed": "Failed"}
_STATUSES = {
    "finished": (InsightStatus.FINISHED,),
    "running": progress.UNDER_WAY,
    "failed": (InsightStatus.FAILED, InsightStatus.KILLED),
}
_SORTS = {"newest": "Newest first", "traces": "Most traces", "topics": "Most topics", "name": "By name"}


def insight_table(experiment_id: str) -> None:
    """Running insights with progress, then the table of all."""
    found = loaders.insights(experiment_id)
    if not found:
        with states.empty(
            "No insights yet",
            "An insight reads traces, groups them by what they say and names the groups. Ask what you want to know; it says first what it will take.",
        ):
            create_insight.button(experiment_id, key="create-first")
        return
    for one in found:
        if one.status in progress.UNDER_WAY:
            with layout.card("Under way", f"started {moment(one.created_at)}", height="content"):
                progress.running_insight(one.run_id, one.run_id)
    shown = _filtered(found)
    if shown:
        _table(shown, f" of {len(found)}" if len(shown) < len(found) else "")
    else:
        with states.empty("No insight matches", "Clear the search or choose another status."):
            pass


def _filtered(found: list[Insight]) -> list[Insight]:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = filters.search("insights-search", "Search names and instructions", 280)
        kind = url_state.segmented("Status", _KINDS, "status", "insights-status", "all")
        sort = filters.choose("sort", "Sort", _SORTS, "insights-sort", "newest", width=160)
    shown = [one for one in found if kind == "all" or one.status in _STATUSES[kind]]
    if words:
        shown = [one for one in shown if words.lower() in f"{one.name} {one.instruction}".lower()]
    by = {
        "traces": lambda one: -one.trace_count,
        "topics": lambda one: -one.cluster_count,
        "name": lambda one: one.name.lower(),
    }
    return sorted(shown, key=by[sort]) if sort in by else shown


def _table(shown: list[Insight], of_all: str) -> None:
    column = st.column_config
    themes = list(dict.fromkeys(name for one in shown for name in _theme(one)))
    frame = pd.DataFrame(
        {
            "Status": [[one.status.value] for one in shown],
            "Name": [one.name for one in shown],
            "Theme": [_theme(one) for one in shown],
            "Instruction": [one.instruction for one in shown],
            "Traces": [one.trace_count for one in shown],
            "Topics": [one.cluster_count for one in shown],
            "Cost": [money(one.cost_usd) if one.cost_usd else "–" for one in shown],
            "Updated": [moment(one.updated_at) for one in shown],
        }
    )
    if not themes:
        frame = frame.drop(columns="Theme")
    opened = tables.table(
        frame,
        {one.run_id: one.name for one in shown},
        "insights-table",
        {
            "Status": badges.badge_column("Status", [one.value for one in InsightStatus]),
            "Name": column.TextColumn(width=260),
            "Theme": column.MultiselectColumn(options=themes, color="violet", width=150),
            "Instruction": column.TextColumn(width=330),
            "Traces": column.NumberColumn(width=70),
            "Topics": column.NumberColumn(width=70),
            "Cost": column.TextColumn(width=80),
            "Updated": column.TextColumn(width=110),
        },
        "insight",
        lambda _: st.caption(plural(len(shown), "insight") + of_all, width="content"),
    )
    if opened:
        navigation.go_to("insight", {"run": opened})


def _theme(one: Insight) -> list[str]:
    """The name of its theme, as the badge of its cell."""
    return [loaders.theme_name(one.experiment_id, one.theme_id)] if one.theme_id else []
