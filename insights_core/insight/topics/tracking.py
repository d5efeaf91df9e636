"""Topics that go on: an insight over more traces keeps the topics of the one before where they are the same.

Traces that were there keep their topic. A new one joins the topic whose middle is nearest, if it is as near to it as
members are, and waits as an outlier otherwise; where those that wait are a topic of a fresh clustering of everything, it
is born. So one per cent more traces move nobody. Only where the fresh clustering agrees with this worse than it agrees
with its own re-runs, everything is taken from it, and its topics are matched with the earlier ones by their traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from insights_core.entities.insight import Cluster, ClusterDetails, GoneTopic, TraceRow
from insights_core.insight.topics.cluster import ClusterResult
from insights_core.insight.topics.refine import assign_outliers, centroids, from_the_middle
from insights_core.insight.topics.trust import Stability
from insights_core.statistics.association import tails
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE, false_discovery_rates
from insights_core.statistics.shares import share_of
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values

# Of all members, as many are less like their own topic than this; a new trace that is less like it still waits.
_STRAYS = 0.05
_DRAWS = 400
_SAME = 0.5  # a topic is the same while more than half of what either has is in both
_PART = 0.25  # of a topic's traces: what goes elsewhere in smaller parts is no split


@dataclass
class Continued:
    """Topics of n traces that go on from earlier ones.

    Attributes:
        result: Labels and assigned are positions in `leaf_ids`.
        leaf_ids: The earlier id of a topic that goes on, "" for one that is new.
        kept: Earlier id -> the topic as it was.
        news: By position in `leaf_ids`: fields of Cluster that say what became of it.
        gone: Earlier topics that are not there any more.
    """

    result: ClusterResult
    leaf_ids: list[str]
    kept: dict[str, Cluster]
    news: list[dict[str, object]] = field(default_factory=list)
    gone: list[GoneTopic] = field(default_factory=list)


@dataclass(frozen=True)
class Left:
    """Traces in topics of the earlier insight that are not here any more: they still say what these topics are like."""

    ids: Sequence[str]
    vectors: np.ndarray
    """Float array of shape (len(ids), d)."""
    here: np.ndarray
    """Float array of shape (n, d): the traces that are here, in the same form and made together with those."""


def left_of(previous: ClusterDetails | None, ids: Sequence[str]) -> list[TraceRow]:
    """The rows in topics of an earlier insight that are not among some traces."""
    present = set(ids)
    return [row for row in previous.traces if row.cluster_id and row.trace_id not in present] if previous else []


@dataclass
class _Earlier:
    """The earlier topics as n traces remember them."""

    leaves: list[Cluster]
    labels: np.ndarray
    """Int (n,): topic of each trace in the earlier insight; -1 none, -2 was not there."""
    left: np.ndarray
    """Int (m,): the same of the earlier traces that are not here any more."""

    @classmethod
    def of(cls, previous: ClusterDetails, ids: Sequence[str]) -> _Earlier:
        parents = {cluster.parent_id for cluster in previous.clusters}
        leaves = [one for one in previous.clusters if one.cluster_id not in parents]
        place = {one.cluster_id: at for at, one in enumerate(leaves)}
        was = {row.trace_id: place.get(row.cluster_id or "", -1) for row in previous.traces}
        present = set(ids)
        left = [label for one, label in was.items() if one not in present]
        return cls(leaves, np.array([was.get(one, -2) for one in ids], dtype=int), np.array(left, dtype=int))


def go_on(
    previous: ClusterDetails,
    ids: Sequence[str],
    vectors: np.ndarray,
    fresh: ClusterResult,
    found: Stability,
    sessions: Sequence[str | None] | None = None,
    left: Left | None = None,
) -> Continued:
    """The topics of n traces in the light of the earlier insight.

    Args:
        previous: The earlier insight.
        ids: Trace ids, n.
        vectors: Float array of shape (n, d), rows of unit length.
        fresh: A clustering of these vectors that knows nothing of the earlier one.
        found: How well that comes again.
        sessions: Session of each trace, for how sure a growth is; None: each on its own.
        left: What is known of earlier traces that are not here; None: nothing.
    """
    earlier = _Earlier.of(previous, ids)
    seen = from_the_middle(vectors)
    placed = _with_born(_placed_beside(vectors, earlier, previous, left), earlier, fresh.labels)
    if _as_good(placed, fresh.labels, found):
        labels, origin = placed, list(range(len(earlier.leaves)))
        origin += [-1] * (int(labels.max(initial=-1)) + 1 - len(origin))
    else:
        labels, origin = fresh.labels, _matched(fresh.labels, earlier)
    there = [at for at in range(len(origin)) if (labels == at).any()]
    rename = np.full(len(origin) + 1, -1)
    rename[there] = np.arange(len(there))
    labels = rename[labels]
    origin = [origin[at] for at in there]
    units = _units(sessions, len(ids))
    continued = Continued(
        ClusterResult(labels, assign_outliers(seen, labels), fresh.reduced, fresh.knn),
        [earlier.leaves[at].cluster_id if at >= 0 else "" for at in origin],
        {earlier.leaves[at].cluster_id: earlier.leaves[at] for at in origin if at >= 0},
    )
    continued.news = _news(labels, origin, earlier, units)
    continued.gone = _gone(labels, origin, earlier)
    return continued


def _placed_beside(vectors: np.ndarray, earlier: _Earlier, previous: ClusterDetails, left: Left | None) -> np.ndarray:
    """Earlier labels, with traces that had none where they fit, beside those that left. Int (n,)."""
    labels = np.where(earlier.labels >= 0, earlier.labels, -1)
    if left is None or not len(left.ids):
        return _placed(from_the_middle(vectors), labels)
    place = {leaf.cluster_id: at for at, leaf in enumerate(earlier.leaves)}
    cluster_of = {row.trace_id: row.cluster_id for row in previous.traces}
    theirs = np.array([place.get(cluster_of.get(one) or "", -1) for one in left.ids], dtype=int)
    together = from_the_middle(np.vstack([left.here, left.vectors]))
    return _placed(together, np.concatenate([labels, theirs]))[: len(labels)]


def _placed(seen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The labels, with traces that had none where they fit. Int (n,)."""
    labels = labels.copy()
    inside = np.flatnonzero(labels >= 0)
    if not len(inside):
        return labels
    known, compact = np.unique(labels[inside], return_inverse=True)
    own = np.full(len(labels), -1)
    own[inside] = compact
    middles = centroids(seen, own)
    near = seen @ middles.T
    # A member is part of its middle, and nearer to it for that alone; without it, it is as a new trace would be.
    sizes = np.bincount(compact)
    sums = np.zeros_like(middles, dtype=np.float64)
    np.add.at(sums, compact, seen[inside])
    rest = sums[compact] - seen[inside]
    lengths = np.maximum(np.linalg.norm(rest, axis=1), 1e-9)
    alone = np.where(sizes[compact] > 1, (rest * seen[inside]).sum(axis=1) / lengths, np.nan)
    typical = np.array([np.nanmedian(alone[compact == at]) if sizes[at] > 1 else np.nan for at in range(len(known))])
    typical = np.where(np.isnan(typical), np.nanmedian(typical) if np.isfinite(typical).any() else 1.0, typical)
    typical = np.maximum(typical, 1e-3)
    ratios = alone / typical[compact]
    least = np.nanquantile(ratios, _STRAYS) if np.isfinite(ratios).any() else 0.0
    waiting = np.flatnonzero(labels < 0)
    best = np.argmax(near[waiting], axis=1)
    fits = near[waiting, best] >= least * typical[best]
    labels[waiting[fits]] = known[best[fits]]
    return labels


