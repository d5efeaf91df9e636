"""Volume, latency, errors, tokens and cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from insights_core.analytics.buckets import distinct_buckets, grouped_percentiles, number, rate
from insights_core.analytics.facts import View
from insights_core.analytics.models import (
    CostResponse,
    ErrorsPoint,
    ErrorsResponse,
    ErrorsSummary,
    LatencyPoint,
    LatencyResponse,
    LatencySummary,
    ModelUsage,
    UsagePoint,
    UsageSummary,
    VolumePoint,
    VolumeResponse,
    VolumeSummary,
)

PERCENTILE_NAMES = ("p50_latency", "p90_latency", "p99_latency")
_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "input_cost": "input_cost_usd",
    "output_cost": "output_cost_usd",
    "total_cost": "total_cost_usd",
}


def buckets_of(view: View, time_bucket: str) -> tuple[np.ndarray, np.ndarray]:
    """The buckets that have traces, ascending, and for each trace the position of its bucket."""
    return distinct_buckets(view.traces["time_ms"], time_bucket)


def _counts(view: View, time_bucket: str) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Buckets, and for each and finally for all: traces, OK, ERROR."""
    starts, bucket = buckets_of(view, time_bucket)
    status, code = view.traces["status"], view.words.status.code
    columns = [
        np.bincount(bucket[chosen], minlength=len(starts))
        for chosen in (np.s_[:], status == code("OK"), status == code("ERROR"))
    ]
    rows = [(int(a), int(b), int(c)) for a, b, c in zip(*columns, strict=True)]
    rows.append((sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return starts, rows


def volume(view: View, time_bucket: str = "hour") -> VolumeResponse:
    """Traces by status. A trace in progress counts, but is neither ok nor an error."""
    starts, rows = _counts(view, time_bucket)
    points = [
        VolumePoint(time_bucket=int(start), count=n, ok_count=ok, error_count=bad)
        for start, (n, ok, bad) in zip(starts, rows[:-1], strict=True)
    ]
    n, ok, bad = rows[-1]
    return VolumeResponse(summary=VolumeSummary(count=n, ok_count=ok, error_count=bad), time_series=points)


def errors(view: View, time_bucket: str = "hour") -> ErrorsResponse:
    """Traces with status ERROR, and their share of all traces."""
    starts, rows = _counts(view, time_bucket)
    points = [
        ErrorsPoint(time_bucket=int(start), total_count=n, error_count=bad, error_rate=rate(bad, n))
        for start, (n, _, bad) in zip(starts, rows[:-1], strict=True)
    ]
    n, _, bad = rows[-1]
    return ErrorsResponse(
        summary=ErrorsSummary(total_count=n, error_count=bad, error_rate=rate(bad, n) if n else None),
        time_series=points,
    )


def latency(view: View, time_bucket: str = "hour") -> LatencyResponse:
    """Execution times in milliseconds of the traces that have ended; others have none."""
    starts, bucket = buckets_of(view, time_bucket)
    values = view.traces["latency_ms"]
    known = ~np.isnan(values)
    percentiles = grouped_percentiles(bucket, values, len(starts))
    counts = np.bincount(bucket[known], minlength=len(starts))
    sums = np.bincount(bucket[known], weights=values[known], minlength=len(starts))
    points = [
        LatencyPoint(
            time_bucket=int(starts[row]), avg_latency=float(sums[row] / counts[row]), **_measured(percentiles[row])
        )
        for row in np.flatnonzero(counts)
    ]
    whole = grouped_percentiles(np.zeros(len(values), dtype=np.int64), values, 1)[0]
    some = values[known]
    summary = LatencySummary(
        avg_latency=float(some.sum() / len(some)) if len(some) else None,
        min_latency=float(some.min()) if len(some) else None,
        max_latency=float(some.max()) if len(some) else None,
        **named(whole),
    )
    return LatencyResponse(summary=summary, time_series=points)


def _measured(percentiles: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(PERCENTILE_NAMES, percentiles, strict=True)}


def named(percentiles: np.ndarray) -> dict[str, float | None]:
    """p50_latency, p90_latency and p99_latency of an array of three."""
    return {name: number(value) for name, value in zip(PERCENTILE_NAMES, percentiles, strict=True)}


def cost_and_tokens(view: View, time_bucket: str = "hour") -> CostResponse:
    """Tokens and cost of the traces, and cost by model of their spans. Needs span facts."""
    starts, bucket = buckets_of(view, time_bucket)
    everything = np.zeros(len(view), dtype=np.int64)
    points = [
        UsagePoint(time_bucket=int(start), **row)
        for start, row in zip(starts, _usage(view, bucket, len(starts)), strict=True)
    ]
    return CostResponse(
        summary=UsageSummary(**_usage(view, everything, 1)[0]), time_series=points, by_model=_by_model(view)
    )


def _usage(view: View, group: np.ndarray, n_groups: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"trace_count": int(count)} for count in np.bincount(group, minlength=n_groups)]
    for column, name in _USAGE.items():
        values = view.traces[column]
        known = ~np.isnan(values)
        sums = np.bincount(group[known], weights=values[known], minlength=n_groups)
        counts = np.bincount(group[known], minlength=n_groups)
        convert: Any = int if column.endswith("tokens") else float
        for row, total, count in zip(rows, sums, counts, strict=True):
            row[name] = convert(total) if count else None
    return rows


def _by_model(view: View) -> list[ModelUsage]:
    spans, words = view.spans, view.words
    priced = np.flatnonzero((spans["model"] >= 0) | ~np.isnan(spans["total_cost"]))
    # Codes from -1; models times providers are few, so counting is faster than sorting.
    n_providers = len(words.provider) + 1
    pair = (spans["model"][priced] + 1) * n_providers + spans["provider"][priced] + 1
    counts = np.bincount(pair)
    costs = [
        np.bincount(pair, weights=np.nan_to_num(spans[name][priced]), minlength=len(counts))
        for name in ("input_cost", "output_cost", "total_cost")
    ]
    trace = spans["trace"][priced]  # ascending
    found = []
    for one in np.flatnonzero(counts).tolist():
        model, provider = one // n_providers - 1, one % n_providers - 1
        found.append(
            ModelUsage(
                model=words.model[model] if model >= 0 else "unknown",
                provider=words.provider[provider] if provider >= 0 else None,
                trace_count=int(np.count_nonzero(np.diff(trace[pair == one], prepend=-1))),
                span_count=int(counts[one]),
                input_cost_usd=float(costs[0][one]),
                output_cost_usd=float(costs[1][one]),
                total_cost_usd=float(costs[2][one]),
            )
        )
    return sorted(found, key=lambda usage: (-usage.total_cost_usd, usage.model))
