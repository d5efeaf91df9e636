"""Messages out of whatever a span's inputs and outputs hold, by the shape of what is there and not by its producer.

A value is a message, a list of them, a wrapper around them, an item that stands alone, or the pieces of a stream; the
parts inside of messages are read by the registry of `parts`.
"""

from __future__ import annotations

import json
from typing import Any

from insights_core.traces.text.chunks import joined
from insights_core.traces.text.failures import is_bad_word
from insights_core.traces.text.parts import read_part, reader_of, smolagents_calls
from insights_core.traces.text.plain import compact, is_unset, question_of
from insights_core.traces.text.results import result_text, value_failed
from insights_core.traces.text.transcripts import transcript
from insights_core.traces.text.turns import ALONE, Turn, call_of, first, kind_of, word
from insights_core.traces.text.view import Message, ToolCall

_USER, _ASSISTANT, _SYSTEM, _TOOL = "user", "assistant", "system", "tool"
_ROLES = {
    **dict.fromkeys(("human", "user", "customer", "humanmessage", "humanmessagechunk", "input", "usermessage", "end_user"), _USER),
    **dict.fromkeys(("ai", "assistant", "model", "aimessage", "aimessagechunk", "bot", "agent", "chatbot", "tool-call", "tool_call", "assistantmessage", "toolcallrequestevent", "toolcallsummarymessage"), _ASSISTANT),
    **dict.fromkeys(("system", "developer", "systemmessage"), _SYSTEM),
    **dict.fromkeys(("tool", "function", "toolmessage", "functionmessage", "tool-response", "tool_response", "tool_result", "toolresult", "functionexecutionresultmessage", "toolcallexecutionevent"), _TOOL),
}  # fmt: skip
# Where a call keeps its messages, most telling first. What holds no messages is passed over.
_LISTS = (
    "messages", "input", "output", "choices", "generations", "candidates", "$ai_input", "$ai_output_choices",
    "input_messages", "output_messages", "new_messages", "chat_history", "history", "contents", "update",
    "_new_message_history", "inputs", "outputs", "replies", "prompt", "prompts", "llm_request", "request", "response", "body",
    "chunks", "events", "result", "kwargs", "args", "state", "conversation", "chat_messages",
)  # fmt: skip
_CONTENTS = ("content", "parts", "contents", "blocks", "items", "_content", "text", "message")
_TEXTUAL = frozenset({"input", "$ai_input", "contents"})  # may hold the user's words as they are
_SYSTEMS = ("system", "instructions", "system_instruction", "systemInstruction", "system_prompt", "preamble", "system_instructions")  # fmt: skip
_LIST_RANKS = {key: rank for rank, key in enumerate(_LISTS)}
_BESIDE = frozenset({*_SYSTEMS, "config", "chat_history", "__interrupt__"})
_MESSAGE_KEYS = frozenset(
    {
        "content", "parts", "tool_calls", "function_call", "contents", "blocks", "items", "_content", "toolCalls",
        "invalid_tool_calls",
    }
)  # fmt: skip
_MAX_DEPTH = 12  # deeper nesting than any framework's messages; stops junk from costing more than it holds
_COMPLETION_KEYS = frozenset({"text", "index", "finish_reason", "logprobs", "type"})


def role_of(item: dict[str, Any]) -> tuple[str, str | None] | None:
    """(who speaks in a message, the name of one that is no usual role); None for what is no message."""
    role = item.get("role") or item.get("_role")
    if isinstance(role, str) and role:
        known = _ROLES.get(role) or _ROLES.get(role.lower().rsplit(".", 1)[-1])
        return (known, None) if known else (_ASSISTANT, role[:100])
    for key in ("type", "_type", "message_type"):
        kind = item.get(key)
        if isinstance(kind, str):
            lower = kind.lower()
            if lower in _ROLES and ("content" in item or "data" in item):
                return _ROLES[lower], None
            if lower == "textmessage" and isinstance(source := item.get("source"), str):  # AutoGen's agents by name
                return (_USER, None) if source == "user" else (_ASSISTANT, source)
    return None


def _is_message(item: dict[str, Any]) -> bool:
    """Whether something with a role has what messages have."""
    return not _MESSAGE_KEYS.isdisjoint(item) or (
        isinstance(item.get("role"), str) and isinstance(item.get("text", item.get("message")), str)
    )


