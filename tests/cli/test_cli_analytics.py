"""Analytics from the command line."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from insights_core.cli import COMMANDS, main
from insights_core.cli.options import dimension_of

START_MS = 1_767_571_200_000  # Monday 2026-01-05


@pytest.fixture
def filled(mlflow_client, experiment_id) -> str:
    """An experiment with twelve traces an hour apart; every third failed, and those are in the eu."""
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    for i in range(12):
        failed = i % 3 == 0
        mlflow_client._tracing_client.store.start_trace(
            TraceInfo(
                trace_id=f"tr-{i:032x}",
                trace_location=TraceLocation.from_experiment_id(experiment_id),
                request_time=START_MS + i * 3_600_000,
                execution_duration=100 * i,
                state=TraceState.ERROR if failed else TraceState.OK,
                tags={"region": "eu" if failed else "us"},
            )
        )
    return experiment_id


def run(*arguments: str):
    return CliRunner().invoke(main, ["analytics", *arguments])


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(COMMANDS, "analytics", "insights_core.cli.analytics:analytics")


def test_mistakes_are_one_line_and_exit_2(filled):
    for arguments, words in {
        ("volume", "--experiment-id", "999"): "There is no experiment",
        ("npmi", "--dimension1", "colour=red", "--dimension2", "status=OK", "--experiment-id", filled): "tags.region",
        ("npmi", "--dimension1", "status", "--dimension2", "status=OK", "--experiment-id", filled): "NAME=VALUE",
        ("volume", "--experiment-id", filled, "--filter", "oops"): "Invalid",
    }.items():
        result = run(*arguments)
        assert result.exit_code == 2 and words in result.output and "Traceback" not in result.output, result.output


def test_json_is_the_response_of_the_sdk(filled):
    from insights_core.client import InsightsClient

    result = run("volume", "--experiment-id", filled, "--time-bucket", "day", "--output", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == InsightsClient().analytics.volume(filled, time_bucket="day").model_dump()
    assert json.loads(result.output)["summary"] == {"count": 12, "ok_count": 8, "error_count": 4}


def test_a_table_shows_summary_and_series(filled):
    result = run("errors", "--experiment-id", filled, "--time-bucket", "week")
    assert "error_rate" in result.output and "33.33" in result.output and "2026-01-05 00:00" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("latency",), ("cost-and-tokens",), ("tools",), ("tool", "--tool-name", "x"), ("assessments",), ("assessment", "--assessment-name", "x"),
        ("tags",), ("tag", "--tag-key", "region"), ("dimensions",), ("npmi", "--dimension1", "status=ERROR", "--dimension2", "latency>300"),
        ("correlations", "--filter", "status = 'ERROR'"),
    ],
)  # fmt: skip
def test_every_command_answers_as_table_and_as_json(filled, arguments):
    table = run(*arguments, "--experiment-id", filled)
    assert table.exit_code == 0 and table.output.strip(), table.output
    assert json.loads(run(*arguments, "--experiment-id", filled, "--output", "json").output)


def test_correlations_find_the_planted_one(filled):
    rows = json.loads(
        run("correlations", "--experiment-id", filled, "--filter", "status = 'ERROR'", "--output", "json").output
    )["data"]
    assert (rows[0]["value"], rows[0]["npmi_score"]) == ("region=eu", 1.0)


def test_times_may_be_milliseconds_or_dates(filled):
    for start in (str(START_MS + 3_600_000), "2026-01-05T01:00", "2026-01-05T02:00+01:00"):
        result = run("volume", "--experiment-id", filled, "--start-time", start, "--output", "json")
        assert json.loads(result.output)["summary"]["count"] == 11
    assert "neither epoch" in run("volume", "--experiment-id", filled, "--start-time", "soon").output


def test_a_filter_narrows_the_answer(filled):
    result = run("volume", "--experiment-id", filled, "--filter", "tags.region = 'us'", "--output", "json")
    assert json.loads(result.output)["summary"]["count"] == 8


def test_dimensions_have_a_short_form():
    assert dimension_of("status=ERROR") == {"name": "status", "parameters": {"value": "ERROR"}}
    assert dimension_of("assessment.score>=0.5") == {
        "name": "assessment.score",
        "parameters": {"threshold": "0.5", "operator": ">="},
    }
    assert dimension_of("latency=5") == {"name": "latency", "parameters": {"threshold": "5", "operator": "="}}
    assert dimension_of('{"name": "tags.k", "parameters": {"value": "a=b"}}')["parameters"] == {"value": "a=b"}


def test_the_module_is_quick_to_load():
    import subprocess
    import sys

    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import insights_core.cli.analytics, sys; assert 'mlflow' not in sys.modules"],
        check=True,
    )
    assert time.perf_counter() - began < 3  # half a second, on a machine that does nothing else
