"""Answers that were stored in pieces: a list of a stream's chunks becomes the message that they add up to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from insights_core.traces.text.turns import first, kind_of

Chunk = dict[str, Any]


class Pieces:
    """What the chunks add up to."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.thoughts: list[str] = []
        self.calls: dict[Any, dict[str, Any]] = {}
        self.whole: list[Any] = []  # messages or items that a chunk repeats as a whole

    def say(self, words: Any) -> None:
        """Add to what is said."""
        if isinstance(words, str):
            self.words.append(words)
        elif isinstance(words, list):
            for part in words:
                self.say(part.get("text") if isinstance(part, dict) else part)

    def think(self, words: Any) -> None:
        """Add to what is thought."""
        if isinstance(words, str):
            self.thoughts.append(words)

    def call(self, place: Any, number: Any = None, name: Any = None, arguments: Any = None) -> None:
        """Add to a call of a tool, known by its place."""
        call = self.calls.setdefault(place, {"id": None, "name": None, "arguments": ""})
        call["id"] = call["id"] or number
        call["name"] = call["name"] or name
        if isinstance(arguments, str):
            call["arguments"] += arguments
        elif arguments not in (None, {}):
            call["arguments"] = json.dumps(arguments, ensure_ascii=False)

    def message(self) -> Any:
        """The message, or the items, that were sent in pieces."""
        if self.whole:
            return self.whole
        said: dict[str, Any] = {"role": "assistant", "content": "".join(self.words)}
        if self.thoughts:
            said["reasoning_content"] = "".join(self.thoughts)
        if self.calls:
            said["tool_calls"] = list(self.calls.values())
        return [said]


ChunkReader = Callable[[Chunk, Pieces], bool]
READERS: list[ChunkReader] = []


def chunk(reader: ChunkReader) -> ChunkReader:
    """Register the reader of a kind of chunk; it says whether a chunk is of its kind."""
    READERS.append(reader)
    return reader


def joined(items: list[Any]) -> Any:
    """The messages or items that a list of chunks adds up to; None where it is no such list."""
    first_item = next((item for item in items if item is not None), None)
    if isinstance(first_item, str):
        items = _decoded_lines(items)
        first_item = items[0] if items else None
        if first_item is None:
            return None
    if not isinstance(first_item, dict):
        return None
    for reader in READERS:
        pieces = Pieces()
        if reader(first_item, pieces):
            for item in items[items.index(first_item) + 1 :]:
                if isinstance(item, dict):
                    reader(item, pieces)
            return pieces.message()
    return None


def _decoded_lines(items: list[Any]) -> list[Any]:
    """Lines of server-sent events (`data: {…}`) and JSON lines, decoded; other strings are none."""
    found = []
    for item in items:
        line = item.strip().removeprefix("data:").strip() if isinstance(item, str) else ""
        if line[:1] != "{":
            if line in ("", "[DONE]") or line.startswith(("event:", ":")):
                continue
            return []
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            return []
    return found


@chunk
def openai_chat(item: Chunk, pieces: Pieces) -> bool:
    """OpenAI Chat Completions and all that speak it: `choices[].delta`; Mistral's has `data` around it."""
    inner = item.get("data")
    choices = (inner if isinstance(inner, dict) else item).get("choices")
    if not isinstance(choices, list) or (choices and not (isinstance(choices[0], dict) and "delta" in choices[0])):
        return item.get("object") == "chat.completion.chunk"
    if not choices and item.get("object") != "chat.completion.chunk":
        return False
    for choice in choices[:1]:
        delta = choice.get("delta")
        if isinstance(delta, dict):
            pieces.say(delta.get("content"))
            pieces.say(delta.get("refusal"))
            pieces.think(first(delta, "reasoning_content", "reasoning"))
            calls = delta.get("tool_calls")
            for place, call in enumerate(calls if isinstance(calls, list) else []):
                if isinstance(call, dict):
                    named = call.get("function")
                    function = named if isinstance(named, dict) else {}
                    pieces.call(
                        call.get("index", place), call.get("id"), function.get("name"), function.get("arguments")
                    )
    return True


@chunk
def anthropic(item: Chunk, pieces: Pieces) -> bool:
    """Anthropic Messages: message_start, content_block_start, content_block_delta, …"""
    kind = str(item.get("type") or "")
    if kind not in (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "text",
    ):
        return False
    if kind == "text":  # the SDK's helper event, beside the deltas that say the same
        return "snapshot" in item
    block, delta = item.get("content_block"), item.get("delta")
    if isinstance(block, dict):
        if kind_of(block).endswith("tool_use"):
            pieces.call(item.get("index"), block.get("id"), block.get("name"), block.get("input"))
        else:
            pieces.say(block.get("text"))
            pieces.think(block.get("thinking"))
    if isinstance(delta, dict):
        pieces.say(delta.get("text"))
        pieces.think(delta.get("thinking"))
        if "partial_json" in delta:
            pieces.call(item.get("index"), arguments=delta["partial_json"])
    return True


@chunk
def responses(item: Chunk, pieces: Pieces) -> bool:
    """OpenAI Responses: events whose done items, or whose response, repeat the whole."""
    kind = str(item.get("type") or "")
    if not kind.startswith("response."):
        return False
    response, done = item.get("response"), item.get("item")
    if isinstance(response, dict) and response.get("output"):
        pieces.whole = [response]
    elif kind == "response.output_item.done" and isinstance(done, dict):
        pieces.whole.append(done)
    elif kind.endswith("output_text.delta") or kind.endswith("refusal.delta"):
        pieces.say(item.get("delta"))
    elif "reasoning" in kind and kind.endswith(".delta"):
        pieces.think(item.get("delta"))
    elif kind.endswith("arguments.delta"):
        pieces.call(item.get("item_id"), arguments=item.get("delta"))
    elif kind == "response.output_item.added" and isinstance(done, dict) and kind_of(done).endswith("call"):
        pieces.call(done.get("id"), done.get("call_id"), done.get("name"))
    return True


