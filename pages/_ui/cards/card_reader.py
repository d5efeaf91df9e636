"""One card: what is said of a decision, and the raw event beside it."""

from __future__ import annotations

import streamlit as st

from insights_core.entities.card import LABEL, Card
from pages._ui.look.badges import badge
from pages._ui.look.formats import clock, escape_markdown, plural
from pages._ui.parts import layout
from pages._ui.shell import navigation

_PANE = 560


def explanation(card: Card) -> None:
    """Intent, why the findings matched, the agent's pattern; or why there is none yet."""
    event, said = card.event, card.explanation
    with layout.card("Explanation", badge(event.decision.value), height=_PANE):
        if said is None:
            st.markdown(f"{badge(card.status)}  \n{escape_markdown(card.reason or _WAITS, 400)}")
        else:
            st.markdown(f"**{escape_markdown(said.summary, 400)}**")
            layout.labelled("What it was for", escape_markdown(said.intent, 600))
            layout.labelled(
                "Why it matched" if event.findings else "Why nothing matched", escape_markdown(said.why, 600)
            )
            compared = f" :small[:gray[compared with {plural(said.compared_with, 'earlier event')}]]"
            layout.labelled(
                "Recent pattern of the agent",
                f"{badge(said.fits_pattern)}{compared}  \n{escape_markdown(said.pattern, 600)}",
            )
            by = "composed without a model" if said.model == "offline" else f"by {said.model}"
            st.caption(f"{LABEL} · {escape_markdown(by)} · {escape_markdown(clock(said.generated_at))}")
        with st.container(horizontal=True, vertical_alignment="center", key="last-card-links"):
            if event.trace_id:
                navigation.link("traces", "Look at the trace", {"trace": event.trace_id})
            navigation.link("cards", "Other decisions of this agent", {"agent": event.agent_id})


_WAITS = "The decision is recorded; its explanation comes when a worker gets to it."


def raw_event(card: Card) -> None:
    """The event as it came in: what is known for certain."""
    with layout.card("Raw event", ":gray[as it was recorded]", height=_PANE):
        st.code(card.event.model_dump_json(indent=2), language="json", wrap_lines=True)
