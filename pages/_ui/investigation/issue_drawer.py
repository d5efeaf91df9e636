"""One issue beside the list: what one decides with at the top, then the evidence with its traces."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Evidence, Issue
from pages._ui.investigation import hypothesis_body, issue_actions
from pages._ui.look.badges import badge
from pages._ui.look.formats import escape_markdown, moment, plural
from pages._ui.parts import dialogs, pick_list
from pages._ui.parts.evidence import evidence_bar
from pages._ui.parts.pick_list import Option
from pages._ui.shell import investigations, navigation, states
from pages._ui.traces import trace_viewer

_PAGE = 5


def _closed() -> None:
    for name in ("issue", "trace"):
        st.query_params.pop(name, None)


def drawer(issue_id: str, sources: dict[str, str], may_write: bool) -> None:
    """Open it.

    Args:
        issue_id: Which; the URL names it.
        sources: Analysis run id -> its name.
        may_write: Whether to offer changes.
    """
    title = "Issue"
    with states.failures("issue"):
        title = investigations.issue(issue_id).title

    @st.dialog(escape_markdown(title, 200), position="right", width=560, on_dismiss=_closed)
    def beside() -> None:
        with states.failures("issue-drawer"):
            _inside(investigations.issue(issue_id), sources, may_write)

    beside()


def _inside(issue: Issue, sources: dict[str, str], may_write: bool) -> None:
    _origin(issue, sources)
    with st.container(horizontal=True, vertical_alignment="bottom", key="issue-fields"):
        if may_write:
            issue_actions.fields(issue)
        else:
            st.markdown(f"{badge(issue.severity.value)} {badge(issue.status.value)}")
    if may_write:
        with st.container(horizontal=True, key="issue-decisions"):
            issue_actions.decisions(issue)
    issue_actions.problem()
    if issue.description.strip():
        st.markdown(hypothesis_body.paragraphs(issue.description))
    if issue.resolution:
        st.markdown(f"**Resolution**  \n{hypothesis_body.paragraphs(issue.resolution)}")
    _hypothesis(issue)
    with st.container(horizontal=True, key="issue-more"):
        _more(issue, may_write)
    _evidence(issue)


def _more(issue: Issue, may_write: bool) -> None:
    if may_write and issue.evidence:
        with st.popover("Log assessments", icon=":material/rule:", type="tertiary", key="issue-log", width="content"):
            st.caption("One feedback on each trace of this issue, with its rationale. No trace gets it twice.")
            issue_actions.log_form([issue], f"log-{issue.issue_id}")
    with st.popover("Export", icon=":material/ios_share:", type="tertiary", key="issue-export"):
        issue_actions.export(issue, may_write)
    with st.popover("History", icon=":material/history:", type="tertiary", key="issue-history"):
        hypothesis_body.history(issue.history)


def _origin(issue: Issue, sources: dict[str, str]) -> None:
    by = issue.history[0].author if issue.history else ""
    source = sources.get(issue.source_run_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key="flush-origin"):
        st.caption(
            f"opened {moment(issue.created_at)}"
            + (f" by {escape_markdown(by, 40)}" if by else "")
            + (" from" if source else ""),
            width="content",
        )
        if source:
            params = {"run": issue.source_run_id}
            if issue.hypothesis_id:
                params["hypothesis"] = issue.hypothesis_id
            label = f"the hypothesis of {source}" if issue.hypothesis_id else source
            navigation.link("run", escape_markdown(label, 60), params)


def _hypothesis(issue: Issue) -> None:
    if not issue.hypothesis_id:
        return
    line = next((one for one in investigations.hypotheses(issue.source_run_id) if one.id == issue.hypothesis_id), None)
    if line:
        st.caption(f"Hypothesis: {escape_markdown(line.title, 200)} {badge(line.status)}")
        evidence_bar(line.supports_count, line.refutes_count)


def _evidence(issue: Issue) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Evidence** :gray[{plural(issue.trace_count, 'trace')}]", width="stretch")
        if issue.trace_count > 1 and st.button(
            "Compare traces", icon=":material/compare_arrows:", type="tertiary", key="issue-compare"
        ):
            dialogs.forget("compare-traces")
            dialogs.ask("compare", issue_id=issue.issue_id)
    pieces: dict[str, list[Evidence]] = {}
    for item in issue.evidence:
        pieces.setdefault(item.trace_id, []).append(item)
    if not pieces:
        st.caption("No trace yet. Add one that shows the problem.")
        return
    ids, key = list(pieces), f"issue-page-{issue.issue_id}"
    pages, wanted = -(-len(ids) // _PAGE), st.query_params.get("trace")
    first = (ids.index(wanted) if wanted in ids else 0) // _PAGE + 1
    page = min(int(st.session_state.get(key, first)), pages)
    options = {one: _option(pieces[one]) for one in ids[(page - 1) * _PAGE : page * _PAGE]}
    chosen = pick_list.pick_list("Evidence", options, "issue-evidence", "trace")
    if pages > 1:
        st.pagination(pages, default=first, key=key, max_visible_pages=5)
    with states.failures("issue-trace"):
        trace_viewer.trace_viewer(chosen, key=f"issue-{chosen}")


def _option(items: list[Evidence]) -> Option:
    said = " · ".join(dict.fromkeys(item.rationale for item in items))
    first = items[0]
    return Option(
        escape_markdown(said, 220),
        (
            f"`{trace_viewer.short_id(first.trace_id)}`",
            "",
            f":gray[{escape_markdown(first.author, 14)}]" if first.author else "",
            f":gray[{moment(first.created_at)}]",
        ),
    )
