"""The filter builder: conditions made of what the traces really have, or written in MLflow's syntax, each with its count."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from insights_core.analytics.models import Dimension, DimensionValue
from insights_core.errors import InsightsError, InvalidParameterError
from insights_core.themes.checks import check_conditions
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.measures.dimension_input import dimension_input, words
from pages._ui.shell import loaders
from pages._ui.themes import theme_counts, theme_draft
from pages._ui.themes.theme_draft import PREFIX, Draft

_SIDES = {
    "base_filters": ("Base filters", "What any theme over these traces wants, such as one agent or one channel."),
    "theme_filters": ("Theme filters", "What narrows them down for this theme alone. A trace must match both."),
}
# Their query parameters: what is being built survives a reload.
_PLACES = {"base_filters": "base", "theme_filters": "own"}
_START = DimensionValue(name="status", parameters={"value": "ERROR"})


@st.cache_data(ttl=60, show_spinner=False, max_entries=16)
def _dimensions(uri: str, experiment_id: str) -> dict[str, Dimension]:
    return {one.name: one for one in loaders.client().analytics.dimensions([experiment_id]).data}


def editor(draft: Draft) -> None:
    """Both lists of conditions."""
    for side, (title, meaning) in _SIDES.items():
        with st.container(gap="small", key=f"conditions-{side}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{title}** :small[:gray[{meaning}]]", width="stretch")
                if not draft.fixed(side):
                    _adder(side, draft.experiment_id)
            rows = theme_draft.get(f"{side}-rows") or []
            if not rows:
                st.caption("None: all traces match.")
            if draft.fixed(side):
                for said in theme_draft.conditions(side):
                    st.code(said, language=None, wrap_lines=True)
                continue
            for place, number in enumerate(rows):
                _row(side, number, place)


def _row(side: str, number: int, place: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"condition-{side}-{number}"):
        said = st.text_input(
            f"{_SIDES[side][0]}, condition {place + 1}",
            key=f"{PREFIX}{side}-{number}",
            label_visibility="collapsed",
            placeholder="trace.status = 'ERROR'",
            width="stretch",
        )
        st.button(
            "Remove",
            key=f"remove-{side}-{number}",
            icon=":material/close:",
            type="tertiary",
            on_click=_remove(side, number),
        )
    if said.strip():
        try:
            check_conditions(side, [said])
        except InvalidParameterError as error:
            text = error.message.removeprefix(f"{side}, condition 1: ")
            st.caption(f":red[Condition {place + 1}: {escape_markdown(text)}]")


def _remove(side: str, number: int) -> Callable[[], None]:
    def remove() -> None:
        theme_draft.put(f"{side}-rows", [one for one in theme_draft.get(f"{side}-rows") if one != number])

    return remove


def _adder(side: str, experiment_id: str) -> None:
    with st.popover("Add a condition", icon=":material/add:", key=f"add-{side}"):
        known = _dimensions(loaders.tracking_uri(), experiment_id)
        if known:
            _from_traces(side, experiment_id, known)
        st.text_input(
            "or in MLflow's syntax",
            key=f"{PREFIX}{side}-written",
            placeholder="tags.channel = 'web'",
            help="Any condition of MLflow's trace search.",
        )
        written = str(theme_draft.get(f"{side}-written") or "").strip()
        problem = _problem(side, written)
        if problem:
            st.caption(f":red[{escape_markdown(problem)}]")
        st.button(
            "Add what is written",
            key=f"add-written-{side}",
            disabled=not written or bool(problem),
            on_click=lambda: _add_written(side),
        )


def _problem(side: str, condition: str) -> str:
    if not condition:
        return ""
    try:
        check_conditions(side, [condition])
    except InvalidParameterError as error:
        return error.message.removeprefix(f"{side}, condition 1: ")
    return ""


def _add_written(side: str) -> None:
    theme_draft.add_condition(side, str(theme_draft.get(f"{side}-written")).strip())
    theme_draft.put(f"{side}-written", "")


def _from_traces(side: str, experiment_id: str, known: dict[str, Dimension]) -> None:
    """A condition out of what the traces have: status, latency, tags, tools, assessments."""
    chosen = dimension_input("Traces with", _PLACES[side], known, _START)
    if chosen is None:
        return
    try:
        condition = loaders.client().analytics.dimension_filter([experiment_id], chosen)
    except InsightsError as error:
        st.caption(f":red[{escape_markdown(error.message)}]")
        return
    if condition is None:
        st.caption(
            f"MLflow's search cannot say “{escape_markdown(words(chosen, known))}”: spans of two tools share a name."
        )
        return
    count = theme_counts.count(experiment_id, condition)
    st.caption(f"{plural(count, 'trace')}: {escape_markdown(condition)}")
    st.button(
        "Add condition",
        key=f"add-dimension-{side}",
        type="primary",
        on_click=lambda: theme_draft.add_condition(side, condition),
    )
