"""Dialogs of the Issues page: new issue, add evidence, compare, close several, log assessments on several."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from insights_core.errors import InsightsError
from pages._ui.investigation import evidence_list, find_evidence, issue_actions, issue_fields, issue_table
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.parts import dialogs
from pages._ui.shell import investigations, loaders, permissions, url_state

# An issue needs an analysis that it comes from; those written by hand share one of this name.
BY_HAND = "By hand"
_COMPARED = "Traces side by side"


def show(experiment_id: str, sources: Mapping[str, str]) -> bool:
    """Draw the dialog of the page that was asked for, if one was."""
    name, arguments = st.session_state.get("asked-dialog", ("", {}))
    if name == "compare":
        return dialogs.show({"compare": (_COMPARED, _compare)}, width="large")
    closing = "Reject issues" if arguments.get("status") == "REJECTED" else "Resolve issues"
    return dialogs.show(
        {
            "new-issue": ("New issue", lambda: _new(experiment_id, sources)),
            "add-evidence": ("Add evidence", lambda issue_id: _add(experiment_id, issue_id)),
            "bulk-close": (closing, issue_table.close_all),
            "log-assessments": ("Log assessments", _log),
        }
    )


def _compare(issue_id: str) -> None:
    evidence_list.compare(investigations.issue(issue_id).evidence, with_sides=False)


def _new(experiment_id: str, sources: Mapping[str, str]) -> None:
    options = {"": BY_HAND, **{run: name for run, name in sources.items() if name != BY_HAND}}
    source = st.selectbox(
        "Comes from",
        list(options),
        format_func=lambda one: options.get(one, one),
        key="new-issue-source",
        help="The investigation that found it. A hypothesis carries its evidence over: create the issue from its card.",
    )
    values = issue_fields.form("new-issue", title="", button="Create issue")
    if values is None:
        return
    try:
        run_id = source or _by_hand(experiment_id, sources)
        made = loaders.client().create_issue(run_id, author=permissions.author(), **values)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    investigations.forget()
    url_state.put("issue", made)
    dialogs.close()


def _by_hand(experiment_id: str, sources: Mapping[str, str]) -> str:
    known = next((run for run, name in sources.items() if name == BY_HAND), None)
    return known or loaders.client().create_analysis(
        experiment_id,
        run_name="by-hand",
        name=BY_HAND,
        description="Issues that were written down without an investigation.",
        author=permissions.author(),
    )


def _add(experiment_id: str, issue_id: str) -> None:
    issue = investigations.issue(issue_id)
    st.markdown(f"**{escape_markdown(issue.title, 200)}**")

    def add(trace_id: str, rationale: str, _: bool | None) -> None:
        item = {"trace_id": trace_id, "rationale": rationale}
        loaders.client().update_issue(issue_id=issue_id, evidence=[item], author=permissions.author())
        investigations.forget()
        url_state.put("trace", trace_id)
        st.session_state.pop(f"issue-page-{issue_id}", None)
        dialogs.close()

    find_evidence.dialog(experiment_id, {item.trace_id for item in issue.evidence}, add, with_sides=False)


def _log(issue_ids: list[str]) -> None:
    issues = [investigations.issue(one) for one in issue_ids]
    for one in issues:
        st.markdown(
            f"{escape_markdown(one.title, 120)}  \n:small[:gray[`{issue_actions.assessment_name(one.title)}` on {plural(one.trace_count, 'trace')}]]"
        )
    st.caption("One feedback on each trace, with its rationale. No trace gets it twice.")
    issue_actions.log_form(issues, "log-bulk")
