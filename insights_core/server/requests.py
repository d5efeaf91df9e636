"""What routes take: bodies made from the methods of the client, and the routes of operations."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from types import NoneType
from typing import Annotated, Any, NotRequired, get_args, get_type_hints

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator
from typing_extensions import TypedDict

from insights_core.client import InsightsClient
from insights_core.operations import Parameter, definition, members, operation
from insights_core.server.caller import Caller, SignedIn

ExperimentId = Annotated[
    str, Field(pattern=r"^[0-9]{1,18}$", examples=["0"], description="The experiment, a whole number.")
]
"""MLflow's experiment ids are whole numbers; on anything else its own API breaks."""

NOT_IN_BODIES = {
    "author": "The signed-in caller is the author.",
    "progress": "An answer comes once, at the end.",
    "background": "A route answers at once; the work goes on in a process of its own.",
}
"""Arguments that no body has, and why."""

RENAMED = {("update_analysis", "run_id"): "insights_run_id"}
"""Arguments that the contract names otherwise in REST."""


class EvidenceRequest(TypedDict):
    """A trace and why it counts."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    trace_id: str
    rationale: str
    supports: NotRequired[bool | None]


class Request(BaseModel):
    """An unknown field in a request is a mistake."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, values: Any) -> Any:
        """PostgreSQL's texts cannot hold the character NUL, no text in UTF-8 half a character; no id or name has them."""
        if isinstance(values, dict):
            text = json.dumps(values, ensure_ascii=False)
            if "\\u0000" in text:
                raise ValueError("a text holds the character NUL, which cannot be stored")
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise ValueError("a text holds half a character (a lone surrogate), which cannot be stored")
        return values


def _each_once(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


# Arguments that a route takes in another way than the client: it has no default experiment, and JSON has no classes.
_KINDS: dict[str, Any] = {
    "experiment_id": ExperimentId,
    "experiment_ids": Annotated[list[ExperimentId], Field(min_length=1), AfterValidator(_each_once)],
    "theme": dict[str, Any] | str,
    "evidence": list[EvidenceRequest] | None,
    "add_evidence": list[EvidenceRequest] | None,
}


def _kind(parameter: Parameter) -> Any:
    """The one type that JSON gives an argument: of an enum or a model rather than of what else the client takes."""
    if parameter.name in _KINDS:
        return _KINDS[parameter.name]
    given = members(parameter.kind)
    chosen = [one for one in given if isinstance(one, type) and issubclass(one, Enum | BaseModel)][:1]
    plain: Any = parameter.kind
    optional = NoneType in get_args(parameter.kind)
    if chosen:
        plain = chosen[0]
    elif _is_list(given[0]):
        plain = list[get_args(given[0])[0]]  # type: ignore[misc]
    elif getattr(given[0], "__origin__", None) is Mapping:
        plain = dict[str, Any]
    elif given == [str] and parameter.required:
        return Annotated[str, Field(min_length=1)]
    return plain | None if optional and plain is not parameter.kind else plain


def _name(method: str, parameter: Parameter) -> str:
    return RENAMED.get((method, parameter.name), parameter.name)


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (Iterable, Collection)


def body_of(method: str, base: type[BaseModel] = Request) -> type[BaseModel]:
    """The body that a route of this operation takes.

    Args:
        method: The operation, by its method of the client.
        base: What the body has beside the method's arguments.
    """
    fields: dict[str, Any] = {}
    for parameter in definition(method).parameters:
        if parameter.name in NOT_IN_BODIES:
            continue
        default = ... if parameter.required or parameter.name == "experiment_id" else parameter.default
        about: dict[str, Any] = {} if parameter.name == "experiment_id" else {"description": parameter.text}
        fields[_name(method, parameter)] = (_kind(parameter), Field(default, **about))
    name = "".join(part.capitalize() for part in method.rpartition(".")[2].split("_"))
    return create_model(f"{name}Request", __base__=base, **fields)


def add_route(
    router: APIRouter, method: str, answer: Callable[[Caller, BaseModel], Any], model: Any, base: type = Request
) -> None:
    """Let a router answer an operation.

    Args:
        router: Its prefix is where the operation's route begins.
        method: The operation, by its method of the client.
        answer: Makes the answer of a body with the caller's rights, outside the event loop.
        model: What it answers.
        base: What the body has beside the method's arguments.
    """

    async def endpoint(body: Any, caller: Any) -> Any:
        return await caller.run(lambda: answer(caller, body))

    endpoint.__annotations__ = {"body": body_of(method, base), "caller": SignedIn}
    path = f"/{operation(method).route}".removeprefix(router.prefix)
    router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        response_model=model,
        name=method,
        operation_id=method.replace(".", "_"),
        summary=method.replace("_", " ").replace(".", ": ").capitalize(),
        description=definition(method).text,
    )


def route(router: APIRouter) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route of the operation that a function is named after; it gets the client and the method's arguments."""

    def add(work: Callable[..., Any]) -> Callable[..., Any]:
        def answer(caller: Caller, body: BaseModel) -> Any:
            client: InsightsClient = caller.client
            return work(client, **dict(body))

        add_route(router, work.__name__, answer, get_type_hints(work)["return"])
        return work

    return add
