"""From texts and vectors to named clusters on a map: what insight jobs and `cluster_texts` share.

Levels are stored in the tree itself. Leaves (`level` 0) are the finest topics that the texts support and hold the
traces; a group (`level` 1, above it 2) holds the leaves and groups whose `parent_id` names it; a leaf that no group
holds stands for itself at every level. So a page cuts the same result coarser ("fewer, larger ones") at level 1 or 2
and finer ("more, smaller topics") at level 0, with no new job and without a list of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.entities.insight import Cluster, ClusterDetails, ClusteringConfig, GoneTopic, TrustMetrics
from insights_core.insight.topics.cluster import ClusterResult, cluster_vectors
from insights_core.insight.topics.hierarchy import group_leaves
from insights_core.insight.topics.map import coordinates
from insights_core.insight.topics.naming import ClusterName, Group
from insights_core.insight.topics.refine import centroids, from_the_middle
from insights_core.insight.topics.tracking import Left, go_on, same_groups
from insights_core.insight.topics.trust import silhouette, stability, verdict

if TYPE_CHECKING:
    from insights_core.insight.stages import Stage
    from insights_core.insight.topics.naming import Namer

_EXAMPLES = 8
_NEAR_MISSES = 5
_NONE = "No topics stand out"
_NONE_MEANS = (
    "Run again on a part, other groups come out, nearly as for random data: these traces have no common topics."
)


@dataclass
class Topics:
    """Named clusters of n traces."""

    clusters: list[Cluster]
    """The hierarchy: parents before their children, largest first."""
    labels: np.ndarray
    """Int (n,): which leaf, an index into `leaf_ids`; -1 marks an outlier."""
    assigned: np.ndarray
    """Int (n,): the same with each outlier's nearest leaf."""
    leaf_ids: list[str]
    coordinates: np.ndarray
    """Float (n, 2)."""
    metrics: TrustMetrics
    """Stability, coverage, outliers and silhouette; the job adds claims and redactions."""
    earlier_ids: frozenset[str] = frozenset()
    """Ids of clusters that an earlier insight gave them."""
    gone: list[GoneTopic] = field(default_factory=list)
    """Topics of the earlier insight that are not there any more."""


async def build_topics(
    texts: Sequence[str],
    vectors: np.ndarray,
    namer: Namer,
    config: ClusteringConfig | None = None,
    *,
    ids: Sequence[str] | None = None,
    on_stage: Callable[[Stage, int], None] | None = None,
    previous: ClusterDetails | None = None,
    sessions: Sequence[str | None] | None = None,
    left: Left | None = None,
) -> Topics:
    """Cluster, name and lay out n traces.

    The result does not depend on the order of the traces: they are sorted by text and id before anything random.

    Args:
        texts: What is clustered and named, n texts.
        vectors: Float array of shape (n, d), rows of unit length.
        namer: Names the clusters.
        config: Clustering; None takes the defaults.
        ids: Trace ids; None takes the positions.
        on_stage: Called with "cluster", "name" and "map" and how many there are to do.
        previous: An earlier insight whose topics these go on from (see `tracking`); they keep their ids and names.
        sessions: Session of each trace: how sure it is that a topic grew is a matter of sessions.
        left: What is known of traces of the earlier insight that are not among these; None: nothing.
    """
    config = config or ClusteringConfig()
    names = [str(number) for number in range(len(texts))] if ids is None else list(ids)
    order = np.array(sorted(range(len(texts)), key=lambda i: (texts[i], names[i])), dtype=int)
    say = on_stage or (lambda stage, total: None)
    work = _Work(
        [texts[i] for i in order],
        np.asarray(vectors, dtype=np.float32)[order],
        [names[i] for i in order],
        config,
    )
    say("cluster", len(texts))
    work.cluster()
    if previous is not None and previous.metrics.topics_verdict != "none" and work.verdict not in ("none", "empty"):
        work.go_on(
            previous,
            None if sessions is None else [sessions[i] for i in order],
            left and replace(left, here=left.here[order]),
        )
    work.arrange(previous)
    say("name", len(work.nodes))
    clusters = await work.named(namer)
    say("map", len(texts))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Topics(
        clusters,
        work.result.labels[back],
        work.result.assigned[back],
        work.leaf_ids,
        coordinates(work.vectors, work.result, config.seed)[back],
        work.trust(),
        frozenset(work.kept) | work.renamed,
        work.gone,
    )


