"""Commands of operations: their options are made from the client's method when somebody asks for them.

A command that only lists itself must not import the client, which costs half a second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from insights_core.cli.rendering import example, output_option

if TYPE_CHECKING:
    from insights_core.operations import Parameter

EVIDENCE_EXAMPLE = '{"trace_id": "tr-123", "rationale": "Waits 32 s for a lock on users", "supports": true}'
NOT_OPTIONS = {
    "progress": "A function; commands show their progress themselves.",
    "min_support": "For pages and scripts.",
    "max_q": "For pages and scripts.",
    ("estimate_insight", "theme"): "It has many fields; --theme names one that is kept.",
    ("create_insight", "theme"): "It has many fields; --theme names one that is kept.",
    ("analytics.correlations", "slice"): "Its --filter is the slice.",
}
"""Arguments that no command takes, and why; by name, or by method and name."""

_PAIR = re.compile(r"\s*tr-[^\s:]+\s*:")


class Time(click.ParamType):
    """Epoch milliseconds, or an ISO date or time (UTC where no zone is given)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int) or re.fullmatch(r"-?\d+", value):
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither epoch milliseconds nor a time such as 2026-01-31T12:00.", param, ctx)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class Dimension(click.ParamType):
    """JSON, or the short form NAME=VALUE, NAME>THRESHOLD."""

    name = "dimension"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, dict) else dimension_of(value)


def dimension_of(text: str) -> dict[str, Any]:
    """A dimension from JSON, or from the short form NAME=VALUE, NAME>THRESHOLD.

    Raises:
        InvalidParameterError: It is neither.
    """
    from insights_core.errors import InvalidParameterError

    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidParameterError(f"The dimension {text!r} is not valid JSON: {error}.") from error
    found = re.fullmatch(r"(.+?)(>=|<=|>|<|=)(.*)", text)
    if not found:
        raise InvalidParameterError(
            f"The dimension {text!r} is neither JSON nor NAME=VALUE nor NAME>NUMBER; for example status=ERROR or 'latency>5000'."
        )
    name, sign, value = found.groups()
    if sign == "=" and name != "latency":
        return {"name": name, "parameters": {"value": value}}
    return {"name": name, "parameters": {"threshold": value, "operator": sign}}


class Member(click.Choice):
    """A member of an enum; the client refuses others, in one line that names them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value


class Scalar(click.ParamType):
    """true, false and numbers are taken as such, anything else as a text."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            parsed = json.loads(value)
        except json.JSONDecodeError:
            return value
        return parsed if isinstance(parsed, bool | int | float | str) else value


