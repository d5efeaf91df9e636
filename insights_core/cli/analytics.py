"""Commands for analytics: `mlflow-insights analytics volume …`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from insights_core.cli.rendering import (
    client,
    example,
    output_option,
    print_fields,
    print_json,
    print_table,
    time_options,
)
from insights_core.errors import InvalidParameterError

F = TypeVar("F", bound=Callable[..., Any])

_RATE = "Error %"
_TOOLS = {
    "tool_name": "Tool",
    "trace_count": "Traces",
    "invocation_count": "Calls",
    "error_count": "Failed",
    "error_rate": _RATE,
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


def range_options(command: F) -> F:
    """Which experiments, when, and which of their traces."""
    options = [
        click.option(
            "--experiment-id",
            "experiment_ids",
            multiple=True,
            help="The experiment; repeat for more. Default: MLFLOW_EXPERIMENT_ID.",
        ),
        *time_options("start_time", "end_time"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def slice_option(command: F) -> F:
    return click.option("--filter", "slice", help="Only traces that match, in MLflow's filter syntax.")(command)


def bucket_option(command: F) -> F:
    return click.option(
        "--time-bucket",
        type=click.Choice(["hour", "day", "week"]),
        default="hour",
        show_default=True,
        help="Width of a point of the series, UTC.",
    )(command)


def ask(method: str, experiment_ids: tuple[str, ...], **arguments: Any) -> Any:
    """One call of the client's analytics."""
    one = client()
    return getattr(one.analytics, method)(experiment_ids or [one.experiment_or_default()], **arguments)


def show(
    answer: Any, output: str, columns: dict[str, str] | None = None, empty: str = "Nothing in this range."
) -> None:
    """Print an answer: as JSON; or the summary as lines and the series or the data as a table."""
    if output == "json":
        print_json(answer)
        return
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


def dimension_of(text: str) -> dict[str, Any]:
    """A dimension from JSON, or from the short form NAME=VALUE, NAME>THRESHOLD.

    Raises:
        InvalidParameterError: It is neither.
    """
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidParameterError(f"The dimension {text!r} is not valid JSON: {error}.") from error
    found = re.fullmatch(r"(.+?)(>=|<=|>|<|=)(.*)", text)
    if not found:
        raise InvalidParameterError(
            f"The dimension {text!r} is neither JSON nor NAME=VALUE nor NAME>NUMBER; for example status=ERROR or 'latency>5000'."
        )
    name, sign, value = found.groups()
    if sign == "=" and name != "latency":
        return {"name": name, "parameters": {"value": value}}
    return {"name": name, "parameters": {"threshold": value, "operator": sign}}


@click.group(epilog=example("analytics volume --experiment-id 1 --time-bucket day"))
def analytics() -> None:
    """Traffic, cost, quality, tools, tags, and what goes with what."""


def _series_command(name: str, text: str) -> None:
    """The commands that take a range, a filter and a bucket and nothing else."""

    @analytics.command(name, help=text, epilog=example(f"analytics {name} --experiment-id 1 --time-bucket day"))
    @range_options
    @slice_option
    @bucket_option
    @output_option
    def command(output: str, **arguments: Any) -> None:
        show(ask(name.replace("-", "_"), **arguments), output, _TOOLS if name == "tools" else None)


for _name, _text in {
    "volume": "Traces by status.",
    "latency": "Execution times of the traces, milliseconds.",
    "errors": "Traces that failed, and their share.",
    "cost-and-tokens": "Tokens and cost as MLflow recorded them; by model with --output json.",
    "tools": "Every tool: traces, calls, errors, latency.",
}.items():
    _series_command(_name, _text)


@analytics.command(epilog=example("analytics tool --experiment-id 1 --tool-name search"))
@range_options
@click.option("--tool-name", required=True, help="Name of the tool.")
@slice_option
@bucket_option
@output_option
def tool(output: str, **arguments: Any) -> None:
    """One tool: traces, calls, errors, latency."""
    answer = ask("tool", **arguments)
    if output == "json":
        print_json(answer)
    else:
        print_table([answer.data.model_dump()], _TOOLS, "")


