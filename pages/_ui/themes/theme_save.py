"""Saving a theme that is being written."""

from __future__ import annotations

import streamlit as st

from insights_core.errors import InsightsError
from insights_core.themes.catalogue import SETTINGS
from pages._ui.look.formats import escape_markdown
from pages._ui.shell import loaders, navigation, permissions
from pages._ui.themes import theme_data, theme_draft
from pages._ui.themes.theme_draft import Draft


def buttons(draft: Draft) -> None:
    """Save, and leave for the theme's page; what is wrong stays at its field."""
    theme, error = draft.checked()
    said = st.session_state.pop("edit-theme-problem", None)
    if said:
        st.caption(f":red[{escape_markdown(said, 200)}]", width="content")
    elif theme is None and error is not None:
        field = str(error.details.get("field") or "a field").replace("_", " ")
        st.caption(f":red[Mend {escape_markdown(field)} first.]", width="content")
    navigation.button(
        "theme" if draft.theme else "themes", "Cancel", "close", _back(draft), type="tertiary", key="cancel-theme"
    )
    label = "Save" if draft.theme else "Create theme"
    if st.button(label, icon=":material/check:", type="primary", key="save-theme", disabled=theme is None):
        _save(draft)


def _back(draft: Draft) -> dict[str, str]:
    return {"theme": draft.theme.theme_id} if draft.theme else {}


def _save(draft: Draft) -> None:
    values = draft.values()
    st.session_state["edit-theme-unnamed"] = not values["name"]
    if not values["name"]:
        st.session_state["edit-theme-problem"] = "Give it a name first."
        st.rerun()
    client, author = loaders.client(), permissions.author()
    try:
        if draft.theme is None:
            theme_id = client.create_theme({**draft.carried(), **values}, draft.experiment_id, author=author)
        else:
            theme_id = draft.theme.theme_id
            if changed := _changed(draft, values):
                client.update_theme(theme_id, changed, draft.experiment_id, author=author)
    except InsightsError as error:
        st.session_state["edit-theme-problem"] = error.message
        st.rerun()
    theme_draft.close()
    theme_data.forget()
    navigation.go_to("theme", {"theme": theme_id})


def _changed(draft: Draft, values: dict[str, object]) -> dict[str, object]:
    """What differs from what is kept: other fields may have been changed by others meanwhile."""
    theme, _ = draft.checked()
    if draft.theme is None or theme is None:
        return values
    before, after = (one.model_dump(mode="json") for one in (draft.theme, theme))
    names = SETTINGS if draft.builtin else tuple(values)
    return {name: after[name] for name in names if before[name] != after[name]}
