"""One set of made-up traces with every odd case, in SQLite, PostgreSQL, MariaDB and behind a stock MLflow server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from otlp_spans import log_producers

EXPERIMENT = 1
START_MS = 1_767_571_200_000 + 3 * 3_600_000  # Monday 2026-01-05, 03:00 UTC
TOOLS = ["search", "lookup order", "refund", "Ünïcode's", "rare"]
BACKENDS = ["sqlite", "postgresql", "mariadb", "http"]


@dataclass
class Rows:
    """The rows of MLflow's tables, as dicts."""

    infos: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    assessments: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)

    def frame(self, name: str) -> pd.DataFrame:
        return pd.DataFrame(getattr(self, name))


def _number_of(value: Any) -> tuple[float | None, bool]:
    from mlflow.store.tracking.utils.trace_analytics import assessment_aggregate

    return assessment_aggregate(value)


def make_rows(n: int = 400, seed: int = 0) -> Rows:
    rows, random = Rows(), np.random.default_rng(seed)
    for i in range(n):
        trace_id = f"tr-{i:032x}"
        time_ms = START_MS + int(random.integers(0, 12 * 86_400_000))
        status = str(random.choice(["OK", "OK", "OK", "ERROR", "IN_PROGRESS"]))
        latency = None if status == "IN_PROGRESS" else int(random.lognormal(7, 1))
        tokens = int(random.integers(10, 5000)) if i % 3 else None
        rows.infos.append(
            {
                "request_id": trace_id, "experiment_id": EXPERIMENT, "timestamp_ms": time_ms, "execution_time_ms": latency, "status": status,
                "trace_name": f"agent {i % 3}" if i % 5 else None, "session_id": f"s{i % 40}" if i % 4 else None,
                "input_tokens": tokens, "output_tokens": tokens and tokens // 2, "total_tokens": tokens and tokens + tokens // 2,
                "input_cost": tokens and tokens / 8192, "output_cost": tokens and tokens / 4096, "total_cost": tokens and tokens * 3 / 8192,
            }
        )  # fmt: skip
        rows.tags += [
            {"request_id": trace_id, "key": key, "value": value} for key, value in _tags(i, status, random).items()
        ]
        rows.metadata.append({"request_id": trace_id, "key": "user", "value": f"u{i % 7}"})
        if i % 9 == 0:
            rows.metadata.append({"request_id": trace_id, "key": "mlflow.sourceRun", "value": "0" * 32})
        rows.assessments += _assessments(i, trace_id, time_ms, status, random)
        rows.spans += _spans(i, trace_id, time_ms, random)
    return rows


def _tags(i: int, status: str, random: np.random.Generator) -> dict[str, str]:
    tags = {
        "mlflow.artifactLocation": f"/artifacts/{i}",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
        "MLflow.own": "x",
        "region": str(random.choice(["eu", "us", "a'b", "EU"])),
    }
    if status == "ERROR" and i % 2:
        tags["incident"] = "yes"
    if i % 6 == 0:
        tags["note with space"] = f"100%_{i % 4}"
    if i % 10 == 0:
        tags["mlflow.insights.cluster_id"] = str(i % 3)
    return tags


