"""The lower half of Home: the topics in which most goes wrong, each with a typical trace, and errors over time."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import streamlit as st

from insights_core.entities import Insight, InsightStatus
from pages._ui.actions import promote
from pages._ui.home import home_figures
from pages._ui.insight import standing, topics
from pages._ui.look import charts
from pages._ui.look.formats import escape_markdown, moment, number, plural
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation
from pages._ui.shell.scope import Scope, choose

_MOST = 5
_HALF_A_BAR = timedelta(hours=12)


def worst_topics(scope: Scope) -> None:
    """Where it goes wrong, by the latest insight; nothing while there is none."""
    found = next((one for one in loaders.insights(scope.experiment_id) if one.status == InsightStatus.FINISHED), None)
    if found is None:
        return
    details = loaders.insight_details(found)
    worst = topics.worst_first(topics.tree(details))[:_MOST]
    if not worst:
        return
    sure = standing.failing_more(details)
    aside = f"{escape_markdown(found.name, 60)} · {escape_markdown(moment(found.updated_at))}"
    with layout.card(
        "Where it goes wrong",
        aside,
        help="Topics of the latest insight. First comes the one in which most traces fail for sure: the lower bound of "
        "its rate times its traces. Red is a rate above that of all traces by more than chance, over all topics looked at.",
        height="content",
    ):
        for topic in worst:
            with layout.row(f"worst-{topic.cluster_id}", last=topic is worst[-1]):
                _topic(scope, found, topic, "red" if topic.cluster_id in sure else "gray")


def _topic(scope: Scope, insight: Insight, topic: topics.Topic, colour: str) -> None:
    bad = topic.tally
    example = next((row for row in topics.ordered(topic.rows, "Worst first") if topics.failed(row)), topic.rows[0])
    said = escape_markdown(example.summary or example.title, 110)
    st.markdown(
        f"**{escape_markdown(topic.title, 80)}** :{colour}[{100 * bad.bad_rate:.0f}% {bad.bad_word}] "
        f":small[:gray[{number(bad.bad_count)} of {plural(bad.bad_of, 'trace')}]]  \n:small[:gray[{said}]]",
        width="stretch",
    )
    promote.button(
        scope.experiment_id,
        [one.trace_id for one in topics.ordered(topic.rows, "Worst first")],
        topic.title,
        rationales={one.trace_id: one.summary or one.title for one in topic.rows},
        key=f"investigate-{topic.cluster_id}",
        type="tertiary",
    )
    there = {"run": insight.run_id, "cluster": topic.cluster_id, "trace": example.trace_id}
    navigation.link("insight", "Read", there)


def strip(scope: Scope) -> None:
    """Traces and errors over time; dragging over a part of it narrows the range of the page."""
    now = home_figures.periods(scope)[0]
    points = now.counts
    if len(points) < 2:
        return
    at = [moment_ms for moment_ms, _, _ in points]
    with layout.card("Traces and errors", "drag over a part to look at it alone", height="content"):
        fig = charts.stacked({"OK": [fine for _, fine, _ in points], "Error": [bad for _, _, bad in points]}, at)
        alt = f"Traces each {now.bucket}: {number(now.traces)} in all, {number(now.errors)} errors."
        event = charts.draw(fig, alt, 170, key="home-strip", on_select="rerun", selection_mode="box", drag="select")
    boxes = event.selection.box if event else []
    if boxes:
        _narrow([str(one) for one in boxes[0]["x"]])


def _narrow(edges: list[str]) -> None:
    """Take the days between two edges of a box as the page's range."""
    first, last = days_between(edges)
    choose(range="custom", **{"from": first.isoformat(), "to": last.isoformat()})
    st.session_state.pop("home-strip", None)
    st.rerun()


def days_between(edges: list[str]) -> tuple[date, date]:
    """First and last day that a box over bars of days touches: a bar stands in the middle, at its day's midnight."""
    first, last = sorted(pd.Timestamp(one).tz_localize(None) + _HALF_A_BAR for one in edges)
    return first.date(), last.date()
