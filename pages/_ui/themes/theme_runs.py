"""All runs of a theme, with what each found and cost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from insights_core.entities import Insight, InsightStatus
from pages._ui.look import badges
from pages._ui.look.formats import moment, money, plural
from pages._ui.parts import tables
from pages._ui.shell import navigation


def table(runs: list[Insight]) -> None:
    """The runs, the newest first; each opens as the insight it is."""
    cost = sum(one.cost_usd for one in runs)
    frame = pd.DataFrame(
        {
            "Status": [[one.status.value] for one in runs],
            "Started": [moment(one.created_at) for one in runs],
            "Traces": [one.trace_count for one in runs],
            "Topics": [one.cluster_count for one in runs],
            "Model": [one.model for one in runs],
            "Cost": [money(one.cost_usd) if one.cost_usd else "–" for one in runs],
            "Why it failed": [one.progress.message or "–" for one in runs],
        }
    )
    column = st.column_config
    opened = tables.table(
        frame,
        {one.run_id: f"{one.name}, {moment(one.created_at)}" for one in runs},
        "theme-runs",
        {
            "Status": badges.badge_column("Status", [one.value for one in InsightStatus]),
            "Started": column.TextColumn(width=120),
            "Traces": column.NumberColumn(width=80),
            "Topics": column.NumberColumn(width=80),
            "Model": column.TextColumn(width=160),
            "Cost": column.TextColumn(width=90),
            "Why it failed": column.TextColumn(width=360),
        },
        "run",
        lambda _: st.caption(
            f"{plural(len(runs), 'run')}, {money(cost) if cost else 'no cost'} in all", width="content"
        ),
    )
    if opened:
        navigation.go_to("insight", {"run": opened})
