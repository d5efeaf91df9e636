"""Fragments joined and outliers judged, on vectors whose topics are known."""

from __future__ import annotations

import numpy as np
import pytest

from insights_core.insight.topics.refine import from_the_middle
from insights_core.insight.topics.refine import refined as refine


def refined(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`refine` with the 14 nearest others of each."""
    seen = from_the_middle(vectors)
    near = seen @ seen.T
    np.fill_diagonal(near, -1)
    return refine(vectors, labels, -np.sort(-near, axis=1)[:, :14])


@pytest.fixture
def topics() -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (180, 32) on three topics that share a direction, and the topic of each."""
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    points = 2 * np.eye(32)[31] + 1.5 * np.eye(32)[truth] + 0.12 * random.normal(size=(180, 32))
    return points / np.linalg.norm(points, axis=1, keepdims=True), truth


def test_fragments_of_a_topic_become_one(topics):
    vectors, truth = topics
    fragments = 2 * truth + np.arange(180) % 2
    assert len({*zip(refined(vectors, fragments), truth, strict=True)}) == 3


def test_topics_that_share_much_stay_apart(topics):
    vectors, truth = topics
    assert (vectors[truth == 0] @ vectors[truth == 1].T).mean() > 0.5
    assert list(refined(vectors, truth)) == list(truth)


def test_an_outlier_that_belongs_to_a_topic_joins_it(topics):
    vectors, truth = topics
    raw = np.where(np.arange(180) % 3 == 0, -1, truth)
    assert list(refined(vectors, raw)) == list(truth)


def test_what_fits_no_topic_stays_or_becomes_an_outlier(topics):
    vectors, truth = topics
    alien = -np.eye(32)[10:11] + 2 * np.eye(32)[31]
    vectors = np.vstack([vectors, alien / np.linalg.norm(alien), alien / np.linalg.norm(alien)])
    for raw in ([*truth, -1, -1], [*truth, 0, 0]):
        found = refined(vectors, np.array(raw))
        assert list(found[-2:]) == [-1, -1] and (found[:-2] >= 0).all()


def test_a_member_among_strangers_moves_to_its_topic(topics):
    vectors, truth = topics
    raw = truth.copy()
    raw[:3] = 2
    assert list(refined(vectors, raw)) == list(truth)


@pytest.mark.parametrize("labels", [np.zeros(60, int), np.full(60, -1), np.arange(60) % 2])
def test_identical_vectors_do_no_harm(labels):
    found = refined(np.repeat(np.eye(4)[:1], 60, axis=0), labels)
    assert found.shape == (60,) and len(set(found)) == 1
    assert not from_the_middle(np.repeat(np.eye(4)[:1], 3, axis=0)).any()
