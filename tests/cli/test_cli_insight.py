"""Insight jobs from the command line, end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from insights_core.cli import main
from insights_core.client import InsightsClient
from insights_core.insight.jobs import persist
from insights_core.traces.drafts import SpanDraft, TraceDraft, digest
from insights_core.traces.writing import write_traces


def run(*arguments: str) -> Result:
    """The command in this process: importing MLflow anew for each one takes longer than all they do."""
    return CliRunner().invoke(main, arguments)


def in_its_own_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user starts it."""
    command = [sys.executable, "-m", "insights_core.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ))


@pytest.fixture
def filled(tracking_uri: str, experiment_id: str) -> str:
    """An experiment with 24 traces on two topics."""
    drafts = []
    for number in range(24):
        asked = ["Where is my parcel?", "Cancel my [bold red]subscription[/] *now*"][number % 2] + f" Case {number}."
        began = 1_750_000_000_000 + number * 1000
        span = SpanDraft(
            digest("span", number)[:16],
            "chat",
            "CHAT_MODEL",
            began * 1_000_000,
            (began + 400) * 1_000_000,
            inputs={"messages": [{"role": "user", "content": asked}]},
            outputs={"choices": [{"message": {"role": "assistant", "content": "It is done."}}]},
        )
        drafts.append(TraceDraft("tr-" + digest(number)[:32], "agent", began, 400, [span]))
    write_traces(InsightsClient(tracking_uri), experiment_id, drafts)
    return experiment_id


def test_a_job_from_the_command_line(filled: str):
    estimated = json.loads(
        run("estimate", "--experiment-id", filled, "--instruction", "Why?", "--output", "json").stdout
    )
    assert (estimated["matching_traces"], estimated["model"]) == (24, "offline")

    created = in_its_own_process(
        "create-insight", "--experiment-id", filled, "--instruction", "What is asked?", "--wait"
    )
    assert created.returncode == 0, created.stderr
    assert "24 of 24 traces" in created.stdout
    assert "Topic" in created.stdout
    # What a trace says is text, never markup of the terminal.
    assert "\x1b" not in created.stdout
    run_id = created.stderr.split("Run ", 1)[1].split()[0]
    assert "done (24)" in created.stderr

    (listed,) = json.loads(run("list-insights", "--experiment-id", filled, "--output", "json").stdout)
    assert (listed["run_id"], listed["status"], listed["trace_count"]) == (run_id, "FINISHED", 24)
    assert json.loads(run("get-insight", "--run-id", run_id, "--output", "json").stdout) == listed
    shown = run("get-insight", "--run-id", run_id).stdout
    assert "FINISHED" in shown
    assert "Topic" in shown
    assert run_id in run("list-insights", "--experiment-id", filled).stdout
    finished = run("resume-insight", "--run-id", run_id)
    assert (finished.exit_code, "finished" in finished.stderr) == (2, True)


def test_an_empty_selection_fails_with_its_reason(filled: str):
    arguments = ["create-insight", "--experiment-id", filled, "--instruction", "What is asked?", "--wait"]
    ended = run(*arguments, "--filter", "trace.status = 'ERROR'")
    assert ended.exit_code == 1
    assert ended.stderr.count("Error:") == 1
    assert "No trace matches" in ended.stderr


def test_json_holds_nothing_but_json(filled: str, tracking_uri: str):
    created = run(
        "create-insight", "--experiment-id", filled, "--instruction", "What is asked?", "--max-traces", "6", "--seed", "3",
        "--output", "json",
    )  # fmt: skip
    run_id = json.loads(created.stdout)["run_id"]
    spec = persist.read_spec(InsightsClient(tracking_uri), run_id)
    assert (spec.scope.max_traces, spec.scope.seed, spec.clustering.seed) == (6, 3, 3)
    assert run("cancel-insight", "--run-id", run_id).exit_code in (0, 2)


def test_the_demo_ends_in_a_table_and_reuses_its_work(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///demo.db")
    first = run("demo", "--no-serve", "--traces", "60")
    assert first.exit_code == 0, first.stderr
    assert "60 of 60 traces" in first.stdout
    second = run("demo", "--no-serve", "--traces", "60")
    assert second.stdout == first.stdout