@chunk
def gemini(item: Chunk, pieces: Pieces) -> bool:
    """Gemini: each chunk is a response with `candidates`; Google ADK's with `content` and `partial`."""
    candidates = item.get("candidates")
    content = item.get("content")
    if isinstance(candidates, list):
        content = next((one.get("content") for one in candidates if isinstance(one, dict)), None)
    elif "partial" not in item and not ("usage_metadata" in item or "usageMetadata" in item):
        return False
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            continue
        (pieces.think if part.get("thought") is True else pieces.say)(part.get("text"))
        call = first(part, "function_call", "functionCall")
        if isinstance(call, dict):
            pieces.call(len(pieces.calls), call.get("id"), call.get("name"), call.get("args"))
    return True


@chunk
def langchain(item: Chunk, pieces: Pieces) -> bool:
    """LangChain's AIMessageChunk, also as serialised, and generation chunks around it."""
    inner = item.get("kwargs", item.get("data", item.get("message")))
    if isinstance(inner, dict) and ("content" in inner or "kwargs" in inner):
        name = item.get("id")
        kind = name[-1] if isinstance(name, list) and name else item.get("type")
        return langchain({"type": kind, **inner}, pieces)
    if item.get("type") not in ("AIMessageChunk", "AIMessageChunkMessage", "ChatGenerationChunk"):
        return False
    pieces.say(item.get("content"))
    calls = item.get("tool_call_chunks")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            pieces.call(call.get("index"), call.get("id"), call.get("name"), call.get("args"))
    return True


@chunk
def bedrock(item: Chunk, pieces: Pieces) -> bool:
    """Bedrock ConverseStream: messageStart, contentBlockStart, contentBlockDelta, …"""
    key = next(
        (
            key
            for key in (
                "messageStart",
                "contentBlockStart",
                "contentBlockDelta",
                "contentBlockStop",
                "messageStop",
                "metadata",
            )
            if isinstance(item.get(key), dict)
        ),
        "",
    )
    if not key or (key == "metadata" and "usage" not in item[key]):
        return False
    inner = item[key]
    place = inner.get("contentBlockIndex")
    start, delta = inner.get("start"), inner.get("delta")
    if isinstance(start, dict) and isinstance(use := start.get("toolUse"), dict):
        pieces.call(place, use.get("toolUseId"), use.get("name"))
    if isinstance(delta, dict):
        pieces.say(delta.get("text"))
        if isinstance(use := delta.get("toolUse"), dict):
            pieces.call(place, arguments=use.get("input"))
        if isinstance(thought := delta.get("reasoningContent"), dict):
            pieces.think(thought.get("text"))
    return True


@chunk
def vercel(item: Chunk, pieces: Pieces) -> bool:
    """Vercel AI SDK 4 to 7, stream parts: text-delta, reasoning-delta, tool-call, tool-result; Cohere 2's content-delta."""
    kind = kind_of(item)
    if kind in ("text_delta", "reasoning_delta"):
        words = first(item, "textDelta", "delta", "text")
        (pieces.think if kind == "reasoning_delta" else pieces.say)(words)
    elif kind == "content_delta":
        delta: Any = item.get("delta")
        for key in ("message", "content"):
            delta = delta.get(key) if isinstance(delta, dict) else None
        pieces.say(delta.get("text") if isinstance(delta, dict) else delta)
    elif kind in ("tool_call", "tool_result") and "toolCallId" in item:
        pieces.call(item["toolCallId"], item["toolCallId"], item.get("toolName"), first(item, "input", "args"))
    elif kind not in (
        "text_start",
        "text_end",
        "reasoning_start",
        "reasoning_end",
        "stream_start",
        "response_metadata",
        "start",
        "start_step",
        "finish",
        "finish_step",
        "content_start",
        "content_end",
        "message_end",
        "tool_input_start",
        "tool_input_delta",
        "tool_input_end",
    ):
        return False
    return True


@chunk
def pydantic_ai(item: Chunk, pieces: Pieces) -> bool:
    """Pydantic AI 1 and 2: part_start and part_delta events."""
    kind = item.get("event_kind")
    if not isinstance(kind, str):
        return False
    part = item.get("part") if kind == "part_start" else item.get("delta") if kind == "part_delta" else None
    if isinstance(part, dict):
        what = str(part.get("part_kind") or part.get("part_delta_kind") or "")
        if what.startswith("tool"):
            pieces.call(
                item.get("index"),
                part.get("tool_call_id"),
                first(part, "tool_name", "tool_name_delta"),
                first(part, "args", "args_delta"),
            )
        else:
            (pieces.think if what.startswith("thinking") else pieces.say)(first(part, "content", "content_delta"))
    return True


@chunk
def ollama(item: Chunk, pieces: Pieces) -> bool:
    """Ollama: `{"message": {"content": …}, "done": false}`, or `response` in place of the message."""
    if not isinstance(item.get("done"), bool):
        return False
    message = item.get("message")
    pieces.say(message.get("content") if isinstance(message, dict) else item.get("response"))
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            pieces.call(len(pieces.calls), None, function.get("name"), function.get("arguments"))
    return True
