"""Which topics of an insight stand out for sure: those that fail more than the rest, and those that are new."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import streamlit as st

from insights_core.entities import ClusterDetails, TraceRow
from insights_core.errors import InsightsError
from insights_core.statistics.association import judge, tails
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE, false_discovery_rates
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values
from pages._ui.insight import comparison, topics
from pages._ui.insight.topics import Topic
from pages._ui.shell import loaders

_WORD = re.compile(r"\w{3,}")
# A topic is told by its first words; further ones are shared with others.
_WORDS = 6
# Less than twice as many is no new topic, however sure it is.
_NEW = 2.0


@st.cache_data(ttl=600, max_entries=64, show_spinner=False)
def _sessions(uri: str, experiment_id: str, trace_ids: tuple[str, ...], start_ms: int, end_ms: int) -> list[int]:
    try:
        return loaders.client().analytics.sessions([experiment_id], trace_ids, start_ms, end_ms)
    except InsightsError:
        # Without facts each trace is on its own.
        return [-1] * len(trace_ids)


def units_of(rows: Sequence[TraceRow], experiment_id: str) -> Units:
    """Which traces of an insight belong together."""
    if not rows:
        return Units.of_codes(np.empty(0, dtype=np.int64))
    times = [row.timestamp_ms for row in rows]
    ids = tuple(row.trace_id for row in rows)
    return Units.of_codes(np.array(_sessions(loaders.tracking_uri(), experiment_id, ids, min(times), max(times))))


def failing_more(details: ClusterDetails) -> set[str]:
    """Ids of topics that fail more than the traces as a whole, at a false discovery rate of 5 % over all that hold traces.

    Groups are judged among the groups at their depth, topics among topics.
    """
    listed = [one for one in topics.tree(details) if one.cluster is not None]
    failed = np.array([topics.failed(row) for row in details.traces], dtype=bool)
    if not listed or not failed.any():
        return set()
    units = units_of(details.traces, details.experiment_id)
    depths = [
        [one for one in listed if one.is_leaf],
        *([one for one in listed if not one.is_leaf and one.depth == depth] for depth in range(2)),
    ]
    return {name for level in depths if level for name in _failing_more(level, details, failed, units)}


def _failing_more(level: list[Topic], details: ClusterDetails, failed: np.ndarray, units: Units) -> set[str]:
    """Of topics that share no trace."""
    place = {row.trace_id: at for at, one in enumerate(level) for row in one.rows}
    code = np.array([place.get(row.trace_id, -1) for row in details.traces], dtype=np.int64)
    q = judge([tails(Beside.of(Values.of_codes(code, len(level), units), failed))]).q
    return {one.cluster_id for one, rate in zip(level, q, strict=True) if rate <= FALSE_DISCOVERY_RATE}


def new_topics(before: ClusterDetails, now: ClusterDetails) -> list[Topic]:
    """Topics of the later insight that nothing in the earlier one is like, the largest first.

    That no earlier topic matches says little: two clusterings of halves of the same traces differ in a third of their
    topics. So the traces are asked, whatever topic they were given: those that speak in the topic's words must be more
    than twice as frequent as in the earlier insight, at a false discovery rate of 5 % over the topics without a match.
    """
    unmatched = [one.now for one in comparison.match(before, now) if one.before is None and one.now is not None]
    earlier = {row.trace_id for row in before.traces}
    later = [row for row in now.traces if row.trace_id not in earlier]
    rows = [*before.traces, *later]
    is_new = np.arange(len(rows)) >= len(before.traces)
    units = units_of(rows, now.experiment_id)
    said = [set(_WORD.findall(f"{row.title} {row.summary}".lower())) for row in rows]
    looked, found = [], []
    for topic in unmatched:
        speaks = _speaks(topic, rows, said)
        if not speaks[is_new].any() or speaks[is_new].mean() < _NEW * speaks[~is_new].mean():
            continue
        found.append(topic)
        looked.append(tails(Beside.of(Values.of_codes(np.where(is_new, 0, -1), 1, units), speaks)))
    if not looked:
        return []
    # The others count as looked at too: they would have been told.
    p = np.concatenate([one.p for one in looked])
    q = false_discovery_rates(np.concatenate([p, np.ones(len(unmatched) - len(p))]))[: len(p)]
    passed = [one for one, rate in zip(found, q, strict=True) if rate <= FALSE_DISCOVERY_RATE]
    return sorted(passed, key=lambda one: -one.size)


def _speaks(topic: Topic, rows: Sequence[TraceRow], said: Sequence[set[str]]) -> np.ndarray:
    """Which traces have as many of a topic's words as tells its own from the others best. Bools of shape (n_rows,)."""
    keywords = topic.cluster.keywords if topic.cluster else []
    words = list(dict.fromkeys(_WORD.findall(" ".join([topic.title, *keywords]).lower())))[:_WORDS]
    mine = {row.trace_id for row in topic.rows}
    own = np.array([row.trace_id in mine for row in rows], dtype=bool)
    counts = np.array([sum(word in have for word in words) for have in said])
    if not words or not own.any() or own.all():
        return np.zeros(len(rows), dtype=bool)
    best = max(
        range(1, len(words) + 1), key=lambda least: (counts[own] >= least).mean() - (counts[~own] >= least).mean()
    )
    return counts >= best
