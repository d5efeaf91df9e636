"""What a tool gave, as text, and whether it failed."""

from __future__ import annotations

import json
from typing import Any

from insights_core.traces.text.failures import is_bad_word, says_error
from insights_core.traces.text.plain import compact, is_unset
from insights_core.traces.text.turns import CALL_IDS, Part, first, kind_of, word
from insights_core.traces.text.view import Message

_VALUES = ("response", "result", "output", "content", "return_value", "tool_result", "server_tool_call_response", "outputs", "results", "tools")  # fmt: skip
_TEXTS = ("text", "output_text", "input_text", "summary_text", "content", "refusal", "transcript", "logs", "value")
_MAX_DEPTH = 8
_MEDIA = ("image", "audio", "video", "file", "document", "blob", "media", "screenshot")


def result_of(part: Part, name: str | None = None) -> Message:
    """The result in a part, whatever its fields are called."""
    value = first(part, *_VALUES)
    error = first(part, "error", "errorText", "error_message")
    failed = bool(
        part.get("is_error") or part.get("isError") or is_bad_word(part.get("status")) or is_bad_word(part.get("outcome"))
    )  # fmt: skip
    if error not in (None, False, "", {}) and not isinstance(error, bool):
        failed, value = True, error if value in (None, "", [], {}) else [value, error]
    text = result_text(value)
    said = first(part, "name", "toolName", "tool_name", "function_name")
    return Message(
        "tool", text, word(said) or name, tool_call_id=word(first(part, *CALL_IDS)),
        is_error=failed or error is True or value_failed(value, text),
    )  # fmt: skip


def value_failed(value: Any, text: str) -> bool:
    """Whether a result says by its form that the tool failed."""
    if isinstance(value, (dict, list)):
        return _some_failed(value) or (text[:1] not in "{[" and says_error(text))
    return says_error(text)


def _some_failed(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        outcome = value.get("outcome")
        inner = value.get("value") if str(value.get("type") or "") in ("json", "content") else value.get("json")
        return (
            says_error(value) or (isinstance(outcome, dict) and says_error(outcome))
            or (isinstance(inner, dict) and says_error(inner))
        )  # fmt: skip
    return (
        isinstance(value, list)
        and depth < 2
        and any([_some_failed(item, depth + 1) for item in value if _is_part(item)])
    )


def _is_part(item: Any) -> bool:
    return isinstance(item, dict) and ("type" in item or "json" in item or "text" in item or "outcome" in item)


def result_text(value: Any, depth: int = 0) -> str:
    """A result's words: of content parts their text, of data its JSON."""
    if value is None or is_unset(value):
        return ""
    if isinstance(value, str):
        return _decoded_text(value, depth) if value[:2] in ("[{", '{"') else compact(value)
    if depth > _MAX_DEPTH:
        return compact(value)
    if isinstance(value, list):
        if value and all([isinstance(item, str) or is_content(item) for item in value]):
            return "\n".join([text for text in [result_text(item, depth + 1) for item in value] if text])
        return compact(value)
    if isinstance(value, dict) and (told := _content_text(value, depth)) is not None:
        return told
    return compact(value)


def _decoded_text(text: str, depth: int) -> str:
    """A string that is the JSON of content parts, as several producers write it; other JSON stays as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return compact(text)
    items = value if isinstance(value, list) else [value]
    if items and all([is_content(item) for item in items]):
        return result_text(value, depth + 1)
    return compact(text)


def is_content(item: Any) -> bool:
    """Whether an item is a content part, not data."""
    if not isinstance(item, dict):
        return False
    kind = kind_of(item)
    if kind in (
        "text",
        "output_text",
        "input_text",
        "summary_text",
        "reasoning_text",
        "json",
        "content",
        "error_text",
        "error_json",
        "logs",
        "resource",
        "tool",
    ):
        return True
    if kind.endswith(("_result", "_result_error", "_output")) or any(media in kind for media in _MEDIA):
        return True
    if "stdout" in item or "stderr" in item or ("filename" in item and isinstance(item.get("text"), str)):
        return True
    if set(item) <= {"text", "json", "image", "document", "video", "searchResult", "cachePoint"}:
        return bool(item)
    return isinstance(item.get("content"), list) and all([is_content(each) for each in item["content"]])


def _content_text(value: Part, depth: int) -> str | None:
    """The text of one content part; None for plain data."""
    if not is_content(value):
        return None
    if isinstance(value.get("data"), dict) and "content" in value["data"]:  # a message of LangChain's
        return result_text(value["data"]["content"], depth + 1)
    if "stdout" in value or "stderr" in value:
        return "\n".join([str(text) for text in (value.get("stdout"), value.get("stderr")) if text])
    if "json" in value:
        return compact(value["json"])
    kind = kind_of(value)
    code = value.get("error_code")
    if code:
        return compact(code)
    if kind == "resource" and isinstance(value.get("resource"), dict):
        return compact(first(value["resource"], "text", "uri"))
    texts = [result_text(value[key], depth + 1) for key in _TEXTS if value.get(key) not in (None, "")][:1]
    title = first(value, "title", "filename", "url", "name")
    if (kind.endswith("_result") or "filename" in value) and isinstance(title, str):
        texts = [title, *texts]
    if texts:
        return ": ".join([text for text in texts if text])
    return media_label(value)


def media_label(part: Part) -> str:
    """What stands for a picture, a sound or a file: its kind, and its name where it has one."""
    kind = kind_of(part)
    source = first(
        part, "source", "file", "inline_data", "inlineData", "file_data", "fileData", "image", "document", "data"
    )
    inner = source if isinstance(source, dict) else {}
    mime = first(part, "mime_type", "mimeType", "media_type", "mediaType") or first(inner, "mime_type", "mimeType")
    label = kind.replace("_", " ") or (mime if isinstance(mime, str) else "file")
    if kind in ("blob", "uri", "") and isinstance(mime, str):
        label = mime
    name = first(part, "title", "filename", "name", "file_name") or first(inner, "filename", "name", "file_name")
    return f"({label}: {name})" if isinstance(name, str) and name and len(name) < 200 else f"({label})"
