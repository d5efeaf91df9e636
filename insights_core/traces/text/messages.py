"""Messages out of whatever a span's inputs and outputs hold.

Known are OpenAI's chat and Responses formats, Anthropic's content blocks, LangChain's and LangGraph's messages (also
as serialised by `dumpd`), PostHog's `$ai_` properties, retrievers' documents; the rest stays JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

from insights_core.traces.text.view import Message, ToolCall

_ROLES = {
    "human": "user", "user": "user", "customer": "user", "humanmessage": "user", "input": "user",
    "ai": "assistant", "assistant": "assistant", "model": "assistant", "aimessage": "assistant", "aimessagechunk": "assistant", "bot": "assistant", "agent": "assistant",
    "system": "system", "developer": "system", "systemmessage": "system",
    "tool": "tool", "function": "tool", "toolmessage": "tool", "functionmessage": "tool",
}  # fmt: skip
# Where a call keeps its messages, most telling first. A list that is no message list is passed over.
_LISTS = (
    "messages",
    "input",
    "output",
    "choices",
    "generations",
    "$ai_input",
    "$ai_output_choices",
    "new_messages",
    "chat_history",
    "history",
    "contents",
    "update",
    "_new_message_history",
)
_MAX_DEPTH = 12  # deeper nesting than any framework's messages; stops junk from costing more than it holds

_ERROR_START = re.compile(
    r"\s*(?:\[?(?:error|exception|traceback|failed|failure)\b\s*[:\]\-(]|traceback \(most recent|(?:\w+\.)*\w*(?:Error|Exception):|HTTP(?:/\d\.\d)? ?[45]\d\d\b|[45]\d\d [A-Za-z_]+(?:[: ]|$))",
    re.IGNORECASE,
)
_BAD_WORDS = frozenset({"error", "failed", "failure", "fail", "exception"})


def says_error(value: Any) -> bool:
    """Whether a tool's result reports a failure by its form; a sentence that merely mentions an error does not."""
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in "{[" and text[-1:] in "}]":
            try:
                return says_error(json.loads(text))
            except (ValueError, RecursionError):
                pass
        return bool(_ERROR_START.match(text))
    if isinstance(value, dict):
        if any(
            value.get(key) not in (None, False, "", 0, [], {})
            for key in ("error", "errors", "is_error", "isError", "exception")
        ):
            return True
        if value.get("success") is False or value.get("ok") is False:
            return True
        for key in ("status", "status_code", "code", "statusCode"):
            state = value.get(key)
            if isinstance(state, str) and state.lower() in _BAD_WORDS:
                return True
            if isinstance(state, int) and not isinstance(state, bool) and 400 <= state < 600:
                return True
    return False


_ENCODE = json.JSONEncoder(ensure_ascii=False, default=str).encode


