"""Every figure of the analytics once more, with pandas, from the Trace objects that MLflow's client gives.

Nothing of insights_core is used: answers are plain dicts with the field names of the REST bodies, so that a comparison
is one of dicts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

QUANTILES = (50, 90, 99)
USAGE = ["input_tokens", "output_tokens", "total_tokens", "input_cost_usd", "output_cost_usd", "total_cost_usd"]
_TRACES = ["trace_id", "time_ms", "ms", "status", *USAGE]
_TAGS = ["trace_id", "key", "value"]
_RATINGS = ["trace_id", "name", "source", "failed", "value", "time_ms"]
_SPANS = ["trace_id", "name", "type", "status", "ms", "model", "provider", *USAGE[3:], "time_ms"]


def read(tracking_uri: str, experiment_id: str) -> Expected:
    """All traces of an experiment through MlflowClient: listed without spans, then read with them."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    infos = [trace.info for trace in _pages(client, experiment_id, spans=False)]
    tables: tuple[list[Any], ...] = ([], [], [], [])
    times = {}
    for info in infos:
        times[info.trace_id] = info.request_time
        usage, cost = (
            json.loads(info.trace_metadata.get(f"mlflow.trace.{key}", "{}")) for key in ("tokenUsage", "cost")
        )
        amounts = [usage.get(name) for name in USAGE[:3]] + [cost.get(name[:-4]) for name in USAGE[3:]]
        tables[0].append([info.trace_id, info.request_time, info.execution_duration, info.state.value, *amounts])
        tables[1].extend([info.trace_id, key, value] for key, value in info.tags.items())
        tables[2].extend(_rating(info, one) for one in info.assessments if _counts(one))
    for trace in _pages(client, experiment_id, spans=True):
        tables[3].extend([*_span(trace.info.trace_id, span), times[trace.info.trace_id]] for span in trace.data.spans)
    frames = zip(tables, (_TRACES, _TAGS, _RATINGS, _SPANS), strict=True)
    return Expected(*(pd.DataFrame(rows, columns=columns) for rows, columns in frames))


def _pages(client: Any, experiment_id: str, spans: bool) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_traces(locations=[experiment_id], max_results=100, page_token=token, include_spans=spans)
        yield from page
        token = page.token
        if not token:
            return


def _counts(one: Any) -> bool:
    valued = one.feedback is not None or one.expectation is not None
    return valued and one.valid is not False and not one.name.startswith("mlflow.insights.")


def _rating(info: Any, one: Any) -> list[Any]:
    failed = one.feedback is not None and one.feedback.error is not None
    value = one.feedback.value if one.feedback is not None else one.expectation.value
    return [info.trace_id, one.name, one.source.source_type, failed, value, info.request_time]


def _span(trace_id: str, span: Any) -> list[Any]:
    cost = span.get_attribute("mlflow.llm.cost") or {}
    ms = None if span.end_time_ns is None else (span.end_time_ns - span.start_time_ns) // 1_000_000
    model, provider = span.get_attribute("mlflow.llm.model"), span.get_attribute("mlflow.llm.provider")
    amounts = [cost.get(name[:-4]) for name in USAGE[3:]]
    return [trace_id, span.name, span.span_type, span.status.status_code.value, ms, model, provider, *amounts]


def starts(times: pd.Series, unit: str) -> pd.Series:
    """Start of the UTC hour, day or week from Monday, epoch milliseconds."""
    moments = pd.to_datetime(times, unit="ms")
    if unit == "week":
        moments = moments.dt.normalize() - pd.to_timedelta(moments.dt.day_of_week, unit="D")
    else:
        moments = moments.dt.floor({"hour": "h", "day": "D"}[unit])
    return (moments - pd.Timestamp(0)) // pd.Timedelta(milliseconds=1)


def percent(part: Any, total: Any) -> float:
    return round(100 * int(part) / int(total), 2) if total else 0.0


def percentiles(values: pd.Series, suffix: str = "latency") -> dict[str, float | None]:
    known = values.dropna().astype(float)
    return {f"p{q}_{suffix}": float(known.quantile(q / 100)) if len(known) else None for q in QUANTILES}


def npmi(joint: int, one: int, other: int, total: int) -> float | None:
    """Of the definition, without smoothing."""
    if not one or not other:
        return None
    if not joint:
        return -1.0
    if joint == one == other:
        return 1.0
    p = joint / total
    return math.log(p / (one / total * other / total)) / -math.log(p)


