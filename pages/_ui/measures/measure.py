"""What the pages under Measure share: their header, how fresh the figures are, buckets, cards, charts, empty states."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from insights_core.entities import TraceScope
from pages._ui.look import charts
from pages._ui.look.formats import cells, escape_markdown, local, moment, plural, zone
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, states
from pages._ui.shell import scope as scope_controls
from pages._ui.shell.scope import DAY_MS, Scope

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from insights_core.analytics.client import Analytics
    from insights_core.analytics.models import Freshness

# Longest ranges that are drawn by the hour and by the day: at most 168 and 90 points in a series.
_HOURS_TO_MS, _DAYS_TO_MS = 7 * DAY_MS, 90 * DAY_MS
Columns = Mapping[str, Sequence[Any]]
"""A table: name -> cells, all of one length."""
T = TypeVar("T")
_HOUR_MS = 3_600_000
# Rates of fewer traces an hour jump between 0 and 100 %; days are read instead where there are enough of them.
_LEAST_AN_HOUR, _LEAST_DAYS_MS = 4, 3 * DAY_MS
_KNOWN_VERSIONS = 64
# Figures that a session keeps: three pages full of tools.
_KEPT_CHARTS = 48
_ADVERBS = {"hour": "by hour", "day": "by day", "week": "by week"}
_EACH = {"hour": "an hour", "day": "a day", "week": "a week"}


@dataclass(frozen=True)
class Range:
    """The traces that a page measures, as far as MLflow had them at one moment. Hashable: what caches are keyed by."""

    uri: str
    experiment_id: str
    start_ms: int | None
    end_ms: int
    """Inclusive, as analytics takes it."""
    bucket: str
    version: int
    """Another number where the facts are others."""
    traces: int

    @property
    def each(self) -> str:
        """an hour, a day, a week"""
        return _EACH[self.bucket]

    @property
    def asked(self) -> tuple[list[str], int | None, int]:
        """Experiments, start and end: the first arguments of the analytics."""
        return [self.experiment_id], self.start_ms, self.end_ms


def analytics() -> Analytics:
    """The shared analytics client."""
    return loaders.client().analytics


@contextmanager
def page(title: str) -> Iterator[tuple[Scope, Range] | None]:
    """Header and scope of a measuring page; gives None where there is nothing to measure, which is then said.

    Use it as `with measure.page("Tools") as opened:` and return where `opened` is None.
    """
    scope = scope_controls.current()
    if scope is None:
        scope_controls.no_experiment()
        yield None
        return
    with states.loading(f"Reading the traces and their spans, {scope.label}", 520):
        fresh = _freshness(scope)
        wanted = _range(scope, fresh)
    read_at = f"{local(fresh.as_of):%H:%M:%S}"
    with layout.page_header(title, f"{scope.label}, {_ADVERBS[wanted.bucket]} · as of {read_at}"):
        scope_controls.controls(scope)
        _refresh(fresh)
    if not wanted.traces:
        _no_traces(scope)
        yield None
        return
    yield scope, wanted


def _freshness(scope: Scope) -> Freshness:
    return analytics().freshness([scope.experiment_id], scope.start_ms, scope.end_ms - 1)


def _range(scope: Scope, fresh: Freshness) -> Range:
    start, version = scope.start_ms, _version(scope, fresh)
    if start is None and fresh.trace_count:
        start = _first_trace_ms(loaders.tracking_uri(), scope.experiment_id, scope.end_ms - 1, version)
    return Range(
        loaders.tracking_uri(),
        scope.experiment_id,
        scope.start_ms,
        scope.end_ms - 1,
        bucket_of(scope.end_ms - start if start is not None else 0, fresh.trace_count),
        version,
        fresh.trace_count,
    )


def _version(scope: Scope, fresh: Freshness) -> int:
    """Since when the facts are what they are: a check that found nothing new gives the same number."""
    # With spans, which each of these pages needs: they are read while the page says that it reads.
    view = analytics().facts.view([scope.experiment_id], scope.start_ms, scope.end_ms, spans=True)
    times = view.traces["time_ms"]
    known = _known_versions()
    key = (loaders.tracking_uri(), scope.experiment_id, scope.start_ms, scope.end_ms)
    seen, version = known.get(key, (lambda: None, 0))
    if seen() is not times:
        version = fresh.as_of
        known[key] = (weakref.ref(times), version)
        while len(known) > _KNOWN_VERSIONS:
            known.pop(next(iter(known)), None)
    return version


@st.cache_resource(show_spinner=False)
def _known_versions() -> dict[tuple[str, str, int | None, int], tuple[Callable[[], Any], int]]:
    return {}


def bucket_of(length_ms: int, traces: int | None = None) -> str:
    """hour up to 7 days, day up to 90 days, week above; a day too where hours would hold hardly any traces.

    Args:
        length_ms: Length of the range.
        traces: How many traces it has; None takes them as many.
    """
    if length_ms > _DAYS_TO_MS:
        return "week"
    hours = length_ms / _HOUR_MS
    sparse = traces is not None and length_ms > _LEAST_DAYS_MS and traces < _LEAST_AN_HOUR * hours
    return "day" if length_ms > _HOURS_TO_MS or sparse else "hour"


@st.cache_resource(show_spinner=False, max_entries=32)
def _first_trace_ms(uri: str, experiment_id: str, end_ms: int, version: int) -> int:
    """When the first trace began, to the day."""
    return analytics().volume([experiment_id], None, end_ms, "day").time_series[0].time_bucket


def _refresh(fresh: Freshness) -> None:
    age = f"Figures are at most {fresh.max_age_s:.0f} s old when a page opens. {fresh.note}".strip()
    if st.button("Refresh", icon=":material/refresh:", type="tertiary", help=escape_markdown(age), key="refresh"):
        analytics().refresh()
        st.rerun()


def _no_traces(scope: Scope) -> None:
    newest = loaders.traces(TraceScope(experiment_id=scope.experiment_id), 1)
    if not newest:
        _never_any(scope)
        return
    at = newest[0]["timestamp_ms"]
    near = time.time() * 1000 - at < 30 * DAY_MS and scope.range != "30d"
    name, words = ("30d", "Show 30 days") if near else ("all", "Show all time")
    with states.empty("No traces in this time", f"The newest trace of {scope.experiment_name} is from {moment(at)}."):
        if st.button(words, icon=":material/history:", type="primary"):
            scope_controls.choose(range=name)
            st.rerun()


def _never_any(scope: Scope) -> None:
    """The experiment has no trace: lead to one that has, or to where traces come from."""
    text = f"{scope.experiment_name} has no trace. Turn on tracing in your agent, import a file, or look at another experiment."
    with states.empty("No traces yet", text):
        if not loaders.any_trace():
            navigation.button("home", "Look at the first steps", "home", type="primary")
            return
        names = dict(loaders.experiments())
        other = loaders.default_experiment(tuple(names))
        if other != scope.experiment_id and st.button(
            f"Show {escape_markdown(names[other], 40)}", icon=":material/swap_horiz:", type="primary"
        ):
            scope_controls.choose(experiment=other)
            st.rerun()


@contextmanager
def card(
    title: str,
    aside: str = "",
    help: str | None = None,
    traces: Mapping[str, str] | None = None,
    table: Callable[[], Columns] | None = None,
    code: bool = False,
) -> Iterator[None]:
    """A card of a measure: title left; figures, table and the way to the traces right.

    Args:
        title: Plain text.
        aside: The figures, as Markdown; escape what comes from data.
        help: Tooltip of the title.
        traces: Query parameters of the Traces page; adds "View traces".
        table: Gives the columns of what the chart shows; asked for when somebody opens the table.
        code: Whether the title is the name of a tool or a key, set in the code font.
    """
    with st.container(border=True, height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = f"`{' '.join(title.split())[:60].replace('`', '')}`" if code else escape_markdown(title, 60)
            st.subheader(name, anchor=False, help=help, width="stretch")
            if aside:
                st.caption(aside, width="content")
            if table is not None:
                _table(title, table)
            if traces is not None:
                navigation.link("traces", "View traces", traces)
        yield


def _table(title: str, columns: Callable[[], Columns]) -> None:
    """The figures behind a chart, read by screen readers and copied into spreadsheets; built when it is opened."""
    opened = st.popover(
        "Table", icon=":material/table_chart:", type="tertiary", key=f"table-{title}", on_change="rerun"
    )
    if opened.open:
        import pandas as pd

        with opened:
            st.dataframe(cells(pd.DataFrame(dict(columns()))), hide_index=True, width=560, alt=f"{title}: table")


def chart(key: str, wanted: Range, build: Callable[[], go.Figure], alt: str, height: int = 215) -> None:
    """Show a figure, built once for the same facts: a session keeps it, so that a rerun only sends it again.

    Args:
        key: Unique on the page.
        wanted: What it shows, and at which version.
        build: Makes the figure.
        alt: The chart in words.
        height: Pixels.
    """
    kept = st.session_state.setdefault("measure-charts", {})
    version = (wanted, str(zone()))
    if kept.get(key, (None, None))[0] != version:
        kept.pop(key, None)
        kept[key] = (version, build())
        while len(kept) > _KEPT_CHARTS:
            del kept[next(iter(kept))]
    charts.draw(kept[key][1], alt, height, key=f"chart-{key}")


def when(milliseconds: Sequence[int], bucket: str) -> list[str]:
    """Starts of buckets for a table: 2026-11-18 14:00, or the day alone."""
    form = "%Y-%m-%d %H:%M" if bucket == "hour" else "%Y-%m-%d"
    return [f"{local(value):{form}}" for value in milliseconds]


def paged(items: Sequence[T], size: int, key: str) -> Sequence[T]:
    """The items of the page that `pages` below them shows."""
    last = max(1, -(-len(items) // size))
    at = st.session_state.get(key) or 1
    if at > last:
        at = st.session_state[key] = last
    return items[(at - 1) * size : at * size]


def pages(count: int, size: int, key: str, what: str) -> None:
    """Page numbers below a list, with how many there are in all; nothing where one page holds them."""
    if count > size:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
            st.pagination(-(-count // size), key=key, max_visible_pages=5)
            st.caption(plural(count, what), width="content")
