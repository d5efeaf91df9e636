"""The span columns of MLflow's tables, with the names of tools out of the spans' stored JSON.

Only spans that may be a tool's have their JSON looked at: those of type TOOL, and those whose type says nothing else.
SQLite calls our own reader for each of them. Elsewhere the database looks for the few attributes that tell, and sends the
JSON of the spans that have one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.analytics.columns import Rows, by_trace, to_bytes, to_floats, to_whole_ms, told_once
from insights_core.analytics.facts import SPAN_COLUMNS, Columns, Vocabularies
from insights_core.analytics.sql_gaps import fill_span, said
from insights_core.analytics.stored_spans import INPUTS_OPENING, NAMING_KEYS, TYPE_KEY, opening, tool_of
from insights_core.analytics.tables import holds, mlflow_table, partitions, read_columns
from insights_core.traces.tool_names import OTHER_TYPES, TELLING_KEYS, TOOL_KINDS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Engine

# Read only of traces in which calls may be told twice.
_TREE = ("span_id", "parent_id")
_TRACES_A_READ = 500


def read_spans(
    engine: Engine, words: Vocabularies, conditions: list[ColumnElement[bool]], trace_ids: np.ndarray
) -> Columns:
    """The span columns of the traces that meet conditions; a call that a wrapper tells too has its cost once.

    Args:
        engine: MLflow's database.
        words: Where strings get their codes.
        conditions: On the table of traces.
        trace_ids: Bytes of shape (n_traces,): what `trace` counts in.
    """
    found = _read(engine, words, conditions, trace_ids)
    suspects = _suspects(engine, conditions, trace_ids, found)
    if not len(suspects):
        return found
    Trace = mlflow_table("SqlTraceInfo")
    kept = ~np.isin(found["trace"], suspects)
    parts = [{name: values[kept] for name, values in found.items()}]
    for start in range(0, len(suspects), _TRACES_A_READ):
        ids = [one.decode() for one in trace_ids[suspects[start : start + _TRACES_A_READ]].tolist()]
        part = _read(engine, words, [*conditions, Trace.request_id.in_(ids)], trace_ids, with_tree=True)
        parts.append(told_once({name: part[name] for name in SPAN_COLUMNS}, *(part[name] for name in _TREE)))
    return by_trace({name: np.concatenate([part[name] for part in parts]) for name in SPAN_COLUMNS})


def _suspects(
    engine: Engine, conditions: list[ColumnElement[bool]], trace_ids: np.ndarray, spans: Columns
) -> np.ndarray:
    """Rows of the traces whose spans cost more than the trace: there a wrapper tells what its clients cost again."""
    from sqlalchemy import select

    priced = ~np.isnan(spans["total_cost"])
    counts = np.bincount(spans["trace"][priced], minlength=len(trace_ids))
    if not (counts > 1).any():
        return np.empty(0, dtype=np.int64)
    Trace = mlflow_table("SqlTraceInfo")
    statement = select(Trace.request_id, Trace.total_cost).where(*conditions, Trace.total_cost.is_not(None))
    rows, costs = read_columns(engine, statement, [Rows(trace_ids), to_floats])
    whole = np.full(len(trace_ids), np.nan)
    whole[rows[rows >= 0]] = costs[rows >= 0]
    sums = np.bincount(spans["trace"][priced], weights=spans["total_cost"][priced], minlength=len(trace_ids))
    # Not "above": where MLflow has no cost of the trace, only the tree can tell.
    return np.flatnonzero((counts > 1) & ~(sums <= whole * (1 + 1e-6)))


def _read(
    engine: Engine,
    words: Vocabularies,
    conditions: list[ColumnElement[bool]],
    trace_ids: np.ndarray,
    with_tree: bool = False,
) -> dict[str, np.ndarray]:
    from sqlalchemy import select

    Span, Trace = mlflow_table("SqlSpan"), mlflow_table("SqlTraceInfo")
    dialect = engine.dialect.name
    statement = select(
        Span.trace_id, Span.name, Span.type, Span.status, Span.end_time_unix_nano - Span.start_time_unix_nano,
        Span.model_name, Span.model_provider, Span.input_cost, Span.output_cost, Span.total_cost, _telling(dialect),
        said(dialect, Span.model_name.is_(None) | Span.total_cost.is_(None)),
    ).join(Trace, Trace.request_id == Span.trace_id)  # fmt: skip
    convert: dict[str, Any] = {
        "trace": Rows(trace_ids), "name": words.span_name.encode, "type": words.span_type.encode,
        "status": words.span_status.encode, "duration_ms": to_whole_ms, "model": words.model.encode,
        "provider": words.provider.encode, "input_cost": to_floats, "output_cost": to_floats, "total_cost": to_floats,
        "tool": words.tool.encode,
    }  # fmt: skip
    names = [*convert, "said"]
    if with_tree:
        names += _TREE
        statement = statement.add_columns(Span.span_id, Span.parent_span_id)
        convert |= dict.fromkeys(_TREE, _ids)
    chunks: list[dict[str, np.ndarray]] = []
    with engine.connect() as connection:
        for rows in partitions(connection, statement.where(*conditions)):
            columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True))
            fill_span(columns, dialect)
            if dialect != "sqlite":
                columns["tool"] = tuple(map(tool_of, columns["name"], columns["type"], columns["tool"]))
            chunks.append({name: function(columns[name]) for name, function in convert.items()})
    if not chunks:
        chunks = [{name: function(()) for name, function in convert.items()}]
    return dict(by_trace({name: np.concatenate([chunk[name] for chunk in chunks]) for name in convert}))


def _ids(values: Iterable[str | None]) -> np.ndarray:
    return to_bytes([value or "" for value in values])


def _telling(dialect: str) -> Any:
    """The tool's name on SQLite; elsewhere the JSON of a span that says one, NULL where there is nothing to read."""
    from sqlalchemy import case, func, or_

    Span = mlflow_table("SqlSpan")
    untold = or_(Span.type.is_(None), Span.type.not_in([*sorted(OTHER_TYPES), "RETRIEVER"]))
    if dialect == "sqlite":
        return case((untold, func.insights_tool(Span.name, Span.type, Span.content)))
    # A wrapper's span names its tool in its inputs alone; its own name is one of a class.
    wrapper = or_(*(holds(dialect, Span.name, word) for word in ("Tool", "MCP", "ai.")))
    named = or_(*(holds(dialect, Span.content, opening(key)) for key in NAMING_KEYS))
    by_inputs = wrapper & holds(dialect, Span.content, INPUTS_OPENING)
    kinds = [
        f"{opening(key)}{said}"
        for key, values in {TYPE_KEY: {"tool"}, **TOOL_KINDS}.items()
        for value in sorted(values)
        for said in sorted({value, value.upper(), value.replace("call", "Call")})
    ]
    is_tool = or_(*(holds(dialect, Span.content, text) for text in [*kinds, *map(opening, TELLING_KEYS)]))
    return case((Span.type == "TOOL", case((named | by_inputs, Span.content))), (untold & is_tool, Span.content))
