"""Clusters of vectors with a known truth, by every method and of every size."""

from __future__ import annotations

import ast
import asyncio
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score as nmi

from insights_core.entities import ClusteringConfig
from insights_core.errors import InvalidParameterError
from insights_core.insight.topics.cluster import cluster_vectors
from insights_core.insight.topics.map import coordinates
from insights_core.insight.topics.refine import assign_outliers
from insights_core.insight.topics.vectors import OfflineEmbedder


@pytest.fixture(scope="module")
def planted(planted_texts):
    texts, truth = planted_texts(600)
    return asyncio.run(OfflineEmbedder().embed(texts)), truth


@pytest.fixture(scope="module")
def found(planted):
    return cluster_vectors(planted[0])


def test_planted_topics_are_found_with_few_outliers(planted, found):
    _, truth = planted
    assert (found.labels < 0).mean() < 0.1
    assert nmi(truth, found.assigned) > 0.9


def test_more_traces_on_the_same_topics_are_not_more_topics(planted_texts):
    texts, truth = planted_texts(2000, seed=3)
    many = cluster_vectors(asyncio.run(OfflineEmbedder().embed(texts)))
    assert nmi(truth, many.assigned) > 0.95 and (many.labels < 0).mean() < 0.1
    assert len(set(truth)) <= len(set(many.labels[many.labels >= 0])) <= len(set(truth)) + 4


def test_questions_that_nobody_else_asks_stay_outliers(planted_texts):
    texts, _ = planted_texts(594)
    lone = [
        "Who painted the ceiling of the Sistine chapel?",
        "Name the moons of Jupiter",
        "Explain the offside rule",
        "Is a tomato botanically a berry?",
        "Compose a limerick on pirates",
        "How many legs has a millipede?",
    ]
    labels = cluster_vectors(asyncio.run(OfflineEmbedder().embed(texts + lone))).labels
    assert (labels[-6:] < 0).sum() >= 3 and (labels[:-6] < 0).mean() < 0.1


def test_the_same_vectors_give_the_same_clusters_and_the_same_map(planted, found):
    again = cluster_vectors(planted[0])
    assert np.array_equal(found.labels, again.labels)
    assert np.array_equal(coordinates(planted[0], found), coordinates(planted[0], again))


def test_clusters_are_numbered_by_size(found):
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert list(sizes) == sorted(sizes, reverse=True) and sizes.min() > 1


def test_one_topic_of_forty_is_one(planted_texts):
    texts, truth = planted_texts(600)
    for topic in ("refund", "weather"):
        members = [text for text, of in zip(texts, truth, strict=True) if of == topic][:40]
        assert set(cluster_vectors(asyncio.run(OfflineEmbedder().embed(members))).labels) == {0}


def test_foreign_texts_become_outliers_and_others_do_not(planted_texts):
    texts, _ = planted_texts(400)
    chance = random.Random(0)
    words = sorted({*re.findall("[a-z]{4,}", Path(ast.__file__).read_text())})
    foreign = [" ".join(chance.sample(words, 9)) for _ in range(70)]
    labels = cluster_vectors(asyncio.run(OfflineEmbedder().embed(texts + foreign))).labels
    assert (labels[400:] < 0).mean() > 0.5 and (labels[:400] < 0).mean() <= 0.1


@pytest.mark.parametrize("method", ["kmeans", "dbscan", "agglomerative"])
def test_other_methods_find_the_topics_too(planted, method):
    vectors, truth = planted
    result = cluster_vectors(vectors, ClusteringConfig(method=method))
    assert (result.assigned >= 0).all() and nmi(truth, result.assigned) > 0.55


def test_evoc_finds_the_topics_of_more_than_a_handful(planted):
    pytest.importorskip("evoc", reason="evoc is an extra; it compiles for two minutes on its first use")
    vectors, truth = planted
    result = cluster_vectors(vectors[:200], ClusteringConfig(method="evoc"))
    assert nmi(truth[:200], result.assigned) > 0.85 and (result.labels < 0).mean() < 0.3


@pytest.mark.parametrize("method", ["kmeans", "agglomerative"])
def test_a_given_number_of_clusters_is_kept(planted, method):
    result = cluster_vectors(planted[0], ClusteringConfig(method=method, n_clusters=7))
    assert len(set(result.labels)) == 7


def test_evoc_says_how_to_install_it_where_it_is_missing(planted, monkeypatch):
    vectors, _ = planted
    monkeypatch.setitem(sys.modules, "evoc", None)
    with pytest.raises(InvalidParameterError, match=r"pip install 'mlflow-insights\[evoc\]'"):
        cluster_vectors(vectors, ClusteringConfig(method="evoc"))


@pytest.mark.parametrize("method", ["hdbscan", "kmeans", "dbscan", "agglomerative", "evoc"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 20, 50])
def test_a_handful_of_traces_has_at_least_one_cluster(planted, count, method):
    vectors = planted[0][:count]
    result = cluster_vectors(vectors, ClusteringConfig(method=method))
    assert result.labels.shape == result.assigned.shape == (count,)
    assert count == 0 or (result.labels.max() >= 0 and (result.assigned >= 0).all())
    shown = coordinates(vectors, result)
    assert shown.shape == (count, 2) and np.isfinite(shown).all()


@pytest.mark.parametrize(("count", "least"), [(20, 0.85), (50, 0.85)])
def test_topics_are_found_in_few_traces(planted_texts, count, least):
    scores = []
    for seed in range(3):
        texts, truth = planted_texts(count, seed=seed, topics=5)
        scores.append(nmi(truth, cluster_vectors(asyncio.run(OfflineEmbedder().embed(texts))).assigned))
    assert np.mean(scores) > least


@pytest.mark.parametrize("count", [30, 200])
def test_identical_vectors_are_one_cluster(planted, count):
    result = cluster_vectors(np.repeat(planted[0][:1], count, axis=0))
    assert set(result.labels) == {0}
    assert np.isfinite(coordinates(np.repeat(planted[0][:1], count, axis=0), result)).all()


def test_identical_vectors_are_never_split(planted):
    vectors = np.vstack([planted[0][:200], np.repeat(planted[0][:20], 6, axis=0)])
    labels = cluster_vectors(vectors).labels
    for index in range(20):
        assert len({labels[index], *labels[200 + 6 * index : 206 + 6 * index]}) == 1


def test_an_outlier_gets_the_cluster_with_the_nearest_centroid():
    vectors = np.array([[1, 0], [0.98, 0.2], [0, 1], [0.2, 0.98], [0.9, 0.44]], dtype=np.float32)
    assert list(assign_outliers(vectors, np.array([0, 0, 1, 1, -1]))) == [0, 0, 1, 1, 0]
    assert list(assign_outliers(vectors, np.full(5, -1))) == [-1] * 5


def test_nothing_is_printed_or_warned_of(planted, capsys, recwarn):
    cluster_vectors(planted[0][:120])
    captured = capsys.readouterr()
    assert captured.out == captured.err == "" and not [str(found.message) for found in recwarn]
