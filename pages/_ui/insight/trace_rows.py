"""Traces of an insight as rows of a pick list."""

from __future__ import annotations

from collections.abc import Iterable

from insights_core.entities import TraceRow
from pages._ui.insight.topics import failed
from pages._ui.look.badges import badge
from pages._ui.look.formats import clock, duration, escape_markdown
from pages._ui.parts.pick_list import Option


def options(rows: Iterable[TraceRow]) -> dict[str, Option]:
    """Trace id -> summary with its state, latency, spans and time."""
    return {
        row.trace_id: Option(
            escape_markdown(row.summary or row.title or "No summary", 150),
            (
                state(row),
                f":gray[{duration(row.latency_ms)}]",
                f":gray[{row.span_count} spans]",
                f":gray[{escape_markdown(clock(row.timestamp_ms))}]",
            ),
        )
        for row in rows
    }


def state(row: TraceRow) -> str:
    """The badge of a trace: its status, or that it failed although nothing broke, or that it seems so."""
    if row.status != "ERROR" and row.failed:
        return badge("failure" if failed(row) else "suspected")
    return badge(row.status)
