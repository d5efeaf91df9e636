"""Fill MLflow's tables with many realistic traces, fast: `python tests/benchmarks/big_store.py --uri sqlite:////tmp/big.db`.

A trace has five spans (an agent, two calls of a model, two of a tool), three tags and one of MLflow's, and every third an
assessment (boolean, numeric or string). Errors are likelier with some tools and regions, so that there is something to find.
"""

from __future__ import annotations

import argparse
import base64
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

TOOLS = [
    f"tool_{name}"
    for name in (
        "search",
        "lookup",
        "refund",
        "book",
        "cancel",
        "weather",
        "sql",
        "email",
        "calendar",
        "rank",
        "score",
        "fetch",
    )
]
REGIONS = ["eu", "us", "asia", "africa", "oceania"]
MODELS = [("gpt-4o-mini", "openai", 1e-4), ("gpt-4o", "openai", 2e-3), ("claude-sonnet", "anthropic", 3e-3)]
END_MS = 1_767_225_600_000  # 2026-01-01
CHUNK = 5_000
# As MLflow stores a span, so that its API and its UI can read it.
_CONTENT = (
    '{"trace_id": "%s", "span_id": "%s", "parent_span_id": %s, "name": "%s", "start_time_unix_nano": %d, "end_time_unix_nano": %d, '
    '"events": [], "links": [], "status": {"code": "STATUS_CODE_%s", "message": ""}, "attributes": {"mlflow.traceRequestId": "\\"%s\\"", '
    '"mlflow.spanType": "\\"%s\\"", "mlflow.spanInputs": "\\"' + "lorem ipsum dolor " * 30 + '\\""}}'
)
_SPAN_IDS = [base64.b64encode(position.to_bytes(8, "big")).decode() for position in range(1, 6)]


