"""The right side of Home: insights under way, active investigations."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from insights_core.entities import AnalysisStatus, Insight, InsightStatus
from pages._ui.actions import create_insight
from pages._ui.insight import progress
from pages._ui.look.badges import live
from pages._ui.look.formats import escape_markdown, moment, plural
from pages._ui.parts import layout
from pages._ui.shell import investigations, loaders, navigation
from pages._ui.shell.scope import Scope

_MOST = 4
# An investigation without news for longer is not being watched by anyone.
_LIVE_SECONDS = 120


def running(scope: Scope) -> None:
    """Cards of what is under way, and of the latest insights."""
    found = loaders.insights(scope.experiment_id)
    under_way = [one for one in found if one.status in progress.UNDER_WAY]
    for one in under_way[:2]:
        with layout.card("Running insight", f"started {moment(one.created_at)}", height="content"):
            progress.running_insight(one.run_id, one.run_id)
    _investigations(scope.experiment_id)
    _latest(scope, [one for one in found if one not in under_way])


def _investigations(experiment_id: str) -> None:
    active = [one for one in investigations.analyses(experiment_id) if one.status == AnalysisStatus.ACTIVE][:_MOST]
    if not active or not navigation.exists("runs"):
        return
    ages = [(datetime.now(UTC) - one.updated_at).total_seconds() for one in active]
    count = sum(age < _LIVE_SECONDS for age in ages)
    with layout.card("Active investigations", f"{count} live" if count else "", height="content"):
        for one, age in zip(active, ages, strict=True):
            with layout.row(f"run-{one.id}", last=one is active[-1]):
                st.markdown(f"**{escape_markdown(one.title, 60)}**", width="stretch")
                live(moment(one.updated_at), age < _LIVE_SECONDS)
                navigation.link("run", "Watch" if age < _LIVE_SECONDS else "Open", {"run": one.id})


def _latest(scope: Scope, found: list[Insight]) -> None:
    with layout.card("Latest insights", height="stretch"):
        if not found:
            st.caption("None yet. An insight groups traces by what they say and names the groups.")
            create_insight.button(scope.experiment_id, key="create-home")
            return
        for one in found[:_MOST]:
            with layout.row(f"insight-{one.run_id}", last=one is found[:_MOST][-1]):
                said = (
                    f"{plural(one.cluster_count, 'topic')} in {plural(one.trace_count, 'trace')} · {moment(one.updated_at)}"
                    if one.status == InsightStatus.FINISHED
                    else f"{'failed' if one.status == InsightStatus.FAILED else 'stopped'} {moment(one.updated_at)}"
                )
                st.markdown(
                    f"**{escape_markdown(one.name, 70)}**  \n:small[:gray[{escape_markdown(said)}]]", width="stretch"
                )
                navigation.link("insight", "Open", {"run": one.run_id})
