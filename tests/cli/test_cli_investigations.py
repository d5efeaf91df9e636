"""Commands for investigations, as an agent or a script uses them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from insights_core.cli import COMMANDS, main

ROOMS = {f"insights_core.cli.{name}" for name in ("analyses", "hypotheses", "issues")}
OURS = [name for name, home in COMMANDS.items() if home.partition(":")[0] in ROOMS]
EVIDENCE = '{"trace_id": "tr-1", "rationale": "Waits 32 s", "supports": true}'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def made(*arguments: str) -> dict:
    result = run(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def run_id(experiment_id: str) -> str:
    return made("create-analysis", "--experiment-id", experiment_id, "--run-name", "Errors", "--name", "Errors")[
        "run_id"
    ]


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_help_with_an_example(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Example: mlflow-insights {name} --" in " ".join(result.output.split())


def test_an_investigation_from_beginning_to_end(experiment_id, run_id):
    hypothesis = made(
        *("create-hypothesis", "--run-id", run_id, "--statement", "Locks", "--testing-plan", "Look\nfor locks"),
        *("--evidence", EVIDENCE, "--evidence", EVIDENCE.replace("true", "false").replace("tr-1", "tr-2")),
        *("--metric", "p99_ms=1200", "--allow-missing"),
    )["hypothesis_id"]
    changed = made(
        *("update-hypothesis", "--run-id", run_id, "--hypothesis-id", hypothesis, "--status", "VALIDATED"),
        *(
            "--reason",
            "Enough",
            "--add-evidence",
            "tr-3: A third",
            "--add-trace",
            "tr-4",
            "--allow-missing",
            "--author",
            "ana",
        ),
    )
    assert (changed["status"], changed["metadata"], changed["metrics"]) == (
        "VALIDATED",
        {"reason": "Enough"},
        {"p99_ms": 1200},
    )
    assert [item["supports"] for item in changed["evidence"]] == [True, False, True, True]
    [listed] = made("list-hypotheses", "--run-id", run_id)
    assert listed == made("get-hypothesis", "--run-id", run_id, "--hypothesis-id", hypothesis)
    assert (listed["statement"], listed["trace_count"], listed["supports_count"]) == ("Locks", 4, 3)
    assert listed["history"][-1]["author"] == "ana"
    issue = made(
        *("create-issue", "--run-id", run_id, "--title", "Locks", "--severity", "high", "--hypothesis-id", hypothesis)
    )["issue_id"]
    resolved = made("update-issue", "--issue-id", issue, "--status", "RESOLVED", "--resolution", "Pool raised")
    assert (resolved["severity"], resolved["trace_count"], resolved["resolution"]) == ("HIGH", 3, "Pool raised")
    assert "supports" not in resolved["evidence"][0]
    assert [item["issue_id"] for item in made("list-issues", "--experiment-id", experiment_id)] == [issue]
    assert made("update-analysis", "--run-id", run_id, "--status", "COMPLETED")["status"] == "COMPLETED"
    [analysis] = made("list-analyses", "--experiment-id", experiment_id)
    assert (analysis["run_id"], analysis["hypothesis_count"], analysis["validated_count"]) == (run_id, 1, 1)


def test_tables_show_what_a_person_looks_for(experiment_id, run_id):
    hypothesis = run(
        "create-hypothesis", "--run-id", run_id, "--statement", "Locks [red]x[/red]", "--testing-plan", "Plan \x1b[31m"
    )
    identity = hypothesis.stdout.strip()
    shown = run("list-hypotheses", "--run-id", run_id).stdout
    assert identity in shown
    assert "Locks [red]x[/red]" in shown
    shown = run("get-hypothesis", "--run-id", run_id, "--hypothesis-id", identity).stdout
    assert "TESTING" in shown
    assert "\x1b" not in shown
    assert "No issues yet" in run("list-issues", "--experiment-id", experiment_id).stdout
    assert "Errors" in run("get-analysis", "--run-id", run_id).stdout
    assert "no evidence" in run("preview-hypotheses", "--run-id", run_id).stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"trace_id": "tr-1" "rationale": "x"}', "column 21"),
        ('["tr-1"]', "no JSON object"),
        ('{"trace_id": "tr-1"}', "rationale"),
        ('{"trace_id": "tr-1", "rationale": "x", "support": true}', "'support'"),
    ],
)
def test_malformed_evidence_is_refused_with_the_place_and_the_right_form(text, said, run_id):
    result = run(
        "create-hypothesis", "--run-id", run_id, "--statement", "H", "--evidence", EVIDENCE, "--evidence", text
    )
    assert result.exit_code == 2
    output = " ".join(result.output.split())
    assert said in output
    assert "vidence 2" in output
    assert '"trace_id": "tr-123"' in output
    assert made("list-hypotheses", "--run-id", run_id) == []


def test_a_users_mistake_is_one_line_and_exit_code_2(experiment_id, run_id):
    for arguments in (
        ("get-analysis", "--run-id", "nothing"),
        ("get-hypothesis", "--run-id", run_id, "--hypothesis-id", "nothing"),
        ("get-issue", "--issue-id", "nothing"),
        ("list-analyses",),
        ("update-analysis", "--run-id", run_id, "--status", "DONE"),
        ("create-hypothesis", "--run-id", run_id, "--statement", "H", "--evidence", EVIDENCE),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert len(result.output.strip().splitlines()) == 1
        assert "Traceback" not in result.output


def test_a_server_that_does_not_answer_is_exit_code_1(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = run("list-analyses", "--experiment-id", "1")
    assert result.exit_code == 1
    assert "MLFLOW_TRACKING_URI" in result.output


def test_broken_files_are_said_on_stderr_and_the_rest_is_listed(tracking_uri, run_id):
    from insights_core.artifacts.investigations import Investigations

    files = Investigations(tracking_uri).entity_store.files
    files.write(run_id, "hypothesis_broken.yaml", "a: [")
    kept = made("create-hypothesis", "--run-id", run_id, "--statement", "Good")["hypothesis_id"]
    result = run("list-hypotheses", "--run-id", run_id, "--output", "json")
    assert [item["hypothesis_id"] for item in json.loads(result.stdout)] == [kept]
    assert "hypothesis_broken.yaml" in result.stderr
