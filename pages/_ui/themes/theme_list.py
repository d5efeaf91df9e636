"""The list of themes: what each is, whether it is on, what it found last, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Insight, ThemeStanding
from pages._ui.insight import progress
from pages._ui.look.badges import badge
from pages._ui.look.formats import escape_markdown, moment, number, plural
from pages._ui.parts import filters
from pages._ui.shell import navigation, states
from pages._ui.themes import theme_actions, theme_data, words
from pages._ui.traces import trace_themes

# From so many themes on, one searches for them.
_SEARCHED = 9


def theme_list(experiment_id: str, may_write: bool) -> None:
    """A card for each theme; those that are on and found something first."""
    stands = theme_data.standings(experiment_id)
    runs = trace_themes.runs_of(experiment_id)
    _first_step(stands)
    if len(stands) >= _SEARCHED:
        said = filters.search("themes-search", "Search themes").lower()
        stands = [one for one in stands if said in f"{one.theme.one_line} {one.theme.theme_id}".lower()]
        if not stands:
            with states.empty("No theme matches", "Clear the search."):
                return
    for one in stands:
        with st.container(border=True, gap="small", key=f"theme-{one.theme.theme_id}"):
            _card(one, runs.get(one.theme.theme_id, []), experiment_id, may_write)


def _first_step(stands: list[ThemeStanding]) -> None:
    on = sum(one.theme.enabled for one in stands)
    if not any(one.run_count for one in stands):
        st.info(
            f"No theme has run in this experiment yet. {plural(on, 'theme')} are on: run one, or all of them at once. "
            "Each reads the same traces for another purpose and finds its own topics.",
            icon=":material/filter_center_focus:",
        )
        return
    running = sum(one.last_status in progress.UNDER_WAY for one in stands)
    said = f"{plural(len(stands), 'theme')}, {number(on)} on" + (f", {number(running)} running now" if running else "")
    st.caption(said)


def _card(one: ThemeStanding, runs: list[Insight], experiment_id: str, may_write: bool) -> None:
    left, middle, right = st.columns([8, 9, 7])
    with left:
        _what(one, experiment_id, may_write)
    with middle:
        _found(one, runs)
    with right:
        _standing(one, runs, experiment_id, may_write)


def _what(one: ThemeStanding, experiment_id: str, may_write: bool) -> None:
    theme = one.theme
    with st.container(horizontal=True, vertical_alignment="center", key=f"flush-head-{theme.theme_id}"):
        theme_actions.switch(theme, experiment_id, may_write)
        navigation.link("theme", f"**{escape_markdown(theme.name, 80)}**", {"theme": theme.theme_id}, icon=None)
        if not one.builtin:
            st.markdown(":violet-badge[Own]", width="content")
    st.caption(escape_markdown(theme.description or "Without a description.", 240))


def _found(one: ThemeStanding, runs: list[Insight]) -> None:
    finished = trace_themes.latest_finished(runs)
    if finished is None:
        st.caption(
            "Its first run is under way."
            if theme_data.under_way(runs)
            else f"Reads {escape_markdown(words.scope(one.theme), 160)}."
        )
        return
    with states.failures(f"found-{one.theme.theme_id}"):
        found = theme_data.found(finished)
        st.markdown(f"**{escape_markdown(words.concerned(found))}** :gray[in {plural(found.topics, 'topic')}]")
        with st.container(gap=None, key=f"flush-found-{one.theme.theme_id}"):
            for cluster_id, title, size in found.largest:
                label = f":gray[{number(size)}]  {escape_markdown(title or 'Without a name', 70)}"
                there = {"theme": one.theme.theme_id, "run": finished.run_id, "cluster": cluster_id}
                navigation.link("theme", label, there, icon=None)


def _standing(one: ThemeStanding, runs: list[Insight], experiment_id: str, may_write: bool) -> None:
    theme_id = one.theme.theme_id
    running = theme_data.under_way(runs)
    if running:
        progress.running_insight(running.run_id, f"theme-{theme_id}", with_link=False)
    else:
        said = (
            f"{badge(one.last_status)} :small[:gray[{escape_markdown(moment(one.last_run_at))}]]"
            if one.last_status
            else ":gray-badge[Not run yet]"
        )
        st.markdown(said)
        if one.last_status == "FAILED":
            st.caption(f":red[{escape_markdown(runs[0].progress.message or 'It failed.', 160)}]")
    told = [words.schedule(one), *([words.spent(one)] if one.run_count else [])]
    st.caption(escape_markdown(" · ".join(told)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        navigation.button("theme", "Open", "arrow_forward", {"theme": theme_id}, key=f"open-{theme_id}")
        if may_write and not running:
            theme_actions.run_button(one.theme, experiment_id, f"run-{theme_id}")
        theme_actions.menu(one.theme, one.builtin, experiment_id, may_write, f"more-{theme_id}")
