"""The controls of a theme that is being written, each with what is wrong with it."""

from __future__ import annotations

import streamlit as st

from insights_core import settings
from insights_core.entities import Signal, Theme
from insights_core.entities.theme import PLACEHOLDERS
from insights_core.errors import InvalidParameterError
from insights_core.themes.files import builtin_themes
from pages._ui.look.formats import escape_markdown
from pages._ui.parts import layout
from pages._ui.shell import navigation
from pages._ui.themes import theme_conditions, theme_draft
from pages._ui.themes.theme_draft import EVERY, PREFIX, Draft

_SIGNALS = {
    Signal.ERROR: "something broke",
    Signal.SLOW: "slow, or the same call again and again",
    Signal.FRICTION: "the user repeated, complained or was handed over",
    Signal.REQUEST: "something was asked for that nothing did",
    Signal.SUCCESS: "went well to the end",
}
_RANGES = {"all": "All times", "days": "The last days", "dates": "From a day to a day"}
_SCHEDULES = ("manual", "hourly", "daily", "weekly", EVERY)
_METHODS = ("hdbscan", "kmeans", "agglomerative", "dbscan", "evoc")


def form(draft: Draft) -> None:
    """All fields; the filters know the traces of the experiment."""
    _, error = draft.checked()
    if draft.builtin and draft.theme:
        _builtin(draft.theme)
    else:
        with layout.card("What it looks for", height="content"):
            _purpose(error)
    with layout.card("Which traces", height="content"):
        theme_conditions.editor(draft)
        _time(error)
        _sampling(error)
    with layout.card("When and how", height="content"):
        _when(error)
        _how(draft, error)


