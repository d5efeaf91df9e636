"""Find a trace, read it, say what it shows: the dialog that adds evidence to a hypothesis or an issue."""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st

from insights_core.entities import TraceScope
from insights_core.errors import InsightsError
from insights_core.traces.scopes import trace_id_in
from pages._ui.look.badges import badge
from pages._ui.look.formats import clock, duration, escape_markdown, plural
from pages._ui.look.previews import preview
from pages._ui.parts import filters, pick_list
from pages._ui.parts.pick_list import Option
from pages._ui.shell import loaders, states
from pages._ui.traces import trace_search, trace_viewer

_MOST = 100
_PAGE = 5
_STATUSES = {"all": "All", "ERROR": "Errors", "OK": "OK"}


def dialog(
    experiment_id: str,
    known: Collection[str],
    add: Callable[[str, str, bool | None], None],
    with_sides: bool,
) -> None:
    """The inside of the dialog.

    Args:
        experiment_id: Whose traces are searched.
        known: Trace ids that are evidence already; they are marked.
        add: Called with trace id, rationale, and whether it supports (None for issues).
        with_sides: Ask whether the trace supports or refutes.
    """
    found = _search(experiment_id)
    if not found:
        with states.empty("No trace matches", "Loosen the filter, or search for other words."):
            pass
        return
    key = "add-evidence-page"
    pages = -(-len(found) // _PAGE)
    page = min(int(st.session_state.get(key, 1)), pages)
    shown = found[(page - 1) * _PAGE : page * _PAGE]
    options = {one["trace_id"]: _option(one, one["trace_id"] in known) for one in shown}
    trace_id = pick_list.pick_list("Traces", options, "add-evidence", "pick")
    if pages > 1:
        st.pagination(pages, key=key, max_visible_pages=5)
    reading = st.expander("Read the trace", icon=":material/article:", key="add-evidence-read", on_change="rerun")
    if reading.open:
        with reading, states.failures("add-evidence-trace"):
            trace_viewer.trace_viewer(trace_id, key=f"add-evidence-{trace_id}")
    _say(trace_id, add, with_sides)


def _search(experiment_id: str) -> list[dict]:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = filters.search("add-evidence-words", "Words in a trace", 210, "Words", None)
        status = st.segmented_control(
            "Status",
            list(_STATUSES),
            default="all",
            format_func=_STATUSES.__getitem__,
            required=True,
            key="add-evidence-status",
            label_visibility="collapsed",
        )
        expert = st.text_input(
            "Filter",
            key="add-evidence-filter",
            placeholder="tags.channel = 'web' AND …",
            icon=":material/code:",
            label_visibility="collapsed",
            help="MLflow's trace filter syntax",
            width=240,
        )
    simple = trace_search.simple_filter(text=words, status=status)
    both = " AND ".join(part for part in (simple, expert.strip()) if part)
    wanted = TraceScope(experiment_id=experiment_id, filter_string=both or None)
    if pasted := trace_id_in(words):
        wanted = TraceScope(experiment_id=experiment_id, trace_ids=[pasted])
    found = loaders.traces(wanted, _MOST)
    if len(found) == _MOST:
        st.caption(f"The newest {_MOST} that match. Narrow the search to see others.")
    else:
        st.caption(f"{plural(len(found), 'trace')}, newest first")
    return found


def _option(row: dict, known: bool) -> Option:
    said = row["summary"] or preview(row["request"]) or row["trace_id"]
    return Option(
        escape_markdown(said, 130),
        (
            badge(row["status"]),
            f":gray[{duration(row['latency_ms'])}]",
            ":blue[in evidence]" if known else "",
            f":gray[{escape_markdown(clock(row['timestamp_ms']))}]",
        ),
    )


def _say(trace_id: str, add: Callable[[str, str, bool | None], None], with_sides: bool) -> None:
    with st.form("add-evidence-form", border=False, enter_to_submit=False):
        side = None
        if with_sides:
            side = st.segmented_control(
                "This trace", ["supports", "refutes"], default="supports", required=True, key="add-evidence-side"
            )
        rationale = st.text_area(
            "Rationale", placeholder="What in this trace shows it?", key="add-evidence-rationale", height=80
        )
        sent = st.form_submit_button("Add evidence", type="primary", icon=":material/add:")
    if sent and not rationale.strip():
        st.caption(":red[Say what in the trace shows it.]")
    elif sent:
        try:
            add(trace_id, rationale.strip(), None if side is None else side == "supports")
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
