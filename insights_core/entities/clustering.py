"""How vectors become clusters, as callers ask for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from insights_core.entities.common import Strict


class ClusteringConfig(Strict):
    """How vectors become clusters."""

    method: Literal["hdbscan", "kmeans", "dbscan", "agglomerative", "evoc"] = "hdbscan"
    """How to cluster."""
    min_cluster_size: int | None = Field(None, ge=2)
    """Fewer traces are no cluster; by default chosen from the number of traces."""
    n_clusters: int | None = Field(None, ge=1)
    """For kmeans and agglomerative; by default chosen by silhouette."""
    max_levels: int = Field(3, ge=1, le=3)
    """How deep the hierarchy may be."""
    seed: int = 0
    """For whatever is drawn at random."""
