"""Tools: three overviews side by side, then a row a tool with its series."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from insights_core.analytics.models import ToolMetrics
from pages._ui.look import charts
from pages._ui.look.formats import duration, escape_html, number, plural
from pages._ui.look.theme import ERROR, P90
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.measure import Columns, Range
from pages._ui.parts import layout
from pages._ui.shell import navigation, states, url_state
from pages._ui.shell.scope import Scope

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE_SIZE = 5
_TOP = 6
_SORTS = {"errors": "Failing first", "calls": "Most called", "slow": "Slowest"}
# Below that many calls an error rate says little; such tools stand behind the others.
_FEW_CALLS = 5
_KEYS: dict[str, Callable[[ToolMetrics], tuple[float, ...]]] = {
    "errors": lambda one: (one.invocation_count < _FEW_CALLS, -(one.error_rate or 0.0), -one.error_count),
    "calls": lambda one: (-one.invocation_count, -one.error_count),
    "slow": lambda one: (-(one.p90_latency or 0.0), -one.invocation_count),
}


@st.cache_resource(show_spinner=False, max_entries=16)
def tools(wanted: Range) -> list[ToolMetrics]:
    """All tools of a range with their series."""
    return measure.analytics().tools(*wanted.asked, wanted.bucket).data


def no_tools() -> None:
    """What to do where no tool was called."""
    states.empty(
        "No tool calls in this time",
        "A tool is a span of type TOOL. Tracing integrations make them; in your own code, mark the function:",
    )
    _, middle, _ = st.columns([1, 2, 1])
    middle.code('import mlflow\n\n@mlflow.trace(span_type="TOOL")\ndef search_flights(city): ...', language="python")


def overview(found: Sequence[ToolMetrics]) -> None:
    """Calls, error rate and latency of the top tools, as three cards."""
    calls, errors, latency = st.columns(3)
    whole = sum(one.invocation_count for one in found)
    failed = sum(one.error_count for one in found)
    with calls, layout.card("Calls", f"{number(whole)} by {plural(len(found), 'tool')}"):
        ordered = sorted(found, key=_KEYS["calls"])
        _bars([(one, one.invocation_count, number(one.invocation_count), _calls(one)) for one in ordered], P90)
    with errors, layout.card("Error rate", f"{100 * failed / whole:.1f}% of calls" if whole else ""):
        failing = [one for one in sorted(found, key=_KEYS["errors"]) if one.error_count]
        if failing:
            _bars([(one, one.error_rate or 0.0, f"{one.error_rate:.1f}%", _rates(one)) for one in failing], ERROR)
        else:
            st.caption("No call failed in this time.")
    with latency, layout.card("Latency p90", "nine of ten calls are faster"):
        ordered = [one for one in sorted(found, key=_KEYS["slow"]) if one.p90_latency is not None]
        _bars([(one, one.p90_latency or 0.0, duration(one.p90_latency), _slowness(one)) for one in ordered], P90)


def _bars(rows: Sequence[tuple[ToolMetrics, float, str, list[float]]], colour: str) -> None:
    """Name, trend, bar and figure of the first tools."""
    most = max((value for _, value, _, _ in rows), default=0) or 1
    cells = "".join(
        f'<code title="{escape_html(one.tool_name)}">{escape_html(one.tool_name, 60)}</code>{_trend(trend, colour)}'
        f'<span class="mi-bar"><b style="width:{100 * value / most:.1f}%;background:{colour}"></b></span>'
        f'<span class="mi-num">{text}</span>'
        for one, value, text, trend in rows[:_TOP]
    )
    st.html(f'<style>{_CSS}</style><div class="mi-tools">{cells}</div>')


_CSS = (
    ".mi-tools{display:grid;grid-template-columns:minmax(5rem,1fr) 60px minmax(2rem,5rem) max-content;gap:.25rem .7rem;"
    "align-items:center;font-size:.87rem}.mi-tools code{padding:0;background:none;color:inherit;overflow:hidden;"
    "text-overflow:ellipsis;white-space:nowrap}.mi-tools .mi-bar b{border-radius:1rem}"
)


def _trend(values: Sequence[float], colour: str) -> str:
    image = charts.sparkline(values, colour)
    # The Markdown image, as HTML; a second sign beside the figure, so silent to screen readers.
    return f'<img alt="" src="{image.removeprefix("![trend](").removesuffix(")")}">' if image else "<span></span>"


def _calls(one: ToolMetrics) -> list[float]:
    return [float(point.invocation_count) for point in one.time_series.volume]


def _rates(one: ToolMetrics) -> list[float]:
    return [point.error_rate for point in one.time_series.errors]


def _slowness(one: ToolMetrics) -> list[float]:
    return [point.p90_latency for point in one.time_series.latency]


def ordered(found: Sequence[ToolMetrics]) -> list[ToolMetrics]:
    """The tools in the order and with the words that the controls say."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        sort = url_state.segmented("Order", _SORTS, "sort", "tools-sort", "errors")
        changed = url_state.follow("find", "tools-find", default="")
        words = st.text_input(
            "Find a tool",
            key="tools-find",
            on_change=changed,
            placeholder="Find a tool",
            icon=":material/search:",
            label_visibility="collapsed",
            width=220,
        )
    kept = [one for one in found if words.strip().lower() in one.tool_name.lower()]
    return sorted(kept, key=_KEYS[sort])


