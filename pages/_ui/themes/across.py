"""Across themes: topics of one theme against another's, and the traces that concern several."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.errors import InsightsError
from insights_core.themes.crossing import CrossTable, Reading, SharedTrace, cross_table, perspectives, shared_traces
from pages._ui.look.formats import escape_markdown, number, plural
from pages._ui.parts import layout, pick_list
from pages._ui.parts.pick_list import Option
from pages._ui.shell import loaders, navigation, states, url_state
from pages._ui.themes import cross_cells
from pages._ui.traces import trace_themes, trace_viewer

_PANE = 620


def across(experiment_id: str) -> None:
    """The cross-table of two themes; below it the traces of a cell, or those in most themes, beside what each theme says."""
    readings = trace_themes.readings(experiment_id)
    if len(readings) < 2:
        with states.empty(
            "Two themes are needed",
            "Across themes one sees which traces concern several, and how their topics meet. Run at least two themes over the same traces.",
        ):
            navigation.link("themes", "Look at the themes")
        return
    picked = _table(readings, experiment_id)
    _traces(readings, picked, experiment_id)


def _table(readings: Sequence[Reading], experiment_id: str) -> tuple[str, ...] | None:
    by_id = {one.theme_id: one for one in readings}
    with layout.card(
        "How topics meet",
        height="content",
        help="Traces that both themes read. ▲ marks topics that meet more often than by chance, at a false discovery rate of 5 % over the whole table.",
    ):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            first = _theme("first", "Topics of", list(by_id), by_id, experiment_id)
            others = [one for one in by_id if one != first]
            second = _theme("second", "against those of", others, by_id, experiment_id)
        table = _crossed(
            loaders.tracking_uri(),
            experiment_id,
            by_id[first].run_id,
            by_id[second].run_id,
            by_id[first],
            by_id[second],
        )
        if not table.trace_count:
            st.caption("The two themes read no trace in common: their filters or samples have nothing that both match.")
            return None
        names = [loaders.theme_name(experiment_id, one) for one in (first, second)]
        return cross_cells.cells(table, names[0], names[1])


def _theme(param: str, label: str, ids: list[str], by_id: dict[str, Reading], experiment_id: str) -> str:
    # Those with most to tell come first.
    ids = sorted(ids, key=lambda one: -by_id[one].relevant)
    changed = url_state.follow(param, f"across-{param}", ids, ids[0], forget=("row", "column", "trace"))
    return st.selectbox(
        label,
        ids,
        format_func=lambda one: loaders.theme_name(experiment_id, one),
        key=f"across-{param}",
        on_change=changed,
        width=300,
    )


@st.cache_resource(show_spinner=False, max_entries=16)
def _crossed(
    uri: str, experiment_id: str, first_run: str, second_run: str, _first: Reading, _second: Reading
) -> CrossTable:
    ids = [one for one in _first.said if one in _second.said]
    try:
        codes = loaders.client().analytics.sessions([experiment_id], ids)
    except InsightsError:
        # Without facts each trace is on its own.
        codes = [-1] * len(ids)
    return cross_table(_first, _second, dict(zip(ids, codes, strict=True)))


def _traces(readings: Sequence[Reading], picked: tuple[str, ...] | None, experiment_id: str) -> None:
    found = _shared(readings, picked)
    if not found:
        st.caption("No trace is in this cell." if picked is not None else "No trace concerns two themes.")
        return
    what = "of the chosen cell" if picked is not None else "that concern several themes"
    left, right = st.columns([13, 17])
    with left, st.container(border=True, height=_PANE, key="pane-shared"):
        st.markdown(f"**{plural(len(found), 'trace')}** :gray[{what}]")
        ids = [one.trace_id for one in found]
        place = f"shared-{hash(picked)}"
        by_id = {one.trace_id: one for one in found}
        shown = pick_list.page_of(ids, place, st.query_params.get("trace"))
        options = {one: _option(by_id[one], experiment_id, len(readings)) for one in shown}
        chosen = pick_list.pick_list("Traces", options, "shared", "trace")
        pick_list.pagination(ids, place)
    with right, st.container(border=True, height=_PANE, key="pane-perspectives"):
        trace_themes.told(perspectives(readings, chosen), experiment_id, chosen)
        with states.failures("across-viewer"):
            trace_viewer.trace_viewer(chosen, key="across-viewer", with_themes=False)


def _shared(readings: Sequence[Reading], picked: tuple[str, ...] | None) -> list[SharedTrace]:
    if picked is None:
        return shared_traces(readings)
    said = {one: perspectives(readings, one) for one in picked}
    return [SharedTrace(one, tuple(each for each in said[one] if each.standing == "relevant")) for one in picked]


def _option(one: SharedTrace, experiment_id: str, total: int) -> Option:
    names = [loaders.theme_name(experiment_id, said.theme_id) for said in one.perspectives]
    title = next((said.summary or said.title for said in one.perspectives), "")
    concerns = f"{number(len(names))} of {plural(total, 'theme')}: {', '.join(names)}" if names else "concerns no theme"
    return Option(
        escape_markdown(title or one.trace_id, 150),
        (f":gray[{escape_markdown(concerns, 46)}]",),
    )
