"""Every figure equals an independent pandas computation on the rows, on every backend."""

from __future__ import annotations

import json

import pandas as pd
import pytest

WIDTH = {"hour": 3_600_000, "day": 86_400_000}
RANGES = [(None, None), (1_767_700_000_000, 1_768_000_000_123)]


def bucket(times: pd.Series, name: str) -> pd.Series:
    if name == "week":
        return (
            pd.to_datetime(times, unit="ms")
            .dt.to_period("W-SUN")
            .dt.start_time.astype("datetime64[ms]")
            .astype("int64")
        )
    return times // WIDTH[name] * WIDTH[name]


def inside(frame: pd.DataFrame, span: tuple[int | None, int | None]) -> pd.DataFrame:
    start, end = span
    return frame[(frame.timestamp_ms >= (start or 0)) & (frame.timestamp_ms <= (end or 2**60))]


def percentiles(values: pd.Series, suffix: str = "latency") -> dict[str, float | None]:
    known = values.dropna().astype(float)
    return {f"p{q}_{suffix}": known.quantile(q / 100) if len(known) else None for q in (50, 90, 99)}


@pytest.fixture
def infos(rows) -> pd.DataFrame:
    return rows.frame("infos")


def joined(rows, name: str, key: str, span=(None, None)) -> pd.DataFrame:
    return rows.frame(name).merge(
        inside(rows.frame("infos"), span), left_on=key, right_on="request_id", suffixes=("", "_trace")
    )


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("unit", ["hour", "day", "week"])
def test_volume_and_errors_are_counts_by_status(analytics, infos, span, unit):
    found = inside(infos, span)
    volume, errors = analytics.volume("1", *span, unit), analytics.errors("1", *span, unit)
    assert volume.summary.count == len(found)
    assert volume.summary.ok_count == (found.status == "OK").sum()
    assert errors.summary.error_rate == round(100 * (found.status == "ERROR").sum() / len(found), 2)
    groups = {int(start): group for start, group in found.groupby(bucket(found.timestamp_ms, unit))}
    assert [p.time_bucket for p in volume.time_series] == sorted(groups) == [p.time_bucket for p in errors.time_series]
    for point, error in zip(volume.time_series, errors.time_series, strict=True):
        group = groups[point.time_bucket]
        assert (point.count, point.ok_count, point.error_count) == (
            len(group),
            (group.status == "OK").sum(),
            (group.status == "ERROR").sum(),
        )
        assert error.error_rate == round(100 * point.error_count / point.count, 2)


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("unit", ["hour", "week"])
def test_latency_percentiles_are_interpolated_linearly(analytics, infos, span, unit):
    found = inside(infos, span).dropna(subset="execution_time_ms")
    answer = analytics.latency("1", *span, unit)
    expected = percentiles(found.execution_time_ms) | {
        "avg_latency": found.execution_time_ms.mean(),
        "min_latency": found.execution_time_ms.min(),
        "max_latency": found.execution_time_ms.max(),
    }
    assert answer.summary.model_dump() == pytest.approx(expected, rel=1e-12)
    groups = found.groupby(bucket(found.timestamp_ms, unit)).execution_time_ms
    assert len(answer.time_series) == groups.ngroups
    for point in answer.time_series:
        values = groups.get_group(point.time_bucket)
        expected = percentiles(values) | {"avg_latency": values.mean(), "time_bucket": point.time_bucket}
        assert point.model_dump() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("span", RANGES)
