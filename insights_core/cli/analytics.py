"""Commands for analytics: `mlflow-insights analytics volume …`, each a question of the client's analytics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from insights_core.cli.options import operation
from insights_core.cli.rendering import client, example, print_fields, print_json, print_table

_TOOLS = {
    "tool_name": "Tool",
    "trace_count": "Traces",
    "invocation_count": "Calls",
    "error_count": "Failed",
    "error_rate": "Error %",
    "p50_latency": "p50 ms",
    "p90_latency": "p90 ms",
    "p99_latency": "p99 ms",
}
_CORRELATIONS = {
    "dimension": "What",
    "value": "Value",
    "npmi_score": "NPMI",
    "npmi_lower": "from",
    "npmi_upper": "to",
    "strength": "Strength",
    "trace_count": "Traces",
    "percentage_of_slice": "% of slice",
    "percentage_of_total": "% of value",
    "q_value": "q",
}
_DIMENSIONS = {"name": "Dimension", "description": "What", "parameters": "Parameters"}


@click.group(epilog=example("analytics volume --experiment-id 1 --time-bucket day"))
def analytics() -> None:
    """Traffic, cost, quality, tools, tags, and what goes with what."""


def question(text: str) -> Callable[[Callable[[Any], None]], click.Command]:
    """The command of the question that a function is named after; the function prints its answer as a table.

    Args:
        text: An example: what follows `mlflow-insights analytics` in its help.
    """

    def make(show: Callable[[Any], None]) -> click.Command:
        def command(output: str, experiment_ids: list[str] | None, **given: Any) -> None:
            insights = client()
            experiments = experiment_ids or [insights.experiment_or_default()]
            answer = getattr(insights.analytics, show.__name__)(experiments, **given)
            print_json(answer) if output == "json" else show(answer)

        command.__doc__ = show.__doc__
        made = operation(f"analytics {text}", f"analytics.{show.__name__}")(command)
        analytics.add_command(made)
        return made

    return make


def print_answer(answer: Any, columns: dict[str, str] | None = None, empty: str = "Nothing in this range.") -> None:
    """Print the summary of an answer as lines, its series or data as a table."""
    found = answer.model_dump()
    top_values = found.get("summary", {}).pop("top_values", None)
    if "summary" in found:
        kind = {key: found[key] for key in ("assessment_name", "assessment_type", "error_count") if key in found}
        print_fields({**kind, **found["summary"]})
        click.echo()
    rows = top_values or found.get("data", found.get("time_series")) or []
    rows = [{**row, "time_bucket": moment(row["time_bucket"])} if "time_bucket" in row else row for row in rows]
    print_table(rows, columns or {key: key.replace("_", " ") for key in (rows[0] if rows else {})}, empty)


def moment(epoch_ms: int) -> str:
    """The start of a bucket, UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


@question("volume --experiment-id 1 --time-bucket day")
def volume(answer: Any) -> None:
    """Traces, and those that are OK or ERROR; the rest are in progress."""
    print_answer(answer)


@question("latency --experiment-id 1 --time-bucket day")
def latency(answer: Any) -> None:
    """Execution times of the traces that have ended, milliseconds."""
    print_answer(answer)


@question("errors --experiment-id 1 --time-bucket day")
def errors(answer: Any) -> None:
    """Traces with status ERROR and their share."""
    print_answer(answer)


@question("cost-and-tokens --experiment-id 1 --time-bucket day")
def cost_and_tokens(answer: Any) -> None:
    """Tokens and cost as MLflow recorded them, and cost by model; by model with --output json."""
    print_answer(answer)


@question("changes --experiment-id 1 --start-time 2026-01-05 --end-time 2026-01-06")
def changes(answer: Any) -> None:
    """What is unlike the same weekdays and hours of up to four weeks before, beyond the usual noise."""
    print_answer(answer)


@question("tools --experiment-id 1")
def tools(answer: Any) -> None:
    """Every tool with its volume, latency and errors."""
    print_answer(answer, _TOOLS)


@question("tool --experiment-id 1 --tool-name search")
def tool(answer: Any) -> None:
    """One tool with its volume, latency and errors."""
    print_table([answer.data.model_dump()], _TOOLS, "")


@question("assessments --experiment-id 1")
def assessments(answer: Any) -> None:
    """Every assessment with its type, sources and traces."""
    print_answer(answer)


@question("assessment --experiment-id 1 --assessment-name correctness")
def assessment(answer: Any) -> None:
    """Metrics of one assessment, by its type."""
    print_answer(answer)


@question("tags --experiment-id 1")
def tags(answer: Any) -> None:
    """Every tag key that users set."""
    print_answer(answer)


@question("tag --experiment-id 1 --tag-key region")
def tag(answer: Any) -> None:
    """The most frequent values of one key."""
    rows = [one.model_dump() for one in answer.data.top_values]
    print_table(rows, {"value": "Value", "count": "Traces", "percentage": "%"}, "No trace in this range has it.")


@question("dimensions --experiment-id 1")
def dimensions(answer: Any) -> None:
    """What the traces can be sliced by."""
    rows = [
        {
            "name": one.name,
            "description": one.description,
            "parameters": "; ".join(" ".join([each.name, *(each.enum_values or [])[:8]]) for each in one.parameters),
        }
        for one in answer.data
    ]
    print_table(rows, _DIMENSIONS, "No traces in this range.")


@question("npmi --experiment-id 1 --dimension1 status=ERROR --dimension2 tools.search=used")
def npmi(answer: Any) -> None:
    """How much two dimensions go together, with a 95 % interval."""
    first, second = answer.dimension1, answer.dimension2
    print_fields(
        {
            f"{first.name} {first.value}": first.count,
            f"{second.name} {second.value}": second.count,
            "both": answer.intersection.count,
            **answer.correlation.model_dump(),
        }
    )


@question("correlations --experiment-id 1 --filter \"status = 'ERROR'\"")
def correlations(answer: Any) -> None:
    """The tools, tags and assessments that go with a filter or a slice, highest first."""
    print_answer(answer, _CORRELATIONS, "No correlations found.")
