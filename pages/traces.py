"""Traces: search, read, compare two, and make an insight from a selection."""

from pages._ui.parts import layout
from pages._ui.shell import scope
from pages._ui.traces import trace_search, trace_table


def view() -> None:
    current = scope.require()
    if current is None:
        return
    with layout.page_header("Traces", f"{current.label} · newest first"):
        scope.controls(current)
    wanted = trace_search.search_controls(current)
    trace_table.trace_table(wanted, current)


view()
