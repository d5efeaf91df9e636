"""Dialogs of an investigation: new investigation, new hypothesis, add evidence, issue from hypothesis, report."""

from __future__ import annotations

import re

import streamlit as st

from insights_core.entities import Hypothesis
from insights_core.errors import InsightsError
from pages._ui.investigation import evidence_list, find_evidence, issue_fields, live
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.parts import dialogs
from pages._ui.parts.evidence import evidence_bar
from pages._ui.shell import investigations, loaders, permissions, url_state

_FORMATS = {
    "markdown": ("Markdown", "md", "text/markdown", "article"),
    "pdf": ("PDF", "pdf", "application/pdf", "picture_as_pdf"),
    "notebook": ("Notebook", "ipynb", "application/x-ipynb+json", "code_blocks"),
    "json": ("JSON", "json", "application/json", "data_object"),
}


def show(seen: live.Watch) -> bool:
    """Draw the dialog of the page that was asked for, if one was."""
    wide = {
        "compare": (
            "Traces side by side",
            lambda hypothesis_id: evidence_list.compare(_of(seen, hypothesis_id).evidence),
        )
    }
    if st.session_state.get("asked-dialog", ("",))[0] in wide:
        return dialogs.show(wide, width="large")
    return dialogs.show(
        {
            "new-hypothesis": ("New hypothesis", lambda: _new_hypothesis(seen)),
            "add-evidence": ("Add evidence", lambda hypothesis_id: _add_evidence(seen, hypothesis_id)),
            "new-issue": ("Create issue", lambda hypothesis_id: _new_issue(seen, hypothesis_id)),
            "export": ("Export report", lambda: _export(seen)),
        }
    )


def _of(seen: live.Watch, hypothesis_id: str) -> Hypothesis:
    line = next((one for one in seen.hypotheses if one.id == hypothesis_id), None)
    return investigations.hypothesis(line) if line else loaders.client().get_hypothesis(seen.run_id, hypothesis_id)


def _new_hypothesis(seen: live.Watch) -> None:
    with st.form("new-hypothesis-form", border=False, enter_to_submit=False):
        statement = st.text_area(
            "Statement",
            key="new-hypothesis-statement",
            placeholder="A refused card after gift-card debits leaves the gift cards debited",
            help="One sentence that traces can support or refute.",
            height=80,
        )
        plan = st.text_area(
            "Testing plan",
            key="new-hypothesis-plan",
            placeholder="1. Find traces where charge_card fails after a debit.\n2. Find as many where it does not.\n3. Validate above 80% support.",
            help="How to find traces for and against, and what decides.",
            height=130,
        )
        sent = st.form_submit_button("Add hypothesis", type="primary", icon=":material/add:")
    if sent and not statement.strip():
        st.caption(":red[Write the statement.]")
    elif sent:
        try:
            made = loaders.client().create_hypothesis(seen.run_id, statement, plan, author=permissions.author())
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return
        live.after_change()
        url_state.put("hypothesis", made)
        dialogs.close()


def _add_evidence(seen: live.Watch, hypothesis_id: str) -> None:
    found = _of(seen, hypothesis_id)
    st.markdown(f"**{escape_markdown(found.statement, 300)}**")

    def add(trace_id: str, rationale: str, supports: bool | None) -> None:
        item = {"trace_id": trace_id, "rationale": rationale, "supports": supports}
        loaders.client().update_hypothesis(seen.run_id, hypothesis_id, add_evidence=[item], author=permissions.author())
        live.after_change()
        dialogs.close()

    find_evidence.dialog(seen.experiment_id, {item.trace_id for item in found.evidence}, add, with_sides=True)


def _new_issue(seen: live.Watch, hypothesis_id: str) -> None:
    found = _of(seen, hypothesis_id)
    evidence_bar(found.supports_count, found.refutes_count)
    carried = len({item.trace_id for item in found.evidence if evidence_list.supports(item)})
    st.caption(
        f"{plural(carried, 'trace')} that support it are carried over as evidence; those that refute it stay here."
    )
    values = issue_fields.form("new-issue", title=found.statement[:200], button="Create issue")
    if values is None:
        return
    try:
        made = loaders.client().create_issue(
            seen.run_id, hypothesis_id=hypothesis_id, author=permissions.author(), **values
        )
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    investigations.forget()
    dialogs.leave("issues", {"issue": made})


def _export(seen: live.Watch) -> None:
    st.caption(
        "Result, issues, and every hypothesis with its evidence. The notebook reads the same data back from MLflow."
    )
    client, run_id = loaders.client(), seen.run_id
    name = _file_name(seen.analysis.title if seen.analysis else run_id)
    with st.container(horizontal=True):
        for format, (label, suffix, mime, icon) in _FORMATS.items():
            st.download_button(
                label,
                data=lambda format=format: investigations.report(client, run_id, format),
                file_name=f"{name}.{suffix}",
                mime=mime,
                icon=f":material/{icon}:",
                on_click="ignore",
                key=f"export-{format}",
            )


def _file_name(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower()[:60] or "investigation"


def new_analysis(experiment_id: str) -> None:
    """The inside of the dialog that starts an investigation."""
    with st.form("new-analysis-form", border=False, enter_to_submit=False):
        name = st.text_input("Name", key="new-analysis-name", placeholder="Payment failures", max_chars=200)
        description = st.text_area(
            "What is to be found out?",
            key="new-analysis-description",
            placeholder="Why do customers with gift cards end with a debit and no booking?",
            height=100,
        )
        sent = st.form_submit_button("Start investigation", type="primary", icon=":material/science:")
    if sent and not name.strip():
        st.caption(":red[Give it a name.]")
    elif sent:
        try:
            made = loaders.client().create_analysis(
                experiment_id, run_name=name.strip(), description=description, author=permissions.author()
            )
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return
        investigations.forget()
        dialogs.leave("run", {"run": made})
