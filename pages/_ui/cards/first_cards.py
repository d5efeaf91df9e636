"""The page before the first event: how events come in, and a way to make some of this experiment's traces."""

from __future__ import annotations

import streamlit as st

from insights_core import settings
from insights_core.cards import connection
from insights_core.cards.derive import derive_events
from insights_core.cards.queueing import queue_events
from insights_core.cards.reading import Cards
from insights_core.entities import TraceScope
from insights_core.names import DEMO_TAG
from pages._ui.cards import card_places
from pages._ui.look.formats import plural
from pages._ui.shell import loaders, scope, states

_TRACES, _EVENTS = 200, 300
# The demo's agents have no guardrails; what its judge calls not grounded is what a person should look at.
_DEMO_GUARDRAILS = ("grounded",)


def first_cards(cards: Cards) -> None:
    """What is missing, and the next step; the demo fills the page by itself."""
    current = scope.current()
    experiment_id = current.experiment_id if current else None
    if experiment_id and _fills_itself(experiment_id) and _derive(experiment_id):
        st.rerun()
    with states.empty(
        "No decisions yet",
        "A card explains a decision about an agent's call: allowed, denied or escalated. Send events from where decisions are made, or make them of the traces of this experiment.",
    ):
        # On an empty server there is nothing to make events of.
        if (
            experiment_id
            and loaders.any_trace()
            and st.button("Use this experiment's calls", icon=":material/view_agenda:", type="primary")
        ):
            if _derive(experiment_id):
                st.rerun()
            st.caption("These traces hold no calls of tools and no guardrails.")
    _, middle, _ = st.columns([1, 4, 1])
    middle.code(_commands(cards, experiment_id), language="bash", wrap_lines=True)


def _fills_itself(experiment_id: str) -> bool:
    """Whether events may be made without being asked for: of made-up traces, and where no model would be paid."""
    pays = settings.OPENAI_API_KEY.get() or settings.OPENAI_BASE_URL.get()
    return not pays and card_places.in_memory() and _is_demo(loaders.tracking_uri(), experiment_id)


def _derive(experiment_id: str) -> int:
    """Queue events of the newest traces; how many are new."""
    guardrails = _DEMO_GUARDRAILS if _is_demo(loaders.tracking_uri(), experiment_id) else ()
    with states.loading(f"Reading the calls of {plural(_TRACES, 'trace')} at most …"):
        events = derive_events(
            loaders.client(),
            TraceScope(experiment_id=experiment_id),
            settings.INSIGHTS_TENANT_ID.get(),
            _TRACES,
            guardrails,
        )
        return queue_events(connection.shared(), events[-_EVENTS:])["queued"]


@st.cache_data(show_spinner=False, max_entries=16)
def _is_demo(uri: str, experiment_id: str) -> bool:
    return DEMO_TAG in loaders.client().mlflow.get_experiment(experiment_id).tags


def _commands(cards: Cards, experiment_id: str | None) -> str:
    if not card_places.in_memory():
        return (
            f"mlflow-insights cards emit --experiment-id {experiment_id or 'ID'} --tenant {cards.tenant_id}\n"
            "mlflow-insights cards worker"
        )
    return (
        f"curl -X POST http://localhost:{st.get_option('server.port')}/insights/events -H 'Content-Type: application/json' -d '"
        '{"event_id": "e-1", "agent_id": "billing", "tool_name": "run_sql", "decision": "deny", '
        '"findings": ["destructive_sql"], "payload_shape": {"query": "string[54]"}}\''
    )
