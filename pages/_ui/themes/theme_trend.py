"""How often a theme's topics come up over time, and how the share of traces that concern it changes from run to run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import ClusterDetails, Insight, InsightStatus
from insights_core.statistics.shares import wilson
from insights_core.themes.trends import TopicTrend
from pages._ui.insight import topics
from pages._ui.look import charts, theme
from pages._ui.look.formats import escape_markdown, plural, share
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, states
from pages._ui.themes import theme_data

# More hues cannot be told apart; the rest is drawn as one.
_HUES = len(theme.CATEGORIES)
_TITLE = 40
_TOLD = 5


def trend(theme_id: str, experiment_id: str, details: ClusterDetails, runs: Sequence[Insight]) -> None:
    """How much of the traffic topics are, in words; topics over time; run after run, where there are several."""
    with states.failures("trend-words"):
        _words(theme_id, experiment_id, runs[0].run_id)
    leaves = sorted((one for one in topics.tree(details) if one.is_leaf and one.cluster), key=lambda one: -one.size)
    with layout.card("Topics over time", plural(len(leaves), "topic"), height="content"):
        _topics(details, leaves)
    finished = [one for one in reversed(runs) if one.status == InsightStatus.FINISHED]
    if len(finished) > 1:
        with layout.card("From run to run", "share of traces that concern it, with 95% interval", height="content"):
            _runs(finished)


def _words(theme_id: str, experiment_id: str, latest: str) -> None:
    """What changed for sure first, then the largest."""
    with states.loading("Comparing weeks", 120):
        told = [one for one in _trends(loaders.tracking_uri(), experiment_id, theme_id, latest) if one.sentence]
    if not told:
        return
    with layout.card("Week by week", "share of all traffic, with 95% interval", height="content"):
        shown = sorted(told, key=lambda one: not one.change)[:_TOLD]
        for place, one in enumerate(shown):
            icon = {"up": "trending_up", "down": "trending_down"}.get(one.change, "trending_flat")
            with layout.row(f"week-{place}", last=place == len(shown) - 1):
                layout.news(icon, one.title or "Without a name", one.sentence)
                navigation.link("theme", "Read", {"theme": theme_id, "run": latest, "cluster": one.cluster_id})


@st.cache_data(ttl=60, show_spinner=False, max_entries=32)
def _trends(uri: str, experiment_id: str, theme_id: str, latest: str) -> list[TopicTrend]:
    return loaders.client().list_topic_trends(theme_id, experiment_id)


def _topics(details: ClusterDetails, leaves: Sequence[topics.Topic]) -> None:
    first, last = topics.time_span(details.traces)
    shown, rest = leaves[:_HUES], leaves[_HUES:]
    lines = {_name(one): topics.trend(one.rows, (first, last)) for one in shown}
    if not lines or not all(lines.values()):
        st.caption("All traces are of nearly the same moment.")
        return
    colours = dict(zip(lines, theme.CATEGORIES, strict=False))
    if rest:
        name = plural(len(rest), "other topic")
        lines[name] = topics.trend([row for one in rest for row in one.rows], (first, last))
        colours[name] = theme.PALE
    width = (last - first + 1) / len(next(iter(lines.values())))
    x = charts.times([int(first + place * width) for place in range(len(next(iter(lines.values()))))])
    fig = charts.figure()
    for name, values in lines.items():
        fig.add_bar(x=x, y=values, name=name, marker_color=colours[name])
    fig.update_layout(barmode="stack")
    largest = f"; the largest is {shown[0].title}, {plural(shown[0].size, 'trace')}" if shown else ""
    charts.draw(fig, f"Traces of each topic over time{largest}", height=340, key="theme-trend")


def _name(one: topics.Topic) -> str:
    from insights_core.markdown import for_plotly

    title = one.title or "Without a name"
    return for_plotly(title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…")


def _runs(finished: Sequence[Insight]) -> None:
    found = [theme_data.found(one) for one in finished]
    shares = [one.concerned / one.read if one.read else 0.0 for one in found]
    bounds = [wilson(one.concerned, one.read) for one in found]
    fig = charts.figure()
    fig.add_scatter(
        x=charts.times([int(one.created_at.timestamp() * 1000) for one in finished]),
        y=[100 * one for one in shares],
        mode="lines+markers",
        line={"color": theme.P90, "width": 2},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (high - one) for one, (_, high) in zip(shares, bounds, strict=True)],
            "arrayminus": [100 * (one - low) for one, (low, _) in zip(shares, bounds, strict=True)],
            "color": theme.NEUTRAL,
        },
    )
    fig.update_yaxes(ticksuffix="%")
    low, high = bounds[-1]
    said = f"In the latest run {share(shares[-1])} of {plural(found[-1].read, 'trace')} concern it, {share(low)} to {share(high)} if traces like these keep coming"
    st.caption(escape_markdown(said))
    charts.draw(fig, said, key="theme-runs-trend")