def compact(value: Any) -> str:
    """Any JSON as text, as people read it: strings as they are, the rest as compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return _ENCODE(value)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def _role_of(item: dict[str, Any]) -> str | None:
    for key in ("role", "type", "_type"):
        role = item.get(key)
        if isinstance(role, str) and role.lower() in _ROLES and (key == "role" or "content" in item or "data" in item):
            return _ROLES[role.lower()]
    return None


def _unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """A LangChain message without its wrapping: `{"lc": 1, "kwargs": …}`, `{"type": "human", "data": …}`, `{"message": …}`."""
    kwargs, name = item.get("kwargs"), item.get("id")
    if isinstance(kwargs, dict) and "content" in kwargs:
        kind = name[-1] if isinstance(name, list) and name else kwargs.get("type")
        return {**kwargs, "type": kwargs.get("type") or kind}
    wrapped = item.get("data")
    if isinstance(wrapped, dict) and "content" in wrapped and isinstance(item.get("type"), str):
        return {**wrapped, "type": item["type"]}
    wrapped = item.get("message")
    return (
        wrapped
        if isinstance(wrapped, dict) and ("role" in wrapped or "content" in wrapped or "kwargs" in wrapped)
        else item
    )


def _calls(item: dict[str, Any]) -> list[ToolCall]:
    found: list[ToolCall] = []
    listed = item.get("tool_calls")
    if not listed and isinstance(extra := item.get("additional_kwargs"), dict):
        listed = extra.get("tool_calls")
    for call in listed if isinstance(listed, list) else []:
        if isinstance(call, dict):
            function = call.get("function")
            inner = function if isinstance(function, dict) else call
            arguments = inner.get("arguments", inner.get("args", inner.get("input")))
            found.append(ToolCall(str(call.get("id") or ""), str(inner.get("name") or "tool"), compact(arguments)))
    single = item.get("function_call")
    if isinstance(single, dict):
        found.append(ToolCall("", str(single.get("name") or "tool"), compact(single.get("arguments"))))
    return found


def _one(item: dict[str, Any], role: str) -> list[Message]:
    """The messages that one message object holds: thoughts and results of tools are messages of their own."""
    calls, text, thoughts, results = _calls(item), [], [], []
    content = item.get("content", item.get("parts"))
    for part in content if isinstance(content, list) else (content,):
        if not isinstance(part, dict):
            if part is not None:
                text.append(compact(part))
            continue
        kind = str(part.get("type") or "")
        if kind == "tool_use" or "functionCall" in part or "function_call" in part:
            called = _called(part)
            if not any(call.id and call.id == called.id for call in calls):
                calls.append(called)
        elif kind == "tool_result" or "functionResponse" in part or "function_response" in part:
            results.append(_result(part))
        elif kind in ("thinking", "redacted_thinking", "reasoning"):
            thoughts.append(_thought(part))
        else:
            text.append(plain(part))
    thoughts.append(compact(item.get("reasoning_content")))
    if item.get("refusal"):
        text.append(f"(refusal) {compact(item['refusal'])}")
    found = [Message("assistant", f"(thinking) {thought}") for thought in thoughts if thought]
    body = "\n".join([piece for piece in text if piece]) if len(text) != 1 else text[0]
    if not body and not calls and (results or found):
        return found + results
    call_id = item.get("tool_call_id")
    failed = role == "tool" and (item.get("status") == "error" or says_error(body))
    name = item.get("name")
    own = Message(role, body, str(name) if name else None, calls, str(call_id) if call_id else None, is_error=failed)
    return [*found, *results, own]


def _called(part: dict[str, Any]) -> ToolCall:
    """The call in a content block of Anthropic's or Gemini's."""
    inner = part.get("functionCall") or part.get("function_call")
    inner = inner if isinstance(inner, dict) else part
    arguments = inner.get("input", inner.get("args", inner.get("arguments")))
    return ToolCall(str(inner.get("id") or ""), str(inner.get("name") or "tool"), compact(arguments))


def _result(part: dict[str, Any]) -> Message:
    """The result in a content block of Anthropic's or Gemini's."""
    inner = part.get("functionResponse") or part.get("function_response")
    if isinstance(inner, dict):
        value, name, call_id = inner.get("response"), inner.get("name"), inner.get("id")
    else:
        value, name, call_id = part.get("content"), None, part.get("tool_use_id")
    body = plain(value)
    failed = bool(part.get("is_error")) or says_error(value if isinstance(value, dict) else body)
    return Message("tool", body, str(name) if name else None, tool_call_id=str(call_id or "") or None, is_error=failed)


def _thought(part: dict[str, Any]) -> str:
    """What a model thought, where it is readable."""
    for key in ("thinking", "reasoning", "text"):
        if isinstance(part.get(key), str):
            return str(part[key])
    return plain(part.get("summary"))


def plain(value: Any) -> str:
    """The readable text of a content part, or of a list of them."""
    if isinstance(value, list):
        return "\n".join(text for text in (plain(part) for part in value) if text)
    if not isinstance(value, dict):
        return compact(value)
    for key in ("text", "output_text", "content", "input_text", "refusal"):
        inner = value.get(key)
        if isinstance(inner, str):
            return inner
        if isinstance(inner, dict) and isinstance(inner.get("value"), str):
            return inner["value"]
        if key == "content" and isinstance(inner, list):
            return plain(inner)
    blob = value.get("inline_data", value.get("inlineData", value.get("file_data", value.get("fileData"))))
    if isinstance(blob, dict):
        return f"({blob.get('mime_type') or blob.get('mimeType') or 'file'})"
    kind = str(value.get("type") or "")
    if "image" in kind or "audio" in kind or kind in ("file", "document", "input_file"):
        return f"({kind.replace('_', ' ')})"
    return compact(value)


def _response_item(item: dict[str, Any]) -> list[Message] | None:
    """An item of OpenAI's Responses format that is no plain message."""
    kind = item.get("type")
    if not isinstance(kind, str):
        return None
    if kind in ("function_call", "custom_tool_call", "mcp_call") or (kind == "tool_call" and "args" in item):
        call = ToolCall(
            str(item.get("call_id") or item.get("id") or ""),
            str(item.get("name") or "tool"),
            compact(item.get("arguments", item.get("args", item.get("input")))),
        )
        return [Message("assistant", "", tool_calls=[call])]
    if kind in ("function_call_output", "custom_tool_call_output"):
        body = plain(item.get("output"))
        return [Message("tool", body, tool_call_id=str(item.get("call_id") or "") or None, is_error=says_error(body))]
    if kind == "reasoning":
        text = plain(item.get("summary"))
        return [Message("assistant", f"(thinking) {text}")] if text else []
    return None


