"""The inside of an open hypothesis card: evidence, testing plan, metrics, history, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Change, Hypothesis, HypothesisStatus
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import InsightsError
from pages._ui.investigation import evidence_list, live
from pages._ui.look.formats import clock, escape_markdown, number
from pages._ui.parts import dialogs
from pages._ui.shell import investigations, loaders, permissions

_SHOWN_CHANGES = 30
_SHOWN_METRICS = 12
_VALUE_CHARS = 160
_FIELDS = {"testing_plan": "Testing plan", "evidence": "Evidence", "metadata": "Notes"}


def body(line: EntitySummary, may_write: bool, ticking: bool) -> None:
    """Draw it.

    Args:
        line: The hypothesis as the list knows it; the rest is read once a revision.
        may_write: Whether to offer actions.
        ticking: The analysis is ACTIVE.
    """
    found = investigations.hypothesis(line)
    if len(found.statement) > 200:
        st.markdown(paragraphs(found.statement))
    with st.container(horizontal=True, vertical_alignment="center", key="evidence-controls"):
        if found.evidence:
            evidence_list.side_control(line.id)
        if len({item.trace_id for item in found.evidence}) > 1 and st.button(
            "Compare traces", icon=":material/compare_arrows:", type="tertiary", key=f"compare-{line.id}"
        ):
            dialogs.forget("compare-traces")
            dialogs.ask("compare", hypothesis_id=line.id)
    if found.evidence:
        evidence_list.sides(found.evidence, line.id)
    else:
        st.caption("No evidence yet. Find a trace that shows it, and one that would refute it.")
    _reason(found)
    _about(found)
    if may_write:
        _actions(found, line, ticking)


def paragraphs(text: str) -> str:
    """Text of people and agents as Markdown that keeps its lines and nothing else."""
    return "  \n".join(escape_markdown(one) for one in text.strip().splitlines())


def _reason(found: Hypothesis) -> None:
    if found.status == HypothesisStatus.TESTING:
        return
    change = next((one for one in reversed(found.history) if one.field == "status"), None)
    if change:
        why = escape_markdown(change.why or "no reason was given", 800)
        st.markdown(f"**Why** {why} :small[:gray[· {escape_markdown(change.author, 40)} · {clock(change.at)}]]")


def _about(found: Hypothesis) -> None:
    if found.metrics:
        with st.container(horizontal=True, gap="medium", key=f"metrics-{found.hypothesis_id}"):
            for name, value in list(found.metrics.items())[:_SHOWN_METRICS]:
                words = escape_markdown(name.replace("_", " "), 60)
                st.markdown(f"**{escape_markdown(number_or_text(value), 60)}** :gray[{words}]", width="content")
    plan, past = st.columns(2, gap="medium")
    if found.testing_plan.strip():
        with plan.expander(
            "Testing plan", icon=":material/checklist:", type="compact", key=f"plan-{found.hypothesis_id}"
        ):
            st.markdown(paragraphs(found.testing_plan))
    else:
        plan, past = past, plan
    with past.expander("History", icon=":material/history:", type="compact", key=f"history-{found.hypothesis_id}"):
        history(found.history)


def number_or_text(value: object) -> str:
    """A figure as a page writes it, anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value) if float(value).is_integer() else f"{value:,.4g}"


def history(changes: Sequence[Change]) -> None:
    """Who changed what, when and why, the newest first."""
    # The reason of a change of status is kept in the notes too; once is enough to read it.
    told = [one for one in changes if not (one.field == "metadata" and one.after == {"reason": one.why})]
    for change in list(reversed(told))[:_SHOWN_CHANGES]:
        name = _FIELDS.get(change.field, change.field.replace("_", " ").capitalize())
        why = f" · {escape_markdown(change.why, 300)}" if change.why else ""
        st.markdown(
            f":small[:gray[{escape_markdown(clock(change.at))} · {escape_markdown(change.author or 'unknown', 40)}]]  \n"
            f"{escape_markdown(name)} {_what(change)}{why}"
        )
    if len(told) > _SHOWN_CHANGES:
        st.caption(f"{number(len(told) - _SHOWN_CHANGES)} earlier changes are in the entity's file.")


def _what(change: Change) -> str:
    if change.field == "evidence":
        items = change.after if isinstance(change.after, list) else [change.after]
        ids = [str(one.get("trace_id") if isinstance(one, dict) else one) for one in items]
        return (
            "added: "
            + ", ".join(f"`{''.join(c for c in one if c.isalnum() or c in '-_')[:11]}`" for one in ids[:5])
            + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
        )
    if change.field == "metadata" and change.why:
        return ""
    before, after = (escape_markdown(one, _VALUE_CHARS) for one in (change.before, change.after))
    return f"{before} → {after}" if change.before not in (None, "") else after


def _actions(found: Hypothesis, line: EntitySummary, ticking: bool) -> None:
    key = line.id
    with st.container(horizontal=True, key="hypothesis-actions"):
        if found.status == HypothesisStatus.TESTING:
            _decide(
                line, "Validate", "verified", HypothesisStatus.VALIDATED, "What makes it sure enough?", primary=True
            )
            _decide(line, "Reject", "block", HypothesisStatus.REJECTED, "What speaks against it?")
        else:
            taken_back = "What is new?"
            if found.status == HypothesisStatus.VALIDATED:
                _issue_button(key, primary=True)
            _decide(line, "Test again", "science", HypothesisStatus.TESTING, taken_back)
        if found.status == HypothesisStatus.TESTING:
            _issue_button(key)
        if st.button("Add evidence", icon=":material/add:", key=f"add-{key}"):
            dialogs.forget("add-evidence-")
            dialogs.ask("add-evidence", hypothesis_id=key)


def _issue_button(hypothesis_id: str, primary: bool = False) -> None:
    kind = "primary" if primary else "secondary"
    if st.button("Create issue", icon=":material/flag:", type=kind, key=f"issue-{hypothesis_id}"):
        dialogs.forget("new-issue-")
        dialogs.ask("new-issue", hypothesis_id=hypothesis_id)


def _decide(
    line: EntitySummary, label: str, icon: str, status: HypothesisStatus, question: str, primary: bool = False
) -> None:
    """A button that asks for the reason first."""
    kind = "primary" if primary else "secondary"
    name = f"{status.lower()}-{line.id}"
    with (
        st.popover(label, icon=f":material/{icon}:", type=kind, key=f"popover-{name}"),
        st.form(f"form-{name}", border=False, enter_to_submit=False),
    ):
        reason = st.text_area("Reason", placeholder=question, key=f"reason-{name}", height=90, width=300)
        sent = st.form_submit_button(f"{label} hypothesis" if label != "Test again" else label, type="primary")
        if sent and not reason.strip():
            st.caption(":red[Give a reason: it stays in the history.]")
        elif sent:
            _change_status(line, status, reason.strip())


def _change_status(line: EntitySummary, status: HypothesisStatus, reason: str) -> None:
    try:
        loaders.client().update_hypothesis(
            line.run_id, line.id, status=status, reason=reason, author=permissions.author()
        )
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    live.after_change()
    st.rerun()
