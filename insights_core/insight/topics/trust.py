"""How far clusters can be trusted: figures about themselves that a person can read."""

from __future__ import annotations

import warnings

import numpy as np

from insights_core.entities.insight import ClusteringConfig
from insights_core.insight.topics.cluster import ClusterResult, cluster_vectors, group, reduce, settled

_RUNS = 5
_SHARE = 0.8
_WHOLE = 1000  # up to here each re-run does everything again, above only the last step
_RERUN_POINTS = 5000
_FEWEST = 20
_SILHOUETTE_POINTS = 3000


def stability(vectors: np.ndarray, result: ClusterResult, config: ClusteringConfig) -> tuple[float | None, int]:
    """Mean adjusted Rand index between the clusters and those of re-runs on random 80 % samples, and how many re-runs.

    Read it so: 1 means that every re-run finds the same clusters, 0 that they agree by chance only. Up to 1,000 traces
    a re-run repeats UMAP with another seed and the clustering (3 re-runs); above, it repeats the clustering in the
    reduced space on at most 5,000 traces (5 re-runs), which leaves UMAP's own chance out and so is the kinder figure.
    Compared are the traces that both call no outlier. Hubert and Arabie (1985), "Comparing partitions".

    Returns:
        (None, 0) below 20 traces.
    """
    from sklearn.metrics import adjusted_rand_score

    n = len(vectors)
    if n < _FEWEST or result.labels.max(initial=-1) < 1:
        return None, 0
    whole = 50 < n <= _WHOLE and config.method != "evoc"
    runs = 3 if whole else _RUNS
    random = np.random.default_rng(config.seed)
    size = min(round(_SHARE * n), n if whole else _RERUN_POINTS)
    scores = []
    for run in range(runs):
        drawn = np.sort(random.choice(n, size, replace=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            space = reduce(vectors[drawn], config.seed + 1 + run)[0] if whole else result.reduced[drawn]
            again = _again(vectors[drawn], space, n, config)
        both = (again >= 0) & (result.labels[drawn] >= 0)
        if both.any():
            scores.append(adjusted_rand_score(result.labels[drawn][both], again[both]))
    return (round(float(np.mean(scores)), 4), len(scores)) if scores else (None, 0)


def _again(vectors: np.ndarray, space: np.ndarray, n: int, config: ClusteringConfig) -> np.ndarray:
    if n <= 50 or config.method == "evoc":
        return cluster_vectors(vectors, config).labels
    return settled(vectors, group(space, n, config), config)


def silhouette(vectors: np.ndarray, labels: np.ndarray, seed: int = 0) -> float | None:
    """Mean silhouette by cosine over the traces in clusters, in the space of the vectors.

    Read it so: 1 is well apart, 0 is touching, below 0 is more like another cluster. High-dimensional text rarely
    exceeds 0.3. Above 3,000 traces it is measured on that many, drawn at random. Rousseeuw (1987), "Silhouettes".

    Returns:
        None with fewer than two clusters.
    """
    from sklearn.metrics import silhouette_score

    inside = np.flatnonzero(labels >= 0)
    if len(inside) > _SILHOUETTE_POINTS:
        inside = np.sort(np.random.default_rng(seed).choice(inside, _SILHOUETTE_POINTS, replace=False))
    kinds = len(np.unique(labels[inside]))
    if kinds < 2 or kinds >= len(inside):
        return None
    return round(float(silhouette_score(vectors[inside], labels[inside], metric="cosine")), 4)
