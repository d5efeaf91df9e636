"""UMAP for neighbours that are known already.

McInnes, Healy and Melville (2018), "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction". The
package's own `fit` compiles its weights of neighbours anew in every process, for 5 s, which a job over a few hundred
traces spends mostly on that; here they are a few lines of NumPy, and the package lays out what they say.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

_STEPS = 64
_CLOSE = 1e-5
_LEAST_SCALE = 1e-3
_FARTHEST = 2.0  # by cosine; the package cuts such neighbours off as well


def lay_out(
    vectors: np.ndarray,
    neighbours: np.ndarray,
    distances: np.ndarray,
    *,
    dims: int,
    epochs: int,
    min_dist: float,
    seed: int,
    spread: float = 1.0,
    start: np.ndarray | str = "spectral",
) -> np.ndarray:
    """Place rows so that neighbours stay near.

    Args:
        vectors: Float array of shape (n, d); only where the graph of neighbours falls apart do they matter.
        neighbours: Int array of shape (n, m): the nearest rows, each row itself first.
        distances: Float array of shape (n, m): how far they are, by cosine.
        dims: Axes of the result.
        epochs: Rounds of moving; more settle it further.
        min_dist: How near points may come.
        seed: The same seed gives the same result.
        spread: Scale of the whole.
        start: Float array of shape (n, dims) to begin from, `spectral` or `pca`.

    Returns:
        Float32 array of shape (n, dims); a row that no other is near to is NaN.
    """
    from sklearn.utils import check_random_state
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    graph = neighbour_weights(neighbours, distances)
    a, b = find_ab_params(spread, min_dist)
    placed, _ = simplicial_set_embedding(
        vectors,
        graph,
        dims,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=epochs,
        init=start,
        random_state=check_random_state(seed),
        metric="cosine",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
    )
    placed[np.asarray(graph.sum(axis=1)).ravel() == 0] = np.nan
    return placed


def neighbour_weights(neighbours: np.ndarray, distances: np.ndarray) -> csr_matrix:
    """How surely two rows belong together, from 0 to 1, symmetric: the fuzzy union of what each row sees of the other.

    Args:
        neighbours: Int array of shape (n, m), each row itself first.
        distances: Float array of shape (n, m).

    Returns:
        Sparse matrix of shape (n, n).
    """
    n, m = neighbours.shape
    near = distances < _FARTHEST
    far_off = np.where(near, distances, np.inf).astype(np.float64)
    nearest = np.where(far_off > 0, far_off, np.inf).min(axis=1)
    nearest[~np.isfinite(nearest)] = 0.0
    beyond = np.maximum(far_off - nearest[:, None], 0.0)
    beyond[np.isnan(beyond)] = np.inf
    scale = _scales(beyond[:, 1:], np.log2(m))
    finite = np.where(near, distances, 0.0)
    typical = np.where(nearest > 0, finite.mean(axis=1), finite.mean())
    scale = np.maximum(scale, _LEAST_SCALE * typical)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(beyond > 0, np.exp(-beyond / scale[:, None]), 1.0)
    weights[(neighbours == np.arange(n)[:, None]) | ~near] = 0.0
    rows = np.repeat(np.arange(n), m)
    seen = coo_matrix((weights.ravel().astype(np.float32), (rows, neighbours.ravel())), shape=(n, n)).tocsr()
    seen.eliminate_zeros()
    back = seen.T.tocsr()
    return (seen + back - seen.multiply(back)).tocsr()


def _scales(beyond: np.ndarray, wanted: float) -> np.ndarray:
    """Each row's scale s at which the sum of exp(-distance / s) is as wanted, by bisection of all rows at once."""
    low, high, scale = np.zeros(len(beyond)), np.full(len(beyond), np.inf), np.ones(len(beyond))
    for _ in range(_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(beyond > 0, np.exp(-beyond / scale[:, None]), 1.0).sum(axis=1)
        open_ = np.abs(found - wanted) >= _CLOSE
        if not open_.any():
            break
        too_wide = open_ & (found > wanted)
        too_narrow = open_ & ~too_wide
        high[too_wide], low[too_narrow] = scale[too_wide], scale[too_narrow]
        middle = np.where(np.isfinite(high), (low + high) / 2, scale * 2)
        scale = np.where(open_, middle, scale)
    return scale
