"""Pieces of evidence as rows, for and against, and the drawer that opens their trace."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Evidence
from pages._ui.look.formats import escape_markdown, moment, plural
from pages._ui.shell import states, url_state
from pages._ui.traces import trace_viewer

_FIRST = 3
_PAGE = 20
_RATIONALE_CHARS = 400
SIDES = {"both": "For and against", "supports": "Only for", "refutes": "Only against"}


def supports(item: Evidence) -> bool:
    """Whether it counts for the hypothesis; evidence that does not say so does."""
    return item.supports is not False


def sides(evidence: Sequence[Evidence], key: str) -> None:
    """Evidence for at the left, against at the right, or one of both alone; the newest first, three each at first.

    Args:
        evidence: All of a hypothesis.
        key: Unique on the page.
    """
    newest = sorted(evidence, key=lambda item: item.created_at, reverse=True)
    shown = st.session_state.get(f"side-{key}") or "both"
    groups = {
        "supports": [one for one in newest if supports(one)],
        "refutes": [one for one in newest if not supports(one)],
    }
    wanted = [shown] if shown in groups else list(groups)
    for place, side in zip(st.columns(len(wanted), gap="medium"), wanted, strict=True):
        with place:
            _side(side, groups[side], f"{key}-{side}", alone=len(wanted) == 1)


def side_control(key: str) -> None:
    """Let the viewer see one side alone."""
    st.segmented_control(
        "Evidence",
        list(SIDES),
        default="both",
        format_func=SIDES.__getitem__,
        required=True,
        key=f"side-{key}",
        label_visibility="collapsed",
    )


def _side(side: str, items: Sequence[Evidence], key: str, alone: bool) -> None:
    everything = alone or st.session_state.get(f"all-{key}", False)
    with st.container(horizontal=True, vertical_alignment="center"):
        count = len({item.trace_id for item in items})
        st.markdown(f"**{side.capitalize()}** :gray[{plural(count, 'trace')}]", width="stretch")
        if not alone and len(items) > _FIRST:
            st.button(
                "Show fewer" if everything else "Show all",
                key=f"toggle-all-{key}",
                type="tertiary",
                icon=":material/expand_less:" if everything else ":material/expand_more:",
                icon_position="right",
                on_click=_set,
                args=(f"all-{key}", not everything),
            )
    if not items:
        st.caption("No evidence on this side. Look for it before you decide.")
    rows(items if everything else items[:_FIRST], key)


def _set(key: str, value: bool) -> None:
    st.session_state[key] = value


def rows(items: Sequence[Evidence], key: str) -> None:
    """Rationale, trace, author and age of each piece, with the way to its trace; in pages of 20."""
    pages = max(1, -(-len(items) // _PAGE))
    page = min(int(st.session_state.get(f"page-{key}", 1)), pages)
    shown = items[(page - 1) * _PAGE : page * _PAGE]
    for place, item in enumerate(shown):
        last = place == len(shown) - 1
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"{'last' if last else 'ruled'}-{key}-{place}"
        ):
            _row(item)
            if st.button(
                "Trace",
                key=f"open-{key}-{place}-{item.trace_id}",
                type="tertiary",
                icon=":material/chevron_right:",
                icon_position="right",
                help="Read the trace beside this page",
            ):
                url_state.put("trace", item.trace_id)
                st.rerun()
    if pages > 1:
        st.pagination(pages, key=f"page-{key}", max_visible_pages=5)


def _row(item: Evidence) -> None:
    who = f" · {escape_markdown(item.author, 40)}" if item.author else ""
    st.markdown(
        f"{escape_markdown(item.rationale, _RATIONALE_CHARS)}  \n"
        f":small[:gray[`{trace_viewer.short_id(item.trace_id)}`{who} · {moment(item.created_at)}]]",
        width="stretch",
    )


def _closed() -> None:
    st.query_params.pop("trace", None)


def drawer(evidence: Sequence[Evidence], trace_id: str, with_sides: bool = True) -> None:
    """The trace of a piece of evidence beside the page, with what was said about it and the way to the next one.

    Args:
        evidence: All pieces that can be walked through.
        trace_id: Which trace.
        with_sides: Say whether a piece supports or refutes.
    """

    @st.dialog("Evidence", position="right", width=620, on_dismiss=_closed)
    def beside() -> None:
        ids = list(dict.fromkeys(item.trace_id for item in evidence))
        present = st.session_state.get("drawer-trace") if st.session_state.get("drawer-from") == trace_id else trace_id
        present = present if present in ids else trace_id
        st.session_state.update({"drawer-from": trace_id, "drawer-trace": present})
        _walk(ids, present)
        for item in [item for item in evidence if item.trace_id == present]:
            st.markdown(_said(item, with_sides, 1000))
        with states.failures("drawer"):
            trace_viewer.trace_viewer(present, key=f"drawer-{present}")

    beside()


def _walk(ids: Sequence[str], present: str) -> None:
    if present not in ids or len(ids) < 2:
        return
    at = ids.index(present)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, step in (("Previous", "arrow_back", -1), ("Next", "arrow_forward", 1)):
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                disabled=not 0 <= at + step < len(ids),
                key=f"drawer-{label}",
                on_click=_step,
                args=(ids[max(0, min(len(ids) - 1, at + step))],),
            )
        st.caption(f"{at + 1} of {plural(len(ids), 'trace')}", width="content")


def _step(trace_id: str) -> None:
    st.session_state["drawer-trace"] = trace_id


def compare(evidence: Sequence[Evidence], with_sides: bool = True) -> None:
    """Two to four traces of the evidence side by side; the inside of a dialog.

    Args:
        evidence: What can be chosen from.
        with_sides: The evidence is for or against something; one of each is compared at first.
    """
    newest = sorted(evidence, key=lambda item: item.created_at, reverse=True)
    pieces = {item.trace_id: item for item in reversed(newest)}
    sides_of = [next((one for one in pieces if supports(pieces[one]) == side), None) for side in (True, False)]
    start = [one for one in sides_of if one]
    chosen = st.multiselect(
        "Traces",
        list(pieces),
        default=start if len(start) > 1 else list(pieces)[:2],
        max_selections=4,
        format_func=lambda one: f"{trace_viewer.short_id(one)} {_short(pieces[one], with_sides)}",
        key="compare-traces",
    )
    if len(chosen) < 2:
        st.caption("Choose two to four traces.")
        return
    for place, (column, trace_id) in enumerate(zip(st.columns(len(chosen)), chosen, strict=True)):
        with column, states.failures(f"compare-{place}"):
            st.markdown(_said(pieces[trace_id], with_sides, 300))
            trace_viewer.trace_viewer(trace_id, key=f"compare-{place}-{trace_id}")


def _short(item: Evidence, with_sides: bool) -> str:
    side = ("for: " if supports(item) else "against: ") if with_sides else ""
    return f"{side}{item.rationale[:60]}"


def _said(item: Evidence, with_sides: bool, limit: int) -> str:
    word = ":blue-badge[:material/add: Supports] " if supports(item) else ":gray-badge[:material/remove: Refutes] "
    return f"{word if with_sides else ''}{escape_markdown(item.rationale, limit)}"
