"""Traffic & Cost: traces, latency, errors, tokens and cost over time, and what goes with the bad ones."""

import streamlit as st

from pages._ui.measures import measure, traffic_cards


def view() -> None:
    with measure.page("Traffic & Cost") as opened:
        if opened is None:
            return
        scope, wanted = opened
        found = traffic_cards.traffic(wanted)
        traffic_cards.volume_card(wanted, found.volume)
        left, right = st.columns(2)
        with left:
            traffic_cards.latency_card(scope, wanted, found.latency)
        with right:
            traffic_cards.errors_card(scope, wanted, found.errors)
        traffic_cards.usage_cards(scope, wanted, found.cost)


view()
