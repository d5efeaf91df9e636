"""The map of an insight's traces, its colours, and what a selection on it offers."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any

import streamlit as st

from insights_core.entities import ClusterDetails, Insight, Tally, TraceRow, TraceScope
from pages._ui.actions import create_insight, promote
from pages._ui.insight import topics, trace_rows
from pages._ui.look.formats import duration, escape_markdown, number, plural, points
from pages._ui.map import map_figure
from pages._ui.parts import pick_list
from pages._ui.shell import loaders, navigation, states, url_state

COLOURS = ("Topic", "Status", "Latency", "Tag", "Assessment")
_FIELDS = {"Tag": "tags", "Assessment": "assessments"}
_HEIGHT = 702


def caption(insight: Insight, details: ClusterDetails) -> str:
    """Name, number of traces, and whether all of them are drawn."""
    total = len(details.traces)
    drawn = (
        f"{number(map_figure.MOST_POINTS)} of {plural(total, 'trace')}, sampled by topic"
        if total > map_figure.MOST_POINTS
        else plural(total, "trace")
    )
    return f"{insight.name} · {drawn} · near means similar"


def colour_control(experiment_id: str, details: ClusterDetails) -> tuple[str, str | None]:
    """Let the viewer choose what the colours say; gives the kind, and the name of the tag or assessment."""
    kinds = dict(zip(COLOURS, COLOURS, strict=True))
    kind = url_state.segmented("Colour by", kinds, "colour", "map-colour", "Topic", show_label=True)
    if kind not in _FIELDS:
        return kind, None
    names = sorted({name for one in _marks(experiment_id, details).values() for name in one[_FIELDS[kind]]})
    if not names:
        st.caption(f"No trace has {_FIELDS[kind]}")
        return "Topic", None
    changed = url_state.follow("by", f"map-by-{kind}", names, names[0])
    return kind, st.selectbox(kind, names, key=f"map-by-{kind}", on_change=changed, width=170)


def _marks(experiment_id: str, details: ClusterDetails) -> dict[str, dict[str, Any]]:
    """Tags and assessments of the insight's traces."""
    return _marks_of(loaders.tracking_uri(), experiment_id, details.run_id)


@st.cache_resource(ttl=120, max_entries=4, show_spinner="Reading tags and assessments")
def _marks_of(uri: str, experiment_id: str, run_id: str) -> dict[str, dict[str, Any]]:
    found = loaders.traces(TraceScope(experiment_id=experiment_id, run_id=run_id), None)
    return {one["trace_id"]: {"tags": one["tags"], "assessments": one["assessments"]} for one in found}


