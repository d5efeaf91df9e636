"""What is done to clusters after density has found them: fragments joined, strays moved, outliers judged.

Density sees one wording as one topic, and more so the more traces there are: of 10,000 requests on 12 topics it made 63
clusters and 44 % outliers. A person who reads them sees topics that are alike and outliers that are none. Everything
here compares directions from the middle of all vectors: what every trace shares (one product, one kind of summary)
makes nobody alike.
"""

from __future__ import annotations

import numpy as np

# Cosine of two centres, seen from the middle of everything, above which they are one topic. Measured on the demo and on
# made-up requests (600 to 10,000, several seeds): fragments of one topic 0.25 to 0.95, two topics 0.0 to 0.3, a few 0.4.
_ONE_TOPIC = 0.38
_ROUNDS = 2  # joined topics have better centres, which show what else belongs together
_STRAY = 0.15  # a member this much nearer to another centre (as a share of that nearness) moves there
_FOREIGN = 0.3  # of the usual nearness of a topic's members: whoever is below fits no topic
_NEAR = 0.35  # of the same: an outlier above it joins, if the next topic is a quarter less near
_CLEAR = 0.25
_RIM = (
    0.1  # the share of a topic's own members that are farther out than an outlier that joins without further question
)


def refined(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Topics out of what density found: fragments joined, members and outliers where they fit best.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        labels: Int array of shape (n,), any numbers; -1 marks an outlier.

    Returns:
        Int array of shape (n,): 0 to k-1 by size; -1 marks an outlier.
    """
    labels = by_size(labels)
    if not (labels >= 0).any():
        return labels
    seen = from_the_middle(vectors)
    for _ in range(_ROUNDS):
        labels = _joined(seen, labels)
        labels = by_size(_moved(seen, labels))
        labels = _reclaimed(seen, labels)
    return by_size(same_together(vectors, labels))


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


def _joined(seen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Clusters with near centres made one, the nearest pair first, each time with the centre of the joined."""
    sums = _sums(seen, labels)
    count = len(sums)
    into = np.arange(count)
    near = _unit(sums) @ _unit(sums).T
    np.fill_diagonal(near, -2)
    while count > 1 and near.max() >= _ONE_TOPIC:
        keep, gone = sorted(np.unravel_index(int(np.argmax(near)), near.shape))
        into[into == gone] = keep
        sums[keep] += sums[gone]
        gone_before = near[keep] == -2
        near[gone, :] = near[:, gone] = -2
        row = _unit(sums) @ _unit(sums[keep : keep + 1])[0]
        row[gone_before] = row[gone] = -2
        near[keep, :] = near[:, keep] = row
    return by_size(np.where(labels >= 0, into[labels], -1))


def _nearness(seen: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearness of each to its own centre (n,; -1 for an outlier), to the nearest (n,), and which that is (n,)."""
    near = seen @ centroids(seen, labels).T
    rows = np.arange(len(labels))
    best = np.argmax(near, axis=1)
    return np.where(labels >= 0, near[rows, np.maximum(labels, 0)], -1), near[rows, best], best


def _moved(seen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Members that are clearly nearer to another topic moved there; those that fit none made outliers."""
    count = int(labels.max(initial=-1)) + 1
    if count < 2:
        return labels
    own, nearest, best = _nearness(seen, labels)
    usual = np.array([np.median(own[labels == topic]) for topic in range(count)])
    result = np.where((labels >= 0) & (nearest - own >= _STRAY * nearest) & (nearest > 0), best, labels)
    return np.where((labels >= 0) & (nearest < _FOREIGN * usual[best]), -1, result)


def _reclaimed(seen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Outliers that belong to a topic given to it: on its rim, or clearly nearer to it than to any other."""
    outliers = np.flatnonzero(labels < 0)
    count = int(labels.max(initial=-1)) + 1
    if not len(outliers) or not count:
        return labels
    own, nearest, best = _nearness(seen, labels)
    nearest, best = nearest[outliers], best[outliers]
    rim = np.array([np.quantile(own[labels == topic], _RIM) for topic in range(count)])
    usual = np.array([np.median(own[labels == topic]) for topic in range(count)])
    others = seen[outliers] @ centroids(seen, labels).T
    others[np.arange(len(outliers)), best] = -1
    clear = np.maximum(others.max(axis=1), 0) <= (1 - _CLEAR) * nearest
    joins = (nearest >= rim[best]) | ((nearest >= _NEAR * usual[best]) & clear)
    result = labels.copy()
    result[outliers[joins]] = best[joins]
    return result
