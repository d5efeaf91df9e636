"""Cluster map: the traces of an insight on a plane; near means similar."""

import streamlit as st

from insights_core.entities import Insight, InsightStatus
from pages._ui.actions import create_insight
from pages._ui.insight import granularity
from pages._ui.map import cluster_map
from pages._ui.parts import layout
from pages._ui.shell import loaders, scope, states


def view() -> None:
    current = scope.require()
    if current is None:
        return
    run_id = st.query_params.get("run")
    insight: Insight | None
    if run_id:
        insight = loaders.insight(run_id)
        scope.adopt(insight.experiment_id)
    else:
        insight = next(
            (one for one in loaders.insights(current.experiment_id) if one.status == InsightStatus.FINISHED), None
        )
    if insight is None or insight.status != InsightStatus.FINISHED:
        with layout.page_header("Cluster map"):
            scope.controls(current, with_range=False)
        with states.empty("No map yet", "A map is drawn from a finished insight, and this experiment has none."):
            create_insight.button(current.experiment_id)
        return
    whole = loaders.insight_details(insight)
    details = granularity.shown(insight, whole)
    caption = cluster_map.caption(insight, details)
    with layout.page_header("Cluster map", caption, ("insight", "Insight", {"run": insight.run_id})):
        granularity.control(whole, show_label=True)
        colour_by = cluster_map.colour_control(insight.experiment_id, details)
    cluster_map.cluster_map(insight, details, colour_by)


view()
