"""The table of traces, the drawer of one, two side by side, and what a selection offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from insights_core.entities import TraceScope
from pages._ui.actions import create_insight, promote
from pages._ui.look import badges
from pages._ui.look.formats import clock, duration, number, plural
from pages._ui.look.previews import preview
from pages._ui.parts import tables
from pages._ui.shell import loaders, states, url_state
from pages._ui.shell.scope import Scope, choose
from pages._ui.traces import trace_viewer

# An eager table of more rows is slow in the browser; the count says what is not shown.
_MOST_ROWS = 1000
_TEXT_CHARS = 240


def trace_table(wanted: TraceScope, scope: Scope) -> None:
    """Draw the table for the traces that are wanted, with its bulk actions; the drawer where the URL names a trace."""
    with states.loading("Reading traces", 420):
        rows = loaders.traces(wanted, _MOST_ROWS)
        total = len(rows) if len(rows) < _MOST_ROWS else loaders.count_traces(wanted)
    if not rows:
        _nothing(wanted, scope)
        return
    opened = _table(rows, lambda chosen: _actions(chosen, wanted, total, len(rows)))
    if opened:
        url_state.put("trace", opened)
    if "trace" in st.query_params:
        _drawer(st.query_params["trace"])


def _nothing(wanted: TraceScope, scope: Scope) -> None:
    if wanted.filter_string or wanted.session_id or wanted.run_id or wanted.trace_ids:
        with states.empty(
            "No trace matches", f"{scope.label}: nothing has all of these. Loosen the filter or take a longer time."
        ):
            if st.button("Clear the filter", icon=":material/filter_alt_off:", type="primary"):
                for name in ("text", "status", "slow", "tag", "session", "filter", "run"):
                    st.query_params.pop(name, None)
                st.rerun()
        return
    text = (
        "Older ones may be there."
        if scope.start_ms is not None
        else "Log some with MLflow, or choose another experiment."
    )
    with states.empty(f"No traces: {scope.label}", text):
        if scope.start_ms is not None and st.button("Show all time", icon=":material/history:", type="primary"):
            choose(range="all")
            st.rerun()


def _actions(chosen: Sequence[str], wanted: TraceScope, total: int, shown: int) -> None:
    if not chosen:
        more = f", the newest {number(shown)} are shown" if shown < total else ""
        st.caption(
            f"{plural(total, 'trace')}{more}. Select rows to compare two or to make an insight.", width="content"
        )
        create_insight.button(
            wanted.experiment_id,
            "Insight from all of these",
            key="from-search",
            filter_string=wanted.filter_string or "",
            trace_ids=wanted.trace_ids,
        )
        return
    st.markdown(f"**{number(len(chosen))} selected**", width="content")
    create_insight.button(wanted.experiment_id, "Generate insights", key="from-rows", trace_ids=list(chosen))
    promote.button(wanted.experiment_id, list(chosen), label="Add as evidence", key="evidence-rows")
    if len(chosen) == 2 and st.button("Compare side by side", icon=":material/compare_arrows:"):
        compare(chosen[0], chosen[1])


def _table(rows: list[dict[str, Any]], head: Callable[[Sequence[str]], None]) -> str | None:
    column = st.column_config
    says = [(row["summary"] or preview(row["request"]) or "–")[:_TEXT_CHARS] for row in rows]
    frame = pd.DataFrame(
        {
            "Status": [[row["status"]] for row in rows],
            "Says": says,
            "Answer": [(preview(row["response"]) or "–")[:_TEXT_CHARS] for row in rows],
            "Latency": [duration(row["latency_ms"]) for row in rows],
            "Session": [row["session"] or "–" for row in rows],
            "When": [clock(row["timestamp_ms"]) for row in rows],
        }
    )
    return tables.table(
        frame,
        {row["trace_id"]: words for row, words in zip(rows, says, strict=True)},
        "trace-table",
        {
            "Status": badges.badge_column("Status", ["ERROR", "OK", "IN_PROGRESS"], 100),
            "Says": column.TextColumn("What it says", width=420),
            "Answer": column.TextColumn("Answer", width=230),
            "Latency": column.TextColumn(width=80, alignment="right"),
            "Session": column.TextColumn(width=100),
            "When": column.TextColumn(width=70),
        },
        "trace",
        head,
        selectable=True,
    )


def _closed() -> None:
    st.query_params.pop("trace", None)


def _drawer(trace_id: str) -> None:
    @st.dialog("Trace", position="right", width=620, on_dismiss=_closed)
    def drawer() -> None:
        with states.failures("drawer"):
            trace_viewer.trace_viewer(trace_id, key="drawer")

    drawer()


def compare(first: str, second: str) -> None:
    """Two traces side by side, in a dialog."""

    @st.dialog("Two traces side by side", width="large")
    def both() -> None:
        for place, (column, trace_id) in enumerate(zip(st.columns(2), (first, second), strict=True)):
            with column, states.failures(f"compare-{place}"):
                trace_viewer.trace_viewer(trace_id, key=f"compare-{place}")

    both()
