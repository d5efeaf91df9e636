"""Tags: which values the traces have, and what goes with one of them."""

import streamlit as st

from pages._ui.measures import measure, tag_cards


def view() -> None:
    with measure.page("Tags") as opened:
        if opened is None:
            return
        scope, wanted = opened
        found = tag_cards.keys(wanted)
        if not found:
            tag_cards.no_tags()
            return
        follows = tag_cards.followed(wanted, found)
        tag_cards.selection(scope, wanted, follows)
        shown = measure.paged(found, tag_cards.PAGE_SIZE, "tags-page")
        for first in range(0, len(shown), 2):
            for column, one in zip(st.columns(2), shown[first : first + 2], strict=False):
                with column:
                    tag_cards.card(wanted, one, follows)
        measure.pages(len(found), tag_cards.PAGE_SIZE, "tags-page", "key")


view()
