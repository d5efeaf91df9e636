"""What can be done with an issue: decide, export, log assessments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import streamlit as st

from insights_core import settings
from insights_core.artifacts.statuses import allowed_next
from insights_core.entities import Issue, IssueStatus
from insights_core.errors import InsightsError
from pages._ui.investigation.issue_fields import SEVERITIES
from pages._ui.look.badges import word
from pages._ui.look.formats import escape_html, escape_markdown, plural
from pages._ui.parts import dialogs
from pages._ui.shell import investigations, loaders, permissions

_SYSTEMS: dict[str, tuple[str, tuple[settings.Setting, ...]]] = {
    "github": ("GitHub", (settings.GITHUB_TOKEN, settings.GITHUB_REPOSITORY)),
    "jira": ("Jira", (settings.JIRA_URL, settings.JIRA_EMAIL, settings.JIRA_API_TOKEN, settings.JIRA_PROJECT)),
    "linear": ("Linear", (settings.LINEAR_API_KEY, settings.LINEAR_TEAM_ID)),
    "slack": ("Slack", (settings.SLACK_BOT_TOKEN, settings.SLACK_CHANNEL)),
}
_PROBLEM = "issue-problem"


def fields(issue: Issue) -> None:
    """Severity and status, each changed as soon as it is chosen."""
    left, right = f"issue-severity-{issue.issue_id}", f"issue-status-{issue.issue_id}"
    # What is stored wins over what was chosen here before: somebody else may have changed it.
    st.session_state[left], st.session_state[right] = issue.severity.value, issue.status.value
    st.selectbox(
        "Severity",
        SEVERITIES,
        format_func=word,
        key=left,
        width=130,
        on_change=_from_widget,
        args=(issue.issue_id, "severity", left),
    )
    statuses = [issue.status.value, *(one.value for one in allowed_next(issue.status))]
    st.selectbox(
        "Status",
        statuses,
        format_func=word,
        key=right,
        width=140,
        on_change=_from_widget,
        args=(issue.issue_id, "status", right),
    )


def _from_widget(issue_id: str, field: str, key: str) -> None:
    change(issue_id, **{field: st.session_state[key]})


def change(issue_id: str, **values: str) -> None:
    """Change an issue; a refusal is shown in the drawer by `problem`."""
    try:
        loaders.client().update_issue(issue_id=issue_id, author=permissions.author(), **values)
    except InsightsError as error:
        st.session_state[_PROBLEM] = error.message
    investigations.forget()


def problem() -> None:
    """Why the last change was refused, once."""
    text = st.session_state.pop(_PROBLEM, None)
    if text:
        st.error(escape_markdown(text), icon=":material/error:")


def decisions(issue: Issue) -> None:
    """The next steps that make sense from the present status, the likeliest first."""
    if issue.status == IssueStatus.OPEN:
        st.button(
            "Accept",
            icon=":material/check:",
            type="primary",
            on_click=change,
            args=(issue.issue_id,),
            kwargs={"status": "IN_PROGRESS"},
            help="It is a problem and is being worked on",
        )
    if IssueStatus.RESOLVED in allowed_next(issue.status):
        _with_text(
            issue,
            "Resolve",
            "check_circle",
            IssueStatus.RESOLVED,
            "Resolution",
            "What was changed, and where can it be checked?",
        )
    if IssueStatus.REJECTED in allowed_next(issue.status):
        _with_text(issue, "Reject", "block", IssueStatus.REJECTED, "Reason", "Why is this no problem?")
    if issue.status in (IssueStatus.RESOLVED, IssueStatus.REJECTED):
        st.button(
            "Reopen",
            icon=":material/undo:",
            on_click=change,
            args=(issue.issue_id,),
            kwargs={"status": "OPEN"},
        )
    if st.button("Add evidence", icon=":material/add:", key="issue-add-evidence"):
        dialogs.forget("add-evidence-")
        dialogs.ask("add-evidence", issue_id=issue.issue_id)


def _with_text(issue: Issue, label: str, icon: str, status: IssueStatus, field: str, question: str) -> None:
    primary = status == IssueStatus.RESOLVED and issue.status == IssueStatus.IN_PROGRESS
    key = f"{status.lower()}-{issue.issue_id}"
    with (
        st.popover(label, icon=f":material/{icon}:", type="primary" if primary else "secondary", key=f"popover-{key}"),
        st.form(f"form-{key}", border=False, enter_to_submit=False),
    ):
        text = st.text_area(field, placeholder=question, key=f"text-{key}", height=90, width=300)
        if not st.form_submit_button(f"{label} issue", type="primary"):
            return
        if not text.strip():
            st.caption(":red[Say why: it stays with the issue.]")
            return
        kept = {"resolution": text.strip()} if status == IssueStatus.RESOLVED else {"reason": text.strip()}
        change(issue.issue_id, status=status.value, **kept)
        st.rerun()


def export(issue: Issue, may_write: bool) -> None:
    """Links to where the issue is already, and a button for each other system that is set up."""
    from insights_core.export.issues import exported_to

    known = exported_to(issue)
    if not may_write and not known:
        st.caption("It is in no other system.")
    with st.container(horizontal=True, vertical_alignment="center", key="issue-export-systems"):
        for system, (name, needed) in _SYSTEMS.items():
            if system in known:
                _link(name, known[system].key, known[system].url)
                continue
            missing = [one.name for one in needed if not one.get()]
            if may_write:
                st.button(
                    name,
                    icon=":material/send:" if system == "slack" else ":material/ios_share:",
                    key=f"export-{system}",
                    disabled=bool(missing),
                    help=f"Set {', '.join(missing)} to export to {name}." if missing else None,
                    on_click=_export,
                    args=(issue.issue_id, system),
                )
    unset = {name: [one.name for one in needed if not one.get()] for name, needed in _SYSTEMS.values()}
    lines = [f"{name} needs {', '.join(missing)}" for name, missing in unset.items() if missing]
    if lines and may_write:
        st.caption(". ".join(lines) + ".")


def _link(name: str, key: str, url: str) -> None:
    label = name if name == "Slack" else f"{name} {key}"
    if url.startswith(("https://", "http://")):
        st.link_button(escape_markdown(label, 60), url, icon=":material/open_in_new:", type="tertiary")
    else:
        st.html(f'<span class="mi-muted">{escape_html(label)}</span>', width="content")


def _export(issue_id: str, system: str) -> None:
    from insights_core.export.issues import export_issue

    try:
        export_issue(loaders.client(), issue_id, system, author=permissions.author())
    except InsightsError as error:
        st.session_state[_PROBLEM] = error.message
    investigations.forget()


def assessment_name(title: str) -> str:
    """A name for the feedback, made from the issue's title."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50].rstrip("_") or "issue"


