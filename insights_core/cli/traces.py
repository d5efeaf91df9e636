"""Commands for traces."""

from __future__ import annotations

from typing import Any

import click

from insights_core.cli.options import operation
from insights_core.cli.rendering import client, print_json


@operation("import-traces conversations.jsonl --format openai-messages --experiment 'Support agents'")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
def import_traces(path: str, format: Any, experiment: str, output: str) -> None:
    """Turn a file of conversations into real MLflow traces; importing it again adds nothing."""
    insights = client()
    trace_ids = insights.import_traces(path, format, experiment)
    found = insights.mlflow.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else None
    if output == "json":
        return print_json({"experiment_id": experiment_id, "trace_ids": trace_ids})
    click.echo(f"{len(trace_ids):,} traces are in experiment {experiment_id} ({experiment}).")
