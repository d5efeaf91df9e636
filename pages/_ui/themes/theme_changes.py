"""What became of a theme's topics since the run before: born, grown, shrunk, split, merged, gone, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from insights_core.entities import ClusterDetails, Insight, InsightStatus
from pages._ui.insight import compare
from pages._ui.look.formats import escape_markdown, moment, number, plural, share
from pages._ui.parts import layout
from pages._ui.shell import loaders, navigation, states

# Fate -> colour, icon, word, in the order in which they are told: what is new or gone first.
_FATES: dict[str, tuple[str, str, str]] = {
    "born": ("blue", "auto_awesome", "New"),
    "gone": ("gray", "block", "Gone"),
    "split": ("orange", "call_split", "Split"),
    "merged": ("orange", "merge", "Merged"),
    "grown": ("blue", "trending_up", "Grown"),
    "shrunk": ("gray", "trending_down", "Shrunk"),
}


def changes(insight: Insight, runs: Sequence[Insight]) -> None:
    """Against the run before: as the run itself tells it, else as the topics of both compare."""
    earlier = [one for one in runs if one.created_at < insight.created_at and one.status == InsightStatus.FINISHED]
    if not earlier:
        with states.empty(
            "Nothing to compare with",
            "This is the theme's first finished run. With the next one this page says which topics are new, which grew and which are gone.",
        ):
            pass
        return
    details = loaders.insight_details(insight)
    told = told_changes(details)
    st.caption(f"Against the run of {escape_markdown(moment(earlier[0].created_at))}")
    if told:
        _tell(insight, told)
    else:
        compare.beside(loaders.insight_details(earlier[0]), details)


def told_changes(details: ClusterDetails) -> list[tuple[str, Any]]:
    """(fate, topic) of the topics that did not stay as they were, in the order of _FATES, the largest first."""
    found = [(str(fate), one) for one in details.clusters if (fate := getattr(one, "fate", None)) in _FATES]
    found += [("gone", one) for one in getattr(details, "gone", None) or ()]
    order = list(_FATES)
    return sorted(found, key=lambda one: (order.index(one[0]), -_size(one[1])))


def _size(topic: Any) -> int:
    return int(getattr(topic, "size", None) or getattr(topic, "previous_size", None) or 0)


def _tell(insight: Insight, told: Sequence[tuple[str, Any]]) -> None:
    with layout.card("What changed", f"{plural(len(told), 'topic')}", height="content"):
        for place, (fate, topic) in enumerate(told):
            with layout.row(f"change-{place}", last=place == len(told) - 1):
                st.markdown(_line(fate, topic), width="stretch")
                if fate != "gone":
                    there = {"theme": insight.theme_id or "", "run": insight.run_id, "cluster": topic.cluster_id}
                    navigation.link("theme", "Read", there)


def _line(fate: str, topic: Any) -> str:
    colour, icon, word = _FATES[fate]
    before, now = getattr(topic, "previous_size", None), 0 if fate == "gone" else getattr(topic, "size", 0)
    sizes = f" {number(before)} → {number(now)}" if before is not None else f" {plural(now, 'trace')}" if now else ""
    reason = str(getattr(topic, "reason", "") or "")
    low, high = getattr(topic, "overlap_low", None), getattr(topic, "overlap_high", None)
    overlap = (
        f"shares {share(low)} to {share(high)} of its traces with it" if low is not None and high is not None else ""
    )
    why = "; ".join(filter(None, [reason, overlap]))
    return (
        f":{colour}-badge[:material/{icon}: {word}] **{escape_markdown(getattr(topic, 'title', '') or 'Without a name', 100)}**"
        f":gray[{escape_markdown(sizes)}]" + (f"  \n:small[:gray[{escape_markdown(why, 260)}]]" if why else "")
    )
