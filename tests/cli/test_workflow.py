"""The workflow of an agent that investigates an experiment, as shell commands against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

_SCRIPT = """
set -eu
mlflow-insights --help > help.txt
run_id=$(mlflow-insights create-analysis --experiment-id "$EXPERIMENT" --run-name "Error Investigation" \\
  --name "Production Error Spike Analysis" --description "Agent: orders. Focus: timeouts")
locks=$(mlflow-insights create-hypothesis --run-id "$run_id" \\
  --statement "API timeouts correlate with database locks" \\
  --testing-plan "Slow traces with lock waits support it, slow traces without a database refute it." \\
  --evidence "{\\"trace_id\\": \\"$SLOW\\", \\"rationale\\": \\"32s timeout with explicit lock wait\\", \\"supports\\": true}")
nulls=$(mlflow-insights create-hypothesis --run-id "$run_id" --statement "Null inputs are not handled" --testing-plan "Errors")
mlflow traces search --experiment-id "$EXPERIMENT" --filter-string "trace.execution_time_ms > 30000" --output json > slow.json
other=$(python -c "import json; print(next(t['info']['trace_id'] for t in json.load(open('slow.json'))['traces'] \\
  if t['info']['trace_id'] != '$SLOW'))")
mlflow traces get --trace-id "$other" --extract-fields "info.trace_id,info.state" > one.json
mlflow-insights update-hypothesis --run-id "$run_id" --hypothesis-id "$locks" --status VALIDATED --reason "2 of 2 slow traces" \\
  --evidence "{\\"trace_id\\": \\"$other\\", \\"rationale\\": \\"Waits for a DB lock on users\\", \\"supports\\": true}" \\
  --add-evidence "$FAST: Fast response when no DB lock contention" > /dev/null
mlflow-insights update-hypothesis --run-id "$run_id" --hypothesis-id "$nulls" --status REJECTED --reason "No error at all" > /dev/null
mlflow-insights list-hypotheses --run-id "$run_id" --output json > hypotheses.json
issue=$(mlflow-insights create-issue --run-id "$run_id" --title "Database Lock Contention Causing Timeouts" \\
  --description "User table locks" --severity HIGH --hypothesis-id "$locks" \\
  --evidence "{\\"trace_id\\": \\"$SLOW\\", \\"rationale\\": \\"Blocked for 32s\\"}" \\
  --evidence "{\\"trace_id\\": \\"$other\\", \\"rationale\\": \\"Holds the lock\\"}")
mlflow-insights preview-issues --experiment-id "$EXPERIMENT" --max-traces 100 --output json > preview.json
mlflow-insights update-issue --run-id "$run_id" --issue-id "$issue" --status RESOLVED --resolution "Shorter transactions" > /dev/null
mlflow-insights log-issue-assessments --issue-id "$issue" --name database_lock_timeout --output json > logged.json
mlflow-insights update-analysis --run-id "$run_id" --status COMPLETED > /dev/null
mlflow-insights list-issues --experiment-id "$EXPERIMENT" --output json > issues.json
mlflow-insights list-analyses --experiment-id "$EXPERIMENT" --output json > analyses.json
"""


def write_traces(url: str) -> tuple[str, dict[str, str]]:
    """Two slow traces and a fast one, in a fresh experiment."""
    from insights_core.connection import Connection
    from insights_core.traces.drafts import SpanDraft, TraceDraft
    from insights_core.traces.writing import write_traces as write

    connection = Connection(url)
    experiment_id = connection.mlflow.create_experiment(f"workflow {uuid.uuid4().hex}")
    began_ms, drafts = 1_700_000_000_000, {}
    for name, seconds in (("slow", 32), ("other", 35), ("fast", 1)):
        span = SpanDraft(uuid.uuid4().hex[:16], name, "AGENT", began_ms * 10**6, (began_ms + seconds * 1000) * 10**6)
        drafts[name] = TraceDraft(f"tr-{uuid.uuid4().hex}", name, began_ms, seconds * 1000, [span])
    write(connection, experiment_id, drafts.values())
    return experiment_id, {name: draft.trace_id for name, draft in drafts.items()}


def test_the_workflow_runs_as_a_script_against_a_real_server(mlflow_server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    experiment_id, traces = write_traces(mlflow_server)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "EXPERIMENT": experiment_id,
        "SLOW": traces["slow"],
        "FAST": traces["fast"],
    }
    result = subprocess.run(
        ["bash", "-c", _SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280
    )
    assert result.returncode == 0, result.stderr

    def read(name: str):
        return json.loads((tmp_path / name).read_text())

    locks, nulls = read("hypotheses.json")
    assert (locks["status"], locks["trace_count"], locks["supports_count"]) == ("VALIDATED", 3, 3)
    assert (nulls["status"], nulls["metadata"]["reason"]) == ("REJECTED", "No error at all")
    assert {row["trace_id"] for row in read("preview.json")} == {traces["slow"], traces["other"]}
    assert sorted(read("logged.json")["logged"]) == sorted([traces["slow"], traces["other"]])
    [issue] = read("issues.json")
    assert (issue["status"], issue["resolution"], issue["assessments"]) == (
        "RESOLVED",
        "Shorter transactions",
        ["database_lock_timeout"],
    )
    [analysis] = read("analyses.json")
    assert (analysis["status"], analysis["hypothesis_count"], analysis["validated_count"]) == ("COMPLETED", 2, 1)
    from mlflow import MlflowClient

    feedback = MlflowClient(tracking_uri=mlflow_server).get_trace(traces["other"]).info.assessments
    assert [(item.name, item.value, item.rationale) for item in feedback] == [
        ("database_lock_timeout", True, "Holds the lock")
    ]
