"""An insight beside an earlier one: which topics are new, which are gone, how the others changed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from insights_core.entities import ClusterDetails, Insight, InsightStatus
from pages._ui.insight import comparison, topics
from pages._ui.look import badges
from pages._ui.look.formats import cells, moment, number, plural
from pages._ui.shell import loaders, states


def compare_dialog(insight: Insight) -> None:
    """Open the comparison with an earlier insight of the same experiment."""
    st.dialog("Compare with an earlier insight", width="large")(_compare)(insight)


def earlier(insight: Insight) -> list[Insight]:
    """Finished insights from before this one, those of its theme first, then the newest."""
    found = [
        one
        for one in loaders.insights(insight.experiment_id)
        if one.created_at < insight.created_at and one.status == InsightStatus.FINISHED
    ]
    return sorted(found, key=lambda one: one.theme_id != insight.theme_id)


def _compare(insight: Insight) -> None:
    with states.failures("compare"):
        others = earlier(insight)
        if not others:
            with states.empty(
                "Nothing to compare with",
                "No insight of this experiment ended before this one. Run it again when there are new traces.",
            ):
                pass
            return
        by_id = {one.run_id: one for one in others}
        chosen = st.selectbox(
            "Earlier insight",
            list(by_id),
            format_func=lambda one: (
                f"{by_id[one].name} · {moment(by_id[one].created_at)} · {plural(by_id[one].trace_count, 'trace')}"
            ),
        )
        beside(loaders.insight_details(by_id[chosen]), loaders.insight_details(insight))


def beside(before: ClusterDetails, now: ClusterDetails) -> None:
    """The table of topics then and now."""
    matches = comparison.match(before, now)
    st.caption(comparison.basis(before, now))
    st.dataframe(
        cells(pd.DataFrame([_compared(one) for one in matches])),
        hide_index=True,
        row_height=36,
        column_config={
            "": badges.badge_column("", ["NEW", "REJECTED"], 80),
            "Topic": st.column_config.TextColumn(width=300),
            "Before": st.column_config.TextColumn(width=220),
            "Traces": st.column_config.TextColumn(width=110),
            "Failed or errors": st.column_config.TextColumn(width=200),
        },
        alt="Topics of this insight beside those of the earlier one",
    )


def _compared(one: comparison.Match) -> dict[str, object]:
    return {
        "": ["NEW"] if one.before is None else ["REJECTED"] if one.now is None else [],
        "Topic": one.now.title if one.now else "– gone",
        "Before": one.before.title if one.before else "–",
        "Traces": f"{number(one.before.size) if one.before else '–'} → {number(one.now.size) if one.now else '–'}",
        "Failed or errors": f"{_rate(one.before)} → {_rate(one.now)}",
        "Matched by": one.reason,
    }


def _rate(topic: topics.Topic | None) -> str:
    return topics.rate_words(topic.tally) if topic else "–"
