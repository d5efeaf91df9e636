"""Which spans are calls of tools, and what the tool is called: one answer for texts, the viewer and analytics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOOL_NAME_KEYS: tuple[str, ...] = (
    "gen_ai.tool.name",  # OpenTelemetry's GenAI conventions: Vercel 7, pydantic-ai, strands, Google ADK, AutoGen, Mastra
    "ai.toolCall.name",  # Vercel AI SDK until 6
    "tool.name",  # OpenInference, VoltAgent
    "lk.function_tool.name",  # LiveKit
    "spring.ai.tool.definition.name",  # Spring AI
    "mcp.tool.name",  # MCP instrumentations
    "tool_name",  # Claude Code, by MLflow's hook and by its own telemetry
)
"""Attributes that name the tool, most telling first."""

TOOL_KINDS: Mapping[str, frozenset[str]] = {
    "openinference.span.kind": frozenset({"tool"}),
    "traceloop.span.kind": frozenset({"tool"}),
    "gen_ai.operation.name": frozenset({"execute_tool", "tool_call"}),
    "ai.operationId": frozenset({"ai.toolcall"}),
    "langfuse.observation.type": frozenset({"tool"}),
    "lmnr.span.type": frozenset({"tool"}),
    "langsmith.span.kind": frozenset({"tool"}),
    "spring.ai.kind": frozenset({"tool_call"}),
    "genkit:metadata:subtype": frozenset({"tool"}),
    "span.type": frozenset({"tool", "claude_code.tool"}),
    "mcp.method.name": frozenset({"tools/call"}),
}
"""Attribute -> what it says, in small letters, where a span is a call of a tool."""

# Their mere presence makes a span one of a tool, where its type says nothing else.
TELLING_KEYS = TOOL_NAME_KEYS[:-1]
# Named where the kind is known already: there the key is that of any span of this producer.
KIND_NAME_KEYS = ("traceloop.entity.name", "genkit:name", "name")
# A span that MLflow says to be one of these is none of a tool, whatever tools its attributes name.
OTHER_TYPES = frozenset({"LLM", "CHAT_MODEL", "EMBEDDING", "AGENT", "RERANKER", "PARSER"})
_SAID_BY_NAME = re.compile(
    r"^(?:(?:execute_tool|mcp_tool_call|tool_call|tool call|running tool|tools/call|ai\.toolCall)[:\s]+|tool:\s+|Tool\.)(.+)$",
    re.DOTALL,
)
# How wrappers call their spans: a class and its method, which say nothing of the tool.
_WRAPPER = re.compile(
    r"^(?:\w*Tool(?:set|Manager|Usage|Call)?|MCP\w+|BaseTool|ai)"
    r"(?:\._?_?(?:a?call|a?run|a?invoke|_use|use|execute|forward|handle_call|call_tool|direct_call_tool|toolCall)(?:__)?)?$"
)
_INPUT_NAME_KEYS = ("tool_name", "toolName", "name")
_MAX_NAME = 200  # characters; what is longer is no name


def _word(value: Any) -> str:
    """A name in an attribute, which MLflow stores as JSON text; empty where it is none."""
    if not isinstance(value, str):
        return ""
    if value[:1] == '"' == value[-1:] and len(value) > 1:
        try:
            value = json.loads(value)
        except ValueError:
            value = value[1:-1]
    value = str(value).strip()
    return value if len(value) <= _MAX_NAME else ""


def is_tool(span_type: str | None, attributes: Mapping[str, Any]) -> bool:
    """Whether a span is a call of a tool.

    Args:
        span_type: MLflow's type of the span, bare or as JSON text.
        attributes: Its attributes, bare or as JSON text.
    """
    kind = _word(span_type).upper()
    if kind == "TOOL":
        return True
    for key, kinds in TOOL_KINDS.items():
        if key in attributes and _word(attributes[key]).lower() in kinds:
            return True
    return kind not in OTHER_TYPES and any(key in attributes and _word(attributes[key]) for key in TELLING_KEYS)


def tool_name(
    name: str, span_type: str | None, attributes: Mapping[str, Any], inputs: Callable[[], Any] | None = None
) -> str | None:
    """What the tool is called that a span is a call of; None where it is none.

    Args:
        name: The span's name.
        span_type: MLflow's type of the span, bare or as JSON text.
        attributes: Its attributes, bare or as JSON text.
        inputs: Gives the span's decoded inputs; asked only where a wrapper's span names its tool there alone.
    """
    if not is_tool(span_type, attributes):
        return None
    for key in TOOL_NAME_KEYS:
        if key in attributes and (said := _word(attributes[key])):
            return said
    for key in KIND_NAME_KEYS:
        if key in attributes and (said := _word(attributes[key])):
            return said
    return name_in_span(name, inputs)


def is_wrapper(name: str) -> bool:
    """Whether a span is called like the class that calls tools, which says nothing of the tool."""
    return _WRAPPER.match(name) is not None


def name_in_span(name: str, inputs: Callable[[], Any] | None = None) -> str:
    """The tool's name out of the name of its span, where no attribute says it.

    `execute_tool look_up`, `look_up.tool`, `Tool.look_up` and `look_up` are calls of `look_up`.
    """
    if found := _SAID_BY_NAME.match(name):
        return found[1].strip().strip("'\"")
    if name.endswith(".tool") and len(name) > len(".tool"):  # Traceloop
        return name[: -len(".tool")]
    if is_wrapper(name):
        given: Any = inputs() if inputs else None
        given = given.get("call", given) if isinstance(given, dict) else None
        for key in _INPUT_NAME_KEYS if isinstance(given, dict) else ():
            if said := _word(given.get(key)):
                return said
    return name
