"""Clusters of a list of strings, for notebooks: the stages of an insight job without MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from insights_core.entities.insight import Cluster, ClusteringConfig, TrustMetrics
from insights_core.errors import InvalidParameterError
from insights_core.loops import run_to_end

if TYPE_CHECKING:
    from insights_core.insight.stages import Embedder
    from insights_core.insight.topics.naming import Namer


@dataclass
class Clustering:
    """Named clusters of n texts.

    Attributes:
        labels_: Int array (n,): cluster of each text, -1 for an outlier.
        assigned_: Int array (n,): the same with outliers given to the nearest cluster.
        titles: Label -> title.
        tree: The hierarchy; a leaf's `cluster_id` is `leaf_ids[label]`, `example_trace_ids` are positions as text.
        coordinates_: Float array (n, 2): near means similar.
        leaf_ids: Cluster id of each label.
        metrics: How far the clusters can be trusted.
    """

    labels_: np.ndarray
    assigned_: np.ndarray
    titles: dict[int, str]
    tree: list[Cluster]
    coordinates_: np.ndarray
    leaf_ids: list[str]
    metrics: TrustMetrics


def cluster_texts(
    texts: Sequence[str],
    config: ClusteringConfig | None = None,
    *,
    embedder: Embedder | None = None,
    namer: Namer | None = None,
) -> Clustering:
    """Group short texts by meaning and name the groups. Offline unless an embedder or a namer says otherwise.

    Args:
        texts: Any number of strings, also none.
        config: Method, sizes, seed; None takes UMAP and HDBSCAN.
        embedder: Makes the vectors; None takes the offline one.
        namer: Names the clusters; None takes the offline one.

    Raises:
        InvalidParameterError: One of the texts is no string, or no valid one; or the method needs a package that is not installed.
    """
    return run_to_end(_cluster(_checked(texts), config, embedder, namer))


def _checked(texts: Sequence[str]) -> list[str]:
    """The texts as a list, each of them one that can be read and stored."""
    if isinstance(texts, str):
        raise InvalidParameterError("texts is one string; give a list of strings.", field="texts")
    given = list(texts)
    for position, text in enumerate(given):
        if not isinstance(text, str):
            raise InvalidParameterError(
                f"texts[{position}] is {repr(text)[:80]}, which is no string; leave it out or give an empty string.",
                field="texts",
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidParameterError(
                f"texts[{position}] holds half of a character (a lone surrogate) at place {error.start}; "
                "clean it with text.encode(errors='replace').decode().",
                field="texts",
            ) from error
    return given


async def _cluster(
    texts: list[str], config: ClusteringConfig | None, embedder: Embedder | None, namer: Namer | None
) -> Clustering:
    from insights_core.insight.topics.build import build_topics
    from insights_core.insight.topics.naming import OfflineNamer
    from insights_core.insight.topics.vectors import OfflineEmbedder

    order = sorted(range(len(texts)), key=texts.__getitem__)
    back = np.argsort(np.array(order, dtype=int))
    # Embedded in one order whatever the caller's, so that not even rounding depends on it.
    vectors = await (embedder or OfflineEmbedder()).embed([texts[i] for i in order])
    topics = await build_topics(texts, vectors[back], namer or OfflineNamer(), config)
    title_of = {cluster.cluster_id: cluster.title for cluster in topics.clusters}
    titles = {label: title_of[leaf_id] for label, leaf_id in enumerate(topics.leaf_ids)}
    return Clustering(
        topics.labels, topics.assigned, titles, topics.clusters, topics.coordinates, topics.leaf_ids, topics.metrics
    )
