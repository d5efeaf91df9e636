"""The command itself: quick to start, documented, and plain about mistakes."""

from __future__ import annotations

import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from insights_core.cli import COMMANDS, main


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found: dict[str, click.Command] = {}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        found[name] = command
        if isinstance(command, click.Group):
            inner = click.Context(command)
            found |= {f"{name} {part}": command.get_command(inner, part) for part in command.list_commands(inner)}
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded(name):
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_every_command_has_help_with_an_example():
    for name, command in commands().items():
        assert command.help, name
        assert f"mlflow-insights {name}" in (command.epilog or command.help), name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"


def test_every_reading_command_prints_json_too():
    for name, command in commands().items():
        if name.split()[-1].startswith(("get-", "list-", "preview-")) or name == "estimate":
            assert any("--output" in parameter.opts for parameter in command.params), name


def test_help_needs_no_heavy_package():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from insights_core.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(sorted({'mlflow', 'pandas', 'numpy', 'pydantic', 'openai', 'sklearn', 'streamlit'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "[]", ended.stdout + ended.stderr


def test_help_comes_at_once():
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "insights_core.cli", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5


def test_a_misspelt_command_names_the_right_one():
    ended = CliRunner().invoke(main, ["creat-insight"])
    assert ended.exit_code == 2
    assert "Did you mean 'create-insight'?" in ended.output


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (["list-insights", "--experiment-id", "4711"], {}, 2, "4711"),
        (["list-insights"], {}, 2, "MLFLOW_EXPERIMENT_ID"),
        (["get-insight", "--run-id", "0" * 32], {}, 2, "insight run"),
        (["get-insight"], {}, 2, "--run-id"),
        (["create-insight", "--experiment-id", "0", "--instruction", " "], {}, 2, "instruction"),
        (["create-insight", "--experiment-id", "0", "--instruction", "Why?", "--filter", "x"], {}, 2, "filter"),
        (
            ["create-insight", "--experiment-id", "0", "--instruction", "Why?", "--sample-rate", "7"],
            {},
            2,
            "sample-rate",
        ),
        (["estimate", "--experiment-id", "0", "--instruction", "Why?", "--model", "gpt-4o"], {}, 2, "OPENAI_API_KEY"),
        (["list-insights", "--experiment-id", "1"], {"MLFLOW_TRACKING_URI": "/tmp/mlruns"}, 2, "file store"),
        (["list-insights", "--experiment-id", "1"], {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, 1, "did not answer"),
        (["import-traces", "missing.json", "--format", "posthog", "--experiment", "x"], {}, 2, "missing.json"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(tracking_uri, monkeypatch, arguments, environment, code, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = CliRunner().invoke(main, arguments)
    assert ended.exit_code == code, ended.output
    assert words in ended.output
    assert "Traceback" not in ended.output
    assert len([line for line in ended.stderr.splitlines() if line.startswith("Error:")]) == 1
