"""The live dashboard of an analysis: counts, and a card for each hypothesis of which one is open."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import AnalysisStatus
from insights_core.entities.investigation import EntitySummary
from pages._ui.investigation import hypothesis_body, live
from pages._ui.look.badges import badge
from pages._ui.look.formats import escape_markdown, moment, number
from pages._ui.parts import dialogs, filters
from pages._ui.parts.evidence import evidence_bar
from pages._ui.shell import states, url_state

_PAGE = 20
# Fewer are seen at once and need no filter.
_FILTER_FROM = 6
_SHOWN = {"ALL": "All", "TESTING": "Testing", "VALIDATED": "Validated", "REJECTED": "Rejected"}
_ORDERS = {"oldest": "As they came", "latest": "Latest news first", "evidence": "Most evidence"}
_STATEMENT_CHARS = 240


def dashboard(run_id: str, mark: st.delta_generator.DeltaGenerator, may_write: bool, issue_count: int) -> None:
    """Draw the mark, the counts and the cards; while the analysis is ACTIVE, look for news.

    Args:
        run_id: The analysis.
        mark: Where the live mark stands, in the page's header.
        may_write: Whether to offer actions.
        issue_count: Issues that came from this analysis.
    """
    seen = live.watch(run_id)
    ticking = bool(seen.analysis) and seen.analysis.status == AnalysisStatus.ACTIVE

    every = live.look_seconds(seen.analysis.status, seen.updated_at) if seen.analysis else None

    @states.fragment(key="dashboard")
    def board() -> None:
        live.toasts(seen)
        with mark:
            live.mark(seen)
        _counts(seen.hypotheses, issue_count)
        _cards(seen.hypotheses, may_write, bool(ticking))

    @states.fragment(run_every=every, key="news")
    def look() -> None:
        # Draws nothing where nothing is new, so that nothing of the page is sent again.
        if live.look(seen):
            st.rerun()

    if ticking:
        # The live mark says that the page looks for news; Streamlit's own signs of it, the running figure and the
        # fading of what is drawn again, would flash each second.
        st.html("<style>[data-testid=stStatusWidget]{display:none}[data-stale=true]{opacity:1!important}</style>")
    board()
    if ticking:
        look()


def _counts(found: Sequence[EntitySummary], issue_count: int) -> None:
    by_status = {status: sum(one.status == status for one in found) for status in ("VALIDATED", "TESTING", "REJECTED")}
    evidence = sum(one.evidence_count for one in found)
    with st.container(horizontal=True, gap="medium", key="counts"):
        for value, one, many in (
            (len(found), "hypothesis", "hypotheses"),
            (by_status["VALIDATED"], "validated", "validated"),
            (by_status["TESTING"], "testing", "testing"),
            (by_status["REJECTED"], "rejected", "rejected"),
            (evidence, "piece of evidence", "pieces of evidence"),
            (issue_count, "issue made", "issues made"),
        ):
            st.markdown(f"**{number(value)}** :gray[{one if value == 1 else many}]", width="content")


def _cards(found: Sequence[EntitySummary], may_write: bool, ticking: bool) -> None:
    if not found:
        _nothing(may_write, ticking)
        return
    shown = _filtered(found) if len(found) >= _FILTER_FROM else list(found)
    chosen = st.query_params.get("hypothesis")
    pages, first = max(1, -(-len(shown) // _PAGE)), _page_of(shown, chosen)
    page = min(int(st.session_state.get("hypothesis-page", first)), pages)
    for line in shown[(page - 1) * _PAGE : page * _PAGE]:
        _card(line, line.id == chosen, may_write, ticking)
    if not shown:
        st.caption("No hypothesis matches. Clear the search or choose another status.")
    if pages > 1:
        st.pagination(pages, default=first, key="hypothesis-page")


def _page_of(shown: Sequence[EntitySummary], chosen: str | None) -> int:
    """The page with the hypothesis of the URL: where the list begins."""
    at = next((place for place, one in enumerate(shown) if one.id == chosen), 0)
    return at // _PAGE + 1


def _nothing(may_write: bool, ticking: bool) -> None:
    text = (
        "A hypothesis is a statement that traces can support or refute. Write the first one, or let an agent do it: it appears here."
        if ticking
        else "This investigation ended without one. Reopen it to go on."
    )
    with states.empty("No hypotheses yet", text):
        if (
            may_write
            and ticking
            and st.button("New hypothesis", icon=":material/add:", type="primary", key="first-hypothesis")
        ):
            dialogs.forget("new-hypothesis-")
            dialogs.ask("new-hypothesis")


def _filtered(found: Sequence[EntitySummary]) -> list[EntitySummary]:
    with st.container(horizontal=True, vertical_alignment="center", key="hypothesis-filters"):
        words = filters.search("hypothesis-search", "Search statements")
        status = url_state.segmented("Status", _SHOWN, "status", "hypothesis-status", "ALL")
        order = filters.choose("sort", "Order", _ORDERS, "hypothesis-sort", "oldest", width=180)
    shown = [one for one in found if status in ("ALL", one.status) and words.lower() in one.title.lower()]
    if order == "latest":
        shown.sort(key=lambda one: one.updated_at, reverse=True)
    elif order == "evidence":
        shown.sort(key=lambda one: -one.evidence_count)
    return shown


def _card(line: EntitySummary, is_open: bool, may_write: bool, ticking: bool) -> None:
    with st.container(border=True, key=f"card-{line.id}"):
        head, bar, toggle = st.columns([11, 10, 2], vertical_alignment="center", gap="medium")
        head.markdown(
            f"**{escape_markdown(line.title, _STATEMENT_CHARS)}**  \n{badge(line.status)} :small[:gray[{_news_age(line)}]]"
        )
        with bar:
            evidence_bar(line.supports_count, line.refutes_count)
        toggle.button(
            "Close" if is_open else "Open",
            key=f"toggle-{line.id}",
            type="tertiary",
            icon=":material/expand_less:" if is_open else ":material/expand_more:",
            on_click=_toggle,
            args=(line.id, is_open),
        )
        if is_open:
            with states.failures(f"body-{line.id}"):
                hypothesis_body.body(line, may_write, ticking)


def _news_age(line: EntitySummary) -> str:
    last = line.last_evidence_at
    return f"last evidence {moment(last)}" if last else f"updated {moment(line.updated_at)}"


def _toggle(hypothesis_id: str, was_open: bool) -> None:
    st.query_params.pop("trace", None)
    url_state.put("hypothesis", None if was_open else hypothesis_id)
