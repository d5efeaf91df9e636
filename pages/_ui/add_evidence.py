"""Traces as evidence for or against a hypothesis, from wherever traces are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from insights_core.entities import AnalysisStatus, HypothesisStatus
from insights_core.errors import InsightsError
from pages._ui import badges, loaders, navigation, states
from pages._ui.formats import escape_markdown, plural

# Evidence is read by people: more at once is a filter, not evidence.
_MOST = 100


def button(
    experiment_id: str, trace_ids: Sequence[str], key: str, width: Literal["content", "stretch"] = "content"
) -> None:
    """The button that opens the dialog; nothing where there is no page to look at hypotheses."""
    if navigation.exists("runs") and st.button("Add as evidence", icon=":material/science:", key=key, width=width):
        st.dialog("Add as evidence", icon=":material/science:")(_dialog)(experiment_id, list(trace_ids))


def _dialog(experiment_id: str, trace_ids: list[str]) -> None:
    with states.failures("evidence"):
        open_ones = _hypotheses(experiment_id)
        if not open_ones:
            with states.empty(
                "No hypothesis to support",
                "Evidence belongs to a hypothesis of an active investigation, and this experiment has none.",
            ):
                navigation.button("runs", "Start an investigation", "science", type="primary")
            return
        chosen = st.selectbox("Hypothesis", list(open_ones), format_func=lambda one: open_ones[one])
        sides = {True: "Supports it", False: "Refutes it"}
        supports = st.segmented_control(
            "The traces", list(sides), format_func=sides.__getitem__, default=True, required=True
        )
        why = st.text_area("Why", placeholder="What in the traces says so?", height=84)
        kept = trace_ids[:_MOST]
        note = f"{plural(len(kept), 'trace')}" + (
            f"; the first {_MOST} of {len(trace_ids)}" if len(kept) < len(trace_ids) else ""
        )
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(note, width="content")
            if st.button("Add evidence", type="primary", disabled=not why.strip(), icon=":material/add:"):
                _add(chosen, kept, bool(supports), why.strip())


def _hypotheses(experiment_id: str) -> dict[tuple[str, str], str]:
    """(run id, hypothesis id) -> its words, of all that are being tested."""
    return {
        (analysis.run_id, one.hypothesis_id): f"{one.statement} · {analysis.name}"
        for analysis in loaders.analyses(experiment_id)
        if analysis.status == AnalysisStatus.ACTIVE
        for one in loaders.client().list_hypotheses(analysis.run_id)
        if one.status == HypothesisStatus.TESTING
    }


def _add(where: tuple[str, str], trace_ids: list[str], supports: bool, why: str) -> None:
    evidence = [{"trace_id": one, "rationale": why, "supports": supports} for one in trace_ids]
    try:
        found = loaders.client().update_hypothesis(where[0], where[1], add_evidence=evidence)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    loaders.forget_lists()
    st.markdown(
        f"{badges.badge(found.status.value)} {plural(found.supports_count, 'trace')} support it now, {found.refutes_count} refute it."
    )
    navigation.link("runs", "Look at the hypothesis", {"run": where[0], "hypothesis": where[1]})
