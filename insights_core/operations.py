"""Which operations there are, each defined once: by its method of the client.

A method's signature says what an operation takes, its docstring what that means. Options of the command line and bodies
of REST are made from both; `tests/test_operations.py` compares what came of it. A new operation is a method and a line
here, then a command and a route that say how to show the answer.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel


class Operation(NamedTuple):
    """The names of one operation."""

    method: str
    """Of the client; `analytics.volume` is one of its analytics."""
    command: str | None
    route: str | None


OPERATIONS = (
    Operation("import_traces", "import-traces", None),
    Operation("estimate_insight", "estimate", "jobs/estimate"),
    Operation("create_insight", "create-insight", "jobs/create"),
    Operation("get_insight", "get-insight", "jobs/get"),
    Operation("list_insights", "list-insights", "jobs/list"),
    Operation("cancel_insight", "cancel-insight", "jobs/cancel"),
    Operation("resume_insight", "resume-insight", "jobs/resume"),
    Operation("delete_insight", "delete-insight", "jobs/delete"),
    Operation("list_theme_standings", "themes list", "themes/list"),
    Operation("get_theme", "themes get", "themes/get"),
    Operation("create_theme", "themes create", "themes/create"),
    Operation("update_theme", "themes update", "themes/update"),
    Operation("delete_theme", "themes delete", "themes/delete"),
    Operation("copy_theme", "themes copy", "themes/copy"),
    Operation("export_theme", "themes export", None),
    Operation("import_theme", "themes import", None),
    Operation("preview_theme", "themes preview", "themes/preview"),
    Operation("test_theme", "themes test", "themes/test"),
    Operation("run_themes", "themes run", "themes/run"),
    Operation("list_topic_trends", "themes trends", "themes/trends"),
    Operation("list_alerts", "themes alerts", "themes/alerts"),
    Operation("test_alerts", "themes test-alerts", "themes/test-alerts"),
    Operation("create_analysis", "create-analysis", "agentic/analyses/create"),
    Operation("update_analysis", "update-analysis", "agentic/analyses/update"),
    Operation("list_analyses", "list-analyses", "agentic/analyses/list"),
    Operation("get_analysis", "get-analysis", "agentic/analyses/get"),
    Operation("create_hypothesis", "create-hypothesis", "agentic/hypotheses/create"),
    Operation("update_hypothesis", "update-hypothesis", "agentic/hypotheses/update"),
    Operation("list_hypotheses", "list-hypotheses", "agentic/hypotheses/list"),
    Operation("get_hypothesis", "get-hypothesis", "agentic/hypotheses/get"),
    Operation("preview_hypotheses", "preview-hypotheses", "agentic/hypotheses/preview"),
    Operation("create_issue", "create-issue", "agentic/issues/create"),
    Operation("update_issue", "update-issue", "agentic/issues/update"),
    Operation("list_issues", "list-issues", "agentic/issues/list"),
    Operation("get_issue", "get-issue", "agentic/issues/get"),
    Operation("preview_issues", "preview-issues", "agentic/issues/preview"),
    Operation("log_issue_assessments", "log-issue-assessments", "agentic/issues/log-assessments"),
    Operation("analytics.volume", "analytics volume", "traffic-cost/volume"),
    Operation("analytics.latency", "analytics latency", "traffic-cost/latency"),
    Operation("analytics.errors", "analytics errors", "traffic-cost/errors"),
    Operation("analytics.cost_and_tokens", "analytics cost-and-tokens", "traffic-cost/cost-and-tokens"),
    Operation("analytics.changes", "analytics changes", "traffic-cost/changes"),
    Operation("analytics.assessments", "analytics assessments", "assessments/discovery"),
    Operation("analytics.assessment", "analytics assessment", "assessments/metrics"),
    Operation("analytics.tools", "analytics tools", "tools/discovery"),
    Operation("analytics.tool", "analytics tool", "tools/metrics"),
    Operation("analytics.tags", "analytics tags", "tags/discovery"),
    Operation("analytics.tag", "analytics tag", "tags/metrics"),
    Operation("analytics.dimensions", "analytics dimensions", "dimensions/discovery"),
    Operation("analytics.npmi", "analytics npmi", "dimensions/calculate-npmi"),
    Operation("analytics.correlations", "analytics correlations", "correlations"),
)

NEEDED = {
    ("create_analysis", "run_name"),
    ("update_issue", "issue_id"),
    ("analytics.correlations", "filter_string"),
}
"""Arguments with a default that only keeps the order of the signature; without them a command or route cannot answer."""


class Parameter(NamedTuple):
    """One argument of an operation."""

    name: str
    kind: Any
    """Its type, as annotated."""
    default: Any
    """`inspect.Parameter.empty` where it must be given."""
    text: str

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


class Definition(NamedTuple):
    """What a method says of itself."""

    text: str
    """The docstring's prose: all before its sections."""
    parameters: tuple[Parameter, ...]
    answer: str
    """Its return annotation."""