def _unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """A message without its wrapping: LangChain's `kwargs` and `data`, a choice's `message`, a candidate's `content`."""
    kwargs, name = item.get("kwargs"), item.get("id")
    if isinstance(kwargs, dict) and "content" in kwargs:
        kind = name[-1] if isinstance(name, list) and name else kwargs.get("type")
        return {**kwargs, "type": kwargs.get("type") or kind}
    wrapped = item.get("data")
    if isinstance(wrapped, dict) and "content" in wrapped and isinstance(item.get("type"), str):
        return {**wrapped, "type": item["type"]}
    wrapped = item.get("message")
    if isinstance(wrapped, dict) and ("role" in wrapped or "kwargs" in wrapped or _is_message(wrapped)):
        return wrapped
    wrapped = item.get("content")
    if isinstance(wrapped, dict) and isinstance(wrapped.get("parts"), list) and "role" not in item:
        return wrapped if isinstance(wrapped.get("role"), str) else {**wrapped, "role": "model"}
    return item


def _listed_calls(item: dict[str, Any]) -> list[ToolCall]:
    """The calls beside a message's content."""
    found: list[ToolCall] = []
    extra = item.get("additional_kwargs")
    more = extra.get("tool_calls") if isinstance(extra, dict) else None
    for listed in (first(item, "tool_calls", "toolCalls") or more, item.get("invalid_tool_calls")):
        if isinstance(listed, str) and listed[:1] == "[":
            listed = _decoded(listed)
        for call in listed if isinstance(listed, list) else []:
            if isinstance(call, dict):
                inner = call.get("tool_call")
                found.append(call_of(inner if isinstance(inner, dict) else call))
    single = item.get("function_call")
    if not isinstance(single, dict) and isinstance(extra, dict) and not found:
        single = extra.get("function_call")
    if isinstance(single, dict):
        found.append(call_of(single))
    if isinstance(named := item.get("function_call_name"), str):  # OpenInference
        found.append(ToolCall("", named, compact(item.get("function_call_arguments_json"))))
    return found


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_message(item: dict[str, Any], role: str, name: str | None = None) -> Turn:
    """One message object as the turn that it is."""
    turn = Turn(role)
    said = name or item.get("name") or item.get("tool_name")
    turn.name = str(said) if isinstance(said, str) and said else None
    turn.call_id = word(first(item, "tool_call_id", "tool_use_id", "call_id", "toolCallId"))
    for call in _listed_calls(item):
        turn.call(call)
    content = first(item, *_CONTENTS)
    if isinstance(content, str):
        if role != _ASSISTANT or not content.startswith("Calling tool") or not smolagents_calls(content, turn):
            turn.say(compact(content))
    elif role == _TOOL and not isinstance(content, list):
        turn.say(result_text(content))
    else:
        for part in content if isinstance(content, list) else () if content is None else (content,):
            read_part(part, turn)
        if role == _ASSISTANT and len(turn.text) == 1 and turn.text[0].startswith("Calling tool"):
            words, turn.text = turn.text[0], []
            if not smolagents_calls(words, turn):
                turn.say(words)
    for key in ("reasoning_content", "reasoning", "thinking", "tool_plan", "reasoningText"):
        if isinstance(item.get(key), str):
            turn.think(compact(item[key]))
    audio = item.get("audio")
    if isinstance(audio, dict) and audio.get("transcript"):
        turn.say(compact(audio["transcript"]))
    if item.get("refusal"):
        turn.say(f"(refusal) {compact(item['refusal'])}")
    if role == _TOOL and turn.text:
        body = "\n".join(turn.text)
        turn.failed = bool(item.get("is_error")) or is_bad_word(item.get("status")) or value_failed(content, body)
    return turn


def system_text(value: Any) -> str:
    """A system prompt that stands beside the messages, as text or in parts."""
    if not value or is_unset(value):
        return ""
    turn = Turn(_SYSTEM)
    inner = value.get("parts", value.get("content", value)) if isinstance(value, dict) else value
    read_part(inner, turn)
    return "\n".join([message.text for message in turn.messages()])


def tie(listed: list[Message]) -> None:
    """Give results without an id the id of the call that they answer: of the same name, or else the earliest open."""
    waiting: list[ToolCall] = []
    for message in listed:
        if message.tool_calls:
            waiting = [*waiting, *message.tool_calls]
        if message.role != _TOOL or not waiting:
            continue
        called = next(
            (
                call
                for call in waiting
                if (call.id == message.tool_call_id if message.tool_call_id else message.name in (None, call.name))
            ),
            None,
        )
        if called is not None:
            waiting.remove(called)
            message.tool_call_id = called.id
            message.name = message.name or called.name