def fill(uri: str, traces: int = 100_000, days: int = 30, seed: int = 0, experiment: str = "Big") -> str:
    """Make the tables where they are missing and write the traces; returns the experiment's id."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels import models
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    experiment_id = SqlAlchemyStore(uri, "/tmp/big-store-artifacts").create_experiment(experiment)
    engine = sqlalchemy.create_engine(uri)
    tables = [getattr(models, name).__table__ for name in ("SqlTraceInfo", "SqlTraceTag", "SqlAssessments", "SqlSpan")]
    random = np.random.default_rng(seed)
    times = np.sort(END_MS - random.integers(0, days * 86_400_000, traces))
    for start in range(0, traces, CHUNK):
        rows = _rows(random, times[start : start + CHUNK], start, int(experiment_id))
        with engine.begin() as connection:
            for table, values in zip(tables, rows, strict=True):
                if values:
                    connection.execute(table.insert(), values)
    if engine.dialect.name == "postgresql":
        # Without statistics the planner of a freshly filled database chooses nested loops; a server would run this by itself.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sqlalchemy.DDL("ANALYZE"))
    engine.dispose()
    return experiment_id


def _rows(
    random: np.random.Generator, times: np.ndarray, first: int, experiment_id: int
) -> tuple[list[dict[str, Any]], ...]:
    infos, tags, assessments, spans = [], [], [], []
    n = len(times)
    region = random.integers(0, len(REGIONS), n)
    tool = random.integers(0, len(TOOLS), (n, 2))
    model = random.integers(0, len(MODELS), n)
    failed = random.random(n) < 0.03 + 0.2 * (tool[:, 0] == 2) + 0.1 * (region == 2)
    latency = random.lognormal(7, 0.8, n).astype(int)
    for i, time_ms in enumerate(times.tolist()):
        trace_id = f"tr-{first + i:032x}"
        tokens = int(latency[i] // 2)
        infos.append(
            _info(
                trace_id, experiment_id, time_ms, int(latency[i]), bool(failed[i]), first + i, tokens, MODELS[model[i]]
            )
        )
        values = {
            "region": REGIONS[region[i]],
            "release": f"1.{(first + i) // 9_000}",
            "customer": f"c{(first + i) * 7919 % 500}",
        }
        tags += [{"request_id": trace_id, "key": key, "value": value} for key, value in values.items()]
        if (first + i) % 10 < 3:
            assessments.append(
                _assessment(trace_id, experiment_id, time_ms, (first + i) % 10, bool(failed[i]), float(random.random()))
            )
        spans += _spans(
            trace_id, experiment_id, time_ms, int(latency[i]), tool[i], bool(failed[i]), MODELS[model[i]], tokens
        )
    return infos, tags, assessments, spans


def _info(
    trace_id: str,
    experiment_id: int,
    time_ms: int,
    latency: int,
    failed: bool,
    number: int,
    tokens: int,
    model: tuple[str, str, float],
) -> dict[str, Any]:
    cost = tokens * model[2] / 1000
    return {
        "request_id": trace_id, "experiment_id": experiment_id, "timestamp_ms": time_ms, "execution_time_ms": latency,
        "status": "ERROR" if failed else "OK", "request_preview": "What is the status of my order?", "response_preview": "It has been sent.",
        "trace_name": "agent", "session_id": f"s-{number // 4}", "input_tokens": tokens, "output_tokens": tokens // 4,
        "total_tokens": tokens + tokens // 4, "input_cost": cost, "output_cost": cost / 2, "total_cost": cost * 1.5,
    }  # fmt: skip


def _assessment(
    trace_id: str, experiment_id: int, time_ms: int, kind: int, failed: bool, number: float
) -> dict[str, Any]:
    name, value, aggregate = [
        ("correct", "false" if failed else "true", float(not failed)),
        ("relevance", f"{number:.3f}", round(number, 3)),
        ("tone", '"rude"' if number < 0.1 else '"friendly"', None),
    ][kind]
    return {
        "assessment_id": "a-" + trace_id[3:], "trace_id": trace_id, "name": name, "assessment_type": "feedback", "value": value,
        "created_timestamp": time_ms, "last_updated_timestamp": time_ms, "source_type": "LLM_JUDGE", "source_id": "judge", "valid": True,
        "experiment_id": experiment_id, "trace_timestamp_ms": time_ms, "aggregate_value": aggregate, "is_numeric_value": kind == 1,
    }  # fmt: skip


def _spans(
    trace_id: str,
    experiment_id: int,
    time_ms: int,
    latency: int,
    tools: np.ndarray,
    failed: bool,
    model: tuple[str, str, float],
    tokens: int,
) -> Iterator[dict[str, Any]]:
    parts = [
        ("agent", "AGENT", 1.0),
        ("plan", "CHAT_MODEL", 0.3),
        (TOOLS[tools[0]], "TOOL", 0.2),
        (TOOLS[tools[1]], "TOOL", 0.1),
        ("answer", "CHAT_MODEL", 0.3),
    ]
    encoded, start = base64.b64encode(bytes.fromhex(trace_id[3:])).decode(), time_ms * 1_000_000
    for position, (name, kind, share) in enumerate(parts):
        priced = kind == "CHAT_MODEL"
        cost = tokens * model[2] / 2000 if priced else None
        status, end = "ERROR" if failed and position in (0, 2) else "OK", start + int(latency * share) * 1_000_000
        parent = f'"{_SPAN_IDS[0]}"' if position else "null"
        yield {
            "trace_id": trace_id, "experiment_id": experiment_id, "span_id": f"{position + 1:016x}",
            "parent_span_id": f"{1:016x}" if position else None, "name": name, "type": kind, "status": status,
            "start_time_unix_nano": start, "end_time_unix_nano": end,
            "content": _CONTENT % (encoded, _SPAN_IDS[position], parent, name, start, end, status, trace_id, kind),
            "model_name": model[0] if priced else None, "model_provider": model[1] if priced else None,
            "input_cost": cost, "output_cost": cost / 2 if cost is not None else None, "total_cost": cost * 1.5 if cost is not None else None,
        }  # fmt: skip


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--uri", required=True)
    arguments.add_argument("--traces", type=int, default=100_000)
    arguments.add_argument("--days", type=int, default=30)
    given = arguments.parse_args()
    began = time.perf_counter()
    print("experiment", fill(given.uri, given.traces, given.days), f"in {time.perf_counter() - began:.1f} s")
