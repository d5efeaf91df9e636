"""Commands for hypotheses."""

from __future__ import annotations

from typing import Any

import click

from insights_core.cli.entities import (
    EVIDENCE_EXAMPLE,
    author_option,
    evidence_option,
    hypothesis_option,
    max_option,
    metric_option,
    missing_option,
    print_entity,
    print_id,
    print_list,
    print_traces,
    run_option,
)
from insights_core.cli.rendering import (
    client,
    example,
    output_option,
)


@click.command(
    epilog=example(
        "create-hypothesis --run-id RUN --statement 'Locks cause timeouts' --testing-plan 'Slow traces with lock waits' "
        f"--evidence '{EVIDENCE_EXAMPLE}'"
    )
)
@run_option
@click.option("--statement", required=True, help="What is to be tested.")
@click.option("--testing-plan", default="", help="How to find traces for and against, and what decides.")
@evidence_option
@metric_option
@missing_option
@author_option
@output_option
def create_hypothesis(run_id: str, output: str, **options: Any) -> None:
    """Add a hypothesis to an analysis; prints its id."""
    print_id("hypothesis_id", client().create_hypothesis(run_id, **options), output)


@click.command(
    epilog=example(
        "update-hypothesis --run-id RUN --hypothesis-id ID --status REJECTED --reason 'No lock in 40 of 50 traces'"
    )
)
@run_option
@hypothesis_option
@click.option("--statement", help="What is to be tested.")
@click.option("--testing-plan", help="How.")
@click.option("--status", help="TESTING, VALIDATED or REJECTED.")
@click.option("--reason", help="Why; kept with the hypothesis and in the history.")
@evidence_option
@click.option("--add-evidence", multiple=True, metavar="TEXT", help='"tr-…: rationale"; repeat for more.')
@click.option("--add-trace", "add_traces", multiple=True, metavar="TRACE_ID", help="A trace without a rationale.")
@metric_option
@missing_option
@author_option
@output_option
def update_hypothesis(run_id: str, output: str, **options: Any) -> None:
    """Change a hypothesis or add evidence; what is not given stays."""
    print_entity("hypothesis", client().update_hypothesis(run_id, **options), output)


@click.command(epilog=example("list-hypotheses --run-id RUN"))
@run_option
@output_option
def list_hypotheses(run_id: str, output: str) -> None:
    """List the hypotheses of an analysis, oldest first."""
    print_list("hypothesis", client().list_hypotheses(run_id), output, "No hypotheses yet.")


@click.command(epilog=example("get-hypothesis --run-id RUN --hypothesis-id ID"))
@run_option
@hypothesis_option
@output_option
def get_hypothesis(run_id: str, hypothesis_id: str, output: str) -> None:
    """Show one hypothesis with its evidence."""
    print_entity("hypothesis", client().get_hypothesis(run_id, hypothesis_id), output)


@click.command(epilog=example("preview-hypotheses --run-id RUN --max-traces 20"))
@run_option
@max_option
@output_option
def preview_hypotheses(run_id: str, max_traces: int | None, output: str) -> None:
    """Show the traces that the hypotheses of an analysis rest on."""
    insights = client()
    print_traces(insights.preview_hypotheses(run_id, max_traces), insights.list_hypotheses(run_id), output)