@analytics.command(epilog=example("analytics assessments --experiment-id 1"))
@range_options
@slice_option
@output_option
def assessments(output: str, **arguments: Any) -> None:
    """Every assessment with its type and sources."""
    show(ask("assessments", **arguments), output)


@analytics.command(epilog=example("analytics assessment --experiment-id 1 --assessment-name correctness"))
@range_options
@click.option("--assessment-name", required=True, help="Name of the assessment.")
@slice_option
@bucket_option
@output_option
def assessment(output: str, **arguments: Any) -> None:
    """Metrics of one assessment, by its type."""
    show(ask("assessment", **arguments), output)


@analytics.command(epilog=example("analytics tags --experiment-id 1"))
@range_options
@slice_option
@output_option
def tags(output: str, **arguments: Any) -> None:
    """Every tag key that users set."""
    show(ask("tags", **arguments), output)


@analytics.command(epilog=example("analytics tag --experiment-id 1 --tag-key region"))
@range_options
@click.option("--tag-key", required=True, help="Key of the tag.")
@click.option("--limit", type=int, default=10, show_default=True, help="How many values.")
@slice_option
@output_option
def tag(output: str, **arguments: Any) -> None:
    """The most frequent values of one tag."""
    answer = ask("tag", **arguments)
    if output == "json":
        print_json(answer)
    else:
        rows = [one.model_dump() for one in answer.data.top_values]
        print_table(rows, {"value": "Value", "count": "Traces", "percentage": "%"}, "No trace in this range has it.")


@analytics.command(epilog=example("analytics dimensions --experiment-id 1"))
@range_options
@output_option
def dimensions(output: str, **arguments: Any) -> None:
    """What the traces can be sliced by."""
    answer = ask("dimensions", **arguments)
    if output == "json":
        print_json(answer)
        return
    rows = [
        {
            "name": one.name,
            "description": one.description,
            "parameters": "; ".join(" ".join([each.name, *(each.enum_values or [])[:8]]) for each in one.parameters),
        }
        for one in answer.data
    ]
    print_table(
        rows, {"name": "Dimension", "description": "What", "parameters": "Parameters"}, "No traces in this range."
    )


@analytics.command(
    epilog=example("analytics npmi --experiment-id 1 --dimension1 status=ERROR --dimension2 tools.search=used")
)
@range_options
@click.option("--dimension1", required=True, help="NAME=VALUE, 'NAME>NUMBER', or JSON with name and parameters.")
@click.option("--dimension2", required=True, help="The other, written likewise.")
@slice_option
@output_option
def npmi(output: str, dimension1: str, dimension2: str, **arguments: Any) -> None:
    """How much two dimensions go together, from -1 to 1."""
    answer = ask("npmi", dimension1=dimension_of(dimension1), dimension2=dimension_of(dimension2), **arguments)
    if output == "json":
        print_json(answer)
        return
    first, second = answer.dimension1, answer.dimension2
    print_fields(
        {
            f"{first.name} {first.value}": first.count,
            f"{second.name} {second.value}": second.count,
            "both": answer.intersection.count,
            **answer.correlation.model_dump(),
        }
    )


@analytics.command(epilog=example("analytics correlations --experiment-id 1 --filter \"status = 'ERROR'\""))
@range_options
@click.option("--filter", "filter_string", required=True, help="The slice, in MLflow's filter syntax.")
@click.option(
    "--correlation-dimension",
    "correlation_dimensions",
    multiple=True,
    type=click.Choice(["tools", "tags", "assessments"]),
    default=["tools", "tags", "assessments"],
    help="What to look at; repeat for more. Default: all three.",
)
@click.option("--limit", type=int, default=5, show_default=True, help="How many, highest first.")
@output_option
def correlations(output: str, **arguments: Any) -> None:
    """The tools, tags and assessments that go with a slice."""
    show(ask("correlations", **arguments), output, _CORRELATIONS, "No correlations found.")
