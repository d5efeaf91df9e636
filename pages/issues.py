"""Issues: the validated problems of an experiment, their evidence, and what is done about them."""

import streamlit as st

from pages._ui.investigation import issue_dialogs, issue_drawer, issue_table
from pages._ui.parts import dialogs, layout
from pages._ui.shell import investigations, navigation, permissions, scope, states


def view() -> None:
    current = scope.current()
    if current is None:
        scope.no_experiment()
        return
    may_write = permissions.may_write(current.experiment_id)
    found = investigations.issues(current.experiment_id)
    sources = {one.id: one.title for one in investigations.analyses(current.experiment_id)}
    with layout.page_header("Issues", "Validated problems and the traces that show them"):
        scope.controls(current, with_range=False)
        if may_write and found:
            _new_button("new-issue")
    if found:
        issue_table.issue_table(found, sources, may_write)
    else:
        with states.empty(
            "No issues yet",
            "An issue is a problem that traces prove. Validate a hypothesis and make an issue of it: its evidence comes along.",
        ):
            navigation.button("runs", "Look at the runs", "science", type="primary")
            if may_write:
                _new_button("new-issue-first", primary=False)
    if not issue_dialogs.show(current.experiment_id, sources) and "issue" in st.query_params:
        issue_drawer.drawer(st.query_params["issue"], sources, may_write)


def _new_button(key: str, primary: bool = True) -> None:
    if st.button("New issue", icon=":material/add:", type="primary" if primary else "secondary", key=key):
        dialogs.forget("new-issue-")
        dialogs.ask("new-issue")


view()
