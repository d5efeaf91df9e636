"""An insight: what was asked, what came out, how far it can be trusted, and the traces behind each topic."""

import streamlit as st

from insights_core.entities import InsightStatus
from pages._ui.actions import create_insight
from pages._ui.insight import compare, insight_panes, insight_report, progress
from pages._ui.look import theme
from pages._ui.look.formats import escape_markdown
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, scope, states


def view() -> None:
    theme.chosen_page("insights")
    run_id = st.query_params.get("run")
    if not run_id:
        with layout.page_header("Insight"):
            pass
        with states.empty("No insight chosen", "Choose one from the list."):
            navigation.link("insights", "Look at the insights")
        return
    insight = loaders.insight(run_id)
    scope.adopt(insight.experiment_id)
    finished = insight.status == InsightStatus.FINISHED
    with layout.page_header(insight.name, insight_report.scope_line(insight), ("insights", "Insights", {})):
        if insight.theme_id:
            name = escape_markdown(loaders.theme_name(insight.experiment_id, insight.theme_id), 40)
            navigation.link(
                "theme",
                f":violet-badge[{name}]",
                {"theme": insight.theme_id, "run": run_id},
                icon=None,
                help="The theme it ran with",
            )
        if finished:
            if st.button("Compare", icon=":material/compare_arrows:"):
                compare.compare_dialog(insight)
            navigation.button("map", "Open map", "scatter_plot", {"run": run_id})
        if insight.status not in progress.UNDER_WAY and st.button("Run again", icon=":material/restart_alt:"):
            create_insight.again(insight)
    if insight.status in progress.UNDER_WAY:
        with layout.card("Under way", height="content"):
            progress.running_insight(run_id, "page", with_link=False)
        with layout.card(height="content"):
            insight_report.question(insight)
    elif not finished:
        insight_report.stopped(insight)
    else:
        details = loaders.insight_details(insight)
        insight_report.summary(insight, details)
        insight_panes.panes(insight)


view()
