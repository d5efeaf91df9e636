"""Where each trace stands on the 2-D map: near means similar."""

from __future__ import annotations

import warnings

import numpy as np

from insights_core.insight.topics.cluster import ClusterResult

_FEW = 10  # UMAP needs neighbours; below this a projection does
_LAYOUT: dict[str, float] = {"min_dist": 0.8, "spread": 2.0}  # topics as clouds whose points a lasso can part
_EPOCHS = 150  # it starts from the layout of the clusters' space, so it only has to settle


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
    from umap import UMAP

    if result.knn is None:
        umap = UMAP(n_neighbors=min(15, n - 1), **_LAYOUT, metric="cosine", random_state=seed, n_jobs=1, init="pca")
    else:
        start = _projected(result.reduced)
        start = 10 * start / max(float(np.abs(start).max()), 1e-9)
        umap = UMAP(
            n_neighbors=result.knn[0].shape[1],
            **_LAYOUT,
            metric="cosine",
            random_state=seed,
            n_jobs=1,
            n_epochs=_EPOCHS,
            init=np.asarray(start, dtype=np.float32),
            precomputed_knn=result.knn,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = umap.fit_transform(vectors)
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