def test_tools_count_calls_traces_errors_and_latency(analytics, rows, span):
    calls = joined(rows, "spans", "trace_id", span).query("type == 'TOOL'")
    calls["ms"] = (calls.end_time_unix_nano - calls.start_time_unix_nano) // 1_000_000
    answer = {tool.tool_name: tool for tool in analytics.tools("1", *span, "day").data}
    assert set(answer) == set(calls.name)
    for name, group in calls.groupby("name"):
        tool = answer[name]
        assert tool == analytics.tool("1", name, *span, "day").data
        assert (tool.trace_count, tool.invocation_count) == (group.trace_id.nunique(), len(group))
        assert tool.error_rate == round(100 * (group.status == "ERROR").mean(), 2)
        assert {key: getattr(tool, key) for key in percentiles(group.ms)} == pytest.approx(
            percentiles(group.ms), rel=1e-12
        )
        days = {int(start): part for start, part in group.groupby(bucket(group.timestamp_ms, "day"))}
        assert [point.time_bucket for point in tool.time_series.volume] == sorted(days)
        for point, error in zip(tool.time_series.volume, tool.time_series.errors, strict=True):
            part = days[point.time_bucket]
            assert (point.trace_count, point.invocation_count) == (part.trace_id.nunique(), len(part))
            assert error.error_rate == round(100 * (part.status == "ERROR").mean(), 2)
        for point in tool.time_series.latency:
            expected = percentiles(days[point.time_bucket].ms) | {"time_bucket": point.time_bucket}
            assert point.model_dump() == pytest.approx(expected, rel=1e-12)


def test_tags_leave_out_mlflows_own_and_list_the_most_frequent_values(analytics, rows):
    tags = joined(rows, "tags", "request_id")
    tags = tags[~tags.key.str.lower().str.startswith("mlflow.")]
    expected = tags.groupby("key").agg(n=("request_id", "nunique"), v=("value", "nunique"))
    answer = analytics.tags("1").data
    assert {(tag.tag_key, tag.trace_count, tag.unique_values) for tag in answer} == {
        (key, row.n, row.v) for key, row in expected.iterrows()
    }
    assert [tag.trace_count for tag in answer] == sorted(expected.n, reverse=True)
    counts = tags[tags.key == "region"].value.value_counts()
    region = analytics.tag("1", "region", limit=2).data
    assert region.unique_values == 4
    assert [value.count for value in region.top_values] == sorted(counts, reverse=True)[:2]
    assert region.top_values[0].percentage == round(100 * counts.iloc[0] / counts.sum(), 2)
    assert len(analytics.tag("1", "region", limit=None).data.top_values) == 4


def ratings(rows, name: str, span=(None, None)) -> pd.DataFrame:
    found = joined(rows, "assessments", "trace_id", span)
    found = found[(found.name == name) & found.valid & found.error.isna()]
    return found.assign(given=found.value.map(json.loads))


@pytest.mark.parametrize("span", RANGES)
def test_boolean_assessments_count_neither_overridden_ones_nor_errors(analytics, rows, span):
    found = ratings(rows, "correct", span)
    answer = analytics.assessment("1", "correct", *span, "day")
    assert answer.assessment_type == "boolean"
    assert (answer.summary.total_count, answer.summary.failure_count) == (len(found), (~found.given.astype(bool)).sum())
    assert answer.summary.failure_rate == round(100 * (~found.given.astype(bool)).mean(), 2)
    all_days = found.groupby(bucket(found.timestamp_ms, "day"))
    assert {p.time_bucket: (p.total_count, p.failure_count) for p in answer.time_series} == {
        start: (len(group), (~group.given.astype(bool)).sum()) for start, group in all_days
    }


def test_numeric_assessments_have_percentiles(analytics, rows):
    found = ratings(rows, "score")
    values = found.given.astype(float)
    answer = analytics.assessment("1", "score", time_bucket="week")
    assert answer.assessment_type == "numeric"
    assert answer.summary.model_dump() == pytest.approx(
        percentiles(values, "value")
        | {
            "total_count": len(values),
            "min_value": values.min(),
            "max_value": values.max(),
            "below_p50_count": (values < values.median()).sum(),
        },
        rel=1e-12,
    )
    groups = values.groupby(bucket(found.timestamp_ms, "week"))
    for point in answer.time_series:
        group = groups.get_group(point.time_bucket)
        assert point.model_dump() == pytest.approx(
            percentiles(group, "value") | {"count": len(group), "time_bucket": point.time_bucket}, rel=1e-12
        )