@dataclass
class Expected:
    """The traces of a range or a slice, and what should be said of them."""

    traces: pd.DataFrame
    tags_: pd.DataFrame
    ratings: pd.DataFrame
    spans: pd.DataFrame

    def of(self, trace_ids: set[str]) -> Expected:
        tables = (self.traces, self.tags_, self.ratings, self.spans)
        return Expected(*(table[table.trace_id.isin(trace_ids)] for table in tables))

    def between(self, start_ms: int, end_ms: int) -> Expected:
        inside = self.traces[(self.traces.time_ms >= start_ms) & (self.traces.time_ms <= end_ms)]
        return self.of(set(inside.trace_id))

    @property
    def calls(self) -> pd.DataFrame:
        return self.spans[self.spans.type == "TOOL"]

    @property
    def own_tags(self) -> pd.DataFrame:
        return self.tags_[~self.tags_.key.str.lower().str.startswith("mlflow.")]

    def volume(self, unit: str) -> dict[str, Any]:
        return _series(self.traces, unit, lambda part: {
            "count": len(part), "ok_count": int((part.status == "OK").sum()), "error_count": int((part.status == "ERROR").sum()),
        })  # fmt: skip

    def errors(self, unit: str) -> dict[str, Any]:
        return _series(self.traces, unit, lambda part: {
            "total_count": len(part), "error_count": int((part.status == "ERROR").sum()),
            "error_rate": percent((part.status == "ERROR").sum(), len(part)) if len(part) else None,
        })  # fmt: skip

    def latency(self, unit: str) -> dict[str, Any]:
        ended = self.traces.dropna(subset="ms")
        answer = _series(
            ended,
            unit,
            lambda part: {"avg_latency": float(part.ms.mean()) if len(part) else None, **percentiles(part.ms)},
        )
        ends = {f"{name}_latency": float(getattr(ended.ms, name)()) if len(ended) else None for name in ("min", "max")}
        return {**answer, "summary": answer["summary"] | ends}

    def cost_and_tokens(self, unit: str) -> dict[str, Any]:
        def sums(part: pd.DataFrame) -> dict[str, Any]:
            known = {name: part[name].dropna().astype(float) for name in USAGE}
            return {"trace_count": len(part)} | {
                name: float(one.sum()) if len(one) else None for name, one in known.items()
            }

        priced = self.spans[self.spans.model.notna() | self.spans.total_cost_usd.notna()]
        models = []
        for (model, provider), part in priced.groupby(["model", "provider"], dropna=False):
            amounts = {name: float(part[name].astype(float).sum()) for name in USAGE[3:]}
            models.append({
                "model": model if isinstance(model, str) else "unknown", "provider": provider if isinstance(provider, str) else None,
                "trace_count": part.trace_id.nunique(), "span_count": len(part), **amounts,
            })  # fmt: skip
        models.sort(key=lambda one: (-one["total_cost_usd"], one["model"]))
        return {**_series(self.traces, unit, sums), "by_model": models}

    def assessments(self) -> dict[str, Any]:
        found = [
            {
                "assessment_name": name, "assessment_type": rated_type(part)[0], "sources": sorted(set(part.source)),
                "trace_count": part.trace_id.nunique(), "mixed": rated_type(part)[1],
            }
            for name, part in self.ratings.groupby("name")
        ]  # fmt: skip
        return {"data": sorted(found, key=lambda one: (-one["trace_count"], one["assessment_name"]))}

    def assessment(self, name: str, unit: str) -> dict[str, Any]:
        mine = self.ratings[self.ratings.name == name]
        kind, mixed = rated_type(mine)
        valued = rated(mine)
        answer: dict[str, Any]
        if kind == "boolean":
            answer = _series(valued, unit, lambda part: {
                "total_count": len(part), "failure_count": int((part.value == False).sum()),  # noqa: E712
                "failure_rate": percent((part.value == False).sum(), len(part)),  # noqa: E712
            })  # fmt: skip
        elif kind == "numeric":
            values = valued.value.astype(float)
            answer = _series(valued, unit, lambda part: {"count": len(part), **percentiles(part.value, "value")})
            answer["summary"] = percentiles(values, "value") | {
                "total_count": len(values), "min_value": values.min(), "max_value": values.max(),
                "below_p50_count": int((values < values.median()).sum()),
            }  # fmt: skip
        else:
            texts = valued.value.map(text_of)
            summary = {"total_count": len(texts), "unique_values": texts.nunique(), "top_values": _top(texts)}
            answer = {"summary": summary, "time_series": None}
        head = {"assessment_name": name, "assessment_type": kind, "sources": sorted(set(mine.source)), "mixed": mixed}
        return {**head, "error_count": int(mine.failed.sum()), **answer}

    def tools(self, unit: str) -> dict[str, Any]:
        found = [self._tool(name, part, unit) for name, part in self.calls.groupby("name")]
        return {"data": sorted(found, key=lambda one: (-one["invocation_count"], one["tool_name"]))}

    @staticmethod
    def _tool(name: str, calls: pd.DataFrame, unit: str) -> dict[str, Any]:
        bad = calls.status == "ERROR"
        rate = {"error_rate": percent(bad.sum(), len(calls))}
        counts = _series(
            calls, unit, lambda part: {"trace_count": part.trace_id.nunique(), "invocation_count": len(part)}
        )
        latency = _series(calls[calls.ms.notna()], unit, lambda part: percentiles(part.ms))
        errors = _series(calls, unit, lambda part: {"error_rate": percent((part.status == "ERROR").sum(), len(part))})
        series = {"volume": counts, "latency": latency, "errors": errors}
        return {
            "tool_name": name, **counts["summary"], "error_count": int(bad.sum()), **rate, **latency["summary"],
            "time_series": {key: one["time_series"] for key, one in series.items()},
        }  # fmt: skip

    def tags(self) -> dict[str, Any]:
        found = [
            {"tag_key": key, "trace_count": part.trace_id.nunique(), "unique_values": part.value.nunique()}
            for key, part in self.own_tags.groupby("key")
        ]
        return {"data": sorted(found, key=lambda one: (-one["trace_count"], one["tag_key"]))}

    def tag(self, key: str, limit: int | None) -> dict[str, Any]:
        values = self.own_tags[self.own_tags.key == key].value
        counts = {"tag_key": key, "trace_count": len(values), "unique_values": values.nunique()}
        return {"data": counts | {"top_values": _top(values)[:limit]}}

    def having(self) -> dict[tuple[str, str], tuple[str, set[str]]]:
        """(dimension, value) of a correlation -> its tool, key or name, and the traces that have it."""
        found: dict[tuple[str, str], tuple[str, set[str]]] = {}
        for name, part in self.calls.groupby("name"):
            found["tool", name] = (name, set(part.trace_id))
            found["tool", f"{name}=error"] = (name, set(part[part.status == "ERROR"].trace_id))
        for (key, value), part in self.own_tags.groupby(["key", "value"]):
            found["tag", f"{key}={value}"] = (key, set(part.trace_id))
        for name, part in self.ratings.groupby("name"):
            valued = rated(part)
            labels = valued.value.map(text_of)
            if rated_type(part)[0] == "numeric" and valued.value.nunique() > 10:
                median = valued.value.astype(float).median()
                labels = valued.value.map(lambda one, m=median: f"{'>=' if one >= m else '<'}{m:g}")
                found |= {
                    ("assessment", f"{name}{label}"): (name, set(valued[labels == label].trace_id))
                    for label in set(labels)
                }
            else:
                found |= {
                    ("assessment", f"{name}={label}"): (name, set(valued[labels == label].trace_id))
                    for label in set(labels)
                }
        return found

    def correlations(self, chosen: set[str], without: set[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """What goes with the chosen traces, without the (dimension, owner) pairs that define them."""
        total, rows = len(self.traces), {}
        for (dimension, value), (owner, ids) in self.having().items():
            joint = len(ids & chosen)
            if joint < 2 or (dimension, owner) in without:
                continue
            rows[dimension, value] = {
                "npmi_score": npmi(joint, len(chosen), len(ids), total), "trace_count": joint,
                "percentage_of_slice": percent(joint, len(chosen)), "percentage_of_total": percent(joint, len(ids)),
            }  # fmt: skip
        return rows


def rated(ratings: pd.DataFrame) -> pd.DataFrame:
    """Those with a value."""
    return ratings[~ratings.failed.astype(bool) & ratings.value.map(lambda one: one is not None)]


def rated_type(ratings: pd.DataFrame) -> tuple[str, bool]:
    """Type by the values, and whether they are of several."""
    kinds = {
        "boolean" if isinstance(one, bool) else "numeric" if isinstance(one, (int, float)) else "string"
        for one in rated(ratings).value
    }
    return (kinds.pop(), False) if len(kinds) == 1 else ("string", bool(kinds))


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _top(values: pd.Series) -> list[dict[str, Any]]:
    counts = sorted(values.value_counts().items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": n, "percentage": percent(n, len(values))} for value, n in counts]


def _series(rows: pd.DataFrame, unit: str, figures: Any) -> dict[str, Any]:
    """A summary over all rows and a point for each bucket that has some."""
    groups = rows.groupby(starts(rows.time_ms, unit)) if len(rows) else ()
    points = [{"time_bucket": int(start), **figures(part)} for start, part in groups]
    return {"summary": figures(rows), "time_series": points}
