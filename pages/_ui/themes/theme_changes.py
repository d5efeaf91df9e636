"""What became of a theme's topics since the run before: born, grown, shrunk, split, merged, gone, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from insights_core.entities import Cluster, ClusterDetails, GoneTopic, Insight, InsightStatus
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
    before = next((one for one in earlier if one.run_id == details.continues), earlier[0])
    st.caption(f"Against the run of {escape_markdown(moment(before.created_at))}")
    if details.continues:
        _tell(insight, details, told_changes(details))
    else:
        compare.beside(loaders.insight_details(before), details)


def told_changes(details: ClusterDetails) -> list[Cluster | GoneTopic]:
    """Topics that did not stay as they were, in the order of _FATES, the largest first."""
    found: list[Cluster | GoneTopic] = [one for one in details.clusters if one.fate in _FATES]
    order = list(_FATES)
    return sorted([*found, *details.gone], key=lambda one: (order.index(_fate(one)), -one.size))


def _fate(topic: Cluster | GoneTopic) -> str:
    return "gone" if isinstance(topic, GoneTopic) else topic.fate or "same"


def _tell(insight: Insight, details: ClusterDetails, told: Sequence[Cluster | GoneTopic]) -> None:
    same = sum(one.fate == "same" for one in details.clusters)
    with layout.card("What changed", f"{plural(same, 'topic')} stayed the same", height="content"):
        if not told:
            st.caption("Every topic is as it was.")
        for place, topic in enumerate(told):
            with layout.row(f"change-{place}", last=place == len(told) - 1):
                st.markdown(_line(topic), width="stretch")
                if isinstance(topic, Cluster):
                    there = {"theme": insight.theme_id or "", "run": insight.run_id, "cluster": topic.cluster_id}
                    navigation.link("theme", "Read", there)


def _line(topic: Cluster | GoneTopic) -> str:
    colour, icon, word = _FATES[_fate(topic)]
    if isinstance(topic, GoneTopic):
        sizes, overlap = f"{number(topic.size)} → 0", ""
    else:
        before, low, high = topic.previous_size, topic.overlap_low, topic.overlap_high
        sizes = plural(topic.size, "trace") if before is None else f"{number(before)} → {number(topic.size)}"
        overlap = "" if low is None or high is None else f"{share(low)} to {share(high)} of its traces are the same"
    why = "; ".join(filter(None, [topic.reason.rstrip("."), overlap]))
    return (
        f":{colour}-badge[:material/{icon}: {word}] **{escape_markdown(topic.title or 'Without a name', 100)}**"
        f" :gray[{escape_markdown(sizes)}]" + (f"  \n:small[:gray[{escape_markdown(why, 260)}]]" if why else "")
    )
