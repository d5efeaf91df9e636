"""How the commands for analyses, hypotheses and issues show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from insights_core.cli.rendering import (
    print_fields,
    print_json,
    print_table,
)

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
_TEXT_FIELDS = ("description", "testing_plan", "resolution")


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
