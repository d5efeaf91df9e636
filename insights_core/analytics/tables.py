"""MLflow's tables: what every query here is made with."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection, Engine

# Rows that are turned into columns at a time: bounds what Python objects take to some tens of megabytes.
_CHUNK = 50_000


def make_engine(uri: str) -> Engine:
    """An engine for MLflow's database, with the functions that queries here call where the database lacks them."""
    from sqlalchemy import create_engine, event

    sqlite = uri.startswith("sqlite")
    # A writer may hold SQLite for some seconds; the default gives up after five.
    engine = create_engine(uri, pool_pre_ping=not sqlite, connect_args={"timeout": 30} if sqlite else {})
    if sqlite:
        event.listen(engine, "connect", _add_functions)
    return engine


def _add_functions(connection: Any, _record: Any) -> None:
    from insights_core.analytics.stored_spans import said_in, tool_of

    connection.create_function("insights_crc32", 1, _crc32, deterministic=True)
    connection.create_function("insights_tool", 3, tool_of, deterministic=True)
    connection.create_function("insights_said", 1, said_in, deterministic=True)


def _crc32(text: str | None) -> int:
    return zlib.crc32(text.encode()) if text is not None else 0


def holds(dialect: str, column: Any, text: str) -> Any:
    """Whether a column holds a text; not for SQLite, which asks functions of ours."""
    from sqlalchemy import func

    if dialect == "postgresql":
        return func.strpos(column, text) > 0
    # As bytes: by its collation MySQL would compare letter by letter, and slowly.
    return func.locate(text.encode(), column) > 0


def mlflow_table(name: str) -> Any:
    """One of MLflow's mapped classes. Any: their columns have no types that a checker could read."""
    from mlflow.store.tracking.dbmodels import models

    return getattr(models, name)


def read_columns(engine: Engine, statement: Select[Any], convert: list[Any]) -> list[np.ndarray]:
    """One array for each selected expression, made chunk by chunk."""
    chunks: list[list[np.ndarray]] = []
    with engine.connect() as connection:
        for rows in partitions(connection, statement):
            columns = list(zip(*rows, strict=True))
            chunks.append([function(values) for function, values in zip(convert, columns, strict=True)])
    if not chunks:
        return [function(()) for function in convert]
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def partitions(connection: Connection, statement: Select[Any]) -> Iterator[Any]:
    """Rows, a chunk at a time."""
    if connection.dialect.name in ("sqlite", "postgresql"):
        # The driver's own rows: SQLAlchemy's take as long to make as everything else together. SQLite gives them as they
        # are read, and psycopg keeps the answer in compact form.
        cursor: Any = connection.execute(statement).cursor
        while rows := cursor.fetchmany(_CHUNK):
            yield rows
    else:
        # PyMySQL would make Python objects of the whole answer, unless it is streamed.
        yield from connection.execution_options(yield_per=_CHUNK).execute(statement).partitions()


def within(experiment_ids: list[str], start: int | None, end: int | None) -> list[ColumnElement[bool]]:
    """The traces of experiments in a range of time, epoch milliseconds; None is open."""
    Trace = mlflow_table("SqlTraceInfo")

    conditions: list[Any] = [Trace.experiment_id.in_([int(one) for one in experiment_ids])]
    if start is not None:
        conditions.append(Trace.timestamp_ms >= start)
    if end is not None:
        conditions.append(Trace.timestamp_ms < end)
    return conditions


def joined(expressions: list[Any]) -> Any:
    """Texts as one, with a bar between; NULL counts as empty."""
    from sqlalchemy import func

    text: Any = func.coalesce(expressions[0], "")
    for expression in expressions[1:]:
        text = text + "|" + func.coalesce(expression, "")
    return text
