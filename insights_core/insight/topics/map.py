"""Where each trace stands on the 2-D map: near means similar."""

from __future__ import annotations

import numpy as np

from insights_core.insight.topics.cluster import ClusterResult, neighbours_of
from insights_core.insight.topics.layout import lay_out

_FEW = 10  # UMAP needs neighbours; below this a projection does
_MIN_DIST, _SPREAD = 0.8, 2.0  # topics as clouds whose points a lasso can part
_EPOCHS = 150  # it starts from the layout of the clusters' space, so it only has to settle
_EPOCHS_FROM_AFAR = 500


def coordinates(vectors: np.ndarray, result: ClusterResult, seed: int = 0) -> np.ndarray:
    """Float array of shape (n, 2), repeatable.

    The neighbours that the clustering has found are used again; they are most of what a map costs.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        result: The clusters of these vectors.
        seed: For UMAP.
    """
    n = len(vectors)
    if n < _FEW:
        return _projected(vectors)
    knn = result.knn or neighbours_of(vectors, seed)
    found = lay_out(
        vectors,
        *knn,
        dims=2,
        epochs=_EPOCHS if result.knn else _EPOCHS_FROM_AFAR,
        min_dist=_MIN_DIST,
        spread=_SPREAD,
        seed=seed,
        start=_projected(result.reduced) if result.knn else "pca",
    )
    # A trace without any neighbour has no place of its own; the middle of the map is as good as any.
    return np.nan_to_num(found, nan=float(np.nanmean(found)) if np.isfinite(found).any() else 0.0)


def _projected(vectors: np.ndarray) -> np.ndarray:
    """The two directions of greatest variance, signs fixed."""
    n = len(vectors)
    if n < 2:
        return np.zeros((n, 2), dtype=np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.argmax(np.abs(axes[:2]), axis=1)])[:, None]
    found = centred @ axes.T
    return np.hstack([found, np.zeros((n, 2 - found.shape[1]))]) if found.shape[1] < 2 else found
