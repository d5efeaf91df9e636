"""Cards: decisions of agents, newest first, each with a generated explanation beside its raw event."""

import streamlit as st

from pages._ui.cards import card_list, card_places, card_reader, card_standing, first_cards
from pages._ui.parts import layout


def view() -> None:
    cards = card_places.cards()
    standing = cards.standing()
    with layout.page_header("Cards", card_places.caption()):
        card_standing.live(cards, standing)
    if not cards.recent(1):
        first_cards.first_cards(cards)
        return
    card_standing.figures(standing)
    card_standing.worker_line(standing)
    card_standing.dead_letters(cards, standing)
    wanted = card_list.filters_row(cards, standing)
    found = card_list.found(cards, wanted)
    if not found:
        card_list.nothing_matches()
        return
    left, middle, right = st.columns([11, 13, 9])
    with left:
        chosen = card_list.card_list(found)
    with middle:
        card_reader.explanation(chosen)
    with right:
        card_reader.raw_event(chosen)


view()