def _read_evidence(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[Any] | None:
    """Evidence as JSON or as "tr-…: rationale"; what is neither is refused with the position and the right form."""
    found: list[Any] = []
    for place, text in enumerate(texts, start=1):
        which = f"evidence {place}" if len(texts) > 1 else "this"
        if _PAIR.match(text):
            found.append(text)
            continue
        try:
            item = json.loads(text)
        except json.JSONDecodeError as error:
            raise click.BadParameter(
                f"{which} is not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}): "
                f"{text[max(0, error.pos - 15) : error.pos + 15]!r}. Write it as '{EVIDENCE_EXAMPLE}'.",
                ctx,
                param,
            ) from error
        if not isinstance(item, dict):
            raise click.BadParameter(f"{which} is no JSON object. Write it as '{EVIDENCE_EXAMPLE}'.", ctx, param)
        found.append(item)
    return found or None


def _key_values(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any] | None:
    """NAME=VALUE pairs; a value that is JSON (a number, true) is taken as such."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"{text!r} is no pair. Write it as p99_ms=1200.", ctx, param)
        try:
            found[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            found[name.strip()] = value
    return found or None


_START = {"type": Time(), "help": "From then on: epoch milliseconds, or 2026-01-31T12:00 (UTC)."}
_END = {"type": Time(), "help": "Up to and with then, written likewise."}
_EVIDENCE = {
    "multiple": True,
    "metavar": "JSON",
    "callback": _read_evidence,
    "help": f"A trace and why it counts, or \"tr-…: rationale\"; repeat for more. For example '{EVIDENCE_EXAMPLE}'.",
}
# Flag, and what a person types in another way than a script gives it.
SPELLED: dict[str, tuple[str, dict[str, Any]]] = {
    "insights_run_id": ("--run-id", {}),
    "experiment_id": ("--experiment-id", {"help": "The experiment; by default MLFLOW_EXPERIMENT_ID."}),
    "experiment_ids": (
        "--experiment-id",
        {"multiple": True, "help": "The experiment; repeat for more; by default MLFLOW_EXPERIMENT_ID."},
    ),
    "filter_string": ("--filter", {}),
    "slice": ("--filter", {"type": click.STRING, "help": "Only traces that match, in MLflow's filter syntax."}),
    "start_time": ("--start-time", _START),
    "end_time": ("--end-time", _END),
    "start_time_ms": ("--start-time", _START),
    "end_time_ms": ("--end-time", _END),
    "evidence": ("--evidence", _EVIDENCE),
    "add_evidence": ("--add-evidence", _EVIDENCE | {"metavar": "TEXT"}),
    "theme_id": ("--theme", {}),
    "theme_ids": (
        "--theme",
        {"multiple": True, "help": "A theme to run; by default all that are switched on. Repeat for more."},
    ),
    "theme": (
        "--field",
        {
            "multiple": True,
            "metavar": "NAME=VALUE",
            "callback": _key_values,
            "type": None,
            "help": "A field of the theme, its value as JSON or a text; repeat for more.",
        },
    ),
    "dimension1": ("--dimension1", {"type": Dimension(), "help": "NAME=VALUE, 'NAME>NUMBER', or JSON."}),
    "dimension2": ("--dimension2", {"type": Dimension(), "help": "The other, written likewise."}),
}


def option_of(parameter: Parameter) -> click.Option:
    """The option of one argument."""
    from insights_core.operations import members

    kinds = members(parameter.kind)
    settings: dict[str, Any] = {"help": parameter.text, "type": _type(kinds)}
    flag = "--" + parameter.name.replace("_", "-")
    unset = None if parameter.required else parameter.default
    if get_origin(kinds[0]) is Mapping:
        flag = flag.removesuffix("s")
        settings |= {"multiple": True, "metavar": "NAME=VALUE", "callback": _key_values, "type": None}
        settings["help"] += " Repeat for more."
    elif kinds == [bool]:
        settings |= {"is_flag": True, "type": None}
    elif isinstance(get_origin(kinds[0]), type) and issubclass(get_origin(kinds[0]), Iterable):
        flag = flag.removesuffix("s")
        settings |= {
            "multiple": True,
            "callback": lambda ctx, param, given: list(given) or unset,
            "type": _type(get_args(kinds[0])[:1]),
        }
        settings["help"] += " Repeat for more."
    flag, spelled = SPELLED.get(parameter.name, (flag, {}))
    settings |= spelled
    asked = parameter.required and parameter.name not in ("experiment_id", "experiment_ids")
    if asked:
        settings["required"] = True
    elif not settings.get("multiple") and not parameter.required:
        settings |= {
            "default": parameter.default,
            "show_default": parameter.default is not False and str(parameter.default) not in ("", "None"),
        }
    return click.Option([flag, parameter.name], **settings)


def _type(kinds: Iterable[Any]) -> click.ParamType | None:
    """How click reads one value of a type."""
    kinds = list(kinds)
    for kind in kinds:
        if get_origin(kind) is Literal:
            return click.Choice(get_args(kind))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return Member([str(one) for one in kind], case_sensitive=True)
    if len(kinds) > 1 and bool in kinds:
        return Scalar()
    scalars: dict[Any, click.ParamType] = {int: click.INT, float: click.FLOAT}
    return scalars.get(kinds[0], click.STRING)


class OperationCommand(click.Command):
    """A command whose options are its operation's and its own."""

    method = ""
    own: tuple[click.Parameter, ...] = ()

    @property
    def params(self) -> list[click.Parameter]:
        if "_params" not in self.__dict__:
            self.__dict__["_params"] = [*self._made(), *self.own]
        return self.__dict__["_params"]

    @params.setter
    def params(self, given: list[click.Parameter]) -> None:
        self.own = tuple(given)

    def _made(self) -> list[click.Parameter]:
        from insights_core.entities.insight import InsightSpec
        from insights_core.operations import definition, flat_fields

        taken = {one.name for one in self.own}
        found: list[click.Parameter] = []
        for parameter in definition(self.method).parameters:
            if parameter.kind is InsightSpec:
                found += [
                    option_of(each) for each in flat_fields(InsightSpec) if (self.method, each.name) not in NOT_OPTIONS
                ]
            elif not {parameter.name, (self.method, parameter.name)} & (set(NOT_OPTIONS) | taken):
                found.append(option_of(parameter))
        return found


def operation(text: str, method: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the operation that a function is named after; it gets the client's arguments, and `output`.

    Args:
        text: An example: the command's line in its help, after `mlflow-insights`.
        method: The operation where the function has another name.
    """

    def make(function: Callable[..., Any]) -> click.Command:
        name = method or function.__name__
        words = text.split()
        command_name = words[1] if words[0] in ("analytics", "themes") else words[0]
        command = click.command(command_name, cls=OperationCommand, epilog=example(text))(output_option(function))
        command.method = name
        return command

    return make
