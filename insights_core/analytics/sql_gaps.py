"""Sessions, tokens, cost and models that producers say and MLflow does not read, out of the spans' stored JSON.

Looked for only in spans that came over OTLP, which MLflow's tables tell by their having no type, and only where the
trace's or the span's own columns are empty.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.analytics.columns import Rows
from insights_core.analytics.facts import Vocabularies
from insights_core.analytics.stored_spans import SAID_WORDS, said_in
from insights_core.analytics.tables import holds, mlflow_table, partitions
from insights_core.traces.producers import Told, told_by_trace

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Engine

_TOKENS = ("input_tokens", "output_tokens", "total_tokens")


def said(dialect: str, condition: Any) -> Any:
    """What spans that came over OTLP and meet a condition say: on SQLite `said_in`, elsewhere the JSON to give to it."""
    from sqlalchemy import case, func, or_

    Span = mlflow_table("SqlSpan")
    wanted = Span.type.is_(None) & condition
    if dialect == "sqlite":
        return case((wanted, func.insights_said(Span.content)))
    told = or_(*(holds(dialect, Span.content, word) for word in SAID_WORDS))
    return case((wanted & told, Span.content))


def read_said(dialect: str, value: str | None) -> Told | None:
    """What `said` selected, of one span."""
    text = value if dialect == "sqlite" else said_in(value)
    return None if text is None else Told(*json.loads(text))


def fill_gaps(
    engine: Engine, words: Vocabularies, conditions: list[ColumnElement[bool]], columns: dict[str, np.ndarray]
) -> None:
    """Fill what MLflow left empty of traces: their session, their tokens and their cost.

    Args:
        engine: MLflow's database.
        words: Where strings get their codes.
        conditions: On the table of traces: those in the columns.
        columns: Of traces; changed.
    """
    told = _told_by_traces(engine, conditions)
    rows = Rows(columns["trace_id"])(told)
    for row, one in zip(rows.tolist(), told.values(), strict=True):
        if row < 0:
            continue
        if one.session and columns["session"][row] < 0:
            columns["session"][row] = words.session.encode([one.session])[0]
        if one.has_tokens and np.isnan([columns[name][row] for name in _TOKENS]).all():
            for name in _TOKENS:
                columns[name][row] = np.nan if getattr(one, name) is None else getattr(one, name)
        if one.cost is not None and np.isnan(columns["total_cost"][row]):
            columns["total_cost"][row] = one.cost


def _told_by_traces(engine: Engine, conditions: list[ColumnElement[bool]]) -> dict[str, Told]:
    """Trace id -> what its spans say, of the traces that lack something and have spans that say it."""
    from sqlalchemy import or_, select

    Span, Trace = mlflow_table("SqlSpan"), mlflow_table("SqlTraceInfo")
    dialect = engine.dialect.name
    lacking = or_(Trace.session_id.is_(None), Trace.total_tokens.is_(None), Trace.total_cost.is_(None))
    statement = (
        select(Span.trace_id, Span.span_id, Span.parent_span_id, said(dialect, True))
        .join(Trace, Trace.request_id == Span.trace_id)
        .where(*conditions, lacking, Span.type.is_(None))
    )
    spans: dict[str, dict[str, tuple[str | None, Told]]] = {}
    with engine.connect() as connection:
        for rows in partitions(connection, statement):
            for trace_id, span_id, parent_id, value in rows:
                told = read_said(dialect, value) or Told()
                spans.setdefault(trace_id, {})[span_id] = (parent_id, told)
    return {
        trace_id: told_by_trace(those)
        for trace_id, those in spans.items()
        if any(told != Told() for _, told in those.values())
    }


def fill_span(columns: dict[str, Any], dialect: str) -> None:
    """Fill model, provider and cost of spans where MLflow left them empty.

    Args:
        columns: Tuples as the database gave them, with `said`; changed.
        dialect: Which database.
    """
    values = columns.pop("said")
    if not any(value is not None for value in values):
        return
    lists = {name: list(columns[name]) for name in ("model", "provider", "total_cost")}
    for row, value in enumerate(values):
        told = read_said(dialect, value) if value is not None else None
        for name, found in (
            (("model", told.model), ("provider", told.provider), ("total_cost", told.cost)) if told else ()
        ):
            if lists[name][row] is None:
                lists[name][row] = found
    columns.update(lists)
