"""The lower part of an insight's page: topics, the traces of one, the trace viewer, and what a topic rests on."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import ClusterDetails, Insight, TraceRow
from pages._ui.actions import promote
from pages._ui.insight import granularity, standing, topics, trace_rows
from pages._ui.insight.topics import Topic
from pages._ui.look import charts
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.parts import layout, pick_list
from pages._ui.shell import loaders, navigation, states, url_state
from pages._ui.traces import trace_viewer

# Panes that belong together share one height, such that the first screen of 900 px holds them.
_PANE = 545


@states.fragment(key="panes")
def panes(insight: Insight) -> None:
    """Topics, traces and viewer side by side; under them what the chosen topic rests on. Reruns alone."""
    whole = loaders.insight_details(insight)
    details = granularity.shown(insight, whole)
    tree = topics.tree(details)
    if not tree:
        with states.empty(
            "No topics", "The insight has no traces. Widen its filter or its time range and run it again."
        ):
            pass
        return
    left, middle, right = st.columns([11, 13, 17])
    with left, st.container(border=True, height=_PANE, key="pane-topics"):
        topic = _topics(tree, details, whole)
    with middle, st.container(border=True, height=_PANE, key="pane-traces"):
        row = _traces(topic, insight.experiment_id)
    with right, st.container(border=True, height=_PANE, key="pane-viewer"), states.failures("viewer"):
        if row:
            trace_viewer.trace_viewer(row.trace_id, summary=row.summary)
    _about(topic, details)


def _topics(tree: list[Topic], details: ClusterDetails, whole: ClusterDetails) -> Topic:
    with st.container(horizontal=True, vertical_alignment="center", key="topics-head"):
        st.markdown("**Topics** :small[:gray[· worst first]]", width="stretch")
        granularity.control(whole)
    by_id = {topic.cluster_id: topic for topic in tree}
    opened = topics.worst(tree) or next((topic for topic in tree if topic.is_leaf), tree[0])
    chosen = pick_list.pick_list(
        "Topics",
        topics.options(tree, details, standing.failing_more(details)),
        "tree",
        "cluster",
        opened.cluster_id,
        forget=("trace",),
    )
    return by_id[chosen]


def _traces(topic: Topic, experiment_id: str) -> TraceRow | None:
    with st.container(horizontal=True, vertical_alignment="center", key="topic-head"):
        st.markdown(f"**{escape_markdown(topic.title or 'Without a name', 100)}**", width="stretch")
        promote.button(
            experiment_id,
            [one.trace_id for one in topics.ordered(topic.rows, "Worst first")],
            topic.title if topic.cluster else "",
            rationales={one.trace_id: one.summary or one.title for one in topic.rows},
            key="investigate-topic",
            type="primary",
        )
    orders = dict(zip(topics.ORDERS, topics.ORDERS, strict=True))
    order = url_state.segmented("Show", orders, "order", "order", topics.ORDERS[0], remember=True, forget=("trace",))
    typical = topic.cluster.example_trace_ids if topic.cluster else []
    rows = {row.trace_id: row for row in topics.ordered(topic.rows, order, typical)}
    if not rows:
        st.caption("No trace of this topic could be read.")
        return None
    place = f"page-{topic.cluster_id}-{order}"
    shown = pick_list.page_of(list(rows), place, st.query_params.get("trace"))
    chosen = pick_list.pick_list("Traces", trace_rows.options(rows[one] for one in shown), "traces", "trace")
    pick_list.pagination(list(rows), place)
    return rows[chosen]


def _about(topic: Topic, details: ClusterDetails) -> None:
    """What the chosen topic's name rests on, and its trend."""
    left, right = st.columns([12, 17])
    with (
        left,
        layout.card(
            "What the name rests on",
            help="The most typical traces, and the nearest ones that are not in the topic. If both read alike, the topic is not sharp.",
        ),
    ):
        _name(topic, details)
    with (
        right,
        layout.card(
            "Trend",
            " · ".join(
                filter(
                    None,
                    [plural(topic.size, "trace"), topics.rate_words(topic.tally), topics.suspicion_words(topic.tally)],
                )
            ),
            height="content",
        ),
    ):
        _trend(topic, details)
        with st.container(horizontal=True, key="flush-topic"):
            navigation.link("map", "Show on the map", {"run": details.run_id, "cluster": topic.cluster_id})


def _name(topic: Topic, details: ClusterDetails) -> None:
    if topic.cluster is None:
        st.markdown("These traces are like no group of others. Their nearest topics:")
        titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
        near: dict[str, int] = {}
        for row in topic.rows:
            near[row.nearest_cluster_id or ""] = near.get(row.nearest_cluster_id or "", 0) + 1
        for cluster_id, count in sorted(near.items(), key=lambda item: -item[1])[:5]:
            st.markdown(f":gray[{count}] {escape_markdown(titles.get(cluster_id, 'none'), 90)}")
        return
    if topic.description:
        st.markdown(escape_markdown(topic.description, 600))
    if topic.cluster.keywords:
        st.markdown(" ".join(f":gray-badge[{escape_markdown(word, 40)}]" for word in topic.cluster.keywords[:8]))
    rows = {row.trace_id: row for row in details.traces}
    for name, ids in (
        ("Typical", topic.cluster.example_trace_ids),
        ("Near, but not in it", topic.cluster.near_miss_trace_ids),
    ):
        shown = [rows[one] for one in ids[:3] if one in rows]
        if shown:
            st.caption(f"**{name}**")
        for row in shown:
            with layout.row(f"{name[0]}-{row.trace_id}", last=row is shown[-1]):
                st.markdown(f"{trace_rows.state(row)} {escape_markdown(row.summary or row.title, 90)}", width="stretch")
                there = {"run": details.run_id, "cluster": row.cluster_id or topics.OUTLIERS, "trace": row.trace_id}
                navigation.link("insight", "Read", there | {"order": "Typical"})
    if not topic.is_leaf:
        st.caption("Named from the topics under it.")


def _trend(topic: Topic, details: ClusterDetails) -> None:
    first, last = topics.time_span(details.traces)
    counts = topics.trend(topic.rows, (first, last))
    if not counts:
        st.caption("All traces are of nearly the same moment.")
        return
    failing = topics.trend([row for row in topic.rows if topics.failed(row)], (first, last))
    width = (last - first + 1) / len(counts)
    at = [int(first + place * width) for place in range(len(counts))]
    fine = [count - bad for count, bad in zip(counts, failing, strict=True)]
    word = topic.tally.bad_word.capitalize()
    fig = charts.stacked({"Others": fine, word: failing}, at)
    charts.draw(
        fig,
        f"Traces of the topic over time, {topic.size} in all, {topic.tally.bad_count} {topic.tally.bad_word}",
        230,
        key="trend",
    )
