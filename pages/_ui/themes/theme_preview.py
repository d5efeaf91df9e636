"""Beside the form: how many traces match, what a run takes and costs, and a test on a few traces."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import InsightEstimate, Theme
from insights_core.errors import InsightsError
from pages._ui.look.formats import about, escape_markdown, money, number, plural, share
from pages._ui.parts import layout
from pages._ui.shell import states
from pages._ui.themes import theme_counts
from pages._ui.themes.theme_draft import Draft


def preview(draft: Draft) -> None:
    """Counts and cost of the theme as the form says it now."""
    theme, error = draft.checked()
    with layout.card("What a run takes", height="content"):
        if theme is None:
            st.caption(f"Counted again once this is mended: {escape_markdown(error.message if error else '', 300)}")
            return
        try:
            with states.loading("Counting traces", 120):
                counted = theme_counts.counts(theme, draft.experiment_id)
            _counts(counted)
            with states.loading("Measuring a few traces", 90):
                taken = theme_counts.estimate(theme, draft.experiment_id)
        except InsightsError as problem:
            st.error(escape_markdown(problem.message), icon=":material/error:")
            return
        _taken(theme, taken)


def _counts(counted: tuple[int, int, int, int]) -> None:
    total, base, own, both = counted
    rows = {"Base filters": base, "Theme filters": own, "Both together": both}
    layout.pairs(
        {
            name: f"{plural(matching, 'trace')} of {number(total)} ({share(matching, total)})"
            for name, matching in rows.items()
        }
    )
    if not both:
        st.warning("No trace matches both. Widen a filter or the time.", icon=":material/search_off:")


def _taken(theme: Theme, taken: InsightEstimate) -> None:
    offline = taken.model == "offline"
    calls = taken.sample_traces - taken.summarized_traces
    cost = "free" if offline else "price unknown" if taken.cost_usd is None else f"about {money(taken.cost_usd)}"
    tokens = taken.input_tokens + taken.output_tokens
    layout.facts(
        [
            ("Reads", number(taken.sample_traces), "traces a run"),
            (
                "Calls",
                "none" if offline else f"about {number(calls)}",
                "of the model" if not offline else "works offline",
            ),
            ("Tokens", f"about {number(tokens)}" if tokens else "none", "in and out"),
            ("Cost", cost, f"a run, with {taken.model}"),
            ("Time", about(1000 * taken.duration_s), "a run"),
        ]
    )
    if taken.summarized_traces:
        st.caption(f"{plural(taken.summarized_traces, 'trace')} are summarised for it already and cost nothing.")
    if theme.schedule != "manual":
        st.caption("By its schedule only traces that are new since the run before cost anything.")
    st.caption(escape_markdown(taken.basis, 300))
