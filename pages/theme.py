"""A theme: what its runs found, how that changed, where it lies, and what the theme asks."""

import streamlit as st

from insights_core.errors import NotFoundError
from pages._ui.look import theme as look
from pages._ui.parts import dialogs, layout
from pages._ui.shell import loaders, navigation, permissions, scope, states
from pages._ui.themes import theme_actions, theme_data, theme_results, words
from pages._ui.traces import trace_themes


def view() -> None:
    dialogs.leaving()
    look.chosen_page("themes")
    current = scope.require()
    if current is None:
        return
    theme_id = st.query_params.get("theme")
    run_id = st.query_params.get("run")
    if run_id:
        # A link from another experiment opens that.
        linked = loaders.insight(run_id)
        scope.adopt(linked.experiment_id)
        theme_id = theme_id or linked.theme_id
        experiment_id = linked.experiment_id
    else:
        experiment_id = current.experiment_id
    if not theme_id:
        with states.empty("No theme chosen", "Choose one from the list."):
            navigation.link("themes", "Look at the themes")
        return
    runs = trace_themes.runs_of(experiment_id).get(theme_id, [])
    one = next((each for each in theme_data.standings(experiment_id) if each.theme.theme_id == theme_id), None)
    if one is None:
        if not runs:
            loaders.client().get_theme(theme_id, experiment_id)  # says which themes there are
            raise NotFoundError(f"There is no theme {theme_id!r}.")
        theme_results.of_deleted(theme_id, runs)
        return
    may_write = permissions.may_write(experiment_id)
    caption = " · ".join(filter(None, [words.schedule(one), words.spent(one) if one.run_count else "not run yet"]))
    with layout.page_header(
        one.theme.name, f"{'Built-in theme' if one.builtin else 'Own theme'} · {caption}", ("themes", "Themes", {})
    ):
        if may_write and not theme_data.under_way(runs):
            theme_actions.run_button(one.theme, experiment_id, "run-theme", primary=not runs)
        if may_write:
            navigation.button("edit_theme", "Edit", "edit", {"theme": theme_id}, key="edit-theme")
        theme_actions.menu(one.theme, one.builtin, experiment_id, may_write, "theme-more")
    theme_actions.problem()
    theme_results.results(one.theme, runs, experiment_id, may_write)
    theme_actions.show(experiment_id)


view()
