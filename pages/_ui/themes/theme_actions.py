"""What can be done with a theme: switch, run, copy, export, import, delete."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Theme
from insights_core.errors import InsightsError
from insights_core.themes.files import builtin_themes
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.parts import dialogs
from pages._ui.shell import loaders, navigation, permissions
from pages._ui.themes import theme_data
from pages._ui.traces import trace_themes

_PROBLEM = "themes-problem"


def switch(theme: Theme, experiment_id: str, may_write: bool) -> None:
    """On or off, kept at once."""
    key = f"on-{theme.theme_id}"
    st.session_state[key] = theme.enabled

    def changed() -> None:
        _change(theme.theme_id, experiment_id, enabled=st.session_state[key])

    st.toggle(
        f"{escape_markdown(theme.name, 80)} is on",
        key=key,
        on_change=changed,
        disabled=not may_write,
        label_visibility="collapsed",
        help="Whether it runs by its schedule and with all others.",
        width="content",
    )


def _change(theme_id: str, experiment_id: str, **fields: object) -> None:
    try:
        loaders.client().update_theme(theme_id, fields, experiment_id, author=permissions.author())
    except InsightsError as error:
        st.session_state[_PROBLEM] = error.message
    theme_data.forget()


def problem() -> None:
    """What a click did not do, once."""
    if said := st.session_state.pop(_PROBLEM, None):
        st.error(escape_markdown(said), icon=":material/error:")


def run_button(theme: Theme, experiment_id: str, key: str, primary: bool = False) -> None:
    """Run it now."""
    if st.button("Run now", icon=":material/play_arrow:", key=key, type="primary" if primary else "secondary"):
        _run([theme], experiment_id)


def run_all_button(experiment_id: str) -> None:
    """Run all that are on and not running."""
    runs = trace_themes.runs_of(experiment_id)
    waiting = [
        theme
        for theme in loaders.themes(experiment_id)
        if theme.enabled and not theme_data.under_way(runs.get(theme.theme_id, []))
    ]
    if st.button(
        "Run all that are on",
        icon=":material/playlist_play:",
        key="run-all-themes",
        disabled=not waiting,
        help=f"{plural(len(waiting), 'theme')}; a trace that several read is fetched and made text once.",
    ):
        _run(waiting, experiment_id)


def _run(themes: list[Theme], experiment_id: str) -> None:
    try:
        ids = [theme.theme_id for theme in themes]
        told = loaders.client().run_themes(experiment_id, ids, background=True)
        names = {theme.theme_id: theme.name for theme in themes}
        said = [f"{names[one.theme_id]}: {one.message}" for one in told if one.message and one.status != "RUNNING"]
        if said:
            st.session_state[_PROBLEM] = " ".join(said)
    except InsightsError as error:
        st.session_state[_PROBLEM] = error.message
    theme_data.forget()
    st.rerun()


def menu(theme: Theme, builtin: bool, experiment_id: str, may_write: bool, key: str) -> None:
    """The rarer actions."""
    writing = ["Edit", "Copy"] if may_write else []
    rest = ["Delete"] if may_write and not builtin else []
    chosen = st.menu_button("More", [*writing, "Export YAML", *rest], key=key)
    if chosen == "Edit":
        navigation.go_to("edit_theme", {"theme": theme.theme_id})
    elif chosen == "Copy":
        _copy(theme.theme_id, experiment_id)
    elif chosen:
        dialogs.ask({"Export YAML": "export-theme", "Delete": "delete-theme"}[chosen], theme_id=theme.theme_id)


def _copy(theme_id: str, experiment_id: str) -> None:
    try:
        made = loaders.client().copy_theme(theme_id, experiment_id=experiment_id, author=permissions.author())
    except InsightsError as error:
        st.session_state[_PROBLEM] = error.message
        st.rerun()
    theme_data.forget()
    navigation.go_to("edit_theme", {"theme": made})


def show(experiment_id: str) -> None:
    """What went wrong, and the dialog that was asked for."""
    problem()
    dialogs.show(
        {
            "import-theme": ("Import a theme", lambda: _import(experiment_id)),
            "export-theme": ("Export theme", lambda theme_id: _export(experiment_id, theme_id)),
            "delete-theme": ("Delete theme", lambda theme_id: _delete(experiment_id, theme_id)),
        }
    )


def _import(experiment_id: str) -> None:
    file = st.file_uploader("YAML file", type=["yaml", "yml"], key="import-theme-file")
    text = st.text_area(
        "or its text", key="import-theme-text", height=180, placeholder="theme_id: refunds\nname: Refunds\n…"
    )
    replace = st.checkbox("Change the theme that has its id already", key="import-theme-replace")
    if st.button("Import theme", type="primary", icon=":material/upload:", disabled=not (file or text.strip())):
        try:
            given = file.getvalue().decode("utf-8", errors="replace") if file else text
            made = loaders.client().import_theme(
                experiment_id=experiment_id, text=given, replace=replace, author=permissions.author()
            )
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return
        theme_data.forget()
        dialogs.leave("theme", {"theme": made})


def _export(experiment_id: str, theme_id: str) -> None:
    text = loaders.client().export_theme(theme_id, experiment_id)
    st.code(text, language="yaml", wrap_lines=True, height=380)
    st.download_button(
        "Download",
        data=text,
        file_name=f"{theme_id}.yaml",
        mime="application/yaml",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )


def _delete(experiment_id: str, theme_id: str) -> None:
    count = len(trace_themes.runs_of(experiment_id).get(theme_id, []))
    name = loaders.theme_name(experiment_id, theme_id)
    stays = (
        f"Its {plural(count, 'insight')} stay, with the theme as it was when each ran"
        if count
        else "It has no insights"
    )
    st.markdown(
        f"**{escape_markdown(name, 120)}** goes for good. {stays}; summaries on traces stay too. Export it first if you may want it back."
    )
    if st.button("Delete theme", type="primary", icon=":material/delete:", key="delete-theme-now"):
        loaders.client().delete_theme(theme_id, experiment_id)
        theme_data.forget()
        if theme_id in builtin_themes():
            dialogs.close()
        dialogs.leave("themes", {})