@dataclass
class _Node:
    """A cluster before it has a name."""

    cluster_id: str
    parent_id: str | None
    level: int
    leaves: list[int]


@dataclass
class _Work:
    """The stages over one set of traces, in canonical order."""

    texts: list[str]
    vectors: np.ndarray
    ids: list[str]
    config: ClusteringConfig

    def cluster(self) -> None:
        """Find leaves and the groups above them."""
        self.result: ClusterResult = cluster_vectors(self.vectors, self.config)
        self.stability = stability(self.vectors, self.result, self.config)
        self.verdict = verdict(self.vectors, self.result, self.stability)
        if self.verdict == "none":
            everyone = np.zeros(len(self.texts), dtype=int)
            self.result = replace(self.result, labels=everyone, assigned=everyone)
        self.leaf_ids = [_leaf_id(number) for number in range(int(self.result.labels.max(initial=-1)) + 1)]
        self.kept: dict[str, Cluster] = {}
        self.news: dict[str, dict[str, Any]] = {}
        self.renamed: frozenset[str] = frozenset()
        self.gone: list[GoneTopic] = []

    def go_on(self, previous: ClusterDetails, sessions: Sequence[str | None] | None, left: Left | None) -> None:
        """Take over the topics of an earlier insight."""
        continued = go_on(previous, self.ids, self.vectors, self.result, self.stability, sessions, left)
        self.result, self.kept, self.gone = continued.result, continued.kept, continued.gone
        self.leaf_ids = [earlier or _leaf_id(number) for number, earlier in enumerate(continued.leaf_ids)]
        self.news = dict(zip(self.leaf_ids, continued.news, strict=True))

    def arrange(self, previous: ClusterDetails | None) -> None:
        """Find the groups above the leaves."""
        count = len(self.leaf_ids)
        centres = centroids(from_the_middle(self.vectors), self.result.labels) if count else self.vectors[:0]
        self.nodes = _nodes(self.leaf_ids, group_leaves(centres, self.config.max_levels) if count else [])
        if not self.kept or previous is None:
            return
        groups = {node.cluster_id: [self.leaf_ids[leaf] for leaf in node.leaves] for node in self.nodes if node.level}
        known = same_groups(previous, groups)
        earlier_id = {name: one.cluster_id for name, (one, _) in known.items()}
        for node in self.nodes:
            node.cluster_id = earlier_id.get(node.cluster_id, node.cluster_id)
            node.parent_id = earlier_id.get(node.parent_id or "", node.parent_id)
        # A group that lost or won a topic keeps its id; its name is made from what is in it now.
        self.kept |= {one.cluster_id: one for one, same in known.values() if same}
        self.renamed = frozenset(one.cluster_id for one, same in known.values() if not same)

    async def named(self, namer: Namer) -> list[Cluster]:
        """The clusters with names; leaves are named before the groups that are named from them."""
        members = {node.cluster_id: self._members(node) for node in self.nodes}
        typical = {node.cluster_id: self._typical(members[node.cluster_id]) for node in self.nodes}
        misses = {node.cluster_id: self._near_misses(node, members[node.cluster_id]) for node in self.nodes}
        titles: dict[str, str] = {}
        named = {}
        families = {parent: number for number, parent in enumerate({node.parent_id: 0 for node in self.nodes})}
        for level in sorted({node.level for node in self.nodes}):
            nodes = [node for node in self.nodes if node.level == level]
            groups = [
                Group(
                    members=[self.texts[i] for i in members[node.cluster_id]],
                    examples=[self.texts[i] for i in typical[node.cluster_id]],
                    near_misses=[self.texts[i] for i in misses[node.cluster_id]],
                    children=[titles[child.cluster_id] for child in self.nodes if child.parent_id == node.cluster_id],
                    family=families[node.parent_id],
                    known=self._known(node.cluster_id),
                )
                for node in nodes
            ]
            for node, name in zip(nodes, await namer.name(groups), strict=True):
                if self.verdict == "none":
                    name = replace(name, title=_NONE, description=_NONE_MEANS, keywords=[])
                titles[node.cluster_id] = name.title
                named[node.cluster_id] = Cluster(
                    cluster_id=node.cluster_id,
                    parent_id=node.parent_id,
                    level=node.level,
                    title=name.title,
                    description=name.description,
                    keywords=name.keywords,
                    size=len(members[node.cluster_id]),
                    example_trace_ids=[self.ids[i] for i in typical[node.cluster_id]],
                    near_miss_trace_ids=[self.ids[i] for i in misses[node.cluster_id]],
                    **self.news.get(node.cluster_id, {}),
                )
        return sorted(named.values(), key=lambda cluster: (-cluster.level, -cluster.size, cluster.cluster_id))

    def _known(self, cluster_id: str) -> ClusterName | None:
        was = self.kept.get(cluster_id)
        return ClusterName(was.title, was.description, list(was.keywords)) if was else None

    def _members(self, node: _Node) -> np.ndarray:
        return np.flatnonzero(np.isin(self.result.labels, node.leaves))

    def _typical(self, members: np.ndarray) -> np.ndarray:
        """The members nearest to the centre, each text once."""
        centre = self.vectors[members].mean(axis=0)
        nearest = members[np.argsort(-(self.vectors[members] @ centre), kind="stable")]
        chosen: dict[str, int] = {}
        for index in nearest:
            chosen.setdefault(self.texts[index], int(index))
            if len(chosen) == _EXAMPLES:
                break
        return np.array(list(chosen.values()), dtype=int)

    def _near_misses(self, node: _Node, members: np.ndarray) -> np.ndarray:
        """The nearest traces outside."""
        outside = np.ones(len(self.texts), dtype=bool)
        outside[members] = False
        candidates = np.flatnonzero(outside)
        near = self.vectors[candidates] @ self.vectors[members].mean(axis=0)
        return candidates[np.argsort(-near, kind="stable")[:_NEAR_MISSES]]

    def trust(self) -> TrustMetrics:
        """What the clustering itself says of its quality."""
        labels = self.result.labels
        outliers = int((labels < 0).sum())
        return TrustMetrics(
            stability_ari=self.stability.ari,
            stability_runs=self.stability.runs,
            stability_chance=self.stability.chance,
            topics_verdict=self.verdict,
            coverage=round(1 - outliers / len(labels), 4) if len(labels) else 0.0,
            outlier_count=outliers,
            silhouette=silhouette(self.vectors, labels, self.config.seed),
        )


def _leaf_id(number: int) -> str:
    return f"c{number + 1:02d}"


def _nodes(leaf_ids: list[str], levels: list[np.ndarray]) -> list[_Node]:
    """Leaves and groups with their parents; a group of one is none."""
    nodes = [_Node(leaf_id, None, 0, [leaf]) for leaf, leaf_id in enumerate(leaf_ids)]
    below = {leaf: node for leaf, node in enumerate(nodes)}  # leaf -> its topmost node so far
    for level, groups in enumerate(levels, 1):
        for group in np.unique(groups[groups >= 0]):
            leaves = np.flatnonzero(groups == group).tolist()
            children = {id(below[leaf]): below[leaf] for leaf in leaves}
            if len(children) < 2:
                continue
            parent = _Node(f"g{level}-{int(group) + 1:02d}", None, level, leaves)
            for child in children.values():
                child.parent_id = parent.cluster_id
            nodes.append(parent)
            below.update(dict.fromkeys(leaves, parent))
    return nodes
