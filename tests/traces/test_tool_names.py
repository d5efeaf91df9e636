"""A tool has one name, whoever traced its call; what is no tool has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from insights_core.traces.tool_names import is_tool, tool_name


@pytest.mark.parametrize(
    ("name", "kind", "attributes"),
    [
        ("find_seal", "TOOL", {}),
        ("execute_tool find_seal", "TOOL", {}),
        ("execute_tool find_seal", "UNKNOWN", {"gen_ai.operation.name": "execute_tool"}),
        ("running tool", "UNKNOWN", {"gen_ai.tool.name": "find_seal"}),
        ("SimpleTool", "TOOL", {"tool.name": "find_seal", "openinference.span.kind": "TOOL"}),
        ("ai.toolCall", "TOOL", {"ai.toolCall.name": "find_seal"}),
        ("ai.toolCall", None, {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "find_seal"}),
        ("find_seal.tool", "TOOL", {"traceloop.span.kind": "tool"}),
        ("find_seal.tool", "UNKNOWN", {"traceloop.span.kind": "tool", "traceloop.entity.name": "find_seal"}),
        ("mcp_tool_call: find_seal", "TOOL", {}),
        ("tools/call find_seal", "UNKNOWN", {"mcp.method.name": "tools/call"}),
        ("tool: 'find_seal'", "TOOL", {}),
        ("tool_call find_seal", "UNKNOWN", {"spring.ai.kind": "tool_call"}),
        ("Tool.find_seal", "TOOL", {}),
        ("FunctionTool.call", "TOOL", {"name": "find_seal"}),
        ("claude_code.tool", "TOOL", {"tool_name": "find_seal"}),
        ("function_tool", "UNKNOWN", {"lk.function_tool.name": "find_seal"}),
        ("find_seal", "UNKNOWN", {"langfuse.observation.type": "tool"}),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_a_tool_is_called_by_its_own_name(
    name: str, kind: str | None, attributes: dict[str, Any], stored: bool
) -> None:
    if stored:  # as MLflow keeps them
        kind, attributes = json.dumps(kind), {key: json.dumps(value) for key, value in attributes.items()}
    assert tool_name(name, kind, attributes) == "find_seal"


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("ToolManager.handle_call", {"call": {"tool_name": "find_seal", "args": "{}"}}),
        ("MCPToolset.direct_call_tool", {"name": "find_seal", "args": {}}),
    ],
)
def test_a_wrapper_names_its_tool_in_its_input(name: str, inputs: dict[str, Any]) -> None:
    assert tool_name(name, "TOOL", {}, lambda: inputs) == "find_seal"


@pytest.mark.parametrize(
    ("name", "kind", "attributes"),
    [
        ("chat gpt", "CHAT_MODEL", {"gen_ai.operation.name": "chat", "gen_ai.tool.definitions": '[{"name": "find_seal"}]'}),
        ("running 2 tools", "UNKNOWN", {"tools": '["find_seal", "count_seals"]'}),
        ("invoke_agent desk", "AGENT", {"gen_ai.operation.name": "invoke_agent"}),
        ("step", "CHAIN", {"openinference.span.kind": "CHAIN", "name": "find_seal"}),
        ("tool", "UNKNOWN", {}),
    ],
)  # fmt: skip
def test_what_is_no_call_of_a_tool_names_none(name: str, kind: str, attributes: dict[str, Any]) -> None:
    assert not is_tool(kind, attributes)
    assert tool_name(name, kind, attributes) is None


@pytest.mark.parametrize("junk", [None, 3, [], {}, "", '"', "x" * 5000, "\ud800"])
def test_junk_in_attributes_leaves_the_span_its_name(junk: Any) -> None:
    assert tool_name("find_seal", "TOOL", {"gen_ai.tool.name": junk}) in ("find_seal", '"', "\ud800")
