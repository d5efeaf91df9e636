"""Quality: a card an assessment, by the type of its values, the ones that fail most first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from insights_core.analytics.models import (
    AssessmentResponse,
    BooleanPoint,
    BooleanSummary,
    DimensionValue,
    NumericPoint,
    NumericSummary,
    StringSummary,
)
from pages._ui.look import charts
from pages._ui.look.formats import escape_markdown, number, plural
from pages._ui.look.theme import NEUTRAL, P90
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.measure import Columns, Range
from pages._ui.measures.measure_values import value_list
from pages._ui.shell import states
from pages._ui.shell.scope import Scope

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE_SIZE = 6
_SOURCES = {"HUMAN": "people", "LLM_JUDGE": "a judge model", "AI_JUDGE": "a judge model", "CODE": "code"}
_BINS = 20
_ORDER = {"boolean": 0, "numeric": 1, "string": 2}


@st.cache_resource(show_spinner=False, max_entries=16)
def quality(wanted: Range) -> list[AssessmentResponse]:
    """All assessments: booleans first, the worst failure rate first, then numbers, then texts."""
    client, asked = measure.analytics(), wanted.asked
    found = [
        client.assessment(asked[0], one.assessment_name, asked[1], asked[2], wanted.bucket)
        for one in client.assessments(*asked).data
    ]
    return sorted(found, key=_badness)


def _badness(one: AssessmentResponse) -> tuple[int, float, str]:
    worst = one.summary.failure_rate if isinstance(one.summary, BooleanSummary) else float(one.summary.total_count)
    return _ORDER[one.assessment_type], -worst, one.assessment_name


def no_assessments(scope: Scope) -> None:
    """What to do where nothing was assessed."""
    states.empty(
        "No assessments in this time",
        "Feedback of people, judges and code shows up here. Log the first from where your agent runs:",
    )
    _, middle, _ = st.columns([1, 2, 1])
    middle.code(
        'import mlflow\n\nmlflow.log_feedback(trace_id="tr-…", name="resolved", value=True, rationale="The order was sent again.")',
        language="python",
        wrap_lines=True,
    )


def card(scope: Scope, wanted: Range, one: AssessmentResponse) -> None:
    """The card of one assessment."""
    if isinstance(one.summary, BooleanSummary):
        _boolean(scope, wanted, one, one.summary)
    elif isinstance(one.summary, NumericSummary):
        _numeric(scope, wanted, one, one.summary)
    else:
        _string(scope, wanted, one, one.summary)


def _about(one: AssessmentResponse) -> None:
    """Who assessed, and what is odd about the values."""
    by = sorted({_SOURCES.get(source, source.lower()) for source in one.sources})
    words = [f"by {escape_markdown(' and '.join(by))}"] if by else []
    if one.mixed:
        words.append("values of several types, shown as text")
    if one.error_count:
        words.append(f"the judge failed on {number(one.error_count)}, which count nowhere else")
    if words:
        text = " · ".join(words)
        st.caption(text[:1].upper() + text[1:])


def _dimension(one: AssessmentResponse, **parameters: object) -> DimensionValue:
    return DimensionValue(name=f"assessment.{one.assessment_name}", parameters=parameters)


def _boolean(scope: Scope, wanted: Range, one: AssessmentResponse, summary: BooleanSummary) -> None:
    points = [point for point in one.time_series or () if isinstance(point, BooleanPoint)]
    times, rates = [point.time_bucket for point in points], [point.failure_rate for point in points]
    key = _key(one)
    name = f"{one.assessment_name} = false"
    part = measure_slices.dimension(name, wanted, _dimension(one, value="false")) if summary.failure_count else None
    words = f"{summary.failure_rate:.1f}% fail · {number(summary.failure_count)} of {number(summary.total_count)}"
    table: Columns = {
        "Start": measure.when(times, wanted.bucket),
        "Fail, %": rates,
        "Failed": [point.failure_count for point in points],
        "Assessed": [point.total_count for point in points],
    }
    params = part.params(wanted) if part else None
    with measure.card(one.assessment_name, words, traces=params, table=lambda: table):
        _about(one)
        alt = f"Share of {one.assessment_name} that is false, {wanted.each}: {words} over the whole time."
        build = lambda: _failures(rates, times)  # noqa: E731 - one line that is called once
        measure.chart(f"quality-{key}", wanted, build, alt, 190)
        if part:
            measure_slices.foot(wanted, part, key)
            measure_slices.actions(scope, wanted, part, key)
        else:
            st.caption("None is false in this time.")


def _failures(rates: list[float], times: list[int]) -> go.Figure:
    return charts.lines({"Error rate": rates}, times, "%", fill=True)


def _numeric(scope: Scope, wanted: Range, one: AssessmentResponse, summary: NumericSummary) -> None:
    points = [point for point in one.time_series or () if isinstance(point, NumericPoint)]
    times = [point.time_bucket for point in points]
    key = _key(one)
    series: dict[str, Sequence[float | None]] = {
        name: [getattr(point, f"{name}_value") for point in points] for name in ("p50", "p90", "p99")
    }
    words = f"p50 {_plain(summary.p50_value)} · p90 {_plain(summary.p90_value)} · {number(summary.total_count)} values"
    below = _dimension(one, threshold=summary.p50_value, operator="<")
    name = f"{one.assessment_name} below {_plain(summary.p50_value)}"
    part = measure_slices.dimension(name, wanted, below) if summary.below_p50_count else None
    table: Columns = {"Start": measure.when(times, wanted.bucket)} | series | {"Values": [p.count for p in points]}
    params = part.params(wanted) if part else None
    with measure.card(one.assessment_name, words, traces=params, table=lambda: table, help=_BELOW):
        _about(one)
        over_time, spread = st.columns([3, 2])
        with over_time:
            alt = f"{one.assessment_name} {wanted.each}: {words}, from {_plain(summary.min_value)} to {_plain(summary.max_value)}."
            measure.chart(f"quality-{key}", wanted, lambda: charts.lines(series, times), alt, 190)
        with spread:
            counts, edges = distribution(wanted, one.assessment_name)
            alt = f"Distribution of {one.assessment_name}: most values, {number(max(counts))}, lie from {_plain(edges[int(np.argmax(counts))])} on."
            measure.chart(f"spread-{key}", wanted, lambda: _histogram(counts, edges, summary.p50_value), alt, 190)
        if part:
            measure_slices.foot(wanted, part, key)
            measure_slices.actions(scope, wanted, part, key)
        else:
            st.caption("All values are the same.")


_BELOW = "“View traces” and what goes with them are about the values below the median."


@st.cache_resource(show_spinner=False, max_entries=64)
def distribution(wanted: Range, assessment_name: str) -> tuple[list[int], list[float]]:
    """Counts of equally wide bins and their edges; one bin a value where there are few different ones."""
    from insights_core.analytics.assessments import ratings_of

    (experiment_id,), start, end = wanted.asked
    view = measure.analytics().facts.view([experiment_id], start, end + 1)
    values = ratings_of(view, view.words.assessment_name.code(assessment_name)).number
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= _BINS:
        return counts.tolist(), different.tolist()
    counts, edges = np.histogram(values, bins=_BINS)
    return counts.tolist(), edges.tolist()


def _histogram(counts: list[int], edges: list[float], median: float | None) -> go.Figure:
    figure = charts.figure()
    if len(edges) > len(counts):
        at = [(low + high) / 2 for low, high in pairwise(edges)]
        names = [f"{_plain(low)} to {_plain(high)}" for low, high in pairwise(edges)]
    else:
        at, names = edges, [_plain(value) for value in edges]
    figure.add_bar(
        x=at,
        y=counts,
        name="Values",
        marker_color=P90,
        customdata=names,
        hovertemplate="%{customdata}: %{y}<extra></extra>",
    )
    if median is not None:
        figure.add_vline(x=median, line={"color": NEUTRAL, "width": 1, "dash": "dot"}, annotation_text="p50")
    return figure


def _plain(value: float | None) -> str:
    """3.25, 12, 0.0041"""
    return "–" if value is None else f"{value:.3g}" if abs(value) < 1000 else number(value)


def _string(scope: Scope, wanted: Range, one: AssessmentResponse, summary: StringSummary) -> None:
    key = _key(one)
    words = f"{plural(summary.unique_values, 'value')} · {number(summary.total_count)} assessed"
    table: Columns = {
        "Value": [value.value for value in summary.top_values],
        "Count": [value.count for value in summary.top_values],
        "Share, %": [value.percentage for value in summary.top_values],
    }
    if not summary.top_values:
        with measure.card(one.assessment_name, words):
            _about(one)
            st.caption("No assessment of this name holds a value.")
        return
    param = f"value-{one.assessment_name}"
    options = [value.value for value in summary.top_values]
    wanted_value = st.query_params.get(param)
    # Of mixed values, "false" is the one that says something went wrong.
    chosen = wanted_value if wanted_value in options else "false" if "false" in options else options[0]
    part = measure_slices.dimension(f"{one.assessment_name} = {chosen}", wanted, _dimension(one, value=chosen))
    with measure.card(one.assessment_name, words, traces=part.params(wanted), table=lambda: table, help=_CHOSEN):
        _about(one)
        value_list(f"Values of {one.assessment_name}", summary.top_values, key, param, default=chosen)
        measure_slices.foot(wanted, part, key)
        measure_slices.actions(scope, wanted, part, key)


_CHOSEN = "“View traces” and what goes with them are about the chosen value."


def _key(one: AssessmentResponse) -> str:
    """A key for widgets and styles: names come from traces and may hold anything."""
    return hashlib.blake2s(one.assessment_name.encode(), digest_size=6).hexdigest()
