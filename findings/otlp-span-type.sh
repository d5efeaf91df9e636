#!/usr/bin/env bash
# mlflow 3.17.2 stores a span that came over OTLP without a type in its row, though it works the type out.
#
# The span read back says TOOL; the column `spans.type`, which searches and trace metrics filter on, is NULL. So
# `span.type = 'TOOL'` finds no trace, and tools counted by the column are none. Written for anyone who reads that column.
# Prints what it found; fails if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mlflow==3.17.2"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sqlite3

import mlflow
from mlflow.entities.span import Span
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up"}
sent = Sent(
    trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="execute_tool look_up", start_time_unix_nano=10**18, end_time_unix_nano=10**18 + 1,
    attributes=[KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in said.items()],
)
store = SqlAlchemyStore("sqlite:///store.db", "artifacts")
experiment = store.create_experiment("otlp")
store.log_spans(experiment, [Span.from_otel_proto(sent)])

(trace,) = store.batch_get_traces(["tr-" + "01" * 16])
column = sqlite3.connect("store.db").execute("SELECT type FROM spans").fetchone()[0]
found, _ = store.search_traces(locations=[experiment], filter_string="span.type = 'TOOL'")
print(f"mlflow {mlflow.__version__}: read back {trace.data.spans[0].span_type!r}, column {column!r}, found by span.type = 'TOOL': {len(found)}")
assert (trace.data.spans[0].span_type, column, len(found)) == ("TOOL", None, 0), "this has changed"
PY
