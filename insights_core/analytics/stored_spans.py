"""What a span says in the JSON that MLflow stores of it, read without parsing the rest of it.

MLflow keeps a span's name, status and times in columns of their own, and its type as the client gave it. A span that came
over OTLP has no type there: what it is, and what the tool is called, stand in its attributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from insights_core.traces.producers import KEYS, told_by
from insights_core.traces.tool_names import (
    KIND_NAME_KEYS,
    TOOL_KINDS,
    TOOL_NAME_KEYS,
    is_wrapper,
    name_in_span,
    tool_name,
)

TYPE_KEY = "mlflow.spanType"
INPUTS_OPENING = '"mlflow.spanInputs": "'
NAMING_KEYS = (*TOOL_NAME_KEYS, *KIND_NAME_KEYS)
# Whatever says that a span is a tool's holds one of these, in a key or in a value.
_TELLING_WORDS = ("tool", "TOOL", "Tool")
# Each key holds one of these, and a long one is found several times as fast as many short ones.
SAID_WORDS = (
    "langfuse.", "ai.usage.", "ai.model.", "ai.response.model", "ai.telemetry.metadata.", "association.properties.",
    "langsmith.metadata.", "vertex.agent.session_id", "enduser.id", "braintrust.metrics", "operation.cost", "llm.cost.total",
    "gen_ai.aggregated_usage.", "gen_ai.usage.total_", "gen_ai.usage.cost",
)  # fmt: skip
_SAID_KEYS = frozenset(KEYS)
_parse = json.JSONDecoder().raw_decode


def opening(key: str) -> str:
    """How an attribute that is a text begins in a stored span: its value is JSON text within JSON text. An attribute of an
    event is stored as it is, and quotes within messages are escaped, so that neither is taken for one of the span."""
    return f'"{key}": "\\"'


# One look for all of them: most tools of MLflow's own are named by their spans alone.
_NAMED = re.compile(f'"(?:{"|".join(map(re.escape, NAMING_KEYS))})": "\\\\"')
_OPENINGS = {key: opening(key) for key in (*NAMING_KEYS, *TOOL_KINDS, TYPE_KEY)}


def attributes_in(content: str, keys: Iterable[str]) -> dict[str, str]:
    """Those of some attributes that a stored span has as texts, as JSON text each."""
    found = {}
    for key in keys:
        start = content.find(_OPENINGS[key])
        if start >= 0 and (text := _value_at(content, start + len(key) + 4)):
            found[key] = text
    return found


def _value_at(content: str, start: int) -> str:
    try:
        return str(_parse(content, start)[0])
    except ValueError:
        return ""


@lru_cache(maxsize=10_000)
def _plain_name(name: str) -> str:
    return name_in_span(name)


def tool_of(name: str | None, span_type: str | None, content: str | None) -> str | None:
    """What the tool is called that a stored span is a call of; None where it is none.

    Args:
        name: Its name.
        span_type: The type in its row; None where it came without one.
        content: Its JSON; None where it is known to say no name.
    """
    if name is None:
        return None
    if content is None:
        return _plain_name(name) if span_type == "TOOL" else None
    if span_type == "TOOL":
        said = attributes_in(content, NAMING_KEYS) if _NAMED.search(content) else {}
        if not said and not is_wrapper(name):
            return _plain_name(name)
    elif any(word in content for word in _TELLING_WORDS):
        said = attributes_in(content, (TYPE_KEY, *TOOL_KINDS, *NAMING_KEYS))
        span_type = said.get(TYPE_KEY) or span_type
    else:
        return None
    return tool_name(name, span_type, said, lambda: _inputs(content))


def _inputs(content: str) -> Any:
    start = content.find(INPUTS_OPENING)
    text = _value_at(content, start + len(INPUTS_OPENING) - 1) if start >= 0 else ""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def said_in(content: str | None) -> str | None:
    """What a stored span says beyond what MLflow reads, as a JSON array of `Told`; None where that is nothing."""
    if content is None:
        return None
    for word in SAID_WORDS:
        if word in content:
            break
    else:
        return None
    try:
        attributes = json.loads(content)["attributes"]
        if not isinstance(attributes, dict) or _SAID_KEYS.isdisjoint(attributes):
            return None
        told = told_by(attributes)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return json.dumps(told) if any(one is not None for one in told) else None
