"""A theme tried on a few of its traces before it is saved; nothing of it is written."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Theme, ThemePreview, ThemeSample, ThemeTest
from insights_core.errors import InsightsError
from pages._ui.look.badges import badge
from pages._ui.look.formats import duration, escape_markdown, money, number, plural
from pages._ui.parts import layout
from pages._ui.shell import loaders, states
from pages._ui.traces import trace_viewer
from pages._ui.traces.trace_viewer import short_id

SAMPLE = 10
_KEY = "edit-theme-test"


def test(theme: Theme, experiment_id: str, counted: ThemePreview) -> None:
    """The button, and what came of it the last time: summaries, and which traces concern the theme."""
    with layout.card("Test it", "nothing is written", height="content"):
        asked = theme.model_dump_json(exclude={"history", "enabled", "schedule"})
        if st.button(
            f"Test on a sample of {SAMPLE}",
            icon=":material/science:",
            key="test-theme",
            disabled=not counted.matching,
        ):
            _try(theme, experiment_id, asked)
        kept = st.session_state.get(_KEY)
        if not kept or kept[0] != experiment_id or kept[2].matching == 0:
            st.caption("Shows what it makes of traces drawn at random, and which of them concern it.")
            return
        if kept[1] != asked:
            st.caption(":orange[The theme was changed since this test. Test it again.]")
        _show(kept[2])


def _try(theme: Theme, experiment_id: str, asked: str) -> None:
    try:
        with states.loading(f"Reading {SAMPLE} traces", 200):
            found = loaders.client().test_theme(theme, experiment_id, SAMPLE)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    st.session_state[_KEY] = (experiment_id, asked, found)


def _show(found: ThemeTest) -> None:
    relevant = sum(one.theme_relevant is True for one in found.samples)
    cost = f", {money(found.cost_usd)}" if found.cost_usd else ""
    st.markdown(
        f"**{number(relevant)} of {plural(len(found.samples), 'trace')} concern it** "
        f":gray[by {escape_markdown(found.model, 60)}{escape_markdown(cost)}]"
    )
    ordered = sorted(found.samples, key=lambda one: (one.theme_relevant is not True, one.theme_relevant is None))
    for place, one in enumerate(ordered):
        with layout.row(f"sample-{place}", last=place == len(ordered) - 1):
            st.markdown(_line(one), width="stretch")
            if st.button("Read", key=f"read-sample-{place}", type="tertiary"):
                # Beside the form: another page would forget what is being written.
                st.dialog("Trace", width="large")(_read)(one)
    if found.prompt:
        with st.expander("What the model was told", icon=":material/chat:", key="test-prompt"):
            st.code(found.prompt, language=None, wrap_lines=True)


def _read(one: ThemeSample) -> None:
    with states.failures("sample-viewer"):
        trace_viewer.trace_viewer(one.trace_id, key="sample-viewer", summary=one.summary or None, with_themes=False)


def _line(one: ThemeSample) -> str:
    if one.theme_relevant is None:
        return f":orange-badge[:material/help: Not read] {escape_markdown(one.why, 200)}"
    verdict = badge("concerns" if one.theme_relevant else "apart")
    text = one.summary or one.title or short_id(one.trace_id)
    why = f" · {one.why}" if one.why and one.why != one.title else ""
    return (
        f"{verdict} {escape_markdown(text, 220)}  \n"
        f":small[:gray[{escape_markdown(f'{short_id(one.trace_id)} · {duration(one.latency_ms)}{why}', 160)}]]"
    )
