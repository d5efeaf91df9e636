"""Tools by their own names, whatever the spans that call them are called. A call belongs to the time of its trace."""

from __future__ import annotations

import numpy as np

from insights_core.analytics.buckets import grouped_percentiles, rate
from insights_core.analytics.facts import View, sorted_distinct
from insights_core.analytics.models import (
    ToolErrorPoint,
    ToolLatencyPoint,
    ToolMetrics,
    ToolResponse,
    ToolSeries,
    ToolsResponse,
    ToolVolumePoint,
)
from insights_core.analytics.traffic import buckets_of, named


def tool_names(view: View) -> list[str]:
    """The tools that were used, by name."""
    return sorted(view.words.tool.decode(np.unique(view.tool_calls["tool"])))


def tools(view: View, time_bucket: str = "hour") -> ToolsResponse:
    """Every tool, most invocations first."""
    names = sorted_distinct(view.tool_calls["tool"])
    found = _metrics(view, names, time_bucket)
    return ToolsResponse(data=sorted(found, key=lambda tool: (-tool.invocation_count, tool.tool_name)))


def tool(view: View, tool_name: str, time_bucket: str = "hour") -> ToolResponse:
    """One tool; counts of zero and empty series where it was not called."""
    code = view.words.tool.code(tool_name)
    if not (view.tool_calls["tool"] == code).any():
        return ToolResponse(data=_no_calls(tool_name))
    return ToolResponse(data=_metrics(view, np.array([code]), time_bucket)[0])


def _no_calls(tool_name: str) -> ToolMetrics:
    nothing = ToolSeries(volume=[], latency=[], errors=[])
    return ToolMetrics(
        tool_name=tool_name, trace_count=0, invocation_count=0, error_count=0, error_rate=None,
        p50_latency=None, p90_latency=None, p99_latency=None, time_series=nothing,
    )  # fmt: skip


def _metrics(view: View, names: np.ndarray, time_bucket: str) -> list[ToolMetrics]:
    """Metrics of the tools with these name codes (ascending), each from arrays of shape (n_tools, n_buckets)."""
    calls = view.tool_calls
    chosen = np.isin(calls["tool"], names)
    trace, status, duration = (calls[name][chosen] for name in ("trace", "status", "duration_ms"))
    which = np.searchsorted(names, calls["tool"][chosen])
    starts, bucket_of_trace = buckets_of(view, time_bucket)
    n_tools, n_buckets = len(names), len(starts)
    cell = which * n_buckets + bucket_of_trace[trace]
    failed = status == view.words.span_status.code("ERROR")

    def table(positions: np.ndarray) -> np.ndarray:
        return np.bincount(positions, minlength=n_tools * n_buckets).reshape(n_tools, n_buckets)

    # A trace is in one bucket, so counting it once for a tool counts it once in a bucket.
    used = sorted_distinct(which.astype(np.int64) << 32 | trace)
    traces = table((used >> 32) * n_buckets + bucket_of_trace[used & 0xFFFFFFFF])
    invocations, failures = table(cell), table(cell[failed])
    percentiles = grouped_percentiles(cell, duration, n_tools * n_buckets).reshape(n_tools, n_buckets, 3)
    whole = grouped_percentiles(which, duration, n_tools)
    found = []
    for row, code in enumerate(names):
        active = np.flatnonzero(invocations[row])
        total, bad = int(invocations[row].sum()), int(failures[row].sum())
        found.append(
            ToolMetrics(
                tool_name=view.words.tool[code],
                trace_count=int(traces[row].sum()),
                invocation_count=total,
                error_count=bad,
                error_rate=rate(bad, total),
                time_series=_series(starts, active, traces[row], invocations[row], failures[row], percentiles[row]),
                **named(whole[row]),
            )
        )
    return found


def _series(
    starts: np.ndarray,
    active: np.ndarray,
    traces: np.ndarray,
    invocations: np.ndarray,
    failures: np.ndarray,
    percentiles: np.ndarray,
) -> ToolSeries:
    times, n_traces, calls, bad = starts.tolist(), traces.tolist(), invocations.tolist(), failures.tolist()
    chosen = active.tolist()
    measured = np.flatnonzero(~np.isnan(percentiles[:, 0]))
    return ToolSeries(
        volume=[
            ToolVolumePoint(time_bucket=times[i], trace_count=n_traces[i], invocation_count=calls[i]) for i in chosen
        ],
        latency=[
            ToolLatencyPoint(time_bucket=times[i], p50_latency=p50, p90_latency=p90, p99_latency=p99)
            for i, (p50, p90, p99) in zip(measured.tolist(), percentiles[measured].tolist(), strict=True)
        ],
        errors=[ToolErrorPoint(time_bucket=times[i], error_rate=rate(bad[i], calls[i])) for i in chosen],
    )
