"""Tools: how often they are called, how they fail, how long they take, and what goes with their failures."""

import streamlit as st

from pages._ui.measures import measure, tool_cards


def view() -> None:
    with measure.page("Tools") as opened:
        if opened is None:
            return
        scope, wanted = opened
        found = tool_cards.tools(wanted)
        if not found:
            tool_cards.no_tools()
            return
        tool_cards.overview(found)
        ordered = tool_cards.ordered(found)
        if not ordered:
            tool_cards.nothing_found()
        # Another order or other words begin on their own first page.
        key = f"tools-page-{st.query_params.get('sort', '')}-{st.query_params.get('find', '')}"
        for one in measure.paged(ordered, tool_cards.PAGE_SIZE, key):
            tool_cards.row(scope, wanted, one)
        measure.pages(len(ordered), tool_cards.PAGE_SIZE, key, "tool")


view()
