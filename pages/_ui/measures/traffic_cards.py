"""Traffic & Cost: how many traces, how fast, how many fail, what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from insights_core.analytics.models import CostResponse, ErrorsResponse, LatencyResponse, Slice, VolumeResponse
from pages._ui.look import charts
from pages._ui.look.formats import duration, escape_html, money, number, plural, share
from pages._ui.look.theme import NEUTRAL, P50, P90
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.measure import Columns, Range
from pages._ui.measures.measure_slices import Part
from pages._ui.shell.scope import Scope

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SECOND_MS = 1000
# Models beyond these are in the table.
_MOST_MODELS = 6


@dataclass(frozen=True)
class Traffic:
    """What the page shows, read at once."""

    volume: VolumeResponse
    latency: LatencyResponse
    errors: ErrorsResponse
    cost: CostResponse


@st.cache_resource(show_spinner=False, max_entries=16)
def traffic(wanted: Range) -> Traffic:
    """Volume, latency, errors and cost of a range."""
    client, asked = measure.analytics(), (*wanted.asked, wanted.bucket)
    return Traffic(client.volume(*asked), client.latency(*asked), client.errors(*asked), client.cost_and_tokens(*asked))


def volume_card(wanted: Range, found: VolumeResponse) -> None:
    """Stacked bars of OK and ERROR."""
    points, summary = found.time_series, found.summary
    times = [point.time_bucket for point in points]
    running = summary.count - summary.ok_count - summary.error_count
    words = f"{number(summary.count)} · {number(summary.error_count)} with errors"
    words += f" · {number(running)} in progress" if running else ""
    series: dict[str, Sequence[float]] = {
        "OK": [point.ok_count for point in points],
        "Error": [point.error_count for point in points],
    }
    if running:
        series["In progress"] = [point.count - point.ok_count - point.error_count for point in points]

    def build() -> go.Figure:
        figure = charts.stacked(series, times)
        if running:
            figure.data[-1].marker.color = NEUTRAL
        return figure

    totals: Columns = {"Start": measure.when(times, wanted.bucket), "Traces": [point.count for point in points]}
    table: Columns = {**totals, **series}
    with measure.card("Traces", words, traces={}, table=lambda: table):
        busiest = max(points, key=lambda point: point.count)
        alt = (
            f"Traces {wanted.each}: {number(summary.count)} in all, {number(summary.error_count)} with errors; "
            f"at most {number(busiest.count)} {wanted.each}, on {measure.when([busiest.time_bucket], wanted.bucket)[0]}."
        )
        measure.chart("volume", wanted, build, alt, 200)


def latency_card(scope: Scope, wanted: Range, found: LatencyResponse) -> None:
    """p50, p90 and p99, and what goes with the slow ones."""
    points, summary = found.time_series, found.summary
    if summary.p90_latency is None:
        with measure.card("Latency"):
            st.caption("No trace has ended in this time, so none has a latency.")
        return
    names = {name: f"{name}_latency" for name in ("p50", "p90", "p99")}
    times = [point.time_bucket for point in points]
    words = " · ".join(f"{name} {duration(getattr(summary, field))}" for name, field in names.items())
    seconds: dict[str, Sequence[float | None]] = {
        name: [round(getattr(point, field) / _SECOND_MS, 3) for point in points] for name, field in names.items()
    }
    # Latencies are whole milliseconds, so above the percentile is above its whole part.
    slow = measure_slices.filtered("slow traces (above p90)", f"trace.execution_time_ms > {int(summary.p90_latency)}")
    table: Columns = {"Start": measure.when(times, wanted.bucket)} | {
        f"{name}, s": values for name, values in seconds.items()
    }
    with measure.card("Latency", words, traces=slow.params(wanted), table=lambda: table, help=_PERCENTILES):
        worst = max(points, key=lambda point: point.p99_latency or 0)
        alt = f"Latency {wanted.each}: {words} over the whole time; the slowest p99 is {duration(worst.p99_latency)}, on {measure.when([worst.time_bucket], wanted.bucket)[0]}."
        measure.chart("latency", wanted, lambda: charts.lines(seconds, times, " s"), alt)
        measure_slices.foot(wanted, slow, "latency")
        measure_slices.actions(scope, wanted, slow, "latency")


_PERCENTILES = "Half of the traces are faster than p50, nine of ten than p90, 99 of 100 than p99. “View traces” opens those above p90."


def errors_card(scope: Scope, wanted: Range, found: ErrorsResponse) -> None:
    """The share of traces that end in an error, and what goes with them."""
    points, summary = found.time_series, found.summary
    times = [point.time_bucket for point in points]
    rates = [point.error_rate for point in points]
    table: Columns = {
        "Start": measure.when(times, wanted.bucket),
        "Error rate, %": rates,
        "With errors": [point.error_count for point in points],
        "Traces": [point.total_count for point in points],
    }
    part = measure_slices.filtered("errors", measure_slices.ERRORS)
    with measure.card(
        "Error rate",
        share(summary.error_count, summary.total_count),
        traces=part.params(wanted),
        table=lambda: table,
        help="Traces whose status is ERROR, of all traces.",
    ):
        worst = max(points, key=lambda point: point.error_rate)
        alt = f"Error rate {wanted.each}: {share(summary.error_count, summary.total_count)} over the whole time; at most {worst.error_rate:.1f}%, on {measure.when([worst.time_bucket], wanted.bucket)[0]}."
        measure.chart("errors", wanted, lambda: charts.lines({"Error rate": rates}, times, "%", fill=True), alt)
        if summary.error_count:
            measure_slices.foot(wanted, part, "errors")
            measure_slices.actions(scope, wanted, part, "errors")
        else:
            st.caption("No trace ends in an error in this time.")


def usage_cards(scope: Scope, wanted: Range, found: CostResponse) -> None:
    """Cost and tokens over time and by model; one sentence where MLflow records none."""
    summary = found.summary
    if summary.total_cost_usd is None and summary.total_tokens is None:
        st.caption(
            "MLflow recorded neither tokens nor cost for these traces. It does where spans of model calls name their "
            "model and tokens, as its tracing integrations do."
        )
        return
    left, right = st.columns(2)
    with left:
        _cost_card(wanted, found)
    with right:
        _tokens_card(wanted, found)


def _cost_card(wanted: Range, found: CostResponse) -> None:
    summary = found.summary
    if summary.total_cost_usd is None:
        with measure.card("Cost"):
            st.caption("MLflow recorded tokens but no cost: it knows no price for the models of these traces.")
        return
    points = [point for point in found.time_series if point.total_cost_usd is not None]
    times = [point.time_bucket for point in points]
    costs = [round(point.total_cost_usd or 0.0, 6) for point in points]
    part = top_tenth(wanted, "total_cost", "the costliest tenth")
    words = f"{money(summary.total_cost_usd)} · {_small(summary.total_cost_usd / summary.trace_count)} a trace"
    table: Columns = {"Start": measure.when(times, wanted.bucket), "Cost, $": costs}
    with measure.card(
        "Cost", words, traces=part.params(wanted) if part else None, table=lambda: table, help=_COST_HELP
    ):
        alt = f"Cost {wanted.each}: {money(summary.total_cost_usd)} in all; at most {_small(max(costs))} {wanted.each}."
        measure.chart("cost", wanted, lambda: _prefixed(charts.stacked({"Cost": costs}, times)), alt, 150)
        _by_model(found)
        if part:
            measure_slices.foot(wanted, part, "cost")


_COST_HELP = "As MLflow works it out from model and tokens of each span. “View traces” opens the costliest tenth, at most 50 of them."


def _prefixed(figure: go.Figure) -> go.Figure:
    figure.update_yaxes(tickprefix="$")
    return figure


def _small(usd: float) -> str:
    """Dollars with as many digits as say something: $0.0025"""
    return money(usd) if usd >= 0.1 or not usd else f"${usd:.2g}"


def _by_model(found: CostResponse) -> None:
    """A bar a model: its share of the cost."""
    whole = sum(one.total_cost_usd for one in found.by_model)
    if not whole:
        st.caption("No span says which model the cost is from.")
        return
    rows = "".join(
        f'<span title="{escape_html(one.provider or "")}">{escape_html(one.model, 40)}</span>'
        f'<span class="mi-bar" role="img" aria-label="{share(one.total_cost_usd, whole)} of the cost"><b style="width:{100 * one.total_cost_usd / whole:.1f}%"></b></span>'
        f'<span class="mi-num"><b>{_small(one.total_cost_usd)}</b> <span class="mi-muted">· {100 * one.total_cost_usd / whole:.0f}%</span></span>'
        for one in found.by_model[:_MOST_MODELS]
    )
    st.html(f'<style>{_ROWS}</style><div class="mi-models">{rows}</div>')
    rest = found.by_model[_MOST_MODELS:]
    if rest:
        st.caption(f"{plural(len(rest), 'more model')}: {money(sum(one.total_cost_usd for one in rest))}")


_ROWS = (
    ".mi-models{display:grid;grid-template-columns:minmax(7rem,2fr) minmax(3rem,3fr) 6.4rem;gap:.1rem .8rem;"
    "align-items:center;font-size:.87rem}.mi-models>span:first-child,.mi-models>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
)


def _tokens_card(wanted: Range, found: CostResponse) -> None:
    summary = found.summary
    if summary.total_tokens is None:
        with measure.card("Tokens"):
            st.caption("MLflow recorded a cost but no tokens for these traces.")
        return
    points = [point for point in found.time_series if point.total_tokens is not None]
    times = [point.time_bucket for point in points]
    series: dict[str, Sequence[float]] = {
        "Input": [point.input_tokens or 0 for point in points],
        "Output": [point.output_tokens or 0 for point in points],
    }
    part = top_tenth(wanted, "total_tokens", "the longest tenth")
    words = f"{_compact(summary.input_tokens or 0)} in · {_compact(summary.output_tokens or 0)} out · {number(summary.total_tokens / summary.trace_count)} a trace"
    table: Columns = {"Start": measure.when(times, wanted.bucket)} | {
        f"{name} tokens": values for name, values in series.items()
    }

    def build() -> go.Figure:
        figure = charts.stacked(series, times)
        figure.data[0].marker.color, figure.data[1].marker.color = P90, P50
        return figure

    with measure.card(
        "Tokens", words, traces=part.params(wanted) if part else None, table=lambda: table, help=_TOKENS_HELP
    ):
        alt = f"Tokens {wanted.each}: {words}."
        measure.chart("tokens", wanted, build, alt, 215)
        if part:
            measure_slices.foot(wanted, part, "tokens")


_TOKENS_HELP = "“View traces” opens the tenth with most tokens, at most 50 of them."


def _compact(value: float) -> str:
    """820, 98.9 k, 1.08 M"""
    if value < 10_000:
        return number(value)
    return (
        f"{value / 1e3:.3g} k"
        if value < 999_500
        else f"{value / 1e6:.3g} M"
        if value < 999.5e6
        else f"{value / 1e9:.3g} B"
    )


@st.cache_resource(show_spinner=False, max_entries=32)
def top_tenth(wanted: Range, column: str, name: str) -> Part | None:
    """The traces above the 90th percentile of a column, the highest first; None where fewer than two are.

    MLflow's filter knows neither tokens nor cost, so they are named by their ids.
    """
    (experiment_id,), start, end = wanted.asked
    view = measure.analytics().facts.view([experiment_id], start, end + 1)
    values = view.traces[column]
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    above = np.flatnonzero(values > np.quantile(known, 0.9))
    if len(above) < 2:
        return None
    above = above[np.argsort(-values[above], kind="stable")]
    ids = tuple(one.decode() for one in view.traces["trace_id"][above].tolist())
    return _Listed(name, Slice(trace_ids=ids), None)


class _Listed(Part):
    """A part whose ids are in an order of their own, that of their values."""

    def params(self, wanted: Range) -> dict[str, str] | None:
        return {"filter": measure_slices.ids_filter(self.slice.trace_ids or ())}