def log_form(issues: Sequence[Issue], key: str, done: Callable[[], None] | None = None) -> None:
    """Log one Feedback on each trace of some issues, with progress; asked again, it goes on where it ended.

    Args:
        issues: Which; several get a name each, made from their titles.
        key: Prefix of the fields' keys.
        done: Called afterwards.
    """
    traces = sum(one.trace_count for one in issues)
    with st.form(f"{key}-form", border=False):
        name = ""
        if len(issues) == 1:
            known = issues[0].assessments
            name = st.text_input(
                "Name of the assessment",
                value=known[0] if known else assessment_name(issues[0].title),
                key=f"{key}-name",
                max_chars=250,
            )
        sent = st.form_submit_button(f"Log on {plural(traces, 'trace')}", type="primary", icon=":material/rule:")
    if not sent:
        return
    for issue in issues:
        _log(issue, name.strip() or assessment_name(issue.title))
    investigations.forget()
    if done:
        done()


def _log(issue: Issue, name: str) -> None:
    bar = st.progress(0.0, f"0 of {plural(issue.trace_count, 'trace')}")

    def progress(count: int, total: int) -> None:
        bar.progress(count / total, f"{count} of {plural(total, 'trace')}")

    try:
        told = loaders.client().log_issue_assessments(
            issue.issue_id, name, progress=progress, author=permissions.author()
        )
    except InsightsError as error:
        bar.empty()
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    bar.empty()
    parts = [f"{plural(len(told.logged), 'trace')} assessed"]
    if told.already:
        parts.append(f"{len(told.already)} had it already")
    if told.missing:
        parts.append(f"{len(told.missing)} no longer exist")
    st.success(f"{escape_markdown(name)}: {', '.join(parts)}.", icon=":material/rule:")
