"""Commands for analyses."""

from __future__ import annotations

from typing import Any

import click

from insights_core.cli.entities import (
    author_option,
    print_entity,
    print_id,
    print_list,
    run_option,
)
from insights_core.cli.rendering import (
    client,
    example,
    experiment_option,
    output_option,
)


@click.command(
    epilog=example("create-analysis --experiment-id 1 --run-name 'Error Investigation' --name 'Production errors'")
)
@experiment_option
@click.option("--run-name", required=True, help="Three or four words; the run's name in MLflow.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--description", default="", help="Goals and guidance.")
@author_option
@output_option
def create_analysis(output: str, **options: Any) -> None:
    """Start an analysis; prints the id of its run."""
    print_id("run_id", client().create_analysis(**options), output)


@click.command(epilog=example("update-analysis --run-id RUN --status COMPLETED"))
@run_option
@click.option("--name", help="What people call it.")
@click.option("--description", help="Goals and guidance.")
@click.option("--status", help="ACTIVE, COMPLETED or ARCHIVED.")
@click.option("--reason", help="Why; kept in the history.")
@author_option
@output_option
def update_analysis(output: str, **options: Any) -> None:
    """Change an analysis; what is not given stays."""
    print_entity("analysis", client().update_analysis(**options), output)


@click.command(epilog=example("list-analyses --experiment-id 1"))
@experiment_option
@output_option
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


@click.command(epilog=example("get-analysis --run-id RUN"))
@run_option
@output_option
def get_analysis(run_id: str, output: str) -> None:
    """Show one analysis."""
    print_entity("analysis", client().get_analysis(run_id), output)
