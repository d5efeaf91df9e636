"""The readers of parts: one a shape. Adding a shape is one function here and one folder in `tests/traces/cases`."""

from __future__ import annotations

import ast
from typing import Any

from insights_core.traces.text.plain import compact
from insights_core.traces.text.results import media_label, result_of, result_text
from insights_core.traces.text.turns import KEYED, TYPED, Part, Turn, call_of, first, keyed, kind_of, typed, word
from insights_core.traces.text.view import Message, ToolCall

_LONG_REPR = 20_000  # characters; a longer list of calls stays text
_ENDINGS = ("_call_output", "_call_response", "_tool_result", "_tool_use", "_call")


def read_part(part: Any, turn: Turn) -> None:
    """Add to a message what one part of it says, whatever shape the part has."""
    if isinstance(part, str):
        turn.say(compact(part))
    elif isinstance(part, list):
        for each in part:
            read_part(each, turn)
    elif not isinstance(part, dict):
        turn.say(compact(part))
    elif (reader := reader_of(kind := kind_of(part))) is not None and not (kind == "text" and is_empty_text(part)):
        reader(part, turn)
    elif "arguments" in part and "name" in part:  # AutoGen's FunctionCall
        turn.call(call_of(part))
    elif "content" in part and ("call_id" in part or "tool_call_id" in part):  # AutoGen's FunctionExecutionResult
        turn.result(result_of(part))
    else:
        for key, by_key in KEYED.items():
            if part.get(key) is not None:
                by_key(part[key], part, turn)
                return
        if any([value not in (None, "", [], {}) for value in part.values()]):
            turn.unread(part)


def is_empty_text(part: Part) -> bool:
    """Whether a part says that it is text and holds something else."""
    return not any([key in part for key in ("text", "content", "value")])


def reader_of(kind: str) -> Any:
    """The reader of a type: its own, or that of the kinds that end alike, as hosted tools do."""
    if not kind:
        return None
    reader = TYPED.get(kind)
    if reader is None and kind.endswith(_ENDINGS):
        reader = hosted_use if kind.endswith("_tool_use") else hosted_call if kind.endswith("_call") else plain_result
    if reader is None and kind.startswith("tool_") and kind != "tool_use":
        return vercel_ui_tool
    return reader


# Words ---------------------------------------------------------------------------------------------------------------


@typed("text", "output_text", "input_text", "summary_text", "markdown", "refusal")
def text(part: Part, turn: Turn) -> None:
    """OpenAI Chat and Responses (2026), Anthropic Messages, GenAI conventions 1.38 (`content`), Vercel AI SDK 4 to 7."""
    said = first(part, "text", "content", "value", "refusal")
    if isinstance(said, dict):  # OpenAI's Assistants: {"value": …, "annotations": […]}
        said = first(said, "value", "text")
    turn.say(result_text(said))


@typed("thinking", "reasoning", "redacted_thinking", "thought")
def thought(part: Part, turn: Turn) -> None:
    """Anthropic's thinking, OpenAI Responses' reasoning items, GenAI conventions' `reasoning`, Vercel's `reasoning`."""
    for key in ("thinking", "reasoning", "text", "content", "summary"):
        if part.get(key):
            turn.think(result_text(part[key]))
            return


@typed("audio", "output_audio", "input_audio", "image", "image_url", "input_image", "output_image", "video", "video_url",
       "file", "input_file", "blob", "uri", "media", "file_url", "image_file", "binary", "computer_screenshot")  # fmt: skip
def media(part: Part, turn: Turn) -> None:
    """Pictures, sounds and files of OpenAI, GenAI conventions, Vercel and LangChain; of a sound its transcript."""
    inner = part.get(kind_of(part))
    said = part.get("transcript") or (inner.get("transcript") if isinstance(inner, dict) else None)
    turn.say(compact(said) if said else media_label(part))


@typed("document", "search_result")
def document(part: Part, turn: Turn) -> None:
    """Anthropic's documents (text, content, base64, url) and search results; LlamaIndex' document blocks."""
    source, title = part.get("source"), part.get("title")
    inner = source if isinstance(source, dict) else {}
    said = inner.get("data") if inner.get("type") == "text" else first(inner, "content") or part.get("content")
    words = result_text(said)
    if not words:
        turn.say(media_label(part))
        return
    turn.say(f"{title}: {words}" if isinstance(title, str) and title else words)


@typed("step_start", "step_finish", "start_step", "finish_step", "item_reference", "mcp_list_tools", "compaction",
       "container_upload", "cache_point", "source", "source_url", "redacted_reasoning", "data_usage")  # fmt: skip
def nothing(part: Part, turn: Turn) -> None:
    """Marks without words: Vercel's steps and sources, OpenAI's references and compactions, Anthropic's uploads."""


