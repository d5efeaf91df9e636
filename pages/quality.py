"""Quality: what people, judges and code say about the traces, and what goes with the bad ones."""

import streamlit as st

from pages._ui.measures import measure, quality_cards


def view() -> None:
    with measure.page("Quality") as opened:
        if opened is None:
            return
        scope, wanted = opened
        found = quality_cards.quality(wanted)
        if not found:
            quality_cards.no_assessments(scope)
            return
        shown = measure.paged(found, quality_cards.PAGE_SIZE, "quality-page")
        for first in range(0, len(shown), 2):
            for column, one in zip(st.columns(2), shown[first : first + 2], strict=False):
                with column:
                    quality_cards.card(scope, wanted, one)
        measure.pages(len(found), quality_cards.PAGE_SIZE, "quality-page", "assessment")


view()
