"""Commands for hypotheses."""

from __future__ import annotations

from typing import Any

from insights_core.cli.entities import print_entity, print_id, print_list, print_traces
from insights_core.cli.options import EVIDENCE_EXAMPLE, operation
from insights_core.cli.rendering import client


@operation(
    "create-hypothesis --run-id RUN --statement 'Locks cause timeouts' --testing-plan 'Slow traces with lock waits' "
    f"--evidence '{EVIDENCE_EXAMPLE}'"
)
def create_hypothesis(output: str, **given: Any) -> None:
    """Add a hypothesis to an analysis that is ACTIVE; prints its id."""
    print_id("hypothesis_id", client().create_hypothesis(**given), output)


@operation("update-hypothesis --run-id RUN --hypothesis-id ID --status REJECTED --reason 'No lock in 40 of 50 traces'")
def update_hypothesis(output: str, **given: Any) -> None:
    """Change a hypothesis; what is left out stays, evidence is only ever added."""
    print_entity("hypothesis", client().update_hypothesis(**given), output)


@operation("list-hypotheses --run-id RUN")
def list_hypotheses(output: str, **given: Any) -> None:
    """List the hypotheses of an analysis, oldest first."""
    print_list("hypothesis", client().list_hypotheses(**given), output, "No hypotheses yet.")


@operation("get-hypothesis --run-id RUN --hypothesis-id ID")
def get_hypothesis(output: str, **given: Any) -> None:
    """Show one hypothesis with its evidence and history."""
    print_entity("hypothesis", client().get_hypothesis(**given), output)


@operation("preview-hypotheses --run-id RUN --max-traces 20")
def preview_hypotheses(insights_run_id: str, max_traces: int | None, output: str) -> None:
    """Show the traces that the hypotheses of an analysis rest on."""
    insights = client()
    found = insights.preview_hypotheses(insights_run_id, max_traces)
    print_traces(found, insights.list_hypotheses(insights_run_id), output)