@typed("message_content")
def wrapped(part: Part, turn: Turn) -> None:
    """OpenInference's `message_content` as a type."""
    read_part(part.get("message_content"), turn)


# Calls and results ---------------------------------------------------------------------------------------------------


@typed("tool_use", "server_tool_use", "mcp_tool_use")
def anthropic_use(part: Part, turn: Turn) -> None:
    """Anthropic Messages: tools, server tools (2025-05) and MCP connectors (beta 2025-11-20)."""
    turn.call(call_of(part))


@typed("function_call", "custom_tool_call", "tool_call", "invalid_tool_call", "server_tool_call", "functioncall",
       "builtin_tool_call", "mcp_approval_request", alone=True)  # fmt: skip
def function_call(part: Part, turn: Turn) -> None:
    """OpenAI Responses, GenAI conventions 1.38, LangChain 1, Vercel (`toolCallId`), AutoGen, LlamaIndex 0.14."""
    turn.call(call_of(part))


@typed("function_call_output", "custom_tool_call_output", "tool_result", "tool_call_response", "server_tool_call_response",
       "tool_return", "tool_error", "function_result", "functionexecutionresult", "builtin_tool_return", alone=True)  # fmt: skip
def plain_result(part: Part, turn: Turn) -> None:
    """The results beside those: Anthropic's `is_error`, Vercel's `output`, GenAI conventions' `response`."""
    turn.result(result_of(part))


@typed("mcp_approval_response", alone=True)
def approval(part: Part, turn: Turn) -> None:
    """OpenAI Responses: a person allows or refuses a call of an MCP server."""
    reason = f": {part['reason']}" if isinstance(part.get("reason"), str) and part["reason"] else ""
    said = f"({'approved' if part.get('approve') else 'refused'}){reason}"
    turn.found.append(Message("user", said))


_HOSTED_INPUTS = ("arguments", "action", "code", "queries", "query", "operation", "input", "revised_prompt", "prompt")
_HOSTED_RESULTS = ("output", "outputs", "results", "error")


def hosted_call(part: Part, turn: Turn) -> None:
    """OpenAI Responses' hosted tools (2026): web and file search, code interpreter, MCP, images, computer, shells.

    Each is named by its type, `web_search_call`, or by its own name, as MCP's are; some hold their result too.
    """
    name = word(part.get("name")) or kind_of(part).removesuffix("_call")
    number = word(first(part, "call_id", "id")) or ""
    given = first(part, *_HOSTED_INPUTS)
    if isinstance(given, dict):
        given = {key: value for key, value in given.items() if value is not None and key not in ("type", "sources")}
    turn.call(ToolCall(number, name, compact(given)))
    failed = part.get("status") in ("failed", "error")
    if failed or any([part.get(key) not in (None, [], "") for key in _HOSTED_RESULTS]):
        gave = {key: part[key] for key in ("output", "outputs", "results", "error") if part.get(key) is not None}
        result = result_of({"id": number, **gave}, name)
        result.is_error = result.is_error or failed
        turn.result(result)
    elif kind_of(part) == "image_generation_call":
        turn.result(Message("tool", "(image)", name, tool_call_id=number or None))


def hosted_use(part: Part, turn: Turn) -> None:
    """Anthropic's uses of tools of a kind not listed here yet."""
    turn.call(call_of(part))


def vercel_ui_tool(part: Part, turn: Turn) -> None:
    """Vercel AI SDK 5 and 6, UI messages: `tool-<name>` and `dynamic-tool` with call and result in one part."""
    name = word(part.get("toolName")) or kind_of(part).removeprefix("tool_")
    if not ("toolCallId" in part or "input" in part):
        turn.unread(part)
        return
    turn.call(call_of({**part, "name": name}))
    if str(part.get("state") or "").startswith("output"):
        turn.result(result_of(part, name))


TYPED["dynamic_tool"] = vercel_ui_tool


@keyed("functionCall", "function_call", "toolUse", "toolRequest", "tool_call")
def keyed_call(value: Any, part: Part, turn: Turn) -> None:
    """Gemini (google-genai 1), Bedrock Converse, Genkit 1, Haystack 2 and OpenInference: the key names the part."""
    turn.call(call_of(value if isinstance(value, dict) else part))


@keyed("functionResponse", "function_response", "toolResult", "toolResponse", "tool_call_result")
def keyed_result(value: Any, part: Part, turn: Turn) -> None:
    """The results beside those; Bedrock's has `status: error`, Haystack's its call as `origin`."""
    inner = value if isinstance(value, dict) else {"result": value}
    origin = inner.get("origin")
    if isinstance(origin, dict):
        called = call_of(origin)
        inner = {"id": called.id or None, "name": called.name, **inner}
    turn.result(result_of(inner))


