"""The table of investigations with its filters; refreshed while one of them goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from insights_core.entities.investigation import AnalysisSummary
from pages._ui.investigation import live
from pages._ui.look.formats import moment, plural
from pages._ui.parts import dialogs, filters, tables
from pages._ui.shell import investigations, states, url_state

PHASES = {
    "RUNNING": ("Running", "blue"),
    "PAUSED": ("Paused", "yellow"),
    "COMPLETED": ("Completed", "green"),
    "ARCHIVED": ("Archived", "gray"),
}
_KINDS = {"all": "All", "active": "Active", "completed": "Completed", "archived": "Archived"}
# A look costs the browser 2.5 kB even where nothing is new: seldom where nobody works.
_REFRESH_SECONDS, _PAUSED_SECONDS = 3.0, 15.0


def new_button(key: str = "new-analysis", primary: bool = True) -> None:
    """The button that opens the dialog of a new investigation."""
    if st.button("New investigation", icon=":material/add:", type="primary" if primary else "secondary", key=key):
        dialogs.forget("new-analysis-")
        dialogs.ask("new-analysis")


def run_table(experiment_id: str, may_write: bool) -> None:
    """Filters, count and table."""
    found = investigations.analyses(experiment_id)
    if not found:
        _nothing(experiment_id, may_write)
        return
    words, kind = _filters()
    phases = {live.phase(one.status, one.updated_at) for one in found}
    every = _REFRESH_SECONDS if "RUNNING" in phases else _PAUSED_SECONDS if "PAUSED" in phases else None

    @states.fragment(key="run-table")
    def table() -> None:
        everything = investigations.analyses(experiment_id)
        st.session_state["runs-seen"] = _signature(everything)
        shown = [
            one
            for one in everything
            if kind in ("all", one.status.lower()) and words.lower() in f"{one.title} {one.run_name}".lower()
        ]
        running = sum(live.phase(one.status, one.updated_at) == "RUNNING" for one in everything)
        count = (
            plural(len(shown), "investigation")
            + (f" of {len(everything)}" if len(shown) < len(everything) else "")
            + (f", {running} running now" if running else "")
        )
        if shown:
            _table(shown, count)
        else:
            with states.empty("No investigation matches", "Clear the search or choose another status."):
                pass

    @states.fragment(run_every=every, key="run-news")
    def look() -> None:
        # Draws nothing, so that a list without news sends nothing of it.
        if _signature(investigations.analyses(experiment_id)) != st.session_state["runs-seen"]:
            st.rerun()

    table()
    look()


def _signature(found: Sequence[AnalysisSummary]) -> list[tuple[object, ...]]:
    """What the table shows of each analysis, but for ages."""
    return [
        (one.id, one.revision, live.phase(one.status, one.updated_at), one.hypothesis_count, one.validated_count)
        for one in found
    ]


def _nothing(experiment_id: str, may_write: bool) -> None:
    with states.empty(
        "No investigations yet",
        "An investigation tests hypotheses against traces, for and against, until one can decide. Start one here, or let an agent do it from the command line.",
    ):
        if may_write:
            new_button("new-analysis-first")
    _, middle, _ = st.columns([1, 2, 1])
    middle.code(
        f'mlflow-insights create-analysis --experiment-id {experiment_id} --run-name payment-failures --name "Payment failures"',
        language="bash",
        wrap_lines=True,
    )


def _filters() -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = filters.search("runs-search", "Search names")
        kind = url_state.segmented("Status", _KINDS, "status", "runs-status", "all")
    return words, kind


def _table(shown: Sequence[AnalysisSummary], count: str) -> None:
    column = st.column_config
    frame = pd.DataFrame(
        {
            "Status": [[live.phase(one.status, one.updated_at)] for one in shown],
            "Name": [one.title for one in shown],
            "Run": [one.run_name for one in shown],
            "Hypotheses": [one.hypothesis_count for one in shown],
            "Validated": [one.validated_count for one in shown],
            "Created": [moment(one.created_at) for one in shown],
            "Updated": [moment(one.updated_at) for one in shown],
        }
    )
    opened = tables.table(
        frame,
        {one.id: one.title for one in shown},
        "runs-table",
        {
            "Status": column.MultiselectColumn(
                options=list(PHASES),
                color=[colour for _, colour in PHASES.values()],
                format_func=lambda one: PHASES[one][0],
                width=110,
            ),
            "Name": column.TextColumn(width=350),
            "Run": column.TextColumn("Run name", width=190),
            "Hypotheses": column.NumberColumn(width=90),
            "Validated": column.NumberColumn(width=80),
            "Created": column.TextColumn(width=110),
            "Updated": column.TextColumn(width=110),
        },
        "investigation",
        lambda _: st.caption(count, width="content"),
    )
    if opened:
        dialogs.leave("run", {"run": opened})
