"""Facts straight from MLflow's tables: SQLite, PostgreSQL, MariaDB and MySQL.

Reads only, through SQLAlchemy Core on MLflow's own table objects. How changes are noticed:

- `token` says whether anything at all was committed since: SQLite's data_version (counts commits of other
  connections to the file) and PostgreSQL's current snapshot (equal as long as no transaction began or ended).
  MariaDB and MySQL have nothing as exact; there every check goes on to the second step.
- `check` sums, for each hour, a hash over the content of every trace row, tag and assessment. A change that keeps the
  sum of the hashes goes unnoticed: one in four billion. New spans raise the trace's db_payload_generation, which is
  part of its hash.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.analytics.columns import Rows, by_trace, to_bytes, to_flags, to_floats, to_integers
from insights_core.analytics.facts import Columns, Vocabularies
from insights_core.analytics.source import HOUR_MS, UNHELD_TAGS, Fingerprint
from insights_core.analytics.sql_gaps import fill_gaps
from insights_core.analytics.sql_spans import read_spans
from insights_core.analytics.tables import joined, make_engine, mlflow_table, read_columns, within
from insights_core.names import SESSION_KEY

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection, Engine

_SCOPED = f'"{SESSION_KEY}":'


class SqlSource:
    """MLflow's tables as a source of facts.

    Args:
        uri: SQLAlchemy URI of MLflow's database.
    """

    note = ""
    traces_a_load = 100_000

    def __init__(self, uri: str, max_age_s: float = 5.0) -> None:
        self.uri = uri
        self.max_age_s = max_age_s
        self.words = Vocabularies()
        self._engine: Engine | None = None
        self._watcher: Connection | None = None
        self._lock = Lock()

    @property
    def engine(self) -> Engine:
        """Made on first use; importing MLflow's tables takes seconds."""
        with self._lock:
            if self._engine is None:
                self._engine = make_engine(self.uri)
            return self._engine

    # What changed

    def forget(self) -> None:
        """Nothing to do: every check looks at everything."""

    def token(self) -> Hashable | None:
        from sqlalchemy import Text, cast, column, func, select, table

        if self.engine.dialect.name == "postgresql":
            with self.engine.connect() as connection:
                return connection.execute(select(cast(func.pg_current_snapshot(), Text))).scalar_one()
        if self.engine.dialect.name == "sqlite":
            version = table("pragma_data_version", column("data_version"))
            engine = self.engine
            with self._lock:
                # The number means something only on one and the same connection.
                if self._watcher is None:
                    self._watcher = engine.connect()
                value = self._watcher.execute(select(version.c.data_version)).scalar_one()
                self._watcher.rollback()
                return value
        return None

    def known_experiments(self, experiment_ids: Iterable[str]) -> set[str]:
        from sqlalchemy import select

        SqlExperiment = mlflow_table("SqlExperiment")
        numbers = [int(one) for one in experiment_ids if one.isdigit() and len(one) < 18]
        with self.engine.connect() as connection:
            return {
                str(one)
                for one in connection.scalars(
                    select(SqlExperiment.experiment_id).where(SqlExperiment.experiment_id.in_(numbers))
                )
            }

    def check(
        self, experiment_ids: list[str], start: int | None, end: int | None
    ) -> dict[tuple[str, int], Fingerprint]:
        from sqlalchemy import String, cast, func

        trace, tag, rating = (mlflow_table(name) for name in ("SqlTraceInfo", "SqlTraceTag", "SqlAssessments"))
        numbers = [trace.execution_time_ms, trace.db_payload_generation, trace.total_tokens]
        words = [trace.status, trace.session_id, trace.trace_name]
        content = trace.request_id + "|" + joined([*words, *(cast(one, String(30)) for one in numbers)])
        found: dict[tuple[str, int], list[Any]] = {}
        with self.engine.connect() as connection:
            for position, statement in enumerate(
                [
                    self._by_hour(experiment_ids, start, end, content),
                    self._by_hour(experiment_ids, start, end, tag.request_id + "|" + joined([tag.key, tag.value])).join(
                        tag, tag.request_id == trace.request_id
                    ),
                    self._by_hour(
                        experiment_ids,
                        start,
                        end,
                        rating.assessment_id
                        + "|"
                        + joined(
                            [
                                cast(rating.last_updated_timestamp, String(30)),
                                cast(func.coalesce(rating.valid, False), String(5)),
                            ]
                        ),
                    ).join(rating, rating.trace_id == trace.request_id),
                ]
            ):
                for experiment, hour, count, hashes in connection.execute(statement):
                    entry = found.setdefault((str(experiment), int(hour)), [0, None, None, None])
                    if position == 0:
                        entry[0] = int(count)
                    entry[position + 1] = (int(count), int(hashes))
        return {key: Fingerprint(*entry) for key, entry in found.items() if entry[0]}

    def _by_hour(
        self, experiment_ids: list[str], start: int | None, end: int | None, content: ColumnElement[str]
    ) -> Select[Any]:
        Trace = mlflow_table("SqlTraceInfo")
        from sqlalchemy import BigInteger, cast, func, select

        hour = (Trace.timestamp_ms - Trace.timestamp_ms % HOUR_MS).label("hour")
        name = {"sqlite": "insights_crc32", "postgresql": "hashtext"}.get(self.engine.dialect.name, "crc32")
        hashes = func.sum(cast(getattr(func, name)(content, type_=BigInteger), BigInteger))
        statement = (
            select(Trace.experiment_id, hour, func.count(), hashes)
            .select_from(Trace)
            .group_by(Trace.experiment_id, "hour")
        )
        return statement.where(*within(experiment_ids, start, end))

    # Columns

    def traces(self, experiment_id: str, start: int, end: int) -> Columns:
        Trace = mlflow_table("SqlTraceInfo")
        from sqlalchemy import select

        statement = (
            select(
                Trace.request_id, Trace.timestamp_ms, Trace.execution_time_ms, Trace.status, Trace.session_id, Trace.trace_name,
                Trace.input_tokens, Trace.output_tokens, Trace.total_tokens, Trace.input_cost, Trace.output_cost, Trace.total_cost,
            )
            .where(*within([experiment_id], start, end))
            .order_by(Trace.timestamp_ms, Trace.request_id)
        )  # fmt: skip
        words = self.words
        number = to_floats
        convert = [
            to_bytes,
            to_integers,
            number,
            words.status.encode,
            words.session.encode,
            words.trace_name.encode,
            *[number] * 6,
        ]
        names = ["trace_id", "time_ms", "latency_ms", "status", "session", "name"]
        names += ["input_tokens", "output_tokens", "total_tokens", "input_cost", "output_cost", "total_cost"]
        columns = dict(zip(names, read_columns(self.engine, statement, convert), strict=True))
        code = words.experiment.encode([experiment_id])[0]
        columns["experiment"] = np.full(len(columns["time_ms"]), code, dtype=np.int32)
        fill_gaps(self.engine, words, within([experiment_id], start, end), columns)
        return columns

    def tags(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        Trace = mlflow_table("SqlTraceInfo")
        Tag = mlflow_table("SqlTraceTag")
        from sqlalchemy import select

        statement = select(Tag.request_id, Tag.key, Tag.value).join(Trace, Trace.request_id == Tag.request_id)
        statement = statement.where(*within([experiment_id], start, end), Tag.key.not_in(UNHELD_TAGS))
        words = self.words
        arrays = read_columns(self.engine, statement, [Rows(trace_ids), words.tag_key.encode, words.tag_value.encode])
        return by_trace(dict(zip(["trace", "key", "value"], arrays, strict=True)))

    def assessments(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        Rating = mlflow_table("SqlAssessments")
        Trace = mlflow_table("SqlTraceInfo")
        from sqlalchemy import case, func, select

        scoped = case((Rating.assessment_metadata.contains(_SCOPED), 1), else_=0)
        error = case((func.coalesce(Rating.error, "null") != "null", 1), else_=0)
        statement = select(
            Rating.trace_id,
            Rating.assessment_type,
            Rating.name,
            Rating.value,
            Rating.valid,
            error,
            Rating.source_type,
            scoped,
        )
        statement = statement.join(Trace, Trace.request_id == Rating.trace_id).where(
            *within([experiment_id], start, end)
        )
        words = self.words
        convert = [
            Rows(trace_ids),
            words.assessment_kind.encode,
            words.assessment_name.encode,
            words.assessment_value.encode,
        ]
        arrays = read_columns(self.engine, statement, [*convert, to_flags, to_flags, words.source.encode, to_flags])
        return by_trace(
            dict(
                zip(
                    ["trace", "kind", "name", "value", "valid", "error", "source", "session_scoped"],
                    arrays,
                    strict=True,
                )
            )
        )

    def spans(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        return read_spans(self.engine, self.words, within([experiment_id], start, end), trace_ids)

    def metadata(
        self, experiment_ids: list[str], start: int | None, end: int | None, key: str
    ) -> dict[str, str] | None:
        Trace = mlflow_table("SqlTraceInfo")
        Metadata = mlflow_table("SqlTraceMetadata")
        from sqlalchemy import select

        statement = select(Metadata.request_id, Metadata.value).join(Trace, Trace.request_id == Metadata.request_id)
        with self.engine.connect() as connection:
            rows = connection.execute(statement.where(Metadata.key == key, *within(experiment_ids, start, end)))
            return {trace_id: value for trace_id, value in rows if value is not None}

    def traces_of_run(self, experiment_ids: list[str], run_id: str) -> list[str] | None:
        from mlflow.entities.entity_type import EntityAssociationType as Kind

        Link = mlflow_table("SqlEntityAssociation")
        Metadata = mlflow_table("SqlTraceMetadata")
        from sqlalchemy import select, union

        linked = select(Link.source_id).where(
            Link.source_type == Kind.TRACE, Link.destination_type == Kind.RUN, Link.destination_id == run_id
        )
        made = select(Metadata.request_id).where(Metadata.key == "mlflow.sourceRun", Metadata.value == run_id)
        with self.engine.connect() as connection:
            return list(connection.scalars(union(linked, made)))