@keyed("executableCode", "executable_code")
def gemini_code(value: Any, part: Part, turn: Turn) -> None:
    """Gemini's code execution: the code that the model lets run."""
    code = value.get("code") if isinstance(value, dict) else value
    turn.call(ToolCall("", "code_execution", compact(code)))


@keyed("codeExecutionResult", "code_execution_result")
def gemini_code_result(value: Any, part: Part, turn: Turn) -> None:
    """Gemini's code execution: what it gave, and whether the outcome is OK."""
    inner = value if isinstance(value, dict) else {"output": value}
    failed = "OK" not in str(inner.get("outcome") or "OK").upper()
    turn.result(Message("tool", compact(inner.get("output")), "code_execution", is_error=failed))


@keyed("reasoningContent", "reasoning_content", "reasoning")
def bedrock_thought(value: Any, part: Part, turn: Turn) -> None:
    """Bedrock Converse's reasoning, with a signature that is no text; Genkit's and Haystack's."""
    inner = value.get("reasoningText", value) if isinstance(value, dict) else value
    if isinstance(inner, dict):
        inner = first(inner, "text", "reasoning_text", "thinking", "reasoning")
    turn.think(compact(inner))


@keyed("message_content")
def openinference(value: Any, part: Part, turn: Turn) -> None:
    """OpenInference 0.1: `message_content` around each part."""
    read_part(value, turn)


@keyed("text")
def keyed_text(value: Any, part: Part, turn: Turn) -> None:
    """Bedrock's, Gemini's, Genkit's and Haystack's text; Gemini marks a thought beside it."""
    if part.get("thought") is True:
        turn.think(compact(value))
    else:
        turn.say(result_text(value))


@keyed("citationsContent", "guardContent", "searchResult")
def bedrock_text(value: Any, part: Part, turn: Turn) -> None:
    """Bedrock Converse's text inside of another block."""
    inner = value.get("content", value.get("text", value)) if isinstance(value, dict) else value
    turn.say(result_text(inner))


@keyed(
    "inline_data",
    "inlineData",
    "file_data",
    "fileData",
    "image",
    "document",
    "video",
    "audio",
    "media",
    "file",
    "image_url",
)
def keyed_media(value: Any, part: Part, turn: Turn) -> None:
    """Bedrock's and Gemini's pictures and files, Genkit's media: bytes are no text, a name is."""
    inner = value if isinstance(value, dict) else {}
    mime = first(inner, "mime_type", "mimeType", "contentType", "format")
    kind = next((key for key in ("image", "document", "video", "audio") if part.get(key) is value), None)
    name = first(inner, "name", "displayName", "display_name", "title")
    label = kind or (mime if isinstance(mime, str) else "file")
    turn.say(f"({label}: {name})" if isinstance(name, str) and name else f"({label})")


@keyed("cachePoint", "cache_control", "thought_signature", "thoughtSignature", "reasoningMetadata")
def keyed_nothing(value: Any, part: Part, turn: Turn) -> None:
    """Marks for caches, and signatures of thoughts."""


@keyed("json", "content", "data", "custom")
def keyed_data(value: Any, part: Part, turn: Turn) -> None:
    """Whatever else says its words under a usual key."""
    if isinstance(value, (str, list)) or "json" in part:
        turn.say(result_text(value))
    else:
        turn.unread(part)


# Pydantic AI ---------------------------------------------------------------------------------------------------------


@typed("system_prompt", "instruction", "instructions")
def pydantic_system(part: Part, turn: Turn) -> None:
    """Pydantic AI 1 and 2: a system prompt among the parts of a request."""
    turn.found.append(Message("system", result_text(part.get("content"))))


@typed("user_prompt")
def pydantic_user(part: Part, turn: Turn) -> None:
    """Pydantic AI 1 and 2: what the user said, as text or parts."""
    inner = Turn("user")
    read_part(part.get("content"), inner)
    turn.found += inner.messages()


@typed("retry_prompt")
def pydantic_retry(part: Part, turn: Turn) -> None:
    """Pydantic AI 1 and 2: a tool's failure, or words to the model, after which it tries again."""
    if not part.get("tool_name"):
        turn.found.append(Message("user", result_text(part.get("content"))))
        return
    result = result_of(part)
    result.is_error = True
    turn.result(result)


# Words that hold a call ----------------------------------------------------------------------------------------------


def smolagents_calls(words: str, turn: Turn) -> bool:
    """smolagents 1: in the history a call is the text "Calling tools:" and the repr of a list of calls."""
    head, _, listed = words.partition("\n")
    if not head.startswith("Calling tool") or len(listed) > _LONG_REPR:
        return False
    try:
        calls = ast.literal_eval(listed.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            turn.call(call_of(call))
    return bool(turn.calls)
