"""What goes with what: two dimensions, or a slice against every tool, tag and assessment at once.

All values of a dimension are counted in one pass over codes, so hundreds of pairs cost what one does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from insights_core.analytics.assessments import ratings_of
from insights_core.analytics.buckets import rate
from insights_core.analytics.facts import Items, View
from insights_core.analytics.models import (
    Correlation,
    CorrelationScore,
    CorrelationsResponse,
    DimensionCount,
    IntersectionCount,
    NPMIResponse,
)
from insights_core.analytics.npmi import false_discovery_rates, npmi, npmi_interval, p_values, strength

DIMENSION_KINDS = ("tools", "tags", "assessments")
# A value that the slice holds once says nothing: everything that happens once together has an NPMI near 1.
MIN_SUPPORT = 2
# A numeric assessment with more distinct values than this is split at its median.
_LISTED_NUMBERS = 10


@dataclass(frozen=True)
class Candidates:
    """Values of one kind and the traces that have them."""

    kind: Literal["tool", "tag", "assessment"]
    owners: list[str]
    """Tool, tag key or assessment name of each value."""
    labels: list[str]
    first: np.ndarray
    """Traces of the slice with the value, shape (n_values,)."""
    total: np.ndarray
    """Traces with the value."""


def pair(
    view: View, one: np.ndarray, other: np.ndarray, first: tuple[str, str], second: tuple[str, str]
) -> NPMIResponse:
    """NPMI of two masks of shape (n_traces,), named (dimension, value)."""
    counts = np.array([int((one & other).sum()), int(one.sum()), int(other.sum())])
    joint, n_first, n_second = (counts[i : i + 1] for i in range(3))
    score = float(npmi(joint, n_first, n_second, len(view))[0])
    lower, upper = (float(end[0]) for end in npmi_interval(joint, n_first, n_second, len(view)))
    known = not np.isnan(score)
    return NPMIResponse(
        dimension1=DimensionCount(name=first[0], value=first[1], count=int(counts[1])),
        dimension2=DimensionCount(name=second[0], value=second[1], count=int(counts[2])),
        intersection=IntersectionCount(count=int(counts[0])),
        correlation=CorrelationScore(
            npmi_score=score if known else None,
            strength=strength(score),
            npmi_lower=lower if known else None,
            npmi_upper=upper if known else None,
        ),
    )


def correlations(
    view: View,
    mask: np.ndarray,
    kinds: Collection[str] = DIMENSION_KINDS,
    limit: int | None = 5,
    min_support: int = MIN_SUPPORT,
    left_out: Collection[tuple[str, str]] = (),
) -> CorrelationsResponse:
    """The values that go most with a slice, highest NPMI first.

    Args:
        view: All traces; with spans, where tools are asked for.
        mask: The slice, a bool array of shape (n_traces,).
        kinds: Of DIMENSION_KINDS.
        limit: How many to list; None lists all.
        min_support: Values that fewer traces of the slice have are left out.
        left_out: (kind, tool, key or name) that define the slice: they go with it by definition.
    """
    size = int(mask.sum())
    labels: list[tuple[Literal["tool", "tag", "assessment"], str]] = []
    joints, totals = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for candidates in _candidates(view, mask, kinds):
        kept = candidates.first >= min_support
        kept &= np.array([(candidates.kind, owner) not in left_out for owner in candidates.owners], dtype=bool)
        labels += [(candidates.kind, candidates.labels[row]) for row in np.flatnonzero(kept)]
        joints.append(candidates.first[kept])
        totals.append(candidates.total[kept])
    joint, total = np.concatenate(joints), np.concatenate(totals)
    scores = npmi(joint, np.full_like(joint, size), total, len(view))
    q = false_discovery_rates(p_values(joint, np.full_like(joint, size), total, len(view))) if len(joint) else scores
    order = np.lexsort((-joint, -scores))[:limit]
    lower, upper = npmi_interval(joint[order], np.full_like(joint[order], size), total[order], len(view))
    found = [
        Correlation(
            dimension=labels[row][0],
            value=labels[row][1],
            npmi_score=float(scores[row]),
            npmi_lower=float(low),
            npmi_upper=float(high),
            trace_count=int(joint[row]),
            percentage_of_slice=rate(int(joint[row]), size),
            percentage_of_total=rate(int(joint[row]), int(total[row])),
            strength=strength(scores[row]),
            q_value=float(q[row]),
        )
        for row, low, high in zip(order, lower, upper, strict=True)
    ]
    return CorrelationsResponse(data=found)


def _candidates(view: View, mask: np.ndarray, kinds: Collection[str]) -> Iterator[Candidates]:
    if "tools" in kinds:
        yield from _tools(view, mask)
    if "tags" in kinds:
        items = view.tag_items
        owners = view.words.tag_key.decode(items.first)
        values = view.words.tag_value.decode(items.second)
        yield Candidates(
            "tag",
            owners,
            [f"{key}={value}" for key, value in zip(owners, values, strict=True)],
            items.counts(mask),
            items.counts(),
        )
    if "assessments" in kinds:
        yield from _assessments(view, mask)


def _tools(view: View, mask: np.ndarray) -> Iterator[Candidates]:
    for suffix, items in zip(("", "=error"), view.tool_items, strict=True):
        names = view.words.span_name.decode(items.first)
        yield Candidates("tool", names, [name + suffix for name in names], items.counts(mask), items.counts())


def _assessments(view: View, mask: np.ndarray) -> Iterator[Candidates]:
    words = view.words
    for code in np.unique(view.ratings["name"]):
        one = ratings_of(view, code)
        name = words.assessment_name[code]
        if one.type == "numeric" and len(np.unique(one.number)) > _LISTED_NUMBERS:
            median = float(np.median(one.number))
            items = Items.of_pairs(one.trace, np.full_like(one.code, code), (one.number >= median).astype(np.int32))
            labels = [f"{name}{'>=' if half else '<'}{median:g}" for half in items.second]
        else:
            items = Items.of_pairs(one.trace, np.full_like(one.code, code), one.code)
            labels = [f"{name}={words.assessment_value.text(value)}" for value in items.second]
        yield Candidates("assessment", [name] * len(labels), labels, items.counts(mask), items.counts())
