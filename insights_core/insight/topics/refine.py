"""What is done to clusters after density has found them: fragments joined, strays moved, outliers judged.

Everything here compares directions from the middle of all vectors: what every trace shares (one product, one kind of
summary) makes nobody alike. Nothing here is measured in units of the vectors, only in shares of how alike a topic's own
members are, so that other vectors need no other figures.
"""

from __future__ import annotations

import numpy as np

from insights_core.insight.topics.joining import joined

STRAY = 0.15  # a member this much nearer to another centre (as a share of that nearness) moves there
# What most traces' 14th neighbour (in a small topic the middle member) has of likeness, times this, is what a trace needs
# to be no outlier. Where 15 % of other data was mixed in, half to all of it lies below and 4 to 11 % of the rest.
FOREIGN = 0.55


def refined(vectors: np.ndarray, labels: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Topics out of what density found: fragments joined, members where they fit best, what fits nowhere left out.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        labels: Int array of shape (n,), any numbers; -1 marks an outlier.
        near: Float array of shape (n, m): cosine, seen from the middle, to the m nearest others, the nearest first.

    Returns:
        Int array of shape (n,): 0 to k-1 by size; -1 marks an outlier.
    """
    labels = by_size(labels)
    if not (labels >= 0).any():
        return labels
    seen = from_the_middle(vectors)
    # Density's own outliers are mostly thin parts of a topic; who is foreign is judged once the topics are known.
    found = by_size(joined(seen, assign_outliers(seen, labels)))
    found = by_size(_moved(seen, found))
    return by_size(same_together(vectors, _without_foreign(near, found)))


def from_the_middle(vectors: np.ndarray) -> np.ndarray:
    """Unit directions (n, d) from the mean of all; a row at the mean is zeros."""
    away = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(away, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, away / np.where(lengths > 1e-6, lengths, 1), 0).astype(np.float32)


def centroids(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Unit mean vectors (k, d) of the clusters 0 to k-1."""
    return _unit(_sums(vectors, labels)).astype(np.float32)


def assign_outliers(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give each outlier the cluster whose centroid is nearest by cosine.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        labels: Int array of shape (n,); -1 marks an outlier.

    Returns:
        Int array of shape (n,) without -1, or `labels` unchanged where every one is an outlier.
    """
    outliers = labels < 0
    if not outliers.any() or outliers.all():
        return labels.copy()
    assigned = labels.copy()
    assigned[outliers] = np.argmax(vectors[outliers] @ centroids(vectors, labels).T, axis=1)
    return assigned


def same_together(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Identical vectors in one cluster: the one that most of them are in, noise only if all are."""
    groups: dict[bytes, list[int]] = {}
    for index, row in enumerate(np.round(vectors, 5)):
        groups.setdefault(row.tobytes(), []).append(index)
    result = labels.copy()
    for members in groups.values():
        found = labels[members][labels[members] >= 0] if len(members) > 1 else ()
        if len(found):
            result[members] = np.bincount(found).argmax()
    return result


def by_size(labels: np.ndarray) -> np.ndarray:
    """The same clusters numbered 0 to k-1, largest first; of equal ones the one that appears first."""
    inside = labels[labels >= 0]
    if not len(inside):
        return labels.copy()
    names, first, sizes = np.unique(inside, return_index=True, return_counts=True)
    order = sorted(range(len(names)), key=lambda i: (-sizes[i], first[i]))
    new = {int(names[old]): number for number, old in enumerate(order)}
    return np.array([new.get(int(label), -1) for label in labels])


def _sums(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    sums = np.zeros((int(labels.max(initial=-1)) + 1, vectors.shape[1]), dtype=np.float64)
    inside = labels >= 0
    np.add.at(sums, labels[inside], vectors[inside])
    return sums


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _moved(seen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Members that are clearly nearer to another topic's centre moved there."""
    near = seen @ centroids(seen, labels).T
    rows, best = np.arange(len(labels)), np.argmax(near, axis=1)
    nearest, own = near[rows, best], near[rows, labels]
    return np.where((nearest - own >= STRAY * nearest) & (nearest > 0), best, labels)


def _without_foreign(near: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Members with hardly anyone near, as nearness goes in this set, made outliers, and so are topics of one."""
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return labels
    last = np.clip(sizes[labels] // 2 - 1, 0, near.shape[1] - 1)
    company = near[np.arange(len(near)), last]
    return np.where((company < FOREIGN * np.median(company)) | (sizes[labels] < 2), -1, labels)
