"""A tool is a tool by its own name, whichever instrumentation traced it and whatever it calls its spans."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from otlp_spans import LOOK_UP, PRODUCERS, SAID, otlp_span, trace_id

from insights_core.analytics.client import Analytics
from insights_core.analytics.stored_spans import attributes_in, tool_of


@pytest.fixture
def producers(facts_uri: str) -> Analytics:
    """The producers' spans in each kind of store."""
    return Analytics(facts_uri)


def found_by(analytics: Analytics, filter_string: str) -> set[str]:
    page = analytics.mlflow.search_traces(locations=["1"], filter_string=filter_string, include_spans=False)
    return {trace.info.trace_id for trace in page}


def test_every_producers_calls_and_failures_are_those_of_one_tool(producers):
    found = {tool.tool_name: tool for tool in producers.tools([PRODUCERS]).data}
    assert set(found) == {"look_up", "pay"}
    look_up, pay = found["look_up"], found["pay"]
    assert (look_up.trace_count, look_up.invocation_count, look_up.error_count) == (len(LOOK_UP), len(LOOK_UP), 2)
    assert (pay.trace_count, pay.invocation_count, pay.error_count) == (1, 2, 0)
    assert look_up.p50_latency == 1000
    assert producers.tool([PRODUCERS], tool_name="pay").data.invocation_count == 2


def test_what_a_producer_says_of_tokens_cost_and_session_counts_once_and_only_where_mlflow_has_nothing(
    producers, request
):
    if producers.tracking_uri.startswith("http"):
        # A listing over HTTP has no spans; fetching all of them for this would cost what a listing does a hundred times.
        request.applymarker(
            pytest.mark.xfail(reason="a stock server lists no spans", raises=AssertionError, strict=True)
        )
    found = producers.cost_and_tokens([SAID])
    summary = found.summary
    assert (summary.input_tokens, summary.output_tokens, summary.total_tokens) == (113, 24, 137)
    assert summary.total_cost_usd == 0.5
    assert {one.model: one.total_cost_usd for one in found.by_model} == {"own": 0.5, "small": 0.0}
    sessions = producers.sessions([SAID], [trace_id(number) for number in (31, 32, 33)])
    assert sessions[0] == sessions[1] != sessions[2]


def test_a_tool_is_a_dimension_by_its_name_with_its_outcomes(producers):
    names = [one.name for one in producers.dimensions([PRODUCERS]).data]
    assert [name for name in names if name.startswith("tools.")] == ["tools.look_up", "tools.pay"]
    counts = {}
    for outcome in ("used", "error"):
        failing = {"name": "tools.look_up", "parameters": {"value": outcome}}
        counts[outcome] = producers.npmi([PRODUCERS], dimension1=failing, dimension2=failing).dimension1.count
    assert counts == {"used": len(LOOK_UP), "error": 2}


def test_correlations_name_the_tool_and_leave_out_the_one_that_makes_the_slice(producers):
    ids = [trace_id(number) for number in range(1, len(LOOK_UP) + 1)]
    assert "look_up" in [
        one.value for one in producers.correlations([PRODUCERS], None, ["tools"], slice={"trace_ids": ids}).data
    ]
    mine = {"dimension": {"name": "tools.look_up", "parameters": {"value": "used"}}}
    assert not [
        one for one in producers.correlations([PRODUCERS], None, ["tools"], slice=mine).data if "look_up" in one.value
    ]


def test_a_filter_stands_for_a_tool_only_where_mlflow_can_say_it(producers):
    wanted = {"name": "tools.look_up", "parameters": {"value": "used"}}
    # `SimpleTool` is a call of look_up in one trace and of pay in another.
    assert producers.dimension_filter([PRODUCERS], wanted) is None
    assert len(producers.slice_trace_ids([PRODUCERS], {"dimension": wanted}).trace_ids) == len(LOOK_UP)


def test_a_tool_with_spans_of_its_own_has_a_filter_that_finds_its_traces(tmp_path, _template_store):
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    shutil.copy(_template_store, tmp_path / "own.db")
    store = SqlAlchemyStore(f"sqlite:///{tmp_path}/own.db", str(tmp_path))
    names = ["conventions", "Traceloop"]
    made = [otlp_span(trace, 1, *LOOK_UP[name], failed=trace == 1) for trace, name in enumerate(names, 1)]
    store.log_spans(store.create_experiment("Own"), [*made, otlp_span(3, 1, "agent")])
    analytics = Analytics(f"sqlite:///{tmp_path}/own.db")
    for outcome, expected in (("used", {1, 2}), ("error", {1})):
        wanted = {"name": "tools.look_up", "parameters": {"value": outcome}}
        condition = analytics.dimension_filter(["1"], wanted)
        assert found_by(analytics, condition) == {trace_id(number) for number in expected}


def test_a_call_that_a_wrapper_and_its_client_both_tell_costs_once(tmp_path, _template_store):
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def priced(cost: float, model: str) -> dict[str, Any]:
        costs = {"input_cost": cost / 2, "output_cost": cost / 2, "total_cost": cost}
        return {"mlflow.llm.cost": costs, "mlflow.llm.model": model}

    shutil.copy(_template_store, tmp_path / "cost.db")
    store = SqlAlchemyStore(f"sqlite:///{tmp_path}/cost.db", str(tmp_path))
    made = [
        # An agent that adds up its two calls, one of them below a step; a wrapper in the second trace, two calls in the third.
        otlp_span(1, 1, "agent", priced(3.0, "large")), otlp_span(1, 2, "chat", priced(1.0, "large"), parent=1),
        otlp_span(1, 3, "step", parent=1), otlp_span(1, 4, "chat", priced(2.0, "large"), parent=3),
        otlp_span(2, 1, "root"), otlp_span(2, 2, "wrapper", priced(5.0, "small"), parent=1),
        otlp_span(2, 3, "client", priced(5.0, "small"), parent=2),
        otlp_span(3, 1, "chat", priced(7.0, "small")), otlp_span(3, 2, "chat", priced(1.5, "large"), parent=99),
    ]  # fmt: skip
    store.log_spans(store.create_experiment("Cost"), made)
    found = Analytics(f"sqlite:///{tmp_path}/cost.db").cost_and_tokens(["1"])
    assert {one.model: one.total_cost_usd for one in found.by_model} == {"large": 4.5, "small": 12.0}
    assert found.summary.total_cost_usd == 16.5


def test_a_broken_or_odd_span_is_no_tool_and_breaks_nothing():
    assert tool_of(None, "TOOL", None) is None
    assert tool_of("x", None, '{"attributes": {"gen_ai.tool.name": "\\') is None
    assert tool_of("x", "TOOL", '{"attributes": {"gen_ai.tool.name": "\\') == "x"
    assert tool_of("x", "TOOL", '{"attributes": {"gen_ai.tool.name": "\\"\\""}}') == "x"
    event = '{"events": [{"attributes": {"tool.name": "a"}}], "attributes": {"tool.name": "\\"b\\""}}'
    assert attributes_in(event, ["tool.name"]) == {"tool.name": '"b"'}
