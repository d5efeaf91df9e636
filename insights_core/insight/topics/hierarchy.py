"""Clusters of clusters: the groups that make a long list of topics readable."""

from __future__ import annotations

import numpy as np

_FEWEST_LEAVES = 4  # three topics need no groups
_LONGEST_GROUP = 6  # a list that the eye takes in at once
_MANY_PARENTS = 9  # more groups than this want groups themselves


def group_leaves(centroids: np.ndarray, max_levels: int = 3) -> list[np.ndarray]:
    """The levels above the leaves.

    Args:
        centroids: Float array of shape (k, d): the leaves' centres, unit length.
        max_levels: Levels in all, the leaves' included.

    Returns:
        For each level above the leaves, bottom up, an int array (k,) with the group of each leaf; -1 where a leaf
        stands alone. Empty where no grouping is worth having.
    """
    levels: list[np.ndarray] = []
    if max_levels < 2 or len(centroids) < _FEWEST_LEAVES:
        return levels
    first = _grouped(centroids)
    if first is None:
        return levels
    levels.append(first)
    groups = np.unique(first[first >= 0])
    if max_levels > 2 and len(groups) >= _MANY_PARENTS:
        means = np.array([centroids[first == group].mean(axis=0) for group in groups])
        second = _grouped(means / np.linalg.norm(means, axis=1, keepdims=True))
        if second is not None:
            above = dict(zip(groups.tolist(), second.tolist(), strict=True))
            levels.append(np.array([above.get(int(group), -1) for group in first]))
    return levels


def _grouped(points: np.ndarray) -> np.ndarray | None:
    """Groups of two or more by average linkage, cut where the silhouette is highest; None where all stand alone."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score

    count = len(points)
    distances = np.clip(pdist(np.asarray(points, dtype=np.float64), "cosine"), 0, None)
    tree, square = linkage(distances, "average"), squareform(distances)
    best, best_score = None, -2.0
    # Fewer than a ninth would be lists as long as the one that was to be shortened.
    for k in range(max(2, count // 9), max(3, round(count / 1.8))):
        labels = fcluster(tree, k, "maxclust") - 1
        if not 1 < len(set(labels)) < count:
            continue
        score = silhouette_score(square, labels, metric="precomputed")
        if np.bincount(labels).max() > max(_LONGEST_GROUP, count // 4):
            score -= 1  # a group of nearly everything orders nothing
        if score > best_score:
            best, best_score = labels, score
    if best is None:
        return None
    sizes = np.bincount(best)
    alone = sizes[best] < 2
    return None if alone.all() else np.where(alone, -1, best)
