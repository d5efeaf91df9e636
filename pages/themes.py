"""Themes: saved perspectives on the same traces, what each found last, and the way to run them."""

import streamlit as st

from pages._ui.parts import dialogs, layout
from pages._ui.shell import navigation, permissions, scope, url_state
from pages._ui.themes import across, theme_actions, theme_list

_VIEWS = {"list": "Themes", "across": "Across themes"}


def view() -> None:
    dialogs.leaving()
    current = scope.require()
    if current is None:
        return
    may_write = permissions.may_write(current.experiment_id)
    with layout.page_header("Themes", "Saved ways to look at the same traces"):
        scope.controls(current, with_range=False)
        if may_write:
            theme_actions.run_all_button(current.experiment_id)
            navigation.button("edit_theme", "New theme", "add", type="primary", key="new-theme")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        shown = url_state.segmented("View", _VIEWS, "view", "themes-view", "list")
        if may_write and st.button("Import", icon=":material/upload:", type="tertiary", key="import-theme"):
            dialogs.ask("import-theme")
    if shown == "across":
        across.across(current.experiment_id)
    else:
        theme_list.theme_list(current.experiment_id, may_write)
    theme_actions.show(current.experiment_id)


view()