def cluster_map(insight: Insight, details: ClusterDetails, colour_by: tuple[str, str | None]) -> None:
    """The picture and, at its right, what is selected in it."""
    kind, name = colour_by
    rows = map_figure.sample(details.traces)
    values = _values(insight.experiment_id, details, rows, kind, name)
    figure, panel = st.columns([7, 3])
    with figure, st.container(border=True, key="map"):
        version = (int(insight.updated_at.timestamp()), len(details.clusters))
        fig = _figure(insight.run_id, version, kind, name, _Drawing(details, rows, values))
        event = st.plotly_chart(
            fig,
            key=f"map-{insight.run_id}-{kind}-{name}-{len(details.clusters)}",
            on_select="rerun",
            config={"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]},
            alt=_alt(details, kind),
        )
    picked = _picked(event, rows) or _linked(details)
    with panel, st.container(border=True, height="stretch", key="selection"):
        _panel(insight, details, picked)


class _Drawing:
    """What a figure is made of; left out of the cache key, which the names of run and colours make."""

    def __init__(self, details: ClusterDetails, rows: list[TraceRow], values: list[Any]) -> None:
        self.details, self.rows, self.values = details, rows, values


@st.cache_resource(max_entries=16, show_spinner="Drawing the map")
def _figure(run_id: str, version: tuple[int, int], kind: str, name: str | None, _drawing: _Drawing) -> Any:
    return map_figure.draw(_drawing.details, _drawing.rows, kind, _drawing.values, _HEIGHT)


def _values(
    experiment_id: str, details: ClusterDetails, rows: list[TraceRow], kind: str, name: str | None
) -> list[Any]:
    if kind not in _FIELDS:
        return []
    marks = _marks(experiment_id, details)
    return [marks.get(row.trace_id, {}).get(_FIELDS[kind], {}).get(name) for row in rows]


def _alt(details: ClusterDetails, kind: str) -> str:
    tree = topics.tree(details)
    leaves, worst = [topic for topic in tree if topic.is_leaf and topic.cluster], topics.worst(tree)
    text = (
        f"Map of {plural(len(details.traces), 'trace')} in {plural(len(leaves), 'topic')}, coloured by {kind.lower()}"
    )
    return text + (f"; most goes wrong in {worst.title}, {topics.rate_words(worst.tally)}" if worst else "")


def _picked(event: Any, rows: list[TraceRow]) -> list[TraceRow]:
    found = []
    for point in event.selection.points if event else ():
        place = point.get("customdata")
        place = place[0] if isinstance(place, list) else place
        if isinstance(place, int) and 0 <= place < len(rows):
            found.append(rows[place])
    return found


def _linked(details: ClusterDetails) -> list[TraceRow]:
    """The traces of the topic in the URL, where someone came from one."""
    wanted = st.query_params.get("cluster")
    return next((list(topic.rows) for topic in topics.tree(details) if topic.cluster_id == wanted), [])


def _panel(insight: Insight, details: ClusterDetails, picked: list[TraceRow]) -> None:
    if not picked:
        with states.empty(
            "Nothing selected",
            "Draw a lasso or a box around traces, or click a point. The selection can become an insight.",
        ):
            pass
        return
    st.subheader(f"{plural(len(picked), 'trace')} selected", anchor=False)
    left, right = st.columns(2)
    here, everywhere = Tally.of(picked), Tally.of(details.traces)
    rate, overall = here.bad_rate, everywhere.bad_rate
    apart = abs(rate - overall) > 0.05
    left.metric(
        here.bad_word.capitalize(),
        f"{100 * rate:.0f}%",
        f"{points(rate - overall)} against all",
        delta_color="red" if apart and rate > overall else "gray",
        delta_arrow="up" if rate > overall else "down",
    )
    latencies = [row.latency_ms for row in picked if row.latency_ms is not None]
    right.metric("Median latency", duration(statistics.median(latencies)) if latencies else "–")
    _topics_in(picked, details)
    st.caption("**Read some of them**")
    shown = topics.ordered(picked, "Worst first")[:3]
    trace_id = pick_list.pick_list("Examples", trace_rows.options(shown), "examples", "trace")
    row = next(row for row in shown if row.trace_id == trace_id)
    navigation.link(
        "insight",
        "Read the trace",
        {"run": insight.run_id, "cluster": row.cluster_id or topics.OUTLIERS, "trace": trace_id},
    )
    st.space("stretch")
    ids = [one.trace_id for one in picked]
    create_insight.button(
        insight.experiment_id, "New insight from these", key="from-selection", width="stretch", trace_ids=ids
    )
    promote.button(
        insight.experiment_id,
        ids,
        rationales={one.trace_id: one.summary or one.title for one in picked},
        label="Add as evidence",
        key="evidence-selection",
        width="stretch",
    )


def _topics_in(picked: list[TraceRow], details: ClusterDetails) -> None:
    titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    counts = Counter(row.cluster_id for row in picked)
    st.caption("**Topics in the selection**")
    lines = [
        f"{escape_markdown(titles.get(cluster_id or '', 'Outliers'), 60)} :gray[{number(count)}]"
        for cluster_id, count in counts.most_common(4)
    ]
    if len(counts) > 4:
        lines.append(f":gray[and {len(counts) - 4} more]")
    st.markdown("  \n".join(lines))
