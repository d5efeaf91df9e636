"""How coarse the topics of an insight are shown: the same result cut at another level, without a new job."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import ClusterDetails, Insight
from pages._ui.look.formats import number
from pages._ui.shell import loaders, url_state

# As many as a person reads through; where a result has more, it opens at a coarser level.
_READABLE = 40


def levels(details: ClusterDetails) -> dict[int, int]:
    """Level -> how many topics the result has when it is cut there; each level that differs, the finest first."""
    found: dict[int, int] = {}
    for level in sorted({cluster.level for cluster in details.clusters}):
        count = len(_cut(details, level))
        if count not in found.values():
            found[level] = count
    return found


def default_level(details: ClusterDetails) -> int:
    """The finest level that a person can read through, or the coarsest there is."""
    counts = levels(details)
    return next((level for level, count in counts.items() if count <= _READABLE), max(counts, default=0))


def at_level(details: ClusterDetails, level: int) -> ClusterDetails:
    """The result with its topics cut at a level: what lies below is joined, groups above stay."""
    cut = _cut(details, level)
    parents = {cluster.cluster_id: cluster.parent_id for cluster in details.clusters}
    kept = [cluster for cluster in details.clusters if cluster.level >= level or cluster.cluster_id in cut]
    if len(kept) == len(details.clusters):
        return details

    def up(cluster_id: str | None) -> str | None:
        while cluster_id is not None and cluster_id not in cut:
            cluster_id = parents.get(cluster_id)
        return cluster_id

    places = {cluster_id: up(cluster_id) for cluster_id in parents}
    rows = [
        row.model_copy(
            update={
                "cluster_id": places.get(row.cluster_id or ""),
                "nearest_cluster_id": places.get(row.nearest_cluster_id or ""),
            }
        )
        for row in details.traces
    ]
    return details.model_copy(update={"clusters": kept, "traces": rows})


def _cut(details: ClusterDetails, level: int) -> set[str]:
    """Topics that hold traces at a level: its own, and those below it that no group of that level holds."""
    above = {cluster.cluster_id: cluster.level for cluster in details.clusters}
    return {
        cluster.cluster_id
        for cluster in details.clusters
        if cluster.level == level or (cluster.level < level and above.get(cluster.parent_id or "", level + 1) > level)
    }


def shown(insight: Insight, details: ClusterDetails) -> ClusterDetails:
    """The result at the level that the URL says."""
    return _shown(
        loaders.tracking_uri(), insight.run_id, int(insight.updated_at.timestamp() * 1000), _level(details), details
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _shown(uri: str, run_id: str, version: int, level: int, _details: ClusterDetails) -> ClusterDetails:
    return at_level(_details, level)


def _level(details: ClusterDetails) -> int:
    """Of the URL; a link to a fine topic opens a level that shows it."""
    counts, wanted = levels(details), st.query_params.get("level", "")
    level = int(wanted) if wanted.isdigit() and int(wanted) in counts else default_level(details)
    linked = st.query_params.get("cluster")
    own = next((cluster.level for cluster in details.clusters if cluster.cluster_id == linked), None)
    if own is not None and own < level:
        level = max((one for one in counts if one <= own), default=level)
    return level


def control(details: ClusterDetails, show_label: bool = False) -> None:
    """More, smaller topics or fewer, larger ones; nothing where there is one level."""
    counts = levels(details)
    if len(counts) < 2:
        return
    names = {str(level): number(count) for level, count in sorted(counts.items(), reverse=True)}
    url_state.segmented(
        "Topics" if show_label else "Topics: fewer, larger – more, smaller",
        names,
        "level",
        "granularity",
        str(_level(details)),
        forget=("cluster", "trace"),
        show_label=show_label,
    )
