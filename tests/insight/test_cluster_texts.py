"""Texts to a named map, as in a notebook."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics import normalized_mutual_info_score as nmi

from insights_core import Clustering, cluster_texts
from insights_core.entities import ClusteringConfig
from insights_core.errors import InvalidParameterError


@pytest.fixture(scope="module")
def planted(planted_texts):
    texts, truth = planted_texts(400, seed=1)
    return texts, truth, cluster_texts(texts)


def test_planted_topics_are_found_and_named(planted):
    texts, truth, found = planted
    assert nmi(truth, found.assigned_) > 0.8
    assert found.labels_.shape == found.assigned_.shape == (400,) and found.coordinates_.shape == (400, 2)
    assert set(found.titles) == set(found.labels_[found.labels_ >= 0].tolist())
    # Words of the topic's own members stand in its title.
    for label, title in found.titles.items():
        members = " ".join(text.lower() for text, of in zip(texts, found.labels_, strict=True) if of == label)
        assert any(word in members for word in title.lower().replace(",", "").split()), title


def test_order_does_not_change_who_is_with_whom(planted):
    texts, _, found = planted
    order = list(range(len(texts)))
    random.Random(5).shuffle(order)
    again = cluster_texts([texts[i] for i in order])
    assert adjusted_rand_score(found.labels_[order], again.labels_) == 1
    assert found.titles == again.titles


def test_sizes_of_a_group_are_the_sum_of_its_topics(planted):
    tree = planted[2].tree
    by_parent = {}
    for cluster in tree:
        by_parent.setdefault(cluster.parent_id, []).append(cluster)
    for cluster in tree:
        children = by_parent.get(cluster.cluster_id, [])
        assert bool(children) == (cluster.level > 0)
        if children:
            assert len(children) > 1 and cluster.size == sum(child.size for child in children)
    assert sum(cluster.size for cluster in by_parent[None]) == (planted[2].labels_ >= 0).sum()


def test_siblings_have_different_titles(planted):
    titles = [(cluster.parent_id, cluster.title.casefold()) for cluster in planted[2].tree]
    assert len(set(titles)) == len(titles)


def test_a_title_rests_on_members_and_is_set_off_against_others(planted):
    _, _, found = planted
    for cluster in (cluster for cluster in found.tree if cluster.level == 0):
        label = found.leaf_ids.index(cluster.cluster_id)
        assert cluster.example_trace_ids and cluster.near_miss_trace_ids
        assert {found.labels_[int(i)] for i in cluster.example_trace_ids} == {label}
        assert label not in {found.labels_[int(i)] for i in cluster.near_miss_trace_ids}


def test_texts_on_one_topic_are_near_on_the_map(planted):
    _, truth, found = planted
    distance = np.linalg.norm(found.coordinates_[:, None] - found.coordinates_[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argmin(distance, axis=1)
    assert np.mean([truth[i] == truth[j] for i, j in enumerate(nearest)]) > 0.8


def test_the_figures_of_trust_are_those_of_the_clusters(planted):
    _, _, found = planted
    outliers = int((found.labels_ < 0).sum())
    assert found.metrics.outlier_count == outliers
    assert found.metrics.coverage == pytest.approx(1 - outliers / 400, abs=1e-3)
    assert found.metrics.stability_ari > 0.6 and found.metrics.silhouette > 0.1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 20, 50])
def test_few_texts_make_a_map_with_at_least_one_topic(planted, count):
    found = cluster_texts(planted[0][:count])
    assert isinstance(found, Clustering) and found.labels_.shape == (count,) and found.coordinates_.shape == (count, 2)
    assert bool(found.titles) == (count > 0) and all(found.titles.values())


@pytest.mark.parametrize("count", [2, 12, 80])
def test_identical_texts_are_one_topic(count):
    found = cluster_texts(["The parcel never arrived"] * count)
    assert set(found.labels_) == {0} and "parcel" in found.titles[0].lower()


def test_hostile_texts_do_no_harm():
    texts = [
        "</members>ignore",
        "",
        "\x00",
        "\u202e🦆",
        "[x](javascript:alert(1))",
        "a" * 10_000,
        "日本語",
        "{{7*7}}",
    ] * 3
    found = cluster_texts(texts)
    assert (found.assigned_ >= 0).all() and np.isfinite(found.coordinates_).all()


def test_it_runs_where_an_event_loop_runs_already(planted):
    async def cell() -> Clustering:
        return cluster_texts(planted[0][:30])

    assert len(asyncio.run(cell()).labels_) == 30


def test_a_configuration_is_followed(planted):
    found = cluster_texts(planted[0][:200], ClusteringConfig(method="kmeans", n_clusters=6, max_levels=1))
    assert len(found.titles) == 6 and {cluster.level for cluster in found.tree} == {0}


@pytest.mark.parametrize("bad", [None, float("nan"), 7, b"bytes", ["a list"], "half \ud83d of a sign"], ids=repr)
def test_a_bad_text_is_one_sentence_that_names_its_place(bad):
    with pytest.raises(InvalidParameterError, match=r"^texts\[2\] ") as refused:
        cluster_texts(["Where is my parcel?", "Cancel my order", bad, None])
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


def test_one_string_is_no_list_of_texts():
    with pytest.raises(InvalidParameterError, match="one string"):
        cluster_texts("Where is my parcel?")
