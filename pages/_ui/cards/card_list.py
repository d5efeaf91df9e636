"""The list of cards with its filters; all of what is chosen is in the URL."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.cards import connection
from insights_core.cards.reading import CardFilter, Cards, Standing
from insights_core.entities.card import Card
from pages._ui.cards import card_places
from pages._ui.look.badges import badge
from pages._ui.look.formats import clock, escape_markdown
from pages._ui.parts import filters, layout
from pages._ui.parts.pick_list import PAGE_SIZE, Option, pick_list
from pages._ui.shell import states, url_state

_DECISIONS = {"": "All", "deny": "Denied", "escalate": "Escalated", "allow": "Allowed"}
_FACETS = {"agent": "Any agent", "tool": "Any tool", "finding": "Any finding"}
# Choices are offered from as many of the newest cards; a link may name others.
_LOOKED_AT = 500
_PANE = 560


def filters_row(cards: Cards, standing: Standing) -> CardFilter:
    """Decision, agent, tool and finding."""
    offered = _offered(connection.address(), cards.tenant_id, str(standing.counts.get("version")))
    with st.container(horizontal=True, vertical_alignment="center", key="card-filters"):
        decision = url_state.segmented("Decision", _DECISIONS, "decision", "cards-decision", "", forget=("card",))
        chosen = {
            name: filters.choose(
                name, any_one[4:].capitalize(), _options(name, any_one, offered), f"cards-{name}", "", width=190
            )
            for name, any_one in _FACETS.items()
        }
    return CardFilter(**{name: value or None for name, value in {"decision": decision, **chosen}.items()})


def _options(name: str, any_one: str, offered: dict[str, list[str]]) -> dict[str, str]:
    linked = st.query_params.get(name)
    names = [*offered[name], *([linked] if linked and linked not in offered[name] else [])]
    return {"": any_one, **{one: one for one in names}}


@st.cache_data(show_spinner=False, max_entries=8)
def _offered(address: str, tenant_id: str, version: str) -> dict[str, list[str]]:
    events = [card.event for card in card_places.cards().recent(_LOOKED_AT)]
    return {
        "agent": sorted({event.agent_id for event in events}),
        "tool": sorted({event.tool_name for event in events}),
        "finding": sorted({name for event in events for name in event.findings}),
    }


def found(cards: Cards, wanted: CardFilter) -> list[Card]:
    """The newest that match, and the one that the address names, so that what is read stays when others come."""
    shown = cards.recent(PAGE_SIZE, wanted)
    linked = st.query_params.get("card")
    if linked and all(card.event.event_id != linked for card in shown):
        with_link = [card for card in [_linked(cards, linked)] if card and wanted.takes(card.event)]
        return [*shown[: PAGE_SIZE - 1], *with_link]
    return shown


def _linked(cards: Cards, event_id: str) -> Card | None:
    from insights_core.errors import NotFoundError

    try:
        return cards.get(event_id)
    except NotFoundError:
        st.caption("The card of this link is gone: cards live for 24 hours.")
        return None


def nothing_matches() -> None:
    """The state of filters that take nothing."""
    with states.empty("No decision matches", "Choose another decision, agent, tool or finding."):
        if st.button("Clear the filters", icon=":material/filter_alt_off:", type="primary"):
            for name in ("decision", "card", *_FACETS):
                st.query_params.pop(name, None)
            st.rerun()


def card_list(shown: Sequence[Card]) -> Card:
    """The list, newest first; gives the chosen one."""
    by_id = {card.event.event_id: card for card in shown}
    # What was shown last stays when newer ones come, also where nobody has chosen it.
    last = st.session_state.get("cards-last")
    with layout.card("Decisions", f"newest {len(shown)}", height=_PANE):
        chosen = pick_list(
            "Decisions",
            {event_id: _option(card) for event_id, card in by_id.items()},
            "cards",
            "card",
            last if last in by_id else None,
        )
    st.session_state["cards-last"] = chosen
    return by_id[chosen]


def _option(card: Card) -> Option:
    event = card.event
    findings = f" · {escape_markdown(', '.join(event.findings), 60)}" if event.findings else ""
    label = f"**{escape_markdown(event.tool_name, 60)}** · {escape_markdown(event.agent_id, 40)}{findings}"
    state = "" if card.status == "explained" else badge(card.status)
    return Option(label, (badge(event.decision.value), "", state, f":gray[{escape_markdown(clock(event.timestamp))}]"))
