"""From a part of the traces to a hypothesis about it: which investigation, the sentence, how to test it."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import AnalysisStatus
from insights_core.errors import InsightsError
from pages._ui import investigations, loaders, navigation, permissions, states
from pages._ui.formats import escape_markdown

_NEW = ""
_FIELD = "slice-hypothesis-"


def hypothesis(experiment_id: str, statement: str, plan: str) -> None:
    """Open the dialog.

    Args:
        experiment_id: Whose investigations are offered.
        statement: What the figures suggest, to be made sharper.
        plan: How to find traces for and against.
    """
    st.session_state[f"{_FIELD}statement"], st.session_state[f"{_FIELD}plan"] = statement, plan
    st.dialog("New hypothesis", width="medium", icon=":material/science:")(_dialog)(experiment_id)


def _dialog(experiment_id: str) -> None:
    with states.failures("slice-hypothesis"):
        active = {
            one.id: one.title for one in investigations.analyses(experiment_id) if one.status == AnalysisStatus.ACTIVE
        }
        options = [*active, _NEW]
        run_id = st.selectbox(
            "Investigation", options, format_func=lambda one: active.get(one) or "New investigation", key=f"{_FIELD}run"
        )
        name = "" if run_id else st.text_input("Its name", key=f"{_FIELD}name", placeholder="Why bookings fail")
        statement = st.text_area(
            "Statement", key=f"{_FIELD}statement", height=80, help="One sentence that traces can support or refute."
        )
        plan = st.text_area("Testing plan", key=f"{_FIELD}plan", height=130)
        ready = bool(statement.strip()) and bool(run_id or name.strip())
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Add hypothesis", type="primary", icon=":material/add:", disabled=not ready):
                _add(experiment_id, run_id, name.strip(), statement.strip(), plan.strip())


def _add(experiment_id: str, run_id: str, name: str, statement: str, plan: str) -> None:
    client, author = loaders.client(), permissions.author()
    try:
        run_id = run_id or client.create_analysis(experiment_id, name=name, author=author)
        made = client.create_hypothesis(run_id, statement, plan, author=author)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    investigations.forget()
    loaders.forget_lists()
    navigation.go_to("run", {"run": run_id, "hypothesis": made})
