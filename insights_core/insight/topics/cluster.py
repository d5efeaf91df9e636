"""Vectors to clusters: UMAP and HDBSCAN by default, others by configuration, and something sane for a handful."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from insights_core.entities.insight import ClusteringConfig
from insights_core.errors import InvalidParameterError
from insights_core.insight.topics.joining import kin_joined
from insights_core.insight.topics.layout import lay_out
from insights_core.insight.topics.refine import assign_outliers, by_size, from_the_middle, refined, same_together
from insights_core.insight.topics.vectors import unit_rows

_SMALL = 50  # up to here density means little; a dendrogram does better
_NEIGHBOURS = 15
_DIMS = 5
_EPOCHS = 200  # UMAP's own choice above 10,000; below it takes 500, which finds the same topics in twice the time
_MAX_K = 40
_EXACT = 20_000  # comparing all pairs of so many takes seconds, and compiling the approximate search takes 20
_BLOCK = 1024
_DRAWS = 20  # sets of chance that the best cut of a few has to beat
_CLEARLY = 2.3  # standard deviations: one set of chance in a hundred looks so good
_DENSITY = ("hdbscan", "dbscan", "evoc")

Knn = tuple[np.ndarray, np.ndarray]
"""Neighbours (n, m), each row itself first, and their distances by cosine (n, m)."""


@dataclass
class ClusterResult:
    """Clusters of n vectors."""

    labels: np.ndarray
    """Int (n,): 0 to k-1 by size, largest first; -1 marks an outlier."""
    assigned: np.ndarray
    """Int (n,): as labels, but each outlier has its nearest cluster."""
    reduced: np.ndarray
    """Float (n, d): the space the clusters were found in."""
    knn: Knn | None = None
    """So that a map need not search again; None for a handful."""


def min_cluster_size(n: int, config: ClusteringConfig) -> int:
    """The given size, or the size of the smallest fragment that density looks for.

    5 up to 900 traces, 10 at 3,000 and 18 at 10,000: a real topic does not grow with the number of others, so this is
    kept small, and what it splits is joined again by `joining`. It grows at all because the time of joining does.
    """
    return config.min_cluster_size or int(np.clip(round(np.sqrt(n) / 5.5), 5, 25))


def cluster_vectors(vectors: np.ndarray, config: ClusteringConfig | None = None) -> ClusterResult:
    """Find clusters; the same vectors in the same order give the same clusters.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        config: Method, sizes and seed; None takes the defaults.

    Raises:
        InvalidParameterError: The method needs a package that is not installed.
    """
    config = config or ClusteringConfig()
    n = len(vectors)
    if n == 0:
        empty = np.zeros(0, dtype=int)
        return ClusterResult(empty, empty, vectors)
    knn = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP and sklearn warn about seeds, small inputs and their own past
        if n <= _SMALL:
            reduced, raw = vectors, _few(vectors, config)
        elif config.method == "evoc":
            reduced, raw = vectors, _evoc(vectors, config)
            knn = neighbours_of(from_the_middle(vectors), config.seed)
        else:
            reduced, knn = reduce(from_the_middle(vectors), config.seed)
            raw = group(reduced, n, config)
    labels = settled(vectors, raw, knn, config)
    return ClusterResult(labels, assign_outliers(from_the_middle(vectors), labels), reduced, knn)


def settled(vectors: np.ndarray, raw: np.ndarray, knn: Knn | None, config: ClusteringConfig) -> np.ndarray:
    """Int labels (n,) by size; what density found is refined, a partition and the clusters of a few are kept."""
    if knn is not None and config.method in _DENSITY:
        return refined(vectors, raw, 1 - knn[1][:, 1:])
    return by_size(same_together(vectors, by_size(raw)))


def reduce(vectors: np.ndarray, seed: int) -> tuple[np.ndarray, Knn]:
    """UMAP to a few dimensions, in which density can be seen, with the neighbours it found."""
    knn = neighbours_of(vectors, seed)
    placed = lay_out(vectors, *knn, dims=_DIMS, epochs=_EPOCHS, min_dist=0.0, seed=seed)
    return placed, knn


def neighbours_of(vectors: np.ndarray, seed: int) -> Knn:
    """The nearest rows by cosine, each row itself first: exact while that is cheap, approximate above."""
    n = len(vectors)
    count = min(_NEIGHBOURS, n - 1)
    if n > _EXACT:
        from sklearn.utils import check_random_state
        from umap.umap_ import nearest_neighbors

        return nearest_neighbors(vectors, count, "cosine", {}, True, check_random_state(seed))[:2]
    indices, distances = np.empty((n, count), dtype=np.int32), np.empty((n, count), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        block = np.clip(1 - vectors[start : start + _BLOCK] @ vectors.T, 0, 2)
        rows = np.arange(len(block))
        block[rows, start + rows] = -1  # a twin must not stand before the row itself
        nearest = np.argpartition(block, count - 1, axis=1)[:, :count]
        order = np.lexsort((nearest, np.take_along_axis(block, nearest, axis=1)), axis=1)
        indices[start : start + _BLOCK] = nearest = np.take_along_axis(nearest, order, axis=1)
        distances[start : start + _BLOCK] = np.take_along_axis(block, nearest, axis=1)
    return indices, np.maximum(distances, 0)


def group(reduced: np.ndarray, n: int, config: ClusteringConfig) -> np.ndarray:
    """Int labels (m,) of points in the reduced space; -1 marks an outlier.

    Args:
        reduced: Float array of shape (m, d).
        n: Size of the whole set, of which these may be a sample: sizes are chosen for the whole and scaled down.
        config: Method, sizes and seed.
    """
    size = max(2, round(min_cluster_size(n, config) * len(reduced) / n))
    if config.method == "kmeans":
        return _kmeans(reduced, config)
    if config.method == "agglomerative":
        return _agglomerative(reduced, config)
    if config.method == "dbscan":
        return _dbscan(reduced, size)
    import hdbscan

    # Few samples keep thin topics; more would call a third of real traces noise.
    # Leaves rather than the steadiest clusters: fragments are joined later, what was never told apart stays together.
    finder = hdbscan.HDBSCAN(
        min_cluster_size=size, min_samples=min(5, size), cluster_selection_method="leaf", core_dist_n_jobs=1
    )
    found = finder.fit_predict(np.asarray(reduced, dtype=np.float64))
    return found if (found >= 0).any() else np.zeros(len(reduced), dtype=int)


def _kmeans(reduced: np.ndarray, config: ClusteringConfig) -> np.ndarray:
    from sklearn.cluster import KMeans

    def fit(k: int) -> np.ndarray:
        return KMeans(k, n_init=4, random_state=config.seed).fit_predict(reduced)

    return fit(config.n_clusters) if config.n_clusters else _best_k(reduced, fit)


def _agglomerative(reduced: np.ndarray, config: ClusteringConfig) -> np.ndarray:
    from sklearn.cluster import AgglomerativeClustering

    if len(reduced) > 20_000:
        raise InvalidParameterError(
            f"agglomerative compares all pairs and takes at most 20,000 traces, not {len(reduced):,}. "
            "Use hdbscan, kmeans or evoc, or sample.",
            field="method",
        )

    def fit(k: int) -> np.ndarray:
        return AgglomerativeClustering(n_clusters=k).fit_predict(reduced)

    return fit(config.n_clusters) if config.n_clusters else _best_k(reduced, fit)


def _best_k(points: np.ndarray, fit: Any) -> np.ndarray:
    """The clustering with the highest silhouette over a ladder of k."""
    from sklearn.metrics import silhouette_score

    top = max(2, min(_MAX_K, len(points) // 5))
    ladder = sorted({int(k) for k in np.geomspace(2, top, 12).round()})
    tried = [fit(k) for k in ladder if k < len(points)]
    return max(
        tried, key=lambda labels: silhouette_score(points, labels, sample_size=min(2000, len(points)), random_state=0)
    )


def _dbscan(reduced: np.ndarray, size: int) -> np.ndarray:
    """DBSCAN with eps at the knee of the distances to the `size`-th neighbour."""
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    neighbours = min(size, len(reduced) - 1)
    distances = np.sort(NearestNeighbors(n_neighbors=neighbours + 1).fit(reduced).kneighbors(reduced)[0][:, -1])
    line = np.linspace(distances[0], distances[-1], len(distances))
    eps = float(distances[np.argmax(line - distances)])
    found = DBSCAN(eps=max(eps, 1e-6), min_samples=max(2, size // 2)).fit_predict(reduced)
    return found if (found >= 0).any() else np.zeros(len(reduced), dtype=int)


def _evoc(vectors: np.ndarray, config: ClusteringConfig) -> np.ndarray:
    try:
        import evoc
    except ImportError as error:
        raise InvalidParameterError(
            "The method evoc needs a package: pip install 'mlflow-insights[evoc]'.", field="method"
        ) from error
    size = min_cluster_size(len(vectors), config)
    found = evoc.EVoC(base_min_cluster_size=size, random_state=config.seed).fit_predict(vectors)
    return found if (found >= 0).any() else np.zeros(len(vectors), dtype=int)


def _few(vectors: np.ndarray, config: ClusteringConfig) -> np.ndarray:
    """Average linkage by cosine, cut where the silhouette is highest; one cluster where chance does as well."""
    n = len(vectors)
    if n < 3:
        return np.zeros(n, dtype=int)
    best, score = _best_cut(vectors, config.n_clusters)
    if not config.n_clusters:
        random = np.random.default_rng(config.seed)
        chance = [_best_cut(structureless(vectors, random), None)[1] for _ in range(_DRAWS)]
        if score <= np.mean(chance) + _CLEARLY * np.std(chance):
            return np.zeros(n, dtype=int)
        best = kin_joined(vectors, best)
    sizes = np.bincount(best)
    return np.where(sizes[best] > 1, best, -1) if (sizes > 1).any() else np.zeros(n, dtype=int)


def _best_cut(vectors: np.ndarray, n_clusters: int | None) -> tuple[np.ndarray, float]:
    """Int labels (n,) and their silhouette; of 0 where no cut parts anything."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score

    n = len(vectors)
    distances = np.clip(np.nan_to_num(pdist(np.asarray(vectors, dtype=np.float64), "cosine"), nan=1.0), 0, None)
    tree, square = linkage(distances, "average"), squareform(distances)
    best, best_score = np.zeros(n, dtype=int), 0.0
    # Pairs are no topics: of any texts some two are the nearest.
    for k in [n_clusters] if n_clusters else range(2, max(2, n // 3) + 1):
        labels = fcluster(tree, k, "maxclust") - 1
        if not 1 < len(set(labels)) < n:
            continue
        score = float(silhouette_score(square, labels, metric="precomputed"))
        if score > best_score:
            best, best_score = labels, score
    return best, best_score


def structureless(vectors: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As many vectors that spread as these do in every direction, but hang together no more than chance.

    The scores on each principal axis are normal with the variance found, in the place of the gap statistic's box: Tibshirani,
    Walther and Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic".

    Returns:
        Float32 array of shape (n, d), rows of unit length.
    """
    middle = vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors - middle, full_matrices=False)
    spread = ((vectors - middle) @ axes.T).std(axis=0)
    scores = random.normal(size=(len(vectors), len(spread))) * spread
    return unit_rows(scores @ axes + middle)
