"""Commands for analyses, hypotheses and issues."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import click

from insights_core.cli.rendering import (
    client,
    example,
    experiment_option,
    output_option,
    print_fields,
    print_json,
    print_table,
)

_EVIDENCE_EXAMPLE = '{"trace_id": "tr-123", "rationale": "Waits 32 s for a lock on users", "supports": true}'
_COLUMNS: dict[str, dict[str, str]] = {
    "analysis": {
        "run_id": "Run",
        "name": "Name",
        "status": "Status",
        "hypothesis_count": "Hypotheses",
        "validated_count": "Validated",
        "updated_at": "Updated",
    },
    "hypothesis": {
        "hypothesis_id": "Hypothesis",
        "statement": "Statement",
        "status": "Status",
        "trace_count": "Traces",
        "supports_count": "For",
        "refutes_count": "Against",
        "updated_at": "Updated",
    },
    "issue": {
        "issue_id": "Issue",
        "title": "Title",
        "severity": "Severity",
        "status": "Status",
        "trace_count": "Traces",
        "source_run_id": "Analysis",
    },
    "trace": {
        "trace_id": "Trace",
        "status": "Status",
        "execution_time_ms": "ms",
        "timestamp": "Time",
        "evidence_rationale": "Rationale",
    },
    "evidence": {"trace_id": "Trace", "supports": "Supports", "rationale": "Rationale", "author": "Author"},
}
_PAIR = re.compile(r"\s*tr-[^\s:]+\s*:")
_TEXT_FIELDS = ("description", "testing_plan", "resolution")

_run_option = click.option("--run-id", required=True, help="Run of the analysis.")
_hypothesis_option = click.option("--hypothesis-id", required=True, help="The hypothesis.")
_issue_option = click.option("--issue-id", required=True, help="The issue.")
_author_option = click.option("--author", help="Who stands in the history. Default: the signed-in or OS user.")
_missing_option = click.option("--allow-missing", is_flag=True, help="Accept trace ids that do not exist.")
_max_option = click.option("--max-traces", type=click.IntRange(min=1), help="At most this many.")
_severity = click.Choice(["CRITICAL", "HIGH", "MEDIUM", "LOW"], case_sensitive=False)


def _read_evidence(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
    """Evidence as JSON or as "tr-…: rationale"; what is neither is refused with the position and the right form."""
    found: list[Any] = []
    for place, text in enumerate(texts, start=1):
        which = f"evidence {place}" if len(texts) > 1 else "this"
        if _PAIR.match(text):
            found.append(text)
            continue
        try:
            item = json.loads(text)
        except json.JSONDecodeError as error:
            raise click.BadParameter(
                f"{which} is not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}): "
                f"{text[max(0, error.pos - 15) : error.pos + 15]!r}. Write it as '{_EVIDENCE_EXAMPLE}'.",
                ctx,
                param,
            ) from error
        if not isinstance(item, dict):
            raise click.BadParameter(f"{which} is no JSON object. Write it as '{_EVIDENCE_EXAMPLE}'.", ctx, param)
        found.append(item)
    return found


def evidence_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The repeatable option `--evidence JSON`."""
    option = click.option(
        "--evidence",
        multiple=True,
        metavar="JSON",
        callback=_read_evidence,
        help=f"A trace and why it counts, or \"tr-…: rationale\"; repeat for more. For example '{_EVIDENCE_EXAMPLE}'.",
    )
    return option(command)


