"""Fragments that density found, joined into topics: how far is read off the texts themselves.

Density sees one wording as one topic, and more so the more traces there are. What is joined follows from one ratio
without a unit, so that it means the same for any vectors: how alike members of two topics are, as a share of how alike
members of one topic are. It is 1 for a topic split at random and 0 for strangers. The two most alike are joined again
and again (average linkage), and the cut is where texts stand clearest beside the next topic.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Where the cut is looked for: above the first nearly every pair is one topic in two fragments, below the second nearly
# none. The sweep over labelled sets is `tests/benchmarks/sweep_topics.py`.
ALIKE = 0.6
STRANGE = 0.25
# A text's lead over the next topic is divided by this power of its likeness to its own. At 0 (the plain lead) splinters
# win, at 1 (the lead as a share) continents do; the same sweep shows the plateau between.
POWER = 0.5
_KIN = 0.5  # one request in other words: 0.53 to 0.68; five requests: up to 0.35
_JUDGES = 5000  # texts whose lead is taken; more change nothing and cost time
_LEAST = 1e-3  # likeness below this is none


def joined(
    seen: np.ndarray, fragments: np.ndarray, *, power: float = POWER, window: tuple[float, float] = (STRANGE, ALIKE)
) -> np.ndarray:
    """Topics made of fragments.

    Args:
        seen: Float array of shape (n, d): unit directions from the middle of all.
        fragments: Int array of shape (n,): 0 to k-1, every number used, without -1.
        power: See `POWER`.
        window: The lowest and highest ratio at which joining may stop.

    Returns:
        Int array of shape (n,): the fragment that stands for each text's topic.
    """
    best, best_lead = np.arange(int(fragments.max()) + 1), -np.inf
    judges = np.arange(len(seen))
    if len(judges) > _JUDGES:
        judges = np.sort(np.random.default_rng(0).choice(judges, _JUDGES, replace=False))
    likeness = _Likeness(seen, fragments, judges)
    for into, low, high in _cuts(likeness):
        if high <= window[0]:
            break
        if low < window[1] and (lead := likeness.lead(into, power)) > best_lead:
            best, best_lead = into, lead
    return best[fragments]


def kin_joined(vectors: np.ndarray, fragments: np.ndarray) -> np.ndarray:
    """Fragments of a handful joined where members of two are at least half as alike as members of one.

    A handful has no middle to look from: it may be one topic, whose middle it would be. So this compares the vectors
    as they are, and finds fewer topics with vectors that call everything alike.

    Args:
        vectors: Float array of shape (n, d), rows of unit length.
        fragments: Int array of shape (n,): 0 to k-1, every number used.

    Returns:
        Int array of shape (n,): 0 to k-1.
    """
    best = np.zeros(int(fragments.max()) + 1, dtype=int)
    for into, low, _ in _cuts(_Likeness(vectors, fragments, np.arange(0))):
        if low < _KIN:
            best = into
            break
    return np.unique(best[fragments], return_inverse=True)[1]


class _Likeness:
    """Mean cosines between topics and from single texts to topics, kept up while topics are joined."""

    def __init__(self, seen: np.ndarray, fragments: np.ndarray, judges: np.ndarray) -> None:
        count = int(fragments.max()) + 1
        self.sums = np.zeros((count, seen.shape[1]))
        np.add.at(self.sums, fragments, seen)
        self.sizes = np.bincount(fragments, minlength=count).astype(float)
        self._selves = np.bincount(fragments, weights=(seen.astype(float) ** 2).sum(axis=1), minlength=count)
        self.alive = np.ones(count, dtype=bool)
        self._home = fragments[judges]
        self._self = (seen[judges].astype(float) ** 2).sum(axis=1)
        self._near = (seen[judges] @ self.sums.T.astype(np.float32)).astype(np.float32)
        self.within = np.array([self._within(topic) for topic in range(count)])

    def _within(self, topic: int) -> float:
        """Mean cosine of two members."""
        size = self.sizes[topic]
        pairs = max(1.0, size * (size - 1))
        return max(_LEAST, float(self.sums[topic] @ self.sums[topic] - self._selves[topic]) / pairs)

    def ratios(self, topic: int) -> np.ndarray:
        """Between as a share of within, of one topic and each other; -inf for itself and those that are gone."""
        between = (self.sums @ self.sums[topic]) / (self.sizes * self.sizes[topic])
        found = between / np.sqrt(self.within * self.within[topic])
        found[~self.alive] = found[topic] = -np.inf
        return found

    def join(self, keep: int, gone: int) -> None:
        """Make two topics one."""
        for kept in (self.sums, self.sizes, self._selves):
            kept[keep] += kept[gone]
        self._near[:, keep] += self._near[:, gone]
        self.alive[gone] = False
        self.within[keep] = self._within(keep)

    def lead(self, into: np.ndarray, power: float) -> float:
        """Mean lead of a text's own topic over the next, in likeness to the own to 1 minus `power`."""
        topics = np.flatnonzero(self.alive)
        rows, column = np.arange(len(self._home)), np.searchsorted(topics, into[self._home])
        near = self._near[:, topics]
        own = (near[rows, column] - self._self) / np.maximum(1, self.sizes[into[self._home]] - 1)
        near = near / self.sizes[topics].astype(np.float32)
        near[rows, column] = -1
        other = near.max(axis=1)
        return float(np.mean((own - other) / np.maximum(np.maximum(own, other), _LEAST) ** power))


def _cuts(likeness: _Likeness) -> Iterator[tuple[np.ndarray, float, float]]:
    """Each set of topics on the way down to two, with the ratios between which it stands: (into, low, high)."""
    into = np.arange(len(likeness.sizes))
    ratios = np.array([likeness.ratios(topic) for topic in range(len(into))])
    high = np.inf
    while likeness.alive.sum() > 1:
        keep, gone = sorted(int(at) for at in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
        low = min(high, float(ratios[keep, gone]))
        if low < high:
            yield into.copy(), low, high
        likeness.join(keep, gone)
        into[into == gone] = keep
        ratios[gone, :] = ratios[:, gone] = -np.inf
        ratios[keep, :] = ratios[:, keep] = likeness.ratios(keep)
        high = low
