"""Commands for traces."""

from __future__ import annotations

import click

from insights_core.cli.rendering import client, example, output_option, print_json


@click.command(
    epilog=example("import-traces conversations.jsonl --format openai-messages --experiment 'Support agents'")
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["openai-messages", "posthog"]),
    required=True,
    help="What the file holds: conversations in OpenAI chat format, or PostHog's AI events.",
)
@click.option("--experiment", required=True, help="Name of the experiment; created where there is none.")
@output_option
def import_traces(file: str, file_format: str, experiment: str, output: str) -> None:
    """Turn a JSON or JSONL file of conversations into MLflow traces; a second time adds nothing."""
    insights = client()
    trace_ids = insights.import_traces(file, file_format, experiment)
    found = insights.mlflow.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else None
    if output == "json":
        return print_json({"experiment_id": experiment_id, "trace_ids": trace_ids})
    click.echo(f"{len(trace_ids):,} traces are in experiment {experiment_id} ({experiment}).")
