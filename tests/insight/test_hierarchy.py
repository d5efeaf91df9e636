"""Groups of topics: none where they help nobody, never a group of one."""

from __future__ import annotations

import numpy as np
import pytest

from insights_core.insight.topics.hierarchy import group_leaves


def leaves_of(*families: int, dims: int = 32, spread: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Unit centres in families of the given sizes, and the family of each."""
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(families)), families)
    points = random.normal(size=(len(families), dims))[truth] + spread * random.normal(size=(len(truth), dims))
    return points / np.linalg.norm(points, axis=1, keepdims=True), truth


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_three_topics_need_no_groups(count):
    assert group_leaves(leaves_of(1, 1, 1)[0][:count]) == []


def test_planted_families_become_groups():
    points, truth = leaves_of(3, 4, 2, 3)
    (groups,) = group_leaves(points)
    assert len({(a, b) for a, b in zip(groups, truth, strict=True)}) == len(set(truth)) == len(set(groups))


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (3, 1, 4, 1, 2), (2,) * 20, (1,) * 60])
def test_no_group_has_a_single_member(sizes):
    for groups in group_leaves(leaves_of(*sizes)[0]):
        inside = groups[groups >= 0]
        assert len(inside) and np.bincount(inside)[np.unique(inside)].min() > 1


def test_many_topics_have_a_level_more_and_levels_nest():
    levels = group_leaves(leaves_of(*(3,) * 20)[0], max_levels=3)
    assert len(levels) == 2
    for group in np.unique(levels[0][levels[0] >= 0]):
        assert len(set(levels[1][levels[0] == group])) == 1
    assert len(set(levels[1])) < len(set(levels[0]))


def test_the_number_of_levels_is_bounded_by_what_was_asked():
    points, _ = leaves_of(*(3,) * 20)
    assert group_leaves(points, max_levels=1) == [] and len(group_leaves(points, max_levels=2)) == 1


def test_identical_centres_do_no_harm():
    for groups in group_leaves(np.repeat(leaves_of(1)[0], 9, axis=0)):
        assert groups.shape == (9,)