def _assessments(i: int, trace_id: str, time_ms: int, status: str, random: np.random.Generator) -> list[dict[str, Any]]:
    given: list[tuple[str, str, Any, dict[str, Any]]] = []
    if i % 2:
        given.append(("correct", "feedback", status != "ERROR" if random.random() < 0.9 else status == "ERROR", {}))
    if i % 3 == 0:
        given.append(("score", "feedback", round(float(random.random()), 3) if i % 6 else 1, {"source_type": "CODE"}))
    if i % 4 == 0:
        given.append(("verdict", "feedback", str(random.choice(["yes", "no", "Unklar ü"])), {"source_type": "HUMAN"}))
    if i % 5 == 0:
        given.append(("jumble", "feedback", [True, 3, "text", 2.5, False][i // 5 % 5], {}))
    if i % 7 == 0:
        given.append(("correct", "feedback", False, {"valid": False}))
    if i % 11 == 0:
        given.append(
            ("correct", "feedback", None, {"error": json.dumps({"error_code": "E", "error_message": "judge died"})})
        )
    if i % 13 == 0:
        given.append(("expected", "expectation", "an answer", {"source_type": "HUMAN"}))
    if i % 17 == 0:
        given.append(("iss-1", "issue", {"issue_name": "Broken"}, {}))
    if i % 37 == 1:
        given.append(
            (
                "whole session",
                "feedback",
                True,
                {"assessment_metadata": json.dumps({"mlflow.trace.session": f"s{i % 40}"})},
            )
        )
    if i % 3 == 1:
        given.append(("mlflow.insights.summary", "feedback", f"Summary {i}", {}))
    rows = []
    for number, (name, kind, value, other) in enumerate(given):
        aggregate, numeric = _number_of(value)
        rows.append(
            {
                "assessment_id": f"a-{i}-{number}", "trace_id": trace_id, "name": name, "assessment_type": kind, "value": json.dumps(value),
                "created_timestamp": time_ms, "last_updated_timestamp": time_ms, "source_type": "LLM_JUDGE", "source_id": "me", "valid": True,
                "error": None, "assessment_metadata": None, "experiment_id": EXPERIMENT, "trace_timestamp_ms": time_ms,
                "aggregate_value": aggregate, "is_numeric_value": numeric, **other,
            }
        )  # fmt: skip
    return rows


def _spans(i: int, trace_id: str, time_ms: int, random: np.random.Generator) -> list[dict[str, Any]]:
    kinds = [("agent", "AGENT"), ("chat", "CHAT_MODEL"), ("search", "RETRIEVER")]
    kinds += [(str(random.choice(TOOLS[:4])), "TOOL") for _ in range(int(random.integers(0, 4)))] + (
        [("rare", "TOOL")] if i == 3 else []
    )
    rows = []
    for position, (name, kind) in enumerate(kinds):
        began = time_ms * 1_000_000 + position * 1_234_567
        ended = None if random.random() < 0.05 else began + int(random.lognormal(18, 1))
        cost = float(random.integers(1, 100)) / 1024 if kind == "CHAT_MODEL" and i % 3 else None
        status = str(random.choice(["OK", "OK", "ERROR", "UNSET"]))
        model, provider = (("gpt-x", "acme") if i % 2 else ("small", None)) if kind == "CHAT_MODEL" else (None, None)
        span = {
            "trace_id": trace_id, "experiment_id": EXPERIMENT, "span_id": f"{position + 1:016x}", "parent_span_id": f"{1:016x}" if position else None,
            "name": name, "type": kind, "status": status, "start_time_unix_nano": began, "end_time_unix_nano": ended,
            "model_name": model, "model_provider": provider, "input_cost": cost, "output_cost": cost and cost / 2, "total_cost": cost and cost * 1.5,
        }  # fmt: skip
        rows.append({**span, "content": _content(span)})
    return rows


def _content(span: dict[str, Any]) -> str:
    """The span as MLflow stores it, in the shape that its own store writes."""
    from mlflow.tracing.utils import TraceJSONEncoder

    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": json.dumps(span["trace_id"]),
        "mlflow.spanType": json.dumps(span["type"]),
    }
    if span["model_name"]:
        attributes["mlflow.llm.model"] = json.dumps(span["model_name"])
    if span["model_provider"]:
        attributes["mlflow.llm.provider"] = json.dumps(span["model_provider"])
    if span["total_cost"] is not None:
        attributes["mlflow.llm.cost"] = json.dumps(
            {key: span[key] for key in ("input_cost", "output_cost", "total_cost")}
        )
    import base64

    encode = lambda number: base64.b64encode(bytes.fromhex(number)).decode()  # noqa: E731
    content = {
        "trace_id": encode(span["trace_id"][3:]), "span_id": encode(span["span_id"]),
        "parent_span_id": encode(span["parent_span_id"]) if span["parent_span_id"] else None, "name": span["name"],
        "start_time_unix_nano": span["start_time_unix_nano"], "end_time_unix_nano": span["end_time_unix_nano"], "events": [], "links": [],
        "status": {"code": f"STATUS_CODE_{span['status']}", "message": ""}, "attributes": attributes,
    }  # fmt: skip
    return json.dumps(content, cls=TraceJSONEncoder)


def insert(uri: str, rows: Rows, artifacts: str) -> None:
    """Write the rows into the tables of a new MLflow database."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels import models
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri, artifacts)
    assert int(store.create_experiment("Facts")) == EXPERIMENT
    log_producers(store)
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        for name, values in {
            "SqlTraceInfo": rows.infos, "SqlTraceTag": rows.tags, "SqlTraceMetadata": rows.metadata, "SqlAssessments": rows.assessments,
            "SqlSpan": rows.spans,
        }.items():  # fmt: skip
            connection.execute(getattr(models, name).__table__.insert(), values)
    if engine.dialect.name == "postgresql":
        # MLflow's own searches, which tests compare with, take seconds each as long as the planner knows nothing.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sqlalchemy.DDL("ANALYZE"))
    engine.dispose()


@pytest.fixture(scope="session")
def rows() -> Rows:
    return make_rows()


@pytest.fixture(scope="session")
def sqlite_facts(rows: Rows, _template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database file with the rows."""
    path = tmp_path_factory.mktemp("facts") / "mlflow.db"
    shutil.copy(_template_store, path)
    insert(f"sqlite:///{path}", rows, str(path.parent))
    return path


@pytest.fixture(scope="session")
def facts_server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `facts_server` keeps its database."""
    return tmp_path_factory.mktemp("facts-server")


@pytest.fixture(scope="session")
def facts_server(sqlite_facts: Path, facts_server_folder: Path, start_mlflow_server: Any) -> Iterator[str]:
    """A stock MLflow server on a copy of that database."""
    yield from start_mlflow_server(facts_server_folder, template=sqlite_facts)


@pytest.fixture(scope="session")
def facts_database(rows: Rows, fresh_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`facts_database(kind)`: a database with the rows in it, filled once however often a test asks."""

    @cache
    def filled(kind: str) -> str:
        uri = fresh_database(kind)
        insert(uri, rows, str(tmp_path_factory.mktemp("artifacts")))
        return uri

    return filled


@pytest.fixture(scope="session", params=BACKENDS)
def facts_uri(request: pytest.FixtureRequest) -> str:
    """Where the rows are, on each kind of backend in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_facts')}"
    if request.param == "http":
        return request.getfixturevalue("facts_server")
    return request.getfixturevalue("facts_database")(request.param)


@pytest.fixture
def analytics(facts_uri: str):
    from insights_core.analytics.client import Analytics

    return Analytics(facts_uri)


@pytest.fixture
def fresh_uri(sqlite_facts: Path, tmp_path: Path) -> str:
    """A copy of the SQLite database that a test may change."""
    shutil.copy(sqlite_facts, tmp_path / "facts.db")
    return f"sqlite:///{tmp_path}/facts.db"