def _pydantic_ai(parts: list[Any]) -> list[Message]:
    """The messages in the parts of a Pydantic AI request or response."""
    found: list[Message] = []
    said: Message | None = None  # the parts of one answer are one message
    for part in parts:
        kind = part.get("part_kind") if isinstance(part, dict) else None
        if kind is None:
            continue
        body, name, call_id = plain(part.get("content")), part.get("tool_name"), part.get("tool_call_id")
        if kind in ("tool-return", "retry-prompt") and name:
            failed = kind == "retry-prompt" or part.get("outcome") == "failed" or says_error(part.get("content"))
            found.append(Message("tool", body, str(name), tool_call_id=str(call_id or "") or None, is_error=failed))
        elif kind in ("system-prompt", "instruction"):
            found.append(Message("system", body))
        elif kind in ("user-prompt", "retry-prompt"):
            found.append(Message("user", body))
        else:
            if said is None:
                said = Message("assistant", "")
                found.append(said)
            if name:
                said.tool_calls.append(ToolCall(str(call_id or ""), str(name), compact(part.get("args"))))
            elif body and kind == "thinking":
                found.insert(-1, Message("assistant", f"(thinking) {body}"))
            elif body:
                said.text = f"{said.text}\n{body}" if said.text else body
    return found


def _is_message(item: dict[str, Any]) -> bool:
    """Whether something with a role has what messages have."""
    return "content" in item or "parts" in item or "tool_calls" in item or "function_call" in item


_COMPLETION_KEYS = frozenset({"text", "index", "finish_reason", "logprobs", "type"})


def _is_generation(value: dict[str, Any], default_role: str) -> bool:
    """Whether `{"text": …}` is what a completion model wrote."""
    return "generation_info" in value or (default_role == "assistant" and set(value) <= _COMPLETION_KEYS)


def _simple(value: dict[str, Any]) -> Message | None:
    """A message of a role and a text, as most are; told apart first because there are so many."""
    role, content = value.get("role"), value.get("content")
    if type(role) is not str or type(content) is not str:
        return None
    known = _ROLES.get(role)
    return Message(known, content) if known and known != "tool" else None


def _pair(item: Any) -> Message | None:
    """The message that LangChain lets people write as `("user", "…")`."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], str):
        role = _ROLES.get(item[0].lower())
        return Message(role, item[1]) if role else None
    return None


class Reader:
    """Reads one trace's values. What a list shares with the list before it, as a growing history does, is read once."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, int], tuple[Any, list[Message]]] = {}

    def messages(self, value: Any, default_role: str = "user", depth: int = 0) -> list[Message]:
        """The messages that a span's inputs or outputs hold, in order; none where they are something else."""
        if depth > _MAX_DEPTH:
            return []
        if isinstance(value, list):
            return self._listed(value, default_role, depth)
        return self._single(value, default_role, depth) if isinstance(value, dict) else []

    def _listed(self, items: list[Any], default_role: str, depth: int) -> list[Message]:
        found: list[Message] = []
        for place, item in enumerate(items):
            if not isinstance(item, (dict, list)):
                continue
            if type(item) is list and (said := _pair(item)) is not None:
                found.append(said)
                continue
            last = self._last.get((depth, place))
            if last is None or last[0] != item:
                last = (item, self.messages(item, default_role, depth + 1))
                self._last[depth, place] = last
            found += last[1]
        return found

    def _single(self, value: dict[str, Any], default_role: str, depth: int) -> list[Message]:
        if len(value) == 2 and (simple := _simple(value)) is not None:
            return [simple]
        if (special := _response_item(value)) is not None:
            return special
        parts = value.get("parts")
        if isinstance(parts, list) and any(isinstance(part, dict) and "part_kind" in part for part in parts):
            return _pydantic_ai(parts)
        inner = _unwrapped(value)
        if inner is not value and len(inner) == 2 and (simple := _simple(inner)) is not None:
            return [simple]
        if _is_message(inner) and (role := _role_of(inner)) is not None:
            return _one(inner, role)
        if value.get("type") == "message" and isinstance(value.get("content"), list):
            return _one(value, default_role)
        found: list[Message] = []
        system = value.get("system") or value.get("instructions")
        for key in _LISTS:
            listed = value.get(key)
            if listed is None:
                continue
            if isinstance(listed, (list, dict)) and (found := self.messages(listed, default_role, depth + 1)):
                break
            if key in ("input", "$ai_input") and isinstance(listed, str) and ("model" in value or key == "$ai_input"):
                found = [Message("user", listed)]
                break
        if not found and isinstance(value.get("message"), dict):
            found = self.messages(value["message"], default_role, depth + 1)
        if not found and isinstance(value.get("text"), str) and _is_generation(value, default_role):
            found = [Message("assistant", value["text"])]
        if found and system and found[0].role != "system" and (text := plain(system)):
            found.insert(0, Message("system", text))
        return found
