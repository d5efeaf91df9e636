"""Which topic of an earlier insight is which of a later one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from insights_core.entities import ClusterDetails
from pages._ui.insight import topics
from pages._ui.insight.topics import Topic
from pages._ui.look.formats import plural

# Below these a pair is not the same topic but a coincidence.
_LEAST_SHARED, _LEAST_WORDS = 0.3, 0.5
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True)
class Match:
    """A topic then and now; one of them is None where it is new or gone."""

    before: Topic | None
    now: Topic | None
    reason: str


def match(before: ClusterDetails, now: ClusterDetails) -> list[Match]:
    """Pair the lowest topics of two insights, each at most once, the surest pairs first.

    Where the two insights share traces, a pair is as sure as the overlap of its traces (Jaccard index over the traces
    that both insights have); else as the overlap of the words in title and keywords.

    Returns:
        The pairs and new topics in the order of the later tree, then what is gone.
    """
    old, new = _leaves(before), _leaves(now)
    shared = {row.trace_id for row in before.traces} & {row.trace_id for row in now.traces}
    scored = sorted(
        ((*_likeness(one, two, shared), at, place) for at, one in enumerate(old) for place, two in enumerate(new)),
        key=lambda item: (-item[0], item[2], item[3]),
    )
    partner: dict[int, tuple[int, str]] = {}
    used: set[int] = set()
    for score, reason, at, place in scored:
        if score > 0 and at not in used and place not in partner:
            partner[place] = (at, reason)
            used.add(at)
    found = [
        Match(old[partner[place][0]], two, partner[place][1])
        if place in partner
        else Match(None, two, "no earlier topic is like it")
        for place, two in enumerate(new)
    ]
    return found + [Match(one, None, "no later topic is like it") for at, one in enumerate(old) if at not in used]


def basis(before: ClusterDetails, now: ClusterDetails) -> str:
    """What the pairs rest on, in a sentence."""
    shared = len({row.trace_id for row in before.traces} & {row.trace_id for row in now.traces})
    if shared:
        return f"Both insights have {plural(shared, 'trace')} in common; topics are matched by these, the others by their words."
    return (
        "The insights have no trace in common: topics are matched by the words of their titles, which is a hint only."
    )


def _leaves(details: ClusterDetails) -> list[Topic]:
    return [topic for topic in topics.tree(details) if topic.is_leaf and topic.cluster is not None]


def _likeness(one: Topic, two: Topic, shared: set[str]) -> tuple[float, str]:
    first = {row.trace_id for row in one.rows} & shared
    second = {row.trace_id for row in two.rows} & shared
    if first and second:
        overlap = len(first & second) / len(first | second)
        # Shared traces are stronger than any likeness of words.
        return (1 + overlap, f"{100 * overlap:.0f}% of their common traces") if overlap >= _LEAST_SHARED else (0.0, "")
    words, others = _words(one), _words(two)
    overlap = len(words & others) / len(words | others) if words | others else 0.0
    return (overlap, "their words") if overlap >= _LEAST_WORDS else (0.0, "")


def _words(topic: Topic) -> set[str]:
    keywords = topic.cluster.keywords if topic.cluster else []
    return set(_WORD.findall(" ".join([topic.title, *keywords]).lower()))
