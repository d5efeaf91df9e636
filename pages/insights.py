"""Insights: all of an experiment, and the way to a new one."""

from pages._ui.actions import create_insight
from pages._ui.insight import insight_table
from pages._ui.parts import layout
from pages._ui.shell import scope


def view() -> None:
    current = scope.require()
    if current is None:
        return
    with layout.page_header("Insights", "Each groups traces by what they say, and names the groups"):
        scope.controls(current, with_range=False)
        create_insight.button(current.experiment_id)
    insight_table.insight_table(current.experiment_id)


view()
