"""Whether what a tool answered is an error."""

from __future__ import annotations

import json
import re
from typing import Any

_SPOKEN = re.compile(
    r"\s*(?:<error>|\[?(?:fatal |internal |server |tool |api )?error\b\s*(?:[:\-\]!(]|\d{3}|while|when|in |occurred)|error\.?\s*$|exception\b\s*[:\-]|traceback \(most recent|"
    r"http(?: error)? [45]\d\d\b|(?:4\d\d|5\d\d) (?:bad|unauthorized|forbidden|not found|internal|service|gateway|too many)|"
    r"(?:failed|unable) to \w+|(?:[a-z]\w*\.)*[a-z]\w*(?:error|exception|timeout)\s*[:(])",
    re.IGNORECASE,
)
_FAILED_STATES = {"error", "failed", "failure", "exception", "timeout"}


def error_of(message: dict[str, Any]) -> str | None:
    """The error that a tool's message tells, in one line, or None where the tool did its work.

    An error is what says so at its very beginning (`Error: …`, `ValueError: …`, `HTTP 503`), or JSON with a
    filled `error`, a failed `status`, or `success: false`. A text that merely mentions errors is none.
    """
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    if message.get("is_error") or message.get("isError") or str(message.get("status", "")).lower() in _FAILED_STATES:
        return _line(text)
    value = _parsed(content)
    if isinstance(value, dict):
        told = _told(value)
        return _line(told) if told else None
    return _line(text) if isinstance(content, str) and _SPOKEN.match(content) else None


def _parsed(content: Any) -> Any:
    if isinstance(content, str) and content.lstrip()[:1] == "{":
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return None
    return content


def _told(value: dict[str, Any]) -> str | None:
    for name in ("error", "errors", "exception", "error_message"):
        if value.get(name) and value[name] is not True:
            return value[name] if isinstance(value[name], str) else json.dumps(value[name], default=str)
    failed = (
        value.get("error") is True
        or value.get("is_error") is True
        or value.get("isError") is True
        or value.get("success") is False
        or value.get("ok") is False
    )
    if failed or str(value.get("status", "")).lower() in _FAILED_STATES:
        return str(value.get("message") or value.get("reason") or value.get("detail") or json.dumps(value, default=str))
    return None


def _line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "error")
    return first[:500]
