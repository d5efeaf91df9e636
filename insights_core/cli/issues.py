"""Commands for issues."""

from __future__ import annotations

import json
from typing import Any

import click

from insights_core.cli.entities import (
    author_option,
    evidence_option,
    issue_option,
    max_option,
    missing_option,
    print_entity,
    print_id,
    print_list,
    print_traces,
    run_option,
    severity,
)
from insights_core.cli.rendering import (
    client,
    example,
    experiment_option,
    output_option,
    print_json,
)


@click.command(
    epilog=example(
        "create-issue --run-id RUN --title 'Locks on users' --severity HIGH --hypothesis-id ID "
        '--evidence \'{"trace_id": "tr-123", "rationale": "Blocked for 32 s"}\''
    )
)
@run_option
@click.option("--title", required=True, help="A line.")
@click.option("--description", default="", help="What is wrong.")
@click.option("--severity", type=severity, default="MEDIUM", show_default=True, help="How bad it is.")
@click.option("--hypothesis-id", help="What it confirms; without --evidence its supporting evidence is carried over.")
@evidence_option
@click.option("--assessment", "assessments", multiple=True, help="Name of an assessment that marks it on traces.")
@missing_option
@author_option
@output_option
def create_issue(run_id: str, output: str, evidence: list[Any], **options: Any) -> None:
    """Make an issue of what an analysis found; prints its id."""
    print_id("issue_id", client().create_issue(run_id, evidence=evidence or None, **options), output)


@click.command(epilog=example("update-issue --issue-id ID --status RESOLVED --resolution 'Pool raised to 50'"))
@click.option("--run-id", help="An analysis run of the experiment; not needed.")
@issue_option
@click.option("--title", help="A line.")
@click.option("--description", help="What is wrong.")
@click.option("--severity", type=severity, help="How bad it is.")
@click.option("--status", help="OPEN, IN_PROGRESS, RESOLVED or REJECTED.")
@click.option("--resolution", help="How it was resolved.")
@click.option("--reason", help="Why; kept in the history.")
@evidence_option
@click.option("--add-trace", "add_traces", multiple=True, metavar="TRACE_ID", help="A trace without a rationale.")
@click.option("--assessment", "assessments", multiple=True, help="Name of an assessment that marks it on traces.")
@missing_option
@author_option
@output_option
def update_issue(run_id: str | None, output: str, **options: Any) -> None:
    """Change an issue or add evidence; what is not given stays."""
    print_entity("issue", client().update_issue(run_id, **options), output)


@click.command(epilog=example("list-issues --experiment-id 1"))
@experiment_option
@output_option
def list_issues(experiment_id: str | None, output: str) -> None:
    """List the issues of an experiment, most traces first."""
    print_list("issue", client().list_issues(experiment_id), output, "No issues yet.")


@click.command(epilog=example("get-issue --issue-id ID"))
@issue_option
@output_option
def get_issue(issue_id: str, output: str) -> None:
    """Show one issue with its evidence."""
    print_entity("issue", client().get_issue(issue_id), output)


@click.command(epilog=example("preview-issues --experiment-id 1 --max-traces 100"))
@experiment_option
@max_option
@output_option
def preview_issues(experiment_id: str | None, max_traces: int | None, output: str) -> None:
    """Show the traces that the issues of an experiment rest on."""
    insights = client()
    print_traces(insights.preview_issues(experiment_id, max_traces), insights.list_issues(experiment_id), output)


@click.command(epilog=example("log-issue-assessments --issue-id ID --name database_lock_timeout"))
@issue_option
@click.option("--name", required=True, help="Name of the feedback.")
@click.option(
    "--value", default="true", show_default=True, help="Its value; true, false and numbers are taken as such."
)
@author_option
@output_option
def log_issue_assessments(issue_id: str, name: str, value: str, author: str | None, output: str) -> None:
    """Log one feedback on every trace of an issue; no trace gets it twice."""
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        parsed = value
    if not isinstance(parsed, bool | int | float | str):
        parsed = value
    done = client().log_issue_assessments(issue_id, name, parsed, author=author)
    if output == "json":
        return print_json({"name": done.name, "logged": done.logged, "already": done.already, "missing": done.missing})
    click.echo(
        f"Logged {name} on {len(done.logged)} traces; {len(done.already)} had it already, {len(done.missing)} are gone."
    )
