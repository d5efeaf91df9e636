"""Commands for issues."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from insights_core.cli.entities import print_entity, print_id, print_list, print_traces
from insights_core.cli.options import operation
from insights_core.cli.rendering import client, print_json


@operation(
    "create-issue --run-id RUN --title 'Locks on users' --severity HIGH --hypothesis-id ID "
    '--evidence \'{"trace_id": "tr-123", "rationale": "Blocked for 32 s"}\''
)
def create_issue(output: str, **given: Any) -> None:
    """Make an issue of what an analysis found; prints its id."""
    print_id("issue_id", client().create_issue(**given), output)


@operation("update-issue --issue-id ID --status RESOLVED --resolution 'Pool raised to 50'")
def update_issue(output: str, **given: Any) -> None:
    """Change an issue; what is left out stays, evidence and assessments are only ever added."""
    print_entity("issue", client().update_issue(**given), output)


@operation("list-issues --experiment-id 1")
def list_issues(output: str, **given: Any) -> None:
    """List the issues of an experiment, most traces first."""
    print_list("issue", client().list_issues(**given), output, "No issues yet.")


@operation("get-issue --issue-id ID")
def get_issue(output: str, **given: Any) -> None:
    """Show one issue with its evidence and history."""
    print_entity("issue", client().get_issue(**given), output)


@operation("preview-issues --experiment-id 1 --max-traces 100")
def preview_issues(experiment_id: str | None, max_traces: int | None, output: str) -> None:
    """Show the traces that the issues of an experiment rest on."""
    insights = client()
    print_traces(insights.preview_issues(experiment_id, max_traces), insights.list_issues(experiment_id), output)


@operation("log-issue-assessments --issue-id ID --name database_lock_timeout")
def log_issue_assessments(output: str, **given: Any) -> None:
    """Log one Feedback on every trace of an issue; no trace gets it twice."""
    done = client().log_issue_assessments(**given)
    if output == "json":
        return print_json(asdict(done))
    click.echo(
        f"Logged {done.name} on {len(done.logged)} traces; {len(done.already)} had it already, "
        f"{len(done.missing)} are gone."
    )
