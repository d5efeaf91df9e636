"""What goes with what: two dimensions, or a slice against every tool, tag and assessment at once.

All values of a dimension are counted in one pass over codes, so hundreds of pairs cost what one does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from insights_core.analytics.assessments import ratings_of
from insights_core.analytics.buckets import rate
from insights_core.analytics.facts import Items, View
from insights_core.analytics.models import (
    Correlation,
    CorrelationScore,
    CorrelationsResponse,
    DimensionCount,
    DimensionKind,
    IntersectionCount,
    NPMIResponse,
    Strength,
)
from insights_core.statistics.association import design_effects, judge, npmi, npmi_interval, tails
from insights_core.statistics.discoveries import level_for_chosen
from insights_core.statistics.units import Units, agreement
from insights_core.statistics.values import Beside, Values

DIMENSION_KINDS: tuple[DimensionKind, ...] = ("tools", "tags", "assessments")
# A value that happens once says nothing: everything that happens once together has an NPMI near 1.
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
    values: Values

    def wanted(self, left_out: Collection[tuple[str, str]]) -> np.ndarray:
        """Positions of the values that are looked at, by nothing but how many traces they have and whose they are."""
        named = np.array([(self.kind, owner) not in left_out for owner in self.owners], dtype=bool)
        return np.flatnonzero(named & (self.values.totals >= MIN_SUPPORT))


@dataclass(frozen=True, eq=False)
class _Looked:
    """Candidates beside a slice, and which of them are looked at."""

    candidates: Candidates
    beside: Beside
    rows: np.ndarray


def pair(
    view: View, one: np.ndarray, other: np.ndarray, first: tuple[str, str], second: tuple[str, str]
) -> NPMIResponse:
    """NPMI of two masks of shape (n_traces,), named (dimension, value)."""
    counts = np.array([int((one & other).sum()), int(one.sum()), int(other.sum())])
    joint, n_first, n_second = (counts[i : i + 1] for i in range(3))
    score = float(npmi(joint, n_first, n_second, len(view))[0])
    beside = Beside.of(Values.of_codes(np.where(other, 0, -1), 1, view.units), one)
    effect = design_effects(beside, np.zeros(1, dtype=np.int64))
    lower, upper = (float(end[0]) for end in npmi_interval(joint, n_first, n_second, len(view), effect=effect))
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
        **independence(view.units),
    )


def independence(units: Units) -> dict[str, Any]:
    """The fields of Independence."""
    return {"unit": "session" if units.nested else "trace", "unit_count": units.count}


def correlations(
    view: View,
    mask: np.ndarray,
    kinds: Collection[str] = DIMENSION_KINDS,
    limit: int | None = 5,
    min_support: int = MIN_SUPPORT,
    left_out: Collection[tuple[str, str]] = (),
    max_q: float | None = None,
) -> CorrelationsResponse:
    """The values that go most with a slice, highest NPMI first.

    Args:
        view: All traces; with spans, where tools are asked for.
        mask: The slice, a bool array of shape (n_traces,).
        kinds: Of DIMENSION_KINDS.
        limit: How many to list; None lists all.
        min_support: Values that fewer traces of the slice have are not listed.
        left_out: (kind, tool, key or name) that define the slice: they go with it by definition.
        max_q: Values with a higher q-value are not listed.
    """
    size, agreeing = int(mask.sum()), agreement(view.units, mask)
    looked = [
        _Looked(one, Beside(one.values, mask, agreeing), one.wanted(left_out)) for one in _candidates(view, kinds)
    ]
    judged = judge([tails(one.beside, one.rows) for one in looked])
    joint = _joined([one.beside.joint[one.rows] for one in looked])
    total = _joined([one.candidates.values.totals[one.rows] for one in looked])
    scores = npmi(joint, np.full_like(joint, size), total, len(view))
    listed = (joint >= min_support) & (judged.q <= (1 if max_q is None else max_q))
    order = np.lexsort((-joint, -scores))
    order = order[listed[order]][:limit]
    effect = _effects(looked, order)
    level = level_for_chosen(len(order), judged.looked_at)
    lower, upper = npmi_interval(joint[order], np.full_like(joint[order], size), total[order], len(view), level, effect)
    labels = [(one.candidates.kind, one.candidates.labels[row]) for one in looked for row in one.rows]
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
            q_value=float(judged.q[row]),
        )
        for row, low, high in zip(order, lower, upper, strict=True)
    ]
    return CorrelationsResponse(
        data=found, looked_at=judged.looked_at, enough=judged.enough, **independence(view.units)
    )


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *parts])


def _effects(looked: Sequence[_Looked], order: np.ndarray) -> np.ndarray:
    """Design effects of the rows that are listed, positions in all that was looked at."""
    effects = np.ones(len(order))
    begin = 0
    for one in looked:
        mine = (order >= begin) & (order < begin + len(one.rows))
        if mine.any():
            effects[mine] = design_effects(one.beside, one.rows[order[mine] - begin])
        begin += len(one.rows)
    return effects


def strength(score: float | None) -> Strength:
    """Strong above 0.7, Moderate from 0.4 to 0.7, Weak below."""
    if score is None or np.isnan(score) or score < 0.4:
        return "Weak"
    return "Strong" if score > 0.7 else "Moderate"


def _candidates(view: View, kinds: Collection[str]) -> Iterator[Candidates]:
    if "tools" in kinds:
        yield from _tools(view)
    if "tags" in kinds:
        items = view.tag_items
        owners = view.words.tag_key.decode(items.first)
        values = view.words.tag_value.decode(items.second)
        yield Candidates(
            "tag",
            owners,
            [f"{key}={value}" for key, value in zip(owners, values, strict=True)],
            items.values(view.units),
        )
    if "assessments" in kinds:
        yield from _assessments(view)


def _tools(view: View) -> Iterator[Candidates]:
    for suffix, items in zip(("", "=error"), view.tool_items, strict=True):
        names = view.words.tool.decode(items.first)
        yield Candidates("tool", names, [name + suffix for name in names], items.values(view.units))


def _assessments(view: View) -> Iterator[Candidates]:
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
        yield Candidates("assessment", [name] * len(labels), labels, items.values(view.units))