def _with_born(placed: np.ndarray, earlier: _Earlier, fresh: np.ndarray) -> np.ndarray:
    """Fresh topics of which most traces fit no earlier one are topics of their own."""
    labels, count = placed.copy(), len(earlier.leaves)
    for topic in range(int(fresh.max(initial=-1)) + 1):
        members = fresh == topic
        if 2 * (members & (placed < 0)).sum() > members.sum():
            labels[members & (placed < 0)] = count
            count += 1
    return labels


def _as_good(placed: np.ndarray, fresh: np.ndarray, found: Stability) -> bool:
    """Whether the fresh topics agree with these as well as with what they become when they are looked for again."""
    from sklearn.metrics import adjusted_rand_score

    both = (placed >= 0) & (fresh >= 0)
    if found.lowest is None or not both.any():
        return bool((placed >= 0).any())
    return float(adjusted_rand_score(placed[both], fresh[both])) >= found.lowest


def _matched(fresh: np.ndarray, earlier: _Earlier) -> list[int]:
    """For each fresh topic the earlier one that it is, or -1: pairs by the most traces in both, one to one."""
    from scipy.optimize import linear_sum_assignment

    count = int(fresh.max(initial=-1)) + 1
    shared = np.zeros((count, len(earlier.leaves)))
    both = (fresh >= 0) & (earlier.labels >= 0)
    np.add.at(shared, (fresh[both], earlier.labels[both]), 1)
    rows, columns = linear_sum_assignment(-shared)
    match = [-1] * count
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        overlap, low, _ = _overlap(fresh == row, earlier.labels == column, earlier.labels > -2)
        # Its id goes on only where the bootstrap says that it is the same.
        if overlap > _SAME and low > _SAME:
            match[row] = column
    return match