def _key_values(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value that is JSON (a number, true) is taken as such."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"{text!r} is no pair. Write it as p99_ms=1200.", ctx, param)
        try:
            found[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            found[name.strip()] = value
    return found


_metric_option = click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=VALUE", callback=_key_values, help="A figure; repeat for more."
)


def _print_id(field: str, value: str, output: str) -> None:
    if output == "json":
        print_json({field: value})
    else:
        click.echo(value)


def _row(kind: str, entity: Any) -> dict[str, Any]:
    """An entity with the counts that lists show."""
    counts = ("trace_count", "supports_count", "refutes_count") if kind == "hypothesis" else ("trace_count",)
    values = entity.model_dump(mode="json", by_alias=True)
    if kind == "issue":
        for item in values["evidence"]:
            item.pop("supports", None)
    extra = {} if kind == "analysis" else {name: getattr(entity, name) for name in counts}
    return {**values, **extra}


def _table_row(kind: str, entity: Any) -> dict[str, Any]:
    """The same with native times, which tables show as local ones."""
    return {**_row(kind, entity), "created_at": entity.created_at, "updated_at": entity.updated_at}


def _warn_broken(found: Any) -> None:
    for reason in getattr(found, "broken", {}).values():
        click.echo(f"Left out: {reason}", err=True)


def _print_entity(kind: str, entity: Any, output: str) -> None:
    if output == "json":
        print_json(_row(kind, entity))
        return
    values = _table_row(kind, entity)
    hidden = ("evidence", "history", "metadata", "metrics", "assessments", *_TEXT_FIELDS)
    fields = {name.replace("_", " ").capitalize(): value for name, value in values.items() if name not in hidden}
    for name in ("metrics", "metadata"):
        fields.update({f"{name}: {key}": value for key, value in (values.get(name) or {}).items()})
    if values.get("assessments"):
        fields["Assessments"] = ", ".join(values["assessments"])
    print_fields(fields)
    for name in _TEXT_FIELDS:
        if values.get(name):
            click.echo(f"\n{name.replace('_', ' ').capitalize()}:\n{_safe(values[name])}")
    if values.get("evidence"):
        click.echo("")
        columns = {key: heading for key, heading in _COLUMNS["evidence"].items() if key in values["evidence"][0]}
        print_table(values["evidence"], columns, "")


def _safe(text: str) -> str:
    """A text of several lines without what could steer a terminal."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


# Analyses


@click.command(
    epilog=example("create-analysis --experiment-id 1 --run-name 'Error Investigation' --name 'Production errors'")
)
@experiment_option
@click.option("--run-name", required=True, help="Three or four words; the run's name in MLflow.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--description", default="", help="Goals and guidance.")
@_author_option
@output_option
def create_analysis(output: str, **options: Any) -> None:
    """Start an analysis; prints the id of its run."""
    _print_id("run_id", client().create_analysis(**options), output)


@click.command(epilog=example("update-analysis --run-id RUN --status COMPLETED"))
@_run_option
@click.option("--name", help="What people call it.")
@click.option("--description", help="Goals and guidance.")
@click.option("--status", help="ACTIVE, COMPLETED or ARCHIVED.")
@click.option("--reason", help="Why; kept in the history.")
@_author_option
@output_option
def update_analysis(output: str, **options: Any) -> None:
    """Change an analysis; what is not given stays."""
    _print_entity("analysis", client().update_analysis(**options), output)


@click.command(epilog=example("list-analyses --experiment-id 1"))
@experiment_option
@output_option
def list_analyses(experiment_id: str | None, output: str) -> None:
    """List the analyses of an experiment, newest first."""
    insights = client()
    found = insights.list_analyses(experiment_id)
    _warn_broken(found)
    lines = {line.run_id: line for line in insights.summarize_analyses(experiment_id)}
    rows = []
    for item in found:
        line = lines.get(item.run_id)
        counts = {name: getattr(line, name, 0) for name in ("hypothesis_count", "validated_count")}
        rows.append({**(_row if output == "json" else _table_row)("analysis", item), **counts})
    if output == "json":
        return print_json(rows)
    print_table(rows, _COLUMNS["analysis"], "No analyses yet. Start one with `mlflow-insights create-analysis`.")


@click.command(epilog=example("get-analysis --run-id RUN"))
@_run_option
@output_option
def get_analysis(run_id: str, output: str) -> None:
    """Show one analysis."""
    _print_entity("analysis", client().get_analysis(run_id), output)


# Hypotheses


@click.command(
    epilog=example(
        "create-hypothesis --run-id RUN --statement 'Locks cause timeouts' --testing-plan 'Slow traces with lock waits' "
        f"--evidence '{_EVIDENCE_EXAMPLE}'"
    )
)
@_run_option
@click.option("--statement", required=True, help="What is to be tested.")
@click.option("--testing-plan", default="", help="How to find traces for and against, and what decides.")
@evidence_option
@_metric_option
@_missing_option
@_author_option
@output_option
def create_hypothesis(run_id: str, output: str, **options: Any) -> None:
    """Add a hypothesis to an analysis; prints its id."""
    _print_id("hypothesis_id", client().create_hypothesis(run_id, **options), output)


@click.command(
    epilog=example(
        "update-hypothesis --run-id RUN --hypothesis-id ID --status REJECTED --reason 'No lock in 40 of 50 traces'"
    )
)
@_run_option
@_hypothesis_option
@click.option("--statement", help="What is to be tested.")
@click.option("--testing-plan", help="How.")
@click.option("--status", help="TESTING, VALIDATED or REJECTED.")
@click.option("--reason", help="Why; kept with the hypothesis and in the history.")
@evidence_option
@click.option("--add-evidence", multiple=True, metavar="TEXT", help='"tr-…: rationale"; repeat for more.')
@click.option("--add-trace", "add_traces", multiple=True, metavar="TRACE_ID", help="A trace without a rationale.")
@_metric_option
@_missing_option
@_author_option
@output_option
def update_hypothesis(run_id: str, output: str, **options: Any) -> None:
    """Change a hypothesis or add evidence; what is not given stays."""
    _print_entity("hypothesis", client().update_hypothesis(run_id, **options), output)


@click.command(epilog=example("list-hypotheses --run-id RUN"))
@_run_option
@output_option
def list_hypotheses(run_id: str, output: str) -> None:
    """List the hypotheses of an analysis, oldest first."""
    found = client().list_hypotheses(run_id)
    _warn_broken(found)
    if output == "json":
        return print_json([_row("hypothesis", item) for item in found])
    print_table([_table_row("hypothesis", item) for item in found], _COLUMNS["hypothesis"], "No hypotheses yet.")


@click.command(epilog=example("get-hypothesis --run-id RUN --hypothesis-id ID"))
@_run_option
@_hypothesis_option
@output_option
def get_hypothesis(run_id: str, hypothesis_id: str, output: str) -> None:
    """Show one hypothesis with its evidence."""
    _print_entity("hypothesis", client().get_hypothesis(run_id, hypothesis_id), output)


@click.command(epilog=example("preview-hypotheses --run-id RUN --max-traces 20"))
@_run_option
@_max_option
@output_option
def preview_hypotheses(run_id: str, max_traces: int | None, output: str) -> None:
    """Show the traces that the hypotheses of an analysis rest on."""
    insights = client()
    _print_traces(insights.preview_hypotheses(run_id, max_traces), insights.list_hypotheses(run_id), output)


# Issues


@click.command(
    epilog=example(
        "create-issue --run-id RUN --title 'Locks on users' --severity HIGH --hypothesis-id ID "
        '--evidence \'{"trace_id": "tr-123", "rationale": "Blocked for 32 s"}\''
    )
)
@_run_option
@click.option("--title", required=True, help="A line.")
@click.option("--description", default="", help="What is wrong.")
@click.option("--severity", type=_severity, default="MEDIUM", show_default=True, help="How bad it is.")
@click.option("--hypothesis-id", help="What it confirms; without --evidence its supporting evidence is carried over.")
@evidence_option
@click.option("--assessment", "assessments", multiple=True, help="Name of an assessment that marks it on traces.")
@_missing_option
@_author_option
@output_option
def create_issue(run_id: str, output: str, evidence: list[Any], **options: Any) -> None:
    """Make an issue of what an analysis found; prints its id."""
    _print_id("issue_id", client().create_issue(run_id, evidence=evidence or None, **options), output)


@click.command(epilog=example("update-issue --issue-id ID --status RESOLVED --resolution 'Pool raised to 50'"))
@click.option("--run-id", help="An analysis run of the experiment; not needed.")
@_issue_option
@click.option("--title", help="A line.")
@click.option("--description", help="What is wrong.")
@click.option("--severity", type=_severity, help="How bad it is.")
@click.option("--status", help="OPEN, IN_PROGRESS, RESOLVED or REJECTED.")
@click.option("--resolution", help="How it was resolved.")
@click.option("--reason", help="Why; kept in the history.")
@evidence_option
@click.option("--add-trace", "add_traces", multiple=True, metavar="TRACE_ID", help="A trace without a rationale.")
@click.option("--assessment", "assessments", multiple=True, help="Name of an assessment that marks it on traces.")
@_missing_option
@_author_option
@output_option
def update_issue(run_id: str | None, output: str, **options: Any) -> None:
    """Change an issue or add evidence; what is not given stays."""
    _print_entity("issue", client().update_issue(run_id, **options), output)


@click.command(epilog=example("list-issues --experiment-id 1"))
@experiment_option
@output_option
def list_issues(experiment_id: str | None, output: str) -> None:
    """List the issues of an experiment, most traces first."""
    found = client().list_issues(experiment_id)
    _warn_broken(found)
    if output == "json":
        return print_json([_row("issue", item) for item in found])
    print_table([_table_row("issue", item) for item in found], _COLUMNS["issue"], "No issues yet.")


@click.command(epilog=example("get-issue --issue-id ID"))
@_issue_option
@output_option
def get_issue(issue_id: str, output: str) -> None:
    """Show one issue with its evidence."""
    _print_entity("issue", client().get_issue(issue_id), output)


@click.command(epilog=example("preview-issues --experiment-id 1 --max-traces 100"))
@experiment_option
@_max_option
@output_option
def preview_issues(experiment_id: str | None, max_traces: int | None, output: str) -> None:
    """Show the traces that the issues of an experiment rest on."""
    insights = client()
    _print_traces(insights.preview_issues(experiment_id, max_traces), insights.list_issues(experiment_id), output)


@click.command(epilog=example("log-issue-assessments --issue-id ID --name database_lock_timeout"))
@_issue_option
@click.option("--name", required=True, help="Name of the feedback.")
@click.option(
    "--value", default="true", show_default=True, help="Its value; true, false and numbers are taken as such."
)
@_author_option
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


def _print_traces(traces: list[Any], entities: Any, output: str) -> None:
    rationales: dict[str, str] = {}
    for entity in entities:
        for item in entity.evidence:
            rationales.setdefault(item.trace_id, item.rationale)
    rows = [
        {
            "trace_id": trace.info.trace_id,
            "request_id": trace.info.client_request_id or trace.info.trace_id,
            "status": trace.info.state.value,
            "execution_time_ms": trace.info.execution_duration,
            "timestamp": trace.info.request_time,
            "evidence_rationale": rationales.get(trace.info.trace_id, ""),
        }
        for trace in traces
    ]
    if output == "json":
        return print_json(rows)
    from datetime import UTC, datetime

    for row in rows:
        row["timestamp"] = datetime.fromtimestamp(row["timestamp"] / 1000, UTC)
    print_table(rows, _COLUMNS["trace"], "No traces: there is no evidence yet.")