def test_string_assessments_list_all_their_values(analytics, rows):
    counts = ratings(rows, "verdict").given.value_counts()
    answer = analytics.assessment("1", "verdict")
    assert (answer.assessment_type, answer.time_series, answer.sources) == ("string", None, ["HUMAN"])
    assert {(one.value, one.count, one.percentage) for one in answer.summary.top_values} == {
        (value, n, round(100 * n / counts.sum(), 2)) for value, n in counts.items()
    }


def test_discovery_tells_types_and_says_where_they_are_mixed(analytics, rows):
    valid = rows.frame("assessments").query("valid and assessment_type != 'issue'")
    valid = valid[~valid.name.str.startswith("mlflow.insights.")]
    answer = {info.assessment_name: info for info in analytics.assessments("1").data}
    assert {name: info.trace_count for name, info in answer.items()} == valid.groupby(
        "name"
    ).trace_id.nunique().to_dict()
    assert {name: info.assessment_type for name, info in answer.items()} == {
        "correct": "boolean", "score": "numeric", "verdict": "string", "jumble": "string", "expected": "string", "whole session": "boolean",
    }  # fmt: skip
    assert [name for name, info in answer.items() if info.mixed] == ["jumble"]


def test_tokens_and_cost_are_sums_and_models_those_of_spans(analytics, rows, infos):
    answer = analytics.cost_and_tokens("1")
    assert answer.summary.total_tokens == infos.total_tokens.sum()
    assert answer.summary.total_cost_usd == pytest.approx(infos.total_cost.sum())
    priced = rows.frame("spans").dropna(subset="model_name")
    expected = priced.groupby("model_name").agg(n=("trace_id", "nunique"), cost=("total_cost", "sum"))
    assert {model.model: (model.trace_count, model.total_cost_usd) for model in answer.by_model} == {
        name: (row.n, pytest.approx(row.cost)) for name, row in expected.iterrows()
    }


def test_a_range_without_traces_counts_zero_and_has_no_figures(analytics):
    span = (1, 1000)
    assert analytics.volume("1", *span).model_dump() == {
        "summary": {"count": 0, "ok_count": 0, "error_count": 0},
        "time_series": [],
    }
    nothing = dict.fromkeys([f"{name}_latency" for name in ("p50", "p90", "p99", "avg", "min", "max")], None)
    assert analytics.latency("1", *span).model_dump() == {"summary": nothing, "time_series": []}
    assert analytics.errors("1", *span).summary.error_rate is None
    assert (
        analytics.tools("1", *span).data
        == analytics.tags("1", *span).data
        == analytics.assessments("1", *span).data
        == []
    )
    assert (
        analytics.dimensions("1", *span).data
        == analytics.correlations("1", "status = 'ERROR'", start_time=1, end_time=1000).data
        == []
    )
    assert analytics.tool("1", "search", *span).data.model_dump() == {
        "tool_name": "search", "trace_count": 0, "invocation_count": 0, "error_count": 0, "error_rate": None,
        "p50_latency": None, "p90_latency": None, "p99_latency": None, "time_series": {"volume": [], "latency": [], "errors": []},
    }  # fmt: skip
    assert analytics.tag("1", "region", *span).data.top_values == []
    assert analytics.assessment("1", "correct", *span).summary.total_count == 0
    assert analytics.cost_and_tokens("1", *span).summary.total_cost_usd is None


def test_both_ends_of_a_range_are_inclusive_as_in_mlflow(analytics, infos):
    times = infos.timestamp_ms.sort_values()
    first, last = int(times.iloc[10]), int(times.iloc[20])
    assert analytics.volume("1", first, last).summary.count == 11
