"""From traces to an investigation: a topic or a selection becomes a hypothesis, or evidence of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from insights_core.entities import AnalysisStatus
from insights_core.entities.investigation import AnalysisSummary
from insights_core.errors import InsightsError
from pages._ui.look.badges import badge
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.shell import investigations, loaders, navigation, permissions, states

_NEW = ""
# Linking and storing take seconds above this; a sample of so many decides just as well.
_MOST = 500
_UNSAID = "Chosen together with the others."


def promote(
    experiment_id: str,
    trace_ids: Sequence[str],
    suggested_statement: str = "",
    rationale: str = "",
    rationales: Mapping[str, str] | None = None,
) -> None:
    """Open the dialog; call it where a button was pressed.

    Args:
        experiment_id: Experiment of the traces.
        trace_ids: The topic's or the selection's traces.
        suggested_statement: What a new hypothesis could say; plain text.
        rationale: Why each trace is evidence; the person can change it.
        rationales: Trace id -> its own reason, such as its summary; used where the rationale is left empty.
    """
    for key in [key for key in st.session_state if str(key).startswith("promote-")]:
        del st.session_state[key]
    ids = list(dict.fromkeys(trace_ids))

    def inside() -> None:
        with states.failures("promote"):
            _inside(experiment_id, ids, suggested_statement, rationale, dict(rationales or {}))

    st.dialog("Investigate", width="medium", icon=":material/science:")(inside)()


def button(
    experiment_id: str,
    trace_ids: Sequence[str],
    suggested_statement: str = "",
    rationale: str = "",
    rationales: Mapping[str, str] | None = None,
    label: str = "Investigate",
    key: str = "promote",
    width: Literal["content", "stretch"] = "content",
    type: Literal["primary", "secondary", "tertiary"] = "secondary",
) -> None:
    """The button that opens the dialog; nothing for a reader who may not write. Arguments as for `promote`."""
    if not trace_ids or not permissions.may_write(experiment_id):
        return
    if st.button(label, icon=":material/science:", key=key, width=width, type=type):
        promote(experiment_id, trace_ids, suggested_statement, rationale, rationales)


def _inside(experiment_id: str, ids: list[str], statement: str, rationale: str, rationales: dict[str, str]) -> None:
    st.markdown(f":material/check_box: **{plural(len(ids), 'trace')}**" + (_cut(len(ids))))
    active = [one for one in investigations.analyses(experiment_id) if one.status == AnalysisStatus.ACTIVE]
    run_id, new_name = _choose_analysis(active)
    hypothesis_id = _choose_hypothesis(run_id)
    with st.form("promote-form", border=False, enter_to_submit=False):
        words = statement
        if hypothesis_id == _NEW:
            words = st.text_area("Statement", value=statement, key="promote-statement", height=80)
        left, right = st.columns([2, 3])
        side = left.segmented_control(
            "These traces", ["supports", "refutes"], default="supports", required=True, key="promote-side"
        )
        why = right.text_input(
            "Rationale",
            value=rationale,
            key="promote-rationale",
            placeholder="Each trace's summary" if rationales else "Why do they count?",
        )
        label = "Create hypothesis" if hypothesis_id == _NEW else "Add evidence"
        sent = st.form_submit_button(label, type="primary", icon=":material/science:")
    problem = _problem(words, hypothesis_id, why, rationales, new_name, run_id)
    if sent and problem:
        st.caption(f":red[{problem}]")
    elif sent:
        chosen = ids[:_MOST]
        evidence = [
            {
                "trace_id": one,
                "rationale": why.strip() or rationales.get(one) or _UNSAID,
                "supports": side == "supports",
            }
            for one in chosen
        ]
        _store(experiment_id, run_id, new_name, hypothesis_id, words, evidence)


def _cut(count: int) -> str:
    return f" :gray[the first {_MOST} become evidence]" if count > _MOST else ""


def _problem(
    statement: str, hypothesis_id: str, why: str, rationales: dict[str, str], new_name: str, run_id: str
) -> str:
    if hypothesis_id == _NEW and not statement.strip():
        return "Write the statement."
    if run_id == _NEW and not new_name.strip():
        return "Give the investigation a name."
    if not why.strip() and not rationales:
        return "Say why these traces count."
    return ""


def _choose_analysis(active: Sequence[AnalysisSummary]) -> tuple[str, str]:
    options = {**{one.id: one.title for one in active}, _NEW: "New investigation"}
    run_id = st.selectbox(
        "Investigation", list(options), format_func=lambda one: options.get(one, one), key="promote-run"
    )
    name = ""
    if run_id == _NEW:
        name = st.text_input("Name", key="promote-name", placeholder="Payment failures", max_chars=200)
    return run_id, name


def _choose_hypothesis(run_id: str) -> str:
    if run_id == _NEW:
        return _NEW
    options = {_NEW: "New hypothesis"} | {one.id: one.title for one in investigations.hypotheses(run_id)}
    chosen = st.selectbox(
        "Hypothesis", list(options), format_func=lambda one: options.get(one, one), key=f"promote-hypothesis-{run_id}"
    )
    line = next((one for one in investigations.hypotheses(run_id) if one.id == chosen), None)
    if line:
        said = f"{plural(line.supports_count, 'piece')} of evidence for, {line.refutes_count} against"
        st.caption(f"{badge(line.status)} {said}")
    return chosen


def _store(
    experiment_id: str, run_id: str, new_name: str, hypothesis_id: str, statement: str, evidence: list[dict]
) -> None:
    client, who = loaders.client(), permissions.author()
    try:
        with st.spinner(f"Adding {plural(len(evidence), 'trace')} as evidence"):
            run_id = run_id or client.create_analysis(experiment_id, run_name=new_name.strip(), author=who)
            if hypothesis_id == _NEW:
                hypothesis_id = client.create_hypothesis(run_id, statement, evidence=evidence, author=who)
            else:
                client.update_hypothesis(run_id, hypothesis_id, add_evidence=evidence, author=who)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    investigations.forget()
    navigation.go_to("run", {"run": run_id, "hypothesis": hypothesis_id})