def row(scope: Scope, wanted: Range, one: ToolMetrics) -> None:
    """A tool: its figures, three charts, and what goes with its failures, or with its use where it does not fail."""
    key = hashlib.blake2s(one.tool_name.encode(), digest_size=6).hexdigest()
    part = measure_slices.tool(wanted, one.tool_name, "error" if one.error_count else "used")
    words = f"{plural(one.invocation_count, 'call')} in {plural(one.trace_count, 'trace')} · {one.error_rate:.1f}% fail · p90 {duration(one.p90_latency)}"
    with measure.card(one.tool_name, words, traces=part.params(wanted), table=lambda: _table(wanted, one), code=True):
        columns = st.columns(3)
        with columns[0]:
            times = [point.time_bucket for point in one.time_series.volume]
            st.caption("Calls")
            alt = f"Calls of {one.tool_name} {wanted.each}: {number(one.invocation_count)} in all."
            measure.chart(f"calls-{key}", wanted, lambda: charts.stacked({"Calls": _calls(one)}, times), alt, 140)
        with columns[1]:
            st.caption("Error rate")
            alt = f"Failed calls of {one.tool_name} {wanted.each}: {one.error_rate:.1f}% over the whole time."
            measure.chart(f"errors-{key}", wanted, lambda: _error_chart(one), alt, 140)
        with columns[2]:
            st.caption(f"Latency · p50 {duration(one.p50_latency)} · p99 {duration(one.p99_latency)}")
            alt = f"Latency of {one.tool_name} {wanted.each}: p50 {duration(one.p50_latency)}, p90 {duration(one.p90_latency)}, p99 {duration(one.p99_latency)}."
            measure.chart(f"latency-{key}", wanted, lambda: _latency_chart(one), alt, 140)
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        with left:
            measure_slices.foot(wanted, part, key)
        with right:
            measure_slices.actions(scope, wanted, part, key)


def _error_chart(one: ToolMetrics) -> go.Figure:
    times = [point.time_bucket for point in one.time_series.errors]
    return charts.lines({"Error rate": _rates(one)}, times, "%", fill=True)


def _latency_chart(one: ToolMetrics) -> go.Figure:
    points = one.time_series.latency
    series: dict[str, Sequence[float | None]] = {
        name: [_seconds(getattr(point, f"{name}_latency")) for point in points] for name in ("p50", "p90", "p99")
    }
    return charts.lines(series, [point.time_bucket for point in points], " s")


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 4)


def _table(wanted: Range, one: ToolMetrics) -> Columns:
    series = one.time_series
    latency = {point.time_bucket: point for point in series.latency}
    times = [point.time_bucket for point in series.volume]
    return {
        "Start": measure.when(times, wanted.bucket),
        "Calls": [point.invocation_count for point in series.volume],
        "Traces": [point.trace_count for point in series.volume],
        "Error rate, %": _rates(one),
        **{
            f"{name}, ms": [getattr(latency.get(at), f"{name}_latency", None) for at in times]
            for name in ("p50", "p90", "p99")
        },
    }


def nothing_found() -> None:
    """The state where the words match no tool."""
    with states.empty("No tool has these words in its name", "Take fewer words."):
        navigation.link("tools", "Show all tools", {"find": ""})
