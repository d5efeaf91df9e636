"""An operation is defined once, by the client's method: its command and its route take the same and say the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, get_origin

import click
import pytest

from insights_core.analytics.client import Analytics
from insights_core.cli import main
from insights_core.cli.options import NOT_OPTIONS, SPELLED
from insights_core.client import InsightsClient
from insights_core.entities.insight import InsightSpec
from insights_core.operations import OPERATIONS, Operation, Parameter, definition, flat_fields, members
from insights_core.server import BASE_PATH
from insights_core.server.app import openapi_document
from insights_core.server.requests import NOT_IN_BODIES, RENAMED

SDK_ONLY = {
    "who": "who stands in the history, for those who build on the client",
    "experiment_or_default": "which experiment is meant, for those who build on the client",
    "summarize_analyses": "lines for a page that asks every second; lists hold the same",
    "summarize_hypotheses": "lines for a page that asks every second; lists hold the same",
    "summarize_issues": "lines for a page that asks every second; lists hold the same",
    "count_traces": "MLflow's own API and `mlflow traces` search traces",
    "search_traces": "MLflow's own API and `mlflow traces` search traces",
    "get_trace": "MLflow's own API and `mlflow traces` show traces",
    "list_experiments": "MLflow's own API and `mlflow experiments` list them",
    "propose_failure_rules": "for the dialog that asks for such a rule",
    "get_insight_details": "`get-insight` prints them; over REST they are an artifact of the run",
    "get_insight_spec": "an artifact of the run",
    "list_themes": "`themes list` shows them with their last runs",
    "theme_history": "`get` shows a theme with its history",
    "analytics.refresh": "of this process; each command is its own, a server refreshes itself",
    "analytics.freshness": "of this process",
    "analytics.sessions": "array for pages that compute on",
    "analytics.slice_trace_ids": "MLflow's own API searches traces; for pages that hand a slice on",
    "analytics.dimension_filter": "for links of pages",
}
CLI_ONLY = {
    "demo": "loads, runs and serves",
    "serve": "serves the dashboard",
    "scorecard": "judges methods on labelled texts, with no server",
    "analytics": "a group",
    "themes": "a group",
    "cards": "events of a tenant in Redis, with an API of their own (`insights_core.cards`)",
}
SAID_BY_COMMANDS = {
    "--output": "how to print",
    "--wait": "commands end at once or show the progress",
    "--every": "a worker that looks again and again",
    "--yes": "asks before deleting",
}
SERIES = {"time_bucket"}  # every analytics route takes it; answers without a series pay no heed to it
NAMES = [one.method for one in OPERATIONS]


def _public(kind: type, prefix: str = "") -> set[str]:
    return {prefix + name for name, member in inspect.getmembers(kind, callable) if not name.startswith("_")}


def _commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in main.list_commands(context)}
    groups = {name: found[name] for name in ("analytics", "themes")}
    inside = {f"{name} {n}": c for name, one in groups.items() for n, c in one.commands.items()}  # type: ignore
    return {name: one for name, one in found.items() if one} | inside


COMMANDS = _commands()
DOCUMENT = openapi_document()


def _body(route: str) -> tuple[dict[str, Any], set[str]]:
    """A route's fields in the OpenAPI document, and those that must be given."""
    schema = DOCUMENT["paths"][f"/api{BASE_PATH}/{route}"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    found = _resolved(schema)
    return found["properties"], set(found.get("required", ()))


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def test_every_method_of_the_client_is_an_operation_or_says_why_not():
    inherited = _public(InsightsClient.__mro__[-2], "analytics.")
    methods = _public(InsightsClient) | (_public(Analytics, "analytics.") - inherited)
    assert methods == set(NAMES) | set(SDK_ONLY)
    assert len(NAMES) == len(set(NAMES))


def test_every_command_is_an_operation_or_says_why_not():
    assert set(COMMANDS) == {one.command for one in OPERATIONS if one.command} | set(CLI_ONLY)


def test_every_route_is_an_operation():
    prefix = f"/api{BASE_PATH}/"
    assert {path.removeprefix(prefix) for path in DOCUMENT["paths"]} == {one.route for one in OPERATIONS if one.route}


@pytest.mark.parametrize("method", NAMES)
def test_every_argument_says_what_it_means(method):
    found = definition(method)
    assert found.text
    assert [one.name for one in found.parameters if not one.text and one.name not in NOT_OPTIONS] == []


def _type_of(parameter: Parameter) -> str:
    """The class of an argument's type, as a person knows it: one of a few, true or false, a number, a text, several."""
    first = members(parameter.kind)
    if any(get_origin(one) is Literal or (isinstance(one, type) and issubclass(one, Enum)) for one in first):
        return "choice"
    if len(first) > 1 and bool in first:
        return "value"
    if any(get_origin(one) not in (None, dict, Mapping) for one in first):
        return "several"
    return {bool: "flag", int: "integer", float: "number"}.get(first[0], "text" if first[0] is str else "object")


def _type_of_option(option: click.Option) -> str:
    if option.is_flag:
        return "flag"
    if option.multiple:
        return "object" if option.metavar == "NAME=VALUE" else "several"
    if isinstance(option.type, click.Choice):
        return "choice"
    return {"text": "text", "time": "integer", "dimension": "object", "float": "number"}.get(
        option.type.name, option.type.name
    )


def _type_of_field(schema: dict[str, Any]) -> str:
    kinds = [_resolved(one) for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if len(kinds) > 1:
        return "value"
    if "enum" in kinds[0]:
        return "choice"
    return {"string": "text", "boolean": "flag", "array": "several"}.get(kinds[0]["type"], kinds[0]["type"])


def _expected(method: str) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for one in definition(method).parameters:
        flat = flat_fields(InsightSpec) if one.kind is InsightSpec else [one]
        found |= {each.name: each for each in flat}
    return found


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.command], ids=lambda one: one.command)
def test_a_command_takes_what_the_method_takes(one: Operation):
    command = COMMANDS[str(one.command)]
    given = {option.name: option for option in command.params if isinstance(option, click.Option)}
    own = {name for name, option in given.items() if option.opts[0] in SAID_BY_COMMANDS}
    arguments = {option.name for option in command.params if isinstance(option, click.Argument)}
    expected = {
        name: parameter
        for name, parameter in _expected(one.method).items()
        if name not in arguments and not {name, (one.method, name)} & set(NOT_OPTIONS)
    }
    assert set(given) - own == set(expected)
    for name, parameter in expected.items():
        option = given[name]
        falls_back = name in ("experiment_id", "experiment_ids")  # on MLFLOW_EXPERIMENT_ID
        assert option.required == (parameter.required and not falls_back), name
        if not option.multiple and not parameter.required:
            assert option.default == parameter.default, name
        # A filter is how a person writes a slice; several experiments may be one.
        assert _type_of_option(option) == {"slice": "text", "experiment_ids": "several"}.get(
            name, _type_of(parameter)
        ), name
        if "help" not in SPELLED.get(name, ("", {}))[1]:
            assert str(option.help).startswith(parameter.text), name


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.route], ids=lambda one: one.route)
def test_a_route_takes_what_the_method_takes(one: Operation):
    fields, needed = _body(str(one.route))
    expected = {
        RENAMED.get((one.method, parameter.name), parameter.name): parameter
        for parameter in definition(one.method).parameters
        if parameter.name not in NOT_IN_BODIES
    }
    assert set(fields) - (SERIES - set(expected) if "analytics." in one.method else set()) == set(expected)
    for name, parameter in expected.items():
        field = fields[name]
        # A server has no default experiment.
        assert (name in needed) == (parameter.required or name == "experiment_id"), name
        if name not in needed:
            default = parameter.default
            assert field.get("default") == (list(default) if isinstance(default, tuple) else default), name
        special = {"slice": "object", "theme": "value", "experiment_ids": "several", "spec": "object"}
        assert _type_of_field(field) == special.get(name, _type_of(parameter)), name
        if name not in ("experiment_id", "spec"):
            assert field["description"] == parameter.text, name


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.method)
def test_method_command_and_route_say_the_same(one: Operation):
    text = definition(one.method).text
    if one.route:
        assert DOCUMENT["paths"][f"/api{BASE_PATH}/{one.route}"]["post"]["description"] == text
    if one.command:
        said = str(COMMANDS[one.command].help)
        begin = re.split(r"[;.]", said)[0]
        assert text.startswith(begin), (said, text)
