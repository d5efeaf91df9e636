"""How far clusters can be trusted: figures about themselves that a person can read."""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import numpy as np

from insights_core.entities.insight import ClusteringConfig
from insights_core.insight.topics.cluster import ClusterResult, cluster_vectors, structureless

_RUNS = 3
_CHANCE_RUNS = 2
_SHARE = 0.8
_RERUN_POINTS = 1200  # more traces make the figure surer by little and cost seconds
_FEWEST = 20
_SILHOUETTE_POINTS = 3000
# Shares of the way from what chance gives to full agreement. Texts of random words reach 0.02 (each word as likely) and
# 0.34 (as likely as in speech: then they do share words), labelled texts 0.43 (five texts a label) to 0.9.
_NOISE = 0.3
_HOLDS = 0.5
Verdict = Literal["hold", "weak", "none", "one", "few", "identical", "empty"]


class Stability(NamedTuple):
    """How much of the clusters comes again."""

    ari: float | None
    """Mean adjusted Rand index of the re-runs with the clusters; None where there is nothing to run again."""
    runs: int
    chance: float | None
    """The same for vectors of as many traces that spread alike but have no topics."""
    lowest: float | None = None
    """Of the re-run that agrees least."""


def stability(vectors: np.ndarray, result: ClusterResult, config: ClusteringConfig) -> Stability:
    """Whether the same clusters come again from a part of the traces with another seed, beside what chance gives.

    Read it so: 1 means that every re-run finds the same clusters, 0 that they agree by chance only. Each of 3 re-runs
    takes a random 80 % of the traces, at most 1,200, and does everything again, UMAP with another seed included.
    `chance` is the same figure (2 re-runs) for normal vectors with the same spread on each axis. Compared
    are the traces that both call no outlier. Hubert and Arabie (1985), "Comparing partitions".
    """
    n = len(vectors)
    if n < _FEWEST or result.labels.max(initial=-1) < 1:
        return Stability(None, 0, None)
    random = np.random.default_rng(config.seed)
    found = _again(vectors, result.labels, config, random, _RUNS)
    if not found:
        return Stability(None, 0, None)
    part = np.sort(random.choice(n, min(n, round(_RERUN_POINTS / _SHARE)), replace=False))
    noise = structureless(vectors[part], random)
    chance = _again(noise, _clusters(noise, config).labels, config, random, _CHANCE_RUNS)
    by_chance = round(float(np.mean(chance)), 4) if chance else 0.0
    return Stability(round(float(np.mean(found)), 4), len(found), by_chance, min(found))


def verdict(vectors: np.ndarray, result: ClusterResult, found: Stability) -> Verdict:
    """What may be said of the topics; see `TrustMetrics.topics_verdict`."""
    n = len(vectors)
    if n == 0:
        return "empty"
    if n > 1 and np.allclose(vectors, vectors[0], atol=1e-5):
        return "identical"
    if n < _FEWEST:
        return "few"
    if found.ari is None or found.chance is None:
        return "one"
    above = (found.ari - found.chance) / max(1 - found.chance, 0.01)
    return "hold" if above >= _HOLDS else "weak" if above >= _NOISE else "none"


def _again(
    vectors: np.ndarray, labels: np.ndarray, config: ClusteringConfig, random: np.random.Generator, runs: int
) -> list[float]:
    """The adjusted Rand index of each re-run that can be compared."""
    from sklearn.metrics import adjusted_rand_score

    scores = []
    for run in range(runs):
        drawn = np.sort(random.choice(len(vectors), min(round(_SHARE * len(vectors)), _RERUN_POINTS), replace=False))
        again = _clusters(vectors[drawn], config.model_copy(update={"seed": config.seed + 1 + run})).labels
        both = (again >= 0) & (labels[drawn] >= 0)
        if both.any():
            # Two partitions of one cluster each agree fully, and say nothing.
            alike = adjusted_rand_score(labels[drawn][both], again[both])
            scores.append(0.0 if again.max() < 1 or labels.max() < 1 else float(alike))
    return scores


def _clusters(vectors: np.ndarray, config: ClusteringConfig) -> ClusterResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cluster_vectors(vectors, config)


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