def _builtin(theme: Theme) -> None:
    """What cannot be changed, as text: a disabled field is hard to read."""
    with layout.card("What it looks for", height="content"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Built in: this follows the program. A copy can be changed.", width="stretch")
            navigation.button("edit_theme", "Copy it", "content_copy", {"from": theme.theme_id}, key="copy-edited")
        st.markdown(escape_markdown(theme.description))
        with st.expander("Prompt", icon=":material/chat:", key="builtin-prompt"):
            st.code(theme.prompt, language=None, wrap_lines=True)


def wrong(field: str, error: InvalidParameterError | None) -> None:
    """What is wrong with a field, under it."""
    if error is not None and error.details.get("field") == field:
        st.caption(f":red[{escape_markdown(error.message)}]")


def _purpose(error: InvalidParameterError | None) -> None:
    st.text_input("Name", key=f"{PREFIX}name", placeholder="Refund problems", max_chars=200)
    wrong("name", error)
    if st.session_state.get("edit-theme-unnamed") and not theme_draft.get("name").strip():
        st.caption(":red[Give it a name.]")
    st.text_input(
        "Description",
        key=f"{PREFIX}description",
        placeholder="Where refunds are late, refused or wrong.",
        max_chars=500,
        help="One line that says what it is for. Without a prompt, this is what a model is told.",
    )
    wrong("description", error)
    _prompt(error)
    st.multiselect(
        "Without a model, it concerns traces that show",
        [str(one) for one in Signal],
        format_func=lambda one: _SIGNALS[Signal(one)],
        key=f"{PREFIX}signals",
        placeholder="All that match",
        help="How offline runs tell which traces concern the theme. With a model, the prompt says it.",
    )


def _prompt(error: InvalidParameterError | None) -> None:
    themes = builtin_themes()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown("Prompt", width="stretch")
        with st.popover("Placeholders", icon=":material/data_object:", type="tertiary"):
            layout.pairs({f"{{{name}}}": meaning for name, meaning in PLACEHOLDERS.items()})
            st.caption("Write {{ and }} for braces. The trace follows by itself, in a message of its own.")
        st.menu_button(
            "Begin with a template",
            list(themes),
            format_func=lambda one: themes[one].name,
            key="edit-theme-template",
            on_click=_use_template,
        )
    st.text_area(
        "Prompt",
        key=f"{PREFIX}prompt",
        height=210,
        label_visibility="collapsed",
        placeholder="Say when a trace concerns the theme (theme_relevant), what stands in the title and what in the summary.",
    )
    wrong("prompt", error)


def _use_template() -> None:
    chosen = st.session_state.get("edit-theme-template")
    if chosen:
        source = builtin_themes()[chosen]
        theme_draft.put("prompt", source.prompt)
        theme_draft.put("signals", [str(one) for one in source.signals])


def _time(error: InvalidParameterError | None) -> None:
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    kind = left.segmented_control(
        "Traces of", list(_RANGES), format_func=_RANGES.__getitem__, required=True, key=f"{PREFIX}range"
    )
    if kind == "days":
        theme_draft.begin("days")
        middle.number_input("Days", min_value=1, max_value=36_500, key=f"{PREFIX}days")
    elif kind == "dates":
        middle.date_input("From", key=f"{PREFIX}start", help="From the beginning of the day, UTC.")
        right.date_input("Before", key=f"{PREFIX}end", help="Before the beginning of the day, UTC.")
    wrong("date_range", error)


def _sampling(error: InvalidParameterError | None) -> None:
    left, middle, right = st.columns(3)
    left.number_input(
        "Share to read, %",
        min_value=0.1,
        max_value=100.0,
        step=5.0,
        format="%.4g",
        key=f"{PREFIX}share",
        help="At random over all that match, never the newest.",
    )
    middle.number_input("At most", min_value=1, key=f"{PREFIX}most", placeholder="all of them")
    right.number_input("Seed", min_value=0, key=f"{PREFIX}seed", help="The same seed draws the same traces.")
    for field in ("sample_rate", "max_traces", "sample_seed"):
        wrong(field, error)


def _when(error: InvalidParameterError | None) -> None:
    left, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
    chosen = left.selectbox(
        "Schedule",
        _SCHEDULES,
        format_func=lambda one: "When asked" if one == "manual" else one.capitalize(),
        key=f"{PREFIX}schedule",
        help="`mlflow-insights themes run --due` runs what is due, from cron or as a worker.",
    )
    if chosen == EVERY:
        theme_draft.begin("minutes")
        middle.number_input("Minutes", min_value=1, max_value=10_080, key=f"{PREFIX}minutes")
    right.toggle("On", key=f"{PREFIX}enabled", help="Whether it runs by its schedule and with all others.")
    wrong("schedule", error)


def _how(draft: Draft, error: InvalidParameterError | None) -> None:
    has_endpoint = bool(settings.OPENAI_API_KEY.get() or settings.OPENAI_BASE_URL.get())
    models = ["", *([settings.INSIGHTS_MODEL.get()] if has_endpoint else []), "offline"]
    kept = theme_draft.get("model")
    left, right = st.columns(2, vertical_alignment="bottom")
    left.selectbox(
        "Model",
        list(dict.fromkeys([*models, kept or ""])),
        format_func=lambda one: one or "As for any insight",
        key=f"{PREFIX}model",
        accept_new_options=has_endpoint,
        help="offline needs no key and no network: summaries are extracted, not written.",
    )
    right.toggle(
        "Tag its traces with their topic",
        key=f"{PREFIX}tags",
        help="Writes tags within mlflow.insights on the traces of each run. Off by default.",
    )
    wrong("model", error)
    if draft.fixed("clustering_config"):
        return
    one, two, three = st.columns(3)
    one.selectbox("Clustering", _METHODS, key=f"{PREFIX}method")
    two.number_input("Smallest topic", min_value=2, key=f"{PREFIX}smallest", placeholder="automatic")
    three.number_input("Levels of topics", min_value=1, max_value=3, key=f"{PREFIX}levels")
    wrong("clustering_config", error)
