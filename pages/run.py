"""An investigation: its hypotheses live, what speaks for and against each, and what was decided."""

import streamlit as st

from insights_core.entities import AnalysisStatus
from insights_core.errors import InsightsError
from pages._ui.investigation import evidence_list, hypotheses, hypothesis_body, live, run_dialogs
from pages._ui.look import theme
from pages._ui.look.formats import escape_markdown, moment
from pages._ui.parts import dialogs, layout
from pages._ui.shell import investigations, loaders, navigation, permissions, scope, states

_NEXT = {
    AnalysisStatus.ACTIVE: {"Complete": AnalysisStatus.COMPLETED, "Archive": AnalysisStatus.ARCHIVED},
    AnalysisStatus.COMPLETED: {"Reopen": AnalysisStatus.ACTIVE, "Archive": AnalysisStatus.ARCHIVED},
    AnalysisStatus.ARCHIVED: {"Reopen": AnalysisStatus.ACTIVE},
}


def view() -> None:
    dialogs.leaving()
    theme.chosen_page("runs")
    run_id = st.query_params.get("run")
    if not run_id:
        with layout.page_header("Run"):
            pass
        with states.empty("No investigation chosen", "Choose one from the list."):
            navigation.link("runs", "Look at the runs")
        return
    seen = live.watch(run_id)
    line = seen.analysis
    if line is None:
        # The run is there and its tag is not: whoever created it did not finish. The reading says so.
        loaders.client().get_analysis(run_id)
        return
    scope.adopt(seen.experiment_id)
    found = investigations.analysis(run_id, line.revision)
    may_write = permissions.may_write(seen.experiment_id)
    names = dict(loaders.experiments())
    by = found.history[0].author if found.history else ""
    caption = (
        f"Investigation · {names.get(seen.experiment_id, seen.experiment_id)} · started {moment(found.created_at)}"
    )
    with layout.page_header(found.name, caption + (f" by {by}" if by else ""), ("runs", "Runs", {})):
        mark = st.container(width="content", key="live-mark")
        mark.empty()
        _actions(run_id, found.status, may_write)
    if found.description.strip():
        st.markdown(escape_markdown(found.description, 600))
    own = [one for one in investigations.issues(seen.experiment_id) if one.source_run_id == run_id]
    hypotheses.dashboard(run_id, mark, may_write, len(own))
    with st.expander("History", icon=":material/history:", type="compact", key="analysis-history"):
        hypothesis_body.history(found.history)
    if not run_dialogs.show(seen):
        _drawer(seen)


def _actions(run_id: str, status: AnalysisStatus, may_write: bool) -> None:
    if may_write and status == AnalysisStatus.ACTIVE and st.button("New hypothesis", icon=":material/add:"):
        dialogs.forget("new-hypothesis-")
        dialogs.ask("new-hypothesis")
    changes = _NEXT[status] if may_write else {}
    chosen = st.menu_button("More", ["Export report", *changes], key="run-more")
    if chosen == "Export report":
        dialogs.ask("export")
    if chosen in changes:
        try:
            loaders.client().update_analysis(run_id, status=changes[chosen], author=permissions.author())
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return
        live.after_change()
        st.rerun()


def _drawer(seen: live.Watch) -> None:
    """The trace of the URL, beside the hypothesis that it is evidence of."""
    trace_id, hypothesis_id = st.query_params.get("trace"), st.query_params.get("hypothesis")
    line = next((one for one in seen.hypotheses if one.id == hypothesis_id), None)
    if trace_id:
        evidence_list.drawer(investigations.hypothesis(line).evidence if line else [], trace_id)


view()
