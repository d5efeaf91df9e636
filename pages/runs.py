"""Runs: the investigations of an experiment, and the way to a new one."""

import streamlit as st

from pages._ui.investigation import run_dialogs, run_table
from pages._ui.parts import dialogs, layout
from pages._ui.shell import navigation, permissions, scope


def view() -> None:
    dialogs.leaving()
    if "run" in st.query_params:
        # Links of news and of Home name the run; it has a page of its own.
        kept = ("run", "hypothesis", "trace")
        navigation.go_to("run", {name: st.query_params[name] for name in kept if name in st.query_params})
    current = scope.current()
    if current is None:
        scope.no_experiment()
        return
    may_write = permissions.may_write(current.experiment_id)
    with layout.page_header("Runs", "Investigations and their hypotheses · what changed last first"):
        scope.controls(current, with_range=False)
        if may_write:
            run_table.new_button()
    run_table.run_table(current.experiment_id, may_write)
    dialogs.show({"new-analysis": ("New investigation", lambda: run_dialogs.new_analysis(current.experiment_id))})


view()
