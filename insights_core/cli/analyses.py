"""Commands for analyses."""

from __future__ import annotations

from typing import Any

from insights_core.cli.entities import print_entity, print_id, print_list
from insights_core.cli.options import operation
from insights_core.cli.rendering import client


@operation("create-analysis --experiment-id 1 --run-name 'Error Investigation' --name 'Production errors'")
def create_analysis(output: str, **given: Any) -> None:
    """Start an analysis; prints the id of its run."""
    print_id("run_id", client().create_analysis(**given), output)


@operation("update-analysis --run-id RUN --status COMPLETED")
def update_analysis(output: str, **given: Any) -> None:
    """Change an analysis; what is left out stays."""
    print_entity("analysis", client().update_analysis(**given), output)


@operation("list-analyses --experiment-id 1")
def list_analyses(experiment_id: str | None, output: str) -> None:
    """List the analyses of an experiment, newest first."""
    insights = client()
    found = insights.list_analyses(experiment_id)
    lines = {line.run_id: line for line in insights.summarize_analyses(experiment_id)}

    def counts(item: Any) -> dict[str, Any]:
        line = lines.get(item.run_id)
        return {name: getattr(line, name, 0) for name in ("hypothesis_count", "validated_count")}

    empty = "No analyses yet. Start one with `mlflow-insights create-analysis`."
    print_list("analysis", found, output, empty, counts)


@operation("get-analysis --run-id RUN")
def get_analysis(output: str, **given: Any) -> None:
    """Show one analysis with its history."""
    print_entity("analysis", client().get_analysis(**given), output)
