"""Tags that users set; MLflow's own (mlflow.…, in any case) are left out."""

from __future__ import annotations

import numpy as np

from insights_core.analytics.buckets import rate
from insights_core.analytics.facts import View
from insights_core.analytics.models import TagInfo, TagMetrics, TagResponse, TagsResponse, ValueCount


def tags(view: View) -> TagsResponse:
    """Every key, most traces first."""
    items = view.tag_items
    keys, row = np.unique(items.first, return_inverse=True)
    values = np.bincount(row, minlength=len(keys))
    traces = np.bincount(row[items.item], minlength=len(keys))  # a trace has a key once
    found = [
        TagInfo(tag_key=view.words.tag_key[key], trace_count=int(n), unique_values=int(v))
        for key, n, v in zip(keys, traces, values, strict=True)
    ]
    return TagsResponse(data=sorted(found, key=lambda tag: (-tag.trace_count, tag.tag_key)))


def tag(view: View, tag_key: str, limit: int | None = 10) -> TagResponse:
    """One key and its most frequent values; percentages are of the traces that have the key. Zeros where none has."""
    items = view.tag_items
    chosen = np.flatnonzero(items.first == view.words.tag_key.code(tag_key))
    counts = items.counts()[chosen]
    total = int(counts.sum())
    words = view.words.tag_value
    return TagResponse(
        data=TagMetrics(
            tag_key=tag_key,
            trace_count=total,
            unique_values=len(chosen),
            top_values=most_frequent(counts, words.decode(items.second[chosen]), total, limit),
        )
    )


def most_frequent(counts: np.ndarray, values: list[str], total: int, limit: int | None) -> list[ValueCount]:
    """Values with their counts, most frequent first, then by value."""
    rows = sorted(zip((-counts).tolist(), values, strict=True))[:limit]
    return [ValueCount(value=value, count=-count, percentage=rate(-count, total)) for count, value in rows]
