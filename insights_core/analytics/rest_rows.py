"""Rows of columns out of the JSON of an MLflow server."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from insights_core.analytics.facts import SPAN_COLUMNS
from insights_core.analytics.source import UNHELD_TAGS
from insights_core.names import COST_KEY, SESSION_KEY, TOKENS_KEY, TRACE_NAME_TAG
from insights_core.traces.tool_names import KIND_NAME_KEYS, TOOL_KINDS, TOOL_NAME_KEYS, tool_name

SPAN_VALUES = (*SPAN_COLUMNS, "span_id", "parent_id")
_WANTED = (
    "mlflow.spanType", "mlflow.llm.model", "mlflow.llm.provider", "mlflow.llm.cost",
    *TOOL_NAME_KEYS, *KIND_NAME_KEYS, *TOOL_KINDS,
)  # fmt: skip


def add_rows(info: dict[str, Any], experiment: str, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """The rows of one listed trace, in the order of the columns."""
    trace_id = info["trace_id"]
    metadata, tags = info.get("trace_metadata", {}), info.get("tags", {})
    tokens, cost = (json.loads(metadata.get(key, "{}")) for key in (TOKENS_KEY, COST_KEY))
    duration = info.get("execution_duration")
    rows["traces"].append(
        (
            trace_id, experiment, epoch_ms(info["request_time"]), None if duration is None else round(float(duration.rstrip("s")) * 1000),
            info.get("state", "STATE_UNSPECIFIED"), metadata.get(SESSION_KEY), tags.get(TRACE_NAME_TAG),
            *(tokens.get(key) for key in ("input_tokens", "output_tokens", "total_tokens")),
            *(cost.get(key) for key in ("input_cost", "output_cost", "total_cost")),
        )
    )  # fmt: skip
    rows["tags"] += [
        (trace_id, key, value) for key, value in tags.items() if key not in UNHELD_TAGS and key != TRACE_NAME_TAG
    ]
    for one in info.get("assessments", []):
        kind = next((kind for kind in ("feedback", "expectation", "issue") if kind in one), "feedback")
        given = one.get(kind, {})
        name = given.get("issue_id", one["assessment_name"]) if kind == "issue" else one["assessment_name"]
        scoped = SESSION_KEY in one.get("metadata", {})
        source = one.get("source", {}).get("source_type")
        rows["assessments"].append(
            (trace_id, kind, name, _value_text(given), one.get("valid", True), bool(given.get("error")), source, scoped)
        )


def _value_text(given: dict[str, Any]) -> str:
    """A value as MLflow's table has it. JSON over HTTP turns 1 into 1.0; whole numbers are written without a point."""
    value = given.get("value")
    if value is None and "serialized_value" in given:
        return given["serialized_value"].get("value", "null")
    return json.dumps(int(value) if isinstance(value, float) and math.isfinite(value) and value.is_integer() else value)


def span_row(trace_id: str, span: dict[str, Any]) -> tuple[Any, ...]:
    """The row of one span, in the order of SPAN_VALUES."""
    # JSON of protobuf leaves out what is empty, be it the key of an attribute.
    given = {one.get("key", ""): one.get("value", {}) for one in span.get("attributes", [])}
    found = {key: _plain(given[key]) for key in _WANTED if key in given}
    kind, name = found.get("mlflow.spanType"), span.get("name")
    tool = tool_name(name, kind, found, lambda: _plain(given.get("mlflow.spanInputs", {}))) if name else None
    cost = found.get("mlflow.llm.cost")
    cost = cost if isinstance(cost, dict) else {}
    ended = int(span.get("end_time_unix_nano") or 0)
    duration = math.floor((ended - int(span["start_time_unix_nano"])) / 1e6) if ended else None
    status = span.get("status", {}).get("code", "STATUS_CODE_UNSET").removeprefix("STATUS_CODE_")
    return (
        trace_id, name, kind, status, duration, found.get("mlflow.llm.model"), found.get("mlflow.llm.provider"),
        *(cost.get(key) for key in ("input_cost", "output_cost", "total_cost")), tool, span["span_id"], span.get("parent_span_id") or "",
    )  # fmt: skip


def _plain(value: dict[str, Any]) -> Any:
    """An OpenTelemetry attribute value as a plain one."""
    if "kvlist_value" in value:
        return {one.get("key", ""): _plain(one.get("value", {})) for one in value["kvlist_value"].get("values", [])}
    text = next(iter(value.values()), None)
    if isinstance(text, str) and text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def epoch_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
