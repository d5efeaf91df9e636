"""From the text of an answer to a checked object, and from a model class to the schema that is sent."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
# What strict structured output does not take; the answer is checked against the full model afterwards.
_NOT_STRICT = (
    "default",
    "title",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
)
_MAX_STARTS = 50


class MisfitError(ValueError):
    """The answer does not fit; the message is for the model to read."""


@cache
def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model as strict structured output wants it: every field required, no others allowed. Not to be changed: it is shared."""
    schema = _strict(model.model_json_schema())
    assert isinstance(schema, dict)  # noqa: S101  (a model's schema is an object)
    return schema


def _strict(node: Any, names: bool = False) -> Any:
    """Args: node: a part of a schema; names: its keys are field names, not keywords."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _strict(value) for key, value in node.items()}
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    kept = {
        key: _strict(value, key in ("properties", "$defs")) for key, value in node.items() if key not in _NOT_STRICT
    }
    if "properties" in kept:
        kept["additionalProperties"] = False
        kept["required"] = list(kept["properties"])
    return kept


def read_answer(text: str, schema: type[M]) -> M:
    """The object in an answer, also out of code fences, thoughts or prose around it.

    Raises:
        MisfitError: No JSON object in it fits the schema.
    """
    problem = "there is no JSON object in it"
    fields = {field.alias or name for name, field in schema.model_fields.items()}
    for value in _objects_in(text):
        # An object from inside a broken one must not pass for the answer where every field has a default.
        if fields and not fields & value.keys():
            problem = f"it has none of the fields {', '.join(sorted(fields))}"
            continue
        try:
            return schema.model_validate(value)
        except ValidationError as error:
            problem = _in_words(error)
    raise MisfitError(problem)


def content_of(answer: dict[str, Any]) -> tuple[str, bool, str]:
    """Text, whether it was cut off, and why it was declined ("" where it was not); tolerant of what servers leave out."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message") or {}
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    reason = choice.get("finish_reason")
    refusal = message.get("refusal") or ("its content filter" if reason == "content_filter" else "")
    return str(content or ""), reason == "length", str(refusal)


def _objects_in(text: str) -> list[dict[str, Any]]:
    text = _THINKING.sub("", text).strip()
    try:
        whole = json.loads(text)
        if isinstance(whole, dict):
            return [whole]
    except ValueError:
        pass
    found: list[dict[str, Any]] = []
    for part in [*_FENCED.findall(text), text]:
        position, starts = part.find("{"), 0
        while position >= 0 and starts < _MAX_STARTS:
            starts += 1
            try:
                value, end = json.JSONDecoder(strict=False).raw_decode(part, position)
                found.append(value)
                position = part.find("{", end)
            except (ValueError, RecursionError):
                position = part.find("{", position + 1)
    return found


def _in_words(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(step) for step in fault['loc']) or 'the object'}: {fault['msg']}"
        for fault in error.errors()[:5]
    ]
    return "; ".join(faults)