def _overlap(now: np.ndarray, before: np.ndarray, known: np.ndarray) -> tuple[float, float, float]:
    """Share of the traces in either that are in both, among traces of both insights, and its 95 % interval.

    A bootstrap over traces (Efron and Tibshirani 1993); with none left it is (0, 0, 1).
    """
    either = (now | before) & known
    size, both = int(either.sum()), int((now & before & known).sum())
    if not size:
        return 0.0, 0.0, 1.0
    drawn = np.random.default_rng(0).binomial(size, both / size, _DRAWS) / size
    low, high = np.quantile(drawn, (0.025, 0.975))
    return both / size, float(low), float(high)


def _units(sessions: Sequence[str | None] | None, count: int) -> Units:
    if sessions is None:
        return Units.of_codes(np.full(count, -1))
    codes: dict[str, int] = {}
    return Units.of_codes(np.array([codes.setdefault(one, len(codes)) if one else -1 for one in sessions], dtype=int))


def _news(labels: np.ndarray, origin: list[int], earlier: _Earlier, units: Units) -> list[dict[str, object]]:
    """What became of each topic."""
    is_new = earlier.labels == -2
    # Who left says too what traffic was like before.
    at_of = {at: topic for topic, at in enumerate(origin) if at >= 0}
    gone = np.array([at_of.get(at, -1) for at in earlier.left.tolist()], dtype=int)
    all_units = Units.of_codes(np.concatenate([units.of, np.full(len(gone), -1)]))
    all_new = np.concatenate([is_new, np.zeros(len(gone), dtype=bool)])
    moved = _changed(np.concatenate([labels, gone]), len(origin), all_new, all_units)
    fresh_units = Units.of_codes(units.of[is_new])
    before_units = Units.of_codes(all_units.of[~all_new])
    were = np.concatenate([earlier.labels[~is_new], earlier.left])
    said = []
    for topic, at in enumerate(origin):
        members = labels == topic
        from_where = Counter(earlier.labels[members & (earlier.labels >= 0)].tolist())
        sources = [one for one, _ in from_where.most_common()]
        news: dict[str, object] = {"came_from": [earlier.leaves[one].cluster_id for one in sources]}
        if at >= 0:
            if ((members | (earlier.labels == at)) & ~is_new).any():
                overlap = _overlap(members, earlier.labels == at, ~is_new)
                names = ("overlap", "overlap_low", "overlap_high")
                news |= dict(zip(names, (round(one, 4) for one in overlap), strict=True))
            news["previous_size"] = earlier.leaves[at].size
        news |= _fate(topic, at, labels, earlier, moved, from_where)
        if at >= 0 and is_new.any() and len(were):
            share = share_of(members[is_new], fresh_units)
            before = share_of(were == at, before_units)
            news["reason"] = f"{news['reason']} {_traffic(share.lower, share.upper, before.lower, before.upper)}"
        said.append(news)
    return said


def _traffic(low: float, high: float, was_low: float, was_high: float) -> str:
    def percent(lower: float, upper: float) -> str:
        return f"{100 * lower:.0f} to {100 * upper:.0f} %"

    return f"It is {percent(low, high)} of new traffic and was {percent(was_low, was_high)} before."


def _changed(labels: np.ndarray, count: int, is_new: np.ndarray, units: Units) -> list[str]:
    """For each topic "grown", "shrunk" or "": its share among new traces against old ones, 5 % false over all topics."""
    if not count or not is_new.any() or is_new.all():
        return [""] * count
    values = Values.of_codes(labels, count, units)
    more, fewer = (tails(Beside.of(values, mask)).p for mask in (is_new, ~is_new))
    q = false_discovery_rates(np.concatenate([more, fewer]))
    passed = q <= FALSE_DISCOVERY_RATE
    return [
        "grown" if up else "shrunk" if down else "" for up, down in zip(passed[:count], passed[count:], strict=True)
    ]


