"""Dimensions: what traces can be sliced by, found in the data, and how each becomes a filter."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from insights_core.analytics.assessments import assessment_names, ratings_of
from insights_core.analytics.facts import View
from insights_core.analytics.filters import OUTCOMES, TOOL, Clause, quoted
from insights_core.analytics.models import Dimension, DimensionParameter, DimensionsResponse, DimensionValue
from insights_core.analytics.tags import tags
from insights_core.analytics.tools import tool_names
from insights_core.errors import InvalidParameterError

OPERATORS = [">", ">=", "<", "<=", "="]
TOOL_VALUES = list(OUTCOMES)
# A tag with more distinct values than this is typed in, not chosen from a list.
_LISTED_VALUES = 100


def dimensions(view: View) -> DimensionsResponse:
    """The dimensions that the traces of a view have. Needs span facts."""
    words = view.words
    statuses = sorted(words.status.decode(np.unique(view.traces["status"])))
    types = sorted(words.span_type.decode(code for code in np.unique(view.spans["type"]) if code >= 0))
    found = []
    if statuses:
        found.append(_enum("status", "Status", "Status of the trace", statuses))
    if types:
        found.append(_enum("span.type", "Span type", "Traces with a span of this type", types))
    if not np.isnan(view.traces["latency_ms"]).all():
        found.append(
            Dimension(
                name="latency",
                display_name="Latency",
                description="Execution time of the trace in milliseconds",
                parameters=_threshold(),
            )
        )
    for name in tool_names(view):
        found.append(
            _enum(
                f"tools.{name}",
                f"Tool: {name}",
                "Traces that call the tool; with an error; with a success",
                TOOL_VALUES,
            )
        )
    for tag in tags(view).data:
        found.append(_tag(view, tag.tag_key, tag.unique_values))
    found += [_assessment(view, name) for name in assessment_names(view)]
    return DimensionsResponse(data=found)


def _enum(name: str, display_name: str, description: str, values: list[str]) -> Dimension:
    parameter = DimensionParameter(name="value", type="enum", description=description, enum_values=values)
    return Dimension(name=name, display_name=display_name, description=description, parameters=[parameter])


def _threshold() -> list[DimensionParameter]:
    return [
        DimensionParameter(name="threshold", type="number", description="What to compare with"),
        DimensionParameter(name="operator", type="enum", description="How to compare", enum_values=OPERATORS),
    ]


def _tag(view: View, key: str, n_values: int) -> Dimension:
    description = f"Value of the tag {key}"
    if n_values <= _LISTED_VALUES:
        items = view.tag_items
        codes = items.second[items.first == view.words.tag_key.code(key)]
        return _enum(f"tags.{key}", f"Tag: {key}", description, sorted(view.words.tag_value.decode(codes)))
    parameter = DimensionParameter(name="value", type="string", description=description)
    return Dimension(name=f"tags.{key}", display_name=f"Tag: {key}", description=description, parameters=[parameter])


def _assessment(view: View, name: str) -> Dimension:
    one = ratings_of(view, view.words.assessment_name.code(name))
    description = f"Value of the assessment {name}"
    if one.type == "boolean":
        return _enum(f"assessment.{name}", f"Assessment: {name}", description, ["true", "false"])
    texts = (
        sorted({view.words.assessment_value.text(code) for code in np.unique(one.code)}) if one.type == "string" else []
    )
    if one.type == "string" and len(texts) <= _LISTED_VALUES:
        return _enum(f"assessment.{name}", f"Assessment: {name}", description, texts)
    parameters = (
        _threshold()
        if one.type == "numeric"
        else [DimensionParameter(name="value", type="string", description=description)]
    )
    return Dimension(
        name=f"assessment.{name}", display_name=f"Assessment: {name}", description=description, parameters=parameters
    )


def dimension_clauses(dimension: DimensionValue, view: View) -> list[Clause]:
    """The comparisons that a dimension with its parameters stands for.

    Raises:
        InvalidParameterError: The dimension is unknown or a parameter is missing or wrong; the message says what there is.
    """
    kind, _, rest = dimension.name.partition(".")
    nothing = not len(view)  # a range without traces answers zeros, whatever it is asked about
    if dimension.name == "status":
        return [Clause("attribute", "status", "=", _value(dimension))]
    if dimension.name == "span.type":
        return [Clause("span", "type", "=", _value(dimension))]
    if dimension.name == "latency":
        return [Clause("attribute", "execution_time_ms", *_comparison(dimension))]
    if kind == "tools" and rest and (nothing or rest in tool_names(view)):
        return [Clause(TOOL, rest, "=", _value(dimension, TOOL_VALUES))]
    if kind == "tags" and rest and (nothing or (view.tag_items.first == view.words.tag_key.code(rest)).any()):
        return [Clause("tag", rest, "=", _value(dimension))]
    if kind == "assessment" and rest and (nothing or rest in assessment_names(view)):
        return _assessment_clauses(dimension, rest, view)
    names = [one.name for one in dimensions(view).data]
    raise InvalidParameterError(
        f"There is no dimension {dimension.name!r} in these traces. There is {', '.join(names[:30]) or 'none: no traces match'}"
        f"{f' and {len(names) - 30} more' if len(names) > 30 else ''}.",
        field="dimension",
        available=names,
    )


def _assessment_clauses(dimension: DimensionValue, name: str, view: View) -> list[Clause]:
    columns = view.ratings
    mine = columns["name"] == view.words.assessment_name.code(name)
    feedback = (columns["kind"][mine] == view.words.assessment_kind.code("feedback")).any()
    kind = "feedback" if feedback else "expectation"
    if "threshold" in dimension.parameters:
        return [Clause(kind, name, *_comparison(dimension))]
    value = _value(dimension)
    if ratings_of(view, view.words.assessment_name.code(name)).type == "boolean" and value.lower() in ("true", "false"):
        value = value.lower()
    return [Clause(kind, name, "=", value)]


def _value(dimension: DimensionValue, valid: list[str] | None = None) -> str:
    value = dimension.parameters.get("value")
    if isinstance(value, bool):
        value = json.dumps(value)
    if value is None or (valid and str(value) not in valid):
        words = f"one of {', '.join(valid)}" if valid else "a value"
        raise InvalidParameterError(
            f"The dimension {dimension.name!r} needs the parameter `value`, {words}; given was {dimension.parameters}.",
            field="value",
        )
    return str(value)


def _comparison(dimension: DimensionValue) -> tuple[str, float]:
    given = dimension.parameters
    sign = given.get("operator", ">")
    try:
        threshold = float(given["threshold"])
    except (KeyError, TypeError, ValueError):
        threshold = math.nan
    if sign not in OPERATORS or not math.isfinite(threshold):
        raise InvalidParameterError(
            f"The dimension {dimension.name!r} needs the parameters `threshold`, a number, and `operator`, one of {' '.join(OPERATORS)}; given was {given}.",
            field="operator" if sign not in OPERATORS else "threshold",
        )
    return sign, int(threshold) if threshold.is_integer() else threshold


def dimension_text(dimension: DimensionValue) -> str:
    """The parameters of a dimension for people: `ERROR`, `> 5000`, `used`."""
    given: dict[str, Any] = dimension.parameters
    if "threshold" in given:
        return f"{given.get('operator', '>')} {given['threshold']}"
    return str(given.get("value", ""))


def filter_of_dimension(dimension: DimensionValue, view: View) -> str | None:
    """The dimension as a filter string for MLflow's search; equality of numbers becomes >= and <=.

    None where MLflow's search cannot say it: its filters know spans by name, and spans of two tools may share one.
    """
    texts = []
    for clause in dimension_clauses(dimension, view):
        if clause.type == TOOL:
            spans = _spans_of_tool(view, clause.key)
            if spans is None:
                return None
            outcome = OUTCOMES[clause.value]
            texts += [spans, *([str(Clause("span", "status", *outcome))] if outcome else [])]
        elif (
            clause.type in ("feedback", "expectation")
            and clause.comparator == "="
            and isinstance(clause.value, (int, float))
        ):
            texts += [str(Clause(clause.type, clause.key, sign, clause.value)) for sign in (">=", "<=")]
        else:
            texts.append(str(clause))
    return " AND ".join(texts)


def _spans_of_tool(view: View, tool: str) -> str | None:
    """The calls of a tool in MLflow's syntax; None where its spans cannot be told from others by name and type."""
    spans, words = view.spans, view.words
    mine = spans["tool"] == words.tool.code(tool)
    codes = np.unique(spans["name"][mine])
    alike = np.isin(spans["name"], codes)
    typed = spans["type"] == words.span_type.code("TOOL")
    texts = [_named_one_of(words.span_name.decode(codes))] if len(codes) else [str(Clause("span", "name", "=", tool))]
    if typed[mine].all():
        texts.append(str(Clause("span", "type", "=", "TOOL")))
        alike &= typed
    if (alike & ~mine).any() or any("'" in text and '"' in text for text in words.span_name.decode(codes)):
        return None
    return " AND ".join(texts)


def _named_one_of(names: list[str]) -> str:
    if len(names) == 1:
        return str(Clause("span", "name", "=", names[0]))
    return f"span.name IN ({', '.join(quoted(name) for name in sorted(names))})"
