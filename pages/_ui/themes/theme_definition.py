"""What a theme asks, and how that differs from what an earlier run was asked."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Insight, Theme
from pages._ui.investigation import hypothesis_body
from pages._ui.look.formats import escape_markdown, number
from pages._ui.parts import layout
from pages._ui.shell import loaders

# What a theme keeps of itself, and not what it asks.
_NOT_ASKED = {"created_at", "updated_at", "history", "metadata", "enabled", "schedule"}


def definition(theme: Theme) -> None:
    """Its fields, and the prompt with its placeholders filled in."""
    config = theme.clustering_config
    size = f", topics of at least {config.min_cluster_size}" if config.min_cluster_size else ""
    layout.pairs(
        {
            "Id": theme.theme_id,
            "Base filters": " AND ".join(theme.base_filters) or "none",
            "Theme filters": " AND ".join(theme.theme_filters) or "none",
            "Without a model": ", ".join(theme.signals) or "all that match",
            "Traces of": str(theme.date_range),
            "Sample": f"{100 * theme.sample_rate:g}%"
            + (f", at most {number(theme.max_traces)}" if theme.max_traces else "")
            + f" (seed {theme.sample_seed})",
            "Model": theme.model or "as for any insight",
            "Clustering": f"{config.method}, at most {config.max_levels} levels{size}",
            "Schedule": theme.schedule,
            "Tags on traces": "yes" if theme.tag_traces else "no",
        }
    )
    if theme.prompt:
        with st.expander("Prompt", icon=":material/chat:", key="theme-prompt"):
            st.code(theme.prompt_text(), language=None, wrap_lines=True)


def as_it_ran(theme: Theme, insight: Insight) -> None:
    """The theme as it was in a run, what has changed since, and who changed it."""
    ran = loaders.insight_spec(insight.run_id).theme or theme
    with layout.card("As it ran", height="content"):
        before, after = (one.model_dump(mode="json", exclude=_NOT_ASKED) for one in (ran, theme))
        changed = [name for name in after if before[name] != after[name]]
        if changed:
            names = ", ".join(name.replace("_", " ") for name in changed)
            st.info(
                f"Since this run the theme was changed: {escape_markdown(names)}. The next run takes it as it is now.",
                icon=":material/history:",
            )
        definition(ran)
    with st.expander(f"History {len(theme.history)}", icon=":material/history:", type="compact", key="theme-history"):
        if not theme.history:
            st.caption("It is as it came with the program.")
        hypothesis_body.history(theme.history)