def _fate(
    topic: int, at: int, labels: np.ndarray, earlier: _Earlier, moved: list[str], from_where: Counter[int]
) -> dict[str, object]:
    """`fate` and `reason` of a topic that was the earlier one `at`, or was none."""
    members = labels == topic
    # Earlier topics of which most traces are in this one now.
    swallowed = [one for one, count in from_where.items() if 2 * count > (earlier.labels == one).sum()]
    if len(swallowed) > 1:
        names = " and ".join(
            f"“{earlier.leaves[one].title}”" for one in sorted(swallowed, key=lambda i: -from_where[i])
        )
        return {"fate": "merged", "reason": f"Most traces of {names} are in it now."}
    if at < 0:
        source = next(
            (one for one, count in from_where.most_common(1) if count >= _PART * (earlier.labels == one).sum()), None
        )
        if source is not None and 2 * from_where[source] > members.sum():
            return {
                "fate": "split",
                "reason": f"{from_where[source]:,} of its {members.sum():,} traces were in “{earlier.leaves[source].title}”.",
            }
        new = int((members & (earlier.labels == -2)).sum())
        return {
            "fate": "born",
            "reason": f"{members.sum():,} traces that fitted no topic are alike, {new:,} of them new.",
        }
    stayed, had = from_where[at], int((earlier.labels == at).sum())
    if not had:
        alike = f"None of its traces is here any more; {members.sum():,} are like them."
        return {"fate": moved[topic] or "same", "reason": alike}
    kept = f"{stayed:,} of its {had:,} earlier traces are in it" + (
        f", of {earlier.leaves[at].size:,} that it had." if had < earlier.leaves[at].size else "."
    )
    return {"fate": moved[topic] or "same", "reason": kept}


def _gone(labels: np.ndarray, origin: list[int], earlier: _Earlier) -> list[GoneTopic]:
    """Earlier topics that no topic goes on from."""
    gone = []
    for at, leaf in enumerate(earlier.leaves):
        if at in origin:
            continue
        now = labels[earlier.labels == at]
        if not len(now):
            reason = "None of its traces is among those that were read."
        elif (now < 0).mean() > _SAME:
            reason = f"{(now < 0).sum():,} of its {len(now):,} traces fit no topic any more."
        else:
            parts = Counter(now[now >= 0].tolist())
            many = sum(count >= _PART * len(now) for count in parts.values())
            reason = (
                f"Its {len(now):,} traces are in {max(many, 2)} topics now."
                if many != 1
                else f"{parts.most_common(1)[0][1]:,} of its {len(now):,} traces are in another topic now."
            )
        gone.append(GoneTopic(cluster_id=leaf.cluster_id, title=leaf.title, size=leaf.size, reason=reason))
    return gone


def same_groups(previous: ClusterDetails, groups: dict[str, list[str]]) -> dict[str, tuple[Cluster, bool]]:
    """Groups of topics that are there already.

    Args:
        previous: The earlier insight.
        groups: Id of a group -> ids of the topics in it, earlier ones by their earlier ids.

    Returns:
        Id of a group -> the earlier one that holds most of the same topics, and whether it holds just those.
    """
    below = _leaves_below(previous)
    found: dict[str, tuple[Cluster, bool]] = {}
    taken: set[str] = set()
    for name, leaves in sorted(groups.items(), key=lambda item: -len(item[1])):
        now = set(leaves)
        scored = [(len(now & was) / len(now | was), one) for one, was in below if one.cluster_id not in taken]
        share, best = max(scored, key=lambda item: item[0], default=(0.0, None))
        if best is not None and share > _SAME:
            found[name] = best, share == 1
            taken.add(best.cluster_id)
    return found


def _leaves_below(details: ClusterDetails) -> list[tuple[Cluster, set[str]]]:
    children: dict[str, list[Cluster]] = {}
    for one in details.clusters:
        if one.parent_id:
            children.setdefault(one.parent_id, []).append(one)

    def leaves(one: Cluster) -> set[str]:
        own = children.get(one.cluster_id)
        return set().union(*(leaves(child) for child in own)) if own else {one.cluster_id}

    return [(one, leaves(one)) for one in details.clusters if one.cluster_id in children]
