"""Beside the form: how many traces match, what a run takes and costs, and a test on a few traces."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Theme, ThemePreview
from insights_core.errors import InsightsError
from pages._ui.look.formats import about, escape_markdown, money, number, plural, share
from pages._ui.parts import layout
from pages._ui.shell import states
from pages._ui.themes import theme_counts, theme_test
from pages._ui.themes.theme_draft import Draft


def preview(draft: Draft) -> None:
    """Counts and cost of the theme as the form says it now, and a test of it."""
    theme, error = draft.checked()
    with layout.card("What a run takes", height="content"):
        if theme is None:
            st.caption(f"Counted again once this is mended: {escape_markdown(error.message if error else '', 300)}")
            return
        try:
            with states.loading("Counting traces and measuring a few", 200):
                total = theme_counts.count(draft.experiment_id, None)
                found = theme_counts.preview(theme, draft.experiment_id, is_new=draft.theme is None)
        except InsightsError as problem:
            st.error(escape_markdown(problem.message), icon=":material/error:")
            return
        _counts(found, total)
        _taken(theme, found)
    theme_test.test(theme, draft.experiment_id, found)


def _counts(found: ThemePreview, total: int) -> None:
    rows = {
        "Base filters": found.base_matching,
        "Theme filters": found.theme_matching,
        "Both together": found.matching,
    }
    layout.pairs(
        {name: f"{plural(count, 'trace')} of {number(total)} ({share(count, total)})" for name, count in rows.items()}
    )
    if not found.matching:
        st.warning("No trace matches both. Widen a filter or the time.", icon=":material/search_off:")


def _taken(theme: Theme, found: ThemePreview) -> None:
    taken = found.estimate
    offline = taken.model == "offline"
    cost = "free" if offline else "price unknown" if taken.cost_usd is None else f"about {money(taken.cost_usd)}"
    tokens = taken.input_tokens + taken.output_tokens
    layout.facts(
        [
            ("Reads", number(found.sampled), "traces a run"),
            (
                "Calls",
                "none" if offline else f"about {number(found.model_calls)}",
                "it works offline" if offline else "of the model",
            ),
            ("Tokens", f"about {number(tokens)}" if tokens else "none", "in and out"),
            ("Cost", cost, f"a run, with {taken.model}"),
            ("Time", about(1000 * taken.duration_s), "a run"),
        ]
    )
    if found.cached_summaries:
        st.caption(f"{plural(found.cached_summaries, 'trace')} are summarised for it already and cost nothing.")
    if theme.schedule != "manual":
        st.caption("By its schedule only traces that are new since the run before cost anything.")
    st.caption(escape_markdown(taken.basis, 300))
