"""How the queue stands: live mark, key figures, whether somebody explains, and what could not be explained."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from insights_core import settings
from insights_core.cards.reading import Cards, Standing
from insights_core.errors import InsightsError
from pages._ui.look import badges
from pages._ui.look.formats import escape_markdown, local, number, plural
from pages._ui.parts import layout
from pages._ui.shell import states

_POLL_SECONDS = 2.0
_SHOWN_LETTERS = 5


def _signature(standing: Standing) -> tuple[object, ...]:
    return standing.counts.get("version"), bool(standing.workers), standing.dead, standing.used


def live(cards: Cards, standing: Standing) -> None:
    """The live mark, and a look every two seconds that draws nothing; with news the page runs again."""
    key = (cards.tenant_id, _signature(standing))
    known = st.session_state.get("cards-news")
    at = known[1] if known and known[0] == key else datetime.now(UTC)
    st.session_state["cards-news"] = (key, at)
    badges.live(f"Live · last news {local(at):%H:%M:%S}", on=bool(standing.workers))

    @st.fragment(run_every=_POLL_SECONDS)
    def look() -> None:
        try:
            now = cards.standing()
        except InsightsError:
            return  # The next run of the page says so, and what is shown stays readable.
        if (cards.tenant_id, _signature(now)) != st.session_state["cards-news"][0]:
            st.rerun()

    look()


def figures(standing: Standing) -> None:
    """Queue, the hour's limit, and what became of events."""
    limit = settings.INSIGHT_RATE_LIMIT_PER_HOUR.get()
    used_up = standing.used >= limit
    renews = f" The hour ends in {plural(-(-standing.renews_in_s // 60), 'minute')}." if standing.renews_in_s else ""
    layout.figures(
        [
            layout.Figure("Waiting", number(standing.waiting), help="Events in the queue, those under way included."),
            layout.Figure(
                "This hour",
                f"{number(standing.used)} of {number(limit)}",
                "limit reached" if used_up else None,
                alarming=used_up,
                help="Explanations of this hour against INSIGHT_RATE_LIMIT_PER_HOUR. What comes over it is skipped."
                + renews,
            ),
            layout.Figure("Explained", number(standing.count("consumed:explained")), help="Since this Redis counts."),
            layout.Figure(
                "Skipped",
                number(standing.count("consumed:skipped")),
                help="Left without an explanation, because the hour's limit or the cap on cost was reached.",
            ),
            layout.Figure(
                "Failed",
                number(standing.dead),
                f"{number(standing.dropped)} dropped" if standing.dropped else None,
                help="Dead letters: five attempts failed. Dropped: events that never came into the queue, because it was full, Redis was away or they were no events.",
            ),
        ]
    )


def worker_line(standing: Standing) -> None:
    """Say where nobody explains."""
    if not standing.workers:
        waits = (
            f" {plural(standing.waiting, 'event')} {'waits' if standing.waiting == 1 else 'wait'}."
            if standing.waiting
            else ""
        )
        st.info(
            f"No worker is running, so new decisions stay as they are recorded.{waits} Start one with `mlflow-insights cards worker`.",
            icon=":material/hourglass_disabled:",
        )


def dead_letters(cards: Cards, standing: Standing) -> None:
    """What could not be explained, why, and the way to try again."""
    if not standing.dead:
        return
    letters = cards.dead_letters(_SHOWN_LETTERS)
    with st.expander(
        f"{plural(standing.dead, 'event')} could not be explained", icon=":material/error:", key="cards-dead"
    ):
        for letter in letters:
            st.markdown(
                f"**{escape_markdown(letter.event.tool_name, 80)}** · {escape_markdown(letter.event.agent_id, 80)}  \n"
                f":small[:gray[{escape_markdown(letter.reason, 300)}]]"
            )
        if standing.dead > len(letters):
            st.caption(f"and {plural(standing.dead - len(letters), 'more')}: `mlflow-insights cards dead-letters list`")
        if st.button("Explain them again", icon=":material/replay:", key="cards-replay"):
            with states.failures("cards-replay"):
                cards.replay()
                st.rerun()
