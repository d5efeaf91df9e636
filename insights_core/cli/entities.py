"""What the commands for analyses, hypotheses and issues share: options, evidence, rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import click

from insights_core.cli.rendering import (
    print_fields,
    print_json,
    print_table,
)

EVIDENCE_EXAMPLE = '{"trace_id": "tr-123", "rationale": "Waits 32 s for a lock on users", "supports": true}'
COLUMNS: dict[str, dict[str, str]] = {
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
run_option = click.option("--run-id", required=True, help="Run of the analysis.")
hypothesis_option = click.option("--hypothesis-id", required=True, help="The hypothesis.")
issue_option = click.option("--issue-id", required=True, help="The issue.")
author_option = click.option("--author", help="Who stands in the history. Default: the signed-in or OS user.")
missing_option = click.option("--allow-missing", is_flag=True, help="Accept trace ids that do not exist.")
max_option = click.option("--max-traces", type=click.IntRange(min=1), help="At most this many.")
severity = click.Choice(["CRITICAL", "HIGH", "MEDIUM", "LOW"], case_sensitive=False)


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
                f"{text[max(0, error.pos - 15) : error.pos + 15]!r}. Write it as '{EVIDENCE_EXAMPLE}'.",
                ctx,
                param,
            ) from error
        if not isinstance(item, dict):
            raise click.BadParameter(f"{which} is no JSON object. Write it as '{EVIDENCE_EXAMPLE}'.", ctx, param)
        found.append(item)
    return found


def evidence_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The repeatable option `--evidence JSON`."""
    option = click.option(
        "--evidence",
        multiple=True,
        metavar="JSON",
        callback=_read_evidence,
        help=f"A trace and why it counts, or \"tr-…: rationale\"; repeat for more. For example '{EVIDENCE_EXAMPLE}'.",
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


metric_option = click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=VALUE", callback=_key_values, help="A figure; repeat for more."
)


def print_id(field: str, value: str, output: str) -> None:
    if output == "json":
        print_json({field: value})
    else:
        click.echo(value)


def row(kind: str, entity: Any) -> dict[str, Any]:
    """An entity with the counts that lists show."""
    counts = ("trace_count", "supports_count", "refutes_count") if kind == "hypothesis" else ("trace_count",)
    values = entity.model_dump(mode="json", by_alias=True)
    if kind == "issue":
        for item in values["evidence"]:
            item.pop("supports", None)
    extra = {} if kind == "analysis" else {name: getattr(entity, name) for name in counts}
    return {**values, **extra}


def table_row(kind: str, entity: Any) -> dict[str, Any]:
    """The same with native times, which tables show as local ones."""
    return {**row(kind, entity), "created_at": entity.created_at, "updated_at": entity.updated_at}


def warn_broken(found: Any) -> None:
    for reason in getattr(found, "broken", {}).values():
        click.echo(f"Left out: {reason}", err=True)


def print_list(
    kind: str, found: Any, output: str, empty: str, more: Callable[[Any], dict[str, Any]] = lambda item: {}
) -> None:
    """Entities as a table or as JSON, after a word about those that cannot be read.

    Args:
        kind: Key of COLUMNS.
        found: What a listing verb of the client gives.
        output: "table" or "json".
        empty: What the table says where there is none.
        more: Further columns of an entity.
    """
    warn_broken(found)
    shown = row if output == "json" else table_row
    rows = [{**shown(kind, item), **more(item)} for item in found]
    if output == "json":
        return print_json(rows)
    print_table(rows, COLUMNS[kind], empty)


def print_entity(kind: str, entity: Any, output: str) -> None:
    if output == "json":
        print_json(row(kind, entity))
        return
    values = table_row(kind, entity)
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
        columns = {key: heading for key, heading in COLUMNS["evidence"].items() if key in values["evidence"][0]}
        print_table(values["evidence"], columns, "")


def _safe(text: str) -> str:
    """A text of several lines without what could steer a terminal."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


def print_traces(traces: list[Any], entities: Any, output: str) -> None:
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
    print_table(rows, COLUMNS["trace"], "No traces: there is no evidence yet.")