def operation(method: str) -> Operation:
    """The operation of a method."""
    return next(one for one in OPERATIONS if one.method == method)


def function_of(method: str) -> Callable[..., Any]:
    """The function that a method's name means."""
    from insights_core.analytics.client import Analytics
    from insights_core.client import InsightsClient

    owner, _, name = method.rpartition(".")
    found: Callable[..., Any] = getattr(Analytics if owner else InsightsClient, name)
    return found


@cache
def definition(method: str) -> Definition:
    """What an operation takes and means, read from its method."""
    function = function_of(method)
    prose, texts = _read(inspect.getdoc(function) or "")
    texts = _shared() | texts
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    kinds = types_of(function, [one.name for one in parameters])
    return Definition(
        prose,
        tuple(
            Parameter(
                one.name,
                kinds[one.name],
                inspect.Parameter.empty if (method, one.name) in NEEDED else one.default,
                texts.get(one.name, ""),
            )
            for one in parameters
        ),
        str(function.__annotations__.get("return", "")),
    )


def types_of(function: Callable[..., Any], names: list[str]) -> dict[str, Any]:
    """Annotations as types; only those named, as others may need imports that are made for type checkers alone."""
    wanted = SimpleNamespace(__annotations__={name: function.__annotations__[name] for name in names})
    return typing.get_type_hints(wanted, function.__globals__, include_extras=True)


@cache
def _shared() -> dict[str, str]:
    """What arguments mean that many methods take, from the docstrings of their classes."""
    from insights_core.analytics.client import Analytics
    from insights_core.client import InsightsClient

    found: dict[str, str] = {}
    for kind in (*InsightsClient.__mro__, Analytics):
        found |= _read(inspect.getdoc(kind) or "" if "__doc__" in vars(kind) else "", "Shared args:")[1]
    return found


def _read(docstring: str, section: str = "Args:") -> tuple[str, dict[str, str]]:
    """Prose and arguments of a docstring in Google's style."""
    prose = re.split(r"\n\n(?:Args|Shared args|Returns|Raises|Attributes):\n", docstring)[0]
    begin = re.search(rf"^{section}\n((?:    .*\n?|\n)*)", docstring, re.MULTILINE)
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", begin[1], re.MULTILINE) if begin else []
    return " ".join(prose.split()), {name: " ".join(text.split()) for name, text in entries}


def members(kind: Any) -> list[Any]:
    """The types that a type is one of, without None and what is annotated to them."""
    if get_origin(kind) is Annotated:
        return members(get_args(kind)[0])
    if get_origin(kind) in (typing.Union, UnionType):
        return [each for part in get_args(kind) for each in members(part)]
    return [] if kind is NoneType else [kind]


def flat_fields(model: type[BaseModel]) -> Iterator[Parameter]:
    """The fields of a model and of the models in it as arguments, each name once."""
    seen: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            parts = list(flat_fields(inner))
        else:
            default = inspect.Parameter.empty if field.is_required() else field.default
            parts = [Parameter(name, inner, default, " ".join((field.description or "").split()))]
        yield from (part for part in parts if part.name not in seen)
        seen |= {part.name for part in parts}
