"""A theme's definition: which traces, what is asked of each, how answers are grouped and when; with what that will take."""

import streamlit as st

from pages._ui.look import theme as look
from pages._ui.look.formats import escape_markdown
from pages._ui.parts import dialogs, layout
from pages._ui.shell import navigation, permissions, scope, states
from pages._ui.themes import theme_draft, theme_form, theme_preview, theme_save


def view() -> None:
    dialogs.leaving()
    look.chosen_page("themes")
    current = scope.require()
    if current is None:
        return
    experiment_id = current.experiment_id
    draft = theme_draft.opened(experiment_id, st.query_params.get("theme"), st.query_params.get("from"))
    title = draft.theme.name if draft.theme else "New theme"
    back = (
        ("theme", escape_markdown(draft.theme.name, 60), {"theme": draft.theme.theme_id})
        if draft.theme
        else ("themes", "Themes", {})
    )
    with layout.page_header(title, f"Theme of {current.experiment_name}", back):
        place = st.container(horizontal=True, vertical_alignment="center", width="content", key="theme-save")
    if not permissions.may_write(experiment_id):
        with states.empty("Nothing to edit here", "You may read this experiment, but not change it."):
            navigation.link("themes", "Look at the themes")
        return
    left, right = st.columns([5, 3])
    with left:
        theme_form.form(draft)
    with right, st.container(key="beside"):
        theme_preview.preview(draft)
    with place:
        theme_save.buttons(draft)


view()
