"""How far fragments are joined follows from the texts, whatever their vectors, number and width."""

from __future__ import annotations

import numpy as np
import pytest

from insights_core.insight.topics.joining import ALIKE, POWER, STRANGE, joined, kin_joined
from insights_core.insight.topics.refine import from_the_middle


def fragmented(topics: int, pieces: int, apart: float, dims: int = 48, each: int = 20) -> tuple[np.ndarray, ...]:
    """Unit directions from the middle, the fragment of each and its topic; `apart` is how far pieces lie apart."""
    random = np.random.default_rng(3)
    truth = np.repeat(np.arange(topics), pieces * each)
    fragments = np.repeat(np.arange(topics * pieces), each)
    points = random.normal(size=(topics, dims))[truth] + apart * random.normal(size=(topics * pieces, dims))[fragments]
    return from_the_middle(points + 0.6 * random.normal(size=points.shape)), fragments, truth


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return len({*zip(one, other, strict=True)}) == len(set(one)) == len(set(other))


@pytest.mark.parametrize("topics", [3, 12, 60])
@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_wide_topics_are_made_whole_and_fine_ones_kept(topics, apart):
    seen, fragments, truth = fragmented(topics, 4, apart)
    assert same(joined(seen, fragments), truth)


def test_what_is_one_topic_does_not_depend_on_the_scale_of_likeness():
    seen, fragments, truth = fragmented(10, 3, 0.4)
    noisy = from_the_middle(seen + 0.25 * np.random.default_rng(0).normal(size=seen.shape))
    assert (seen * seen[:1]).sum() != (noisy * noisy[:1]).sum()
    assert same(joined(noisy, fragments), truth)


@pytest.mark.parametrize("power", [POWER - 0.1, POWER + 0.1])
@pytest.mark.parametrize("window", [(STRANGE, ALIKE - 0.1), (STRANGE + 0.05, ALIKE), (STRANGE - 0.05, ALIKE + 0.1)])
def test_the_constants_lie_on_a_plateau(power, window):
    for topics, pieces in ((5, 6), (30, 2)):
        seen, fragments, truth = fragmented(topics, pieces, 0.4)
        assert same(joined(seen, fragments, power=power, window=window), truth)


def test_a_single_fragment_stays():
    assert set(joined(np.eye(6)[:5], np.zeros(5, dtype=int))) == {0}


def test_a_handful_in_other_words_is_joined_and_other_requests_are_not():
    random = np.random.default_rng(0)
    fragments = np.repeat(np.arange(4), 8)
    wordings = np.eye(12)[fragments] * 0.6
    for shared, count in ((np.eye(12)[11], 1), (np.eye(12)[fragments + 6], 4)):
        points = shared + wordings + 0.05 * random.normal(size=wordings.shape)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        assert len(set(kin_joined(points, fragments))) == count
