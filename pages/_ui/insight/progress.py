"""A running insight: stage, count, time left, cost, and what can be done about it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import streamlit as st

from insights_core.entities import Insight, InsightStatus
from pages._ui.look.formats import about, duration, escape_markdown, moment, money, number
from pages._ui.shell import loaders, navigation, states

# Stage -> its word and about which share of a job's time lies before it and in it.
STAGES: dict[str, tuple[str, float, float]] = {
    "queued": ("Waiting to start", 0.0, 0.01),
    "collect": ("Collecting traces", 0.01, 0.06),
    "wait": ("Waiting for an insight that reads the same", 0.07, 0.0),
    "summarize": ("Reading and summarising", 0.07, 0.63),
    "embed": ("Comparing", 0.70, 0.08),
    "cluster": ("Grouping", 0.78, 0.08),
    "name": ("Naming topics", 0.86, 0.06),
    "map": ("Drawing the map", 0.92, 0.04),
    "overview": ("Overview", 0.96, 0.02),
    "persist": ("Saving", 0.98, 0.02),
    "done": ("Done", 1.0, 0.0),
}
UNDER_WAY = (InsightStatus.RUNNING, InsightStatus.STALLED)


def fraction(insight: Insight) -> float:
    """How much of a job is done, 0 to 1; an estimate over its stages."""
    _, before, within = STAGES.get(insight.progress.stage, ("", 0.0, 0.0))
    part = insight.progress.done / insight.progress.total if insight.progress.total else 0.0
    return min(1.0, before + within * min(1.0, part))


def sentence(insight: Insight) -> str:
    """Summaries · 1,488 of 2,400"""
    name = STAGES.get(insight.progress.stage, (insight.progress.stage, 0.0, 0.0))[0]
    if insight.progress.total:
        return f"{name} · {number(insight.progress.done)} of {number(insight.progress.total)}"
    return name


def running_insight(run_id: str, key: str, with_link: bool = True) -> None:
    """Progress that refreshes itself each second while the job runs, with its actions.

    Args:
        run_id: Which.
        key: Unique on the page.
        with_link: Offer "Watch", on pages other than the insight's own.
    """
    if loaders.insight(run_id).status == InsightStatus.RUNNING:
        states.fragment(run_every=1.0, key=f"progress-{key}")(_progress)(run_id, key, with_link)
    else:
        _progress(run_id, key, with_link)


def _progress(run_id: str, key: str, with_link: bool) -> None:
    insight = loaders.insight(run_id)
    if insight.status not in UNDER_WAY:
        loaders.forget_lists()
        # The whole page has to change now; inside a fragment's own rerun this reruns the page.
        st.rerun()
    if with_link:
        st.markdown(f"**{escape_markdown(insight.name, 120)}**")
    st.progress(fraction(insight), escape_markdown(sentence(insight)))
    stalled = insight.status == InsightStatus.STALLED
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if stalled:
            st.caption(
                f"No sign of life since {moment(insight.progress.updated_at)}: its process ended.", width="content"
            )
        else:
            st.caption(escape_markdown(_outlook(insight)), width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            if with_link:
                navigation.link("insight", "Watch", {"run": run_id})
            if stalled and st.button("Go on", icon=":material/play_arrow:", key=f"resume-{key}", type="primary"):
                loaders.client().resume_insight(run_id)
                loaders.forget_lists()
                st.rerun()
            stopping = f"stopping.{run_id}"
            if st.session_state.get(stopping):
                st.caption("Stopping", width="content")
            elif st.button("Stop", icon=":material/stop_circle:", key=f"stop-{key}", type="tertiary"):
                loaders.client().cancel_insight(run_id)
                # The job ends at its next step; until then the button has done its work.
                st.session_state[stopping] = True
                loaders.forget_lists()
                st.rerun()


def _outlook(insight: Insight) -> str:
    """about 3 min left · $0.84 so far"""
    done = fraction(insight)
    name = f"seen.{insight.run_id}"
    # Progress as this session first saw it: a resumed job did its first part at another time.
    started, first = st.session_state.setdefault(name, (time.monotonic(), done))
    elapsed, gained = time.monotonic() - started, done - first
    parts = []
    if elapsed > 3 and gained > 0.02:
        parts.append(f"{about(1000 * max(1.0, elapsed * (1 - done) / gained))} left")
    else:
        parts.append(f"for {duration(1000 * (datetime.now(UTC) - insight.created_at).total_seconds())}")
    if insight.progress.cost_usd:
        parts.append(f"{money(insight.progress.cost_usd)} so far")
    return " · ".join(parts)
