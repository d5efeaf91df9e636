"""The layout must be UMAP's own: its weights of neighbours are compared with the package's (umap-learn 0.5.9 to 0.5.12)."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from insights_core.insight.topics.cluster import neighbours_of
from insights_core.insight.topics.layout import lay_out, neighbour_weights
from insights_core.insight.topics.vectors import unit_rows


def groups(n: int) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = random.normal(size=(6, 32))
    return unit_rows(centres[random.integers(0, 6, n)] + 0.5 * random.normal(size=(n, 32)))


@pytest.mark.parametrize("n", [12, 300])
def test_rows_belong_together_as_surely_as_umap_says(n: int) -> None:
    from umap.umap_ import fuzzy_simplicial_set

    vectors = groups(n)
    vectors[3:9] = vectors[2]  # a few twins
    vectors[n // 2 :][:20] = vectors[n // 2]  # more twins than neighbours, where there is room
    neighbours, distances = neighbours_of(vectors, 0)
    theirs, *_ = fuzzy_simplicial_set(
        vectors, neighbours.shape[1], check_random_state(0), "cosine", {}, neighbours.copy(), distances.copy()
    )
    assert abs(neighbour_weights(neighbours, distances) - theirs).max() < 1e-6


def test_a_row_with_no_neighbour_in_sight_has_no_place_and_disturbs_nobody() -> None:
    vectors = groups(60)
    vectors = np.vstack([vectors, -vectors.mean(axis=0)]).astype(np.float32)
    neighbours, distances = neighbours_of(vectors, 0)
    distances[-1, 1:] = 2.0
    distances[:-1][neighbours[:-1] == 60] = 2.0
    placed = lay_out(vectors, neighbours, distances, dims=2, epochs=50, min_dist=0.1, seed=0)
    assert np.isnan(placed[-1]).all()
    assert np.isfinite(placed[:-1]).all()
