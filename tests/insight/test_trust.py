"""Figures of trust: high where clusters are real, low where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from insights_core.entities import ClusteringConfig
from insights_core.insight.topics.cluster import ClusterResult, cluster_vectors
from insights_core.insight.topics.trust import silhouette, stability, verdict


def blobs(count: int, kinds: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = np.arange(count) % max(kinds, 1)
    points = random.normal(size=(max(kinds, 1), 24))[truth] * (kinds > 0) + spread * random.normal(size=(count, 24))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.fixture(scope="module")
def apart():
    vectors, truth = blobs(300, 6, 0.3)
    return vectors, truth, cluster_vectors(vectors)


def test_real_clusters_are_stable_and_chance_ones_are_not(apart):
    vectors, _, result = apart
    high = stability(vectors, result, ClusteringConfig())
    assert high.ari > 0.9 and high.runs >= 3 and high.chance < 0.7
    assert verdict(vectors, result, high) == "hold"
    low = stability(
        vectors,
        ClusterResult(np.random.default_rng(1).integers(0, 6, 300), result.assigned, result.reduced),
        ClusteringConfig(),
    )
    assert abs(low.ari) < 0.1


def test_stability_is_repeatable(apart):
    vectors, _, result = apart
    assert stability(vectors, result, ClusteringConfig()) == stability(vectors, result, ClusteringConfig())


@pytest.mark.parametrize("count", [0, 1, 5, 19])
def test_no_stability_is_claimed_for_a_handful(count):
    vectors, _ = blobs(count, 2, 0.2)
    assert stability(vectors, cluster_vectors(vectors), ClusteringConfig()) == (None, 0, None, None)


def test_few_traces_have_a_stability_too():
    vectors, _ = blobs(40, 3, 0.1)
    found = stability(vectors, cluster_vectors(vectors), ClusteringConfig())
    assert found.ari > 0.9 and found.runs > 0


def test_silhouette_is_high_where_clusters_are_apart_and_leaves_outliers_out(apart):
    vectors, truth, _ = apart
    good = silhouette(vectors, truth)
    chance = silhouette(vectors, np.random.default_rng(0).permutation(truth))
    assert good > 0.5 > 0.05 > chance
    muddled = truth.copy()
    muddled[:50] = -1
    assert silhouette(vectors, muddled) == pytest.approx(good, abs=0.05)


def test_one_cluster_has_no_silhouette(apart):
    assert silhouette(apart[0], np.zeros(300, dtype=int)) is None
    assert silhouette(apart[0][:0], np.zeros(0, dtype=int)) is None


def test_stability_of_noise_is_what_chance_gives():
    vectors, _ = blobs(200, 0, 1.0)
    result = cluster_vectors(vectors)
    found = stability(vectors, result, ClusteringConfig())
    assert verdict(vectors, result, found) in {"none", "one"}


@pytest.mark.parametrize(("count", "said"), [(0, "empty"), (5, "few"), (19, "few")])
def test_too_few_traces_say_so(count, said):
    vectors, _ = blobs(count, 2, 0.2)
    result = cluster_vectors(vectors)
    assert verdict(vectors, result, stability(vectors, result, ClusteringConfig())) == said


def test_identical_traces_say_so():
    vectors = np.repeat(blobs(1, 1, 0.1)[0], 30, axis=0)
    result = cluster_vectors(vectors)
    assert verdict(vectors, result, stability(vectors, result, ClusteringConfig())) == "identical"