class Reader:
    """Reads one trace's values. What a list shares with the list before it, as a growing history does, is read once."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, int], tuple[Any, list[Message]]] = {}
        self._simple: dict[tuple[str, str], Message] = {}
        self.unknown = 0
        """Parts of no known shape so far."""

    def messages(self, value: Any, default_role: str = "user", depth: int = 0) -> list[Message]:
        """The messages that a span's inputs or outputs hold, in order; none where they are something else."""
        if depth > _MAX_DEPTH:
            return []
        if isinstance(value, list):
            return self._listed(value, default_role, depth)
        return self._single(value, default_role, depth) if isinstance(value, dict) else []

    def _said(self, role: Any, content: str) -> Message | None:
        """The message of a role and a text, as most are; each is made once."""
        known = _ROLES.get(role) if type(role) is str else None
        if known is None or known == _TOOL or content.startswith("Calling tool"):
            return None
        said = self._simple[role, content] = Message(known, compact(content))
        return said

    def _listed(self, items: list[Any], default_role: str, depth: int) -> list[Message]:
        found: list[Message] = []
        simple, tools = self._simple, False
        for place, item in enumerate(items):
            if type(item) is dict:
                if len(item) == 2 and type(content := item.get("content")) is str:
                    said = simple.get((item.get("role"), content)) or self._said(item.get("role"), content)  # type: ignore[arg-type]
                    if said is not None:
                        found.append(said)
                        continue
            elif type(item) is list:
                if (said := _pair(item)) is not None:
                    found.append(said)
                    continue
            elif type(item) is not str or place or depth > 1:
                continue
            if not place and (whole := self._from_pieces(items, default_role, depth)) is not None:
                return whole
            if type(item) is str:
                continue
            last = self._last.get((depth, place))
            if last is None or last[0] != item:
                last = (item, self.messages(item, default_role, depth + 1))
                self._last[depth, place] = last
            found += last[1]
            tools = True
        if tools:
            tie(found)
        return found

    def _from_pieces(self, items: list[Any], default_role: str, depth: int) -> list[Message] | None:
        """The messages of a list of chunks; None for a list of anything else."""
        head = items[0]
        if default_role != _ASSISTANT or (
            isinstance(head, dict)
            and ("role" in head or ("message" in head and "type" not in head and "done" not in head))
        ):
            return None
        whole = joined(items)
        return None if whole is None else self.messages(whole, default_role, depth + 1)

    def _read(self, turn: Turn, keep_empty: bool) -> list[Message]:
        self.unknown += turn.unknown
        return turn.messages(keep_empty)

    def _single(self, value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
        listed = value.get("messages")
        if type(listed) is list and "role" not in value:
            found = self._listed(listed, default_role, depth + 1)
            if found:
                return self._completed(found, value)
        role, content = value.get("role"), value.get("content")
        if len(value) == 2 and type(role) is str and type(content) is str:
            said = self._simple.get((role, content)) or self._said(role, content)
            if said is not None:
                return [said]
        choices = value.get("choices")
        if type(choices) is list and len(choices) == 1 and type(choices[0]) is dict:
            inner = choices[0].get("message")
            if type(inner) is dict and type(inner.get("content")) is str and len(inner) == 2:
                return self._single(inner, "assistant", depth + 1)
        return self._by_shape(value, default_role, depth)

    def _by_shape(self, value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
        kind = kind_of(value)
        if kind and "role" not in value and (kind in ALONE or (kind != "tool_call" and _is_item(kind, value))):
            turn = Turn(_ASSISTANT)
            read_part(value, turn)
            return self._read(turn, False)
        parts = value.get("parts")
        if isinstance(parts, list) and any(isinstance(part, dict) and "part_kind" in part for part in parts):
            turn = Turn(_ASSISTANT)
            if isinstance(value.get("instructions"), str) and value["instructions"]:
                turn.found.append(Message(_SYSTEM, compact(value["instructions"])))
            read_part(parts, turn)
            return self._read(turn, False)
        inner = _unwrapped(value)
        if inner is not value and (nested := _unwrapped(inner)) is not inner:
            inner = nested
        if _is_message(inner) and (role := role_of(inner)) is not None:
            return self._read(read_message(inner, *role), True)
        if kind == "message" and isinstance(value.get("content"), list):
            return self._read(read_message(value, default_role), True)
        if inner is not value and _is_message(inner):
            return self._read(read_message(inner, default_role), True)
        return self._wrapped(value, default_role, depth)

    def _wrapped(self, value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
        """The messages in a wrapper: a request, a response, the state of a graph."""
        found: list[Message] = []
        keys = [key for key, listed in value.items() if key in _LIST_RANKS and listed is not None]
        for key in sorted(keys, key=_LIST_RANKS.__getitem__) if len(keys) > 1 else keys:
            listed = value[key]
            if isinstance(listed, str):
                if key in _TEXTUAL and ("model" in value or key == "$ai_input") and not is_unset(listed):
                    found = [Message(_USER, compact(listed))]
                    break
                if key == "prompt" and (found := transcript(listed)):
                    break
                if key not in ("prompt", "input", "output", "body", "messages") or listed[:2] not in ("[{", '{"'):
                    continue
                listed = _decoded(listed)
            elif key == "contents":
                listed = _contents(listed)
            elif key == "prompts" and isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], str):
                if found := transcript(listed[0]):
                    break
                continue
            if isinstance(listed, (list, dict)) and (found := self.messages(listed, default_role, depth + 1)):
                break
        if not found:
            found = self._plain_answer(value, default_role, depth)
        return self._completed(found, value) if found else found

    def _plain_answer(self, value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
        """What a model gave in fields of its own: a completion's text, Vercel's `text` and `toolCalls`, Cohere's."""
        if isinstance(value.get("message"), dict) and (
            found := self.messages(value["message"], default_role, depth + 1)
        ):
            return found
        text = value.get("text")
        if "toolCalls" in value or (isinstance(text, str) and ("finishReason" in value or "generation_id" in value)):
            return self._read(read_message(value, _ASSISTANT), False)
        if isinstance(text, str) and (
            "generation_info" in value or (default_role == _ASSISTANT and set(value) <= _COMPLETION_KEYS)
        ):
            return [Message(_ASSISTANT, compact(text))]
        if isinstance(value.get("content"), (str, list)) and ("finish_reason" in value or "finishReason" in value):
            return self._read(read_message(value, _ASSISTANT), False)  # AutoGen's CreateResult
        if asks := value.get("__interrupt__"):  # LangGraph: the graph waits for a person
            return [Message(_ASSISTANT, text) for text in pauses(asks)]
        if isinstance(value.get("combined_chunk_content"), str):  # Logfire's streams
            return [Message(_ASSISTANT, compact(value["combined_chunk_content"]))]
        return []

    def _completed(self, found: list[Message], value: dict[str, Any]) -> list[Message]:
        """Messages with what a wrapper says beside them: the system prompt, a newest message, a question to a person."""
        if _BESIDE.isdisjoint(value):
            return found
        config = value.get("config")
        system = first(value, *_SYSTEMS) or (first(config, *_SYSTEMS) if isinstance(config, dict) else None)
        if system and found[0].role != _SYSTEM and (text := system_text(system)):
            found = [Message(_SYSTEM, text), *found]
        if isinstance(value.get("chat_history"), list) and isinstance(newest := value.get("message"), str):  # Cohere
            found = [*found, Message(_USER, compact(newest))]
        if (asks := value.get("__interrupt__")) and "messages" in value:
            found = [*found, *[Message(_ASSISTANT, text) for text in pauses(asks)]]
        return found


def pauses(asks: Any) -> list[str]:
    """What LangGraph's interrupts ask a person."""
    values = [
        item.get("value", item) if isinstance(item, dict) else item
        for item in (asks if isinstance(asks, list) else [asks])
    ]
    return [text for value in values if (text := question_of(value) or compact(value))]


def _is_item(kind: str, value: dict[str, Any]) -> bool:
    """Whether an item that stands alone is a call, a result or a thought."""
    if kind in ("reasoning", "thinking"):
        return True
    if kind.endswith(("_call", "_call_output", "_tool_use", "_tool_result")) or kind == "tool_use":
        return reader_of(kind) is not None and "messages" not in value
    return False


def _contents(listed: Any) -> Any:
    """Gemini's contents: strings and parts without a role are the user's."""
    items = listed if isinstance(listed, list) else [listed]
    if items and all(
        [
            isinstance(item, str) or (isinstance(item, dict) and "role" not in item and "parts" not in item)
            for item in items
        ]
    ):
        return [{"role": _USER, "parts": items}]
    return [
        {"role": _USER, "parts": [item]}
        if isinstance(item, str)
        else {"role": _USER, **item}
        if isinstance(item, dict) and not item.get("role")
        else item
        for item in items
    ]


def _pair(item: list[Any]) -> Message | None:
    """The message that LangChain lets people write as `("user", "…")`."""
    if len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], str):
        role = _ROLES.get(item[0].lower())
        return Message(role, compact(item[1])) if role else None
    return None
