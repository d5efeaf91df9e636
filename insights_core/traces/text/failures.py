"""Whether a tool's result reports a failure, by its form."""

from __future__ import annotations

import json
import re
from typing import Any, TypeGuard

# A result that begins like an error: the words for it in the languages that tools are written in, a class of error
# and a colon, or a status of HTTP.
_START = re.compile(
    r"\s*(?:\[?(?:error|exception|traceback|failed|failure|fehler|erreur|errore|erro|fout|hata|fel|błąd|ошибка|錯誤|错误|エラー|오류|خطأ)"
    r"(?:\b|(?<=[^\x00-\x7f]))\s*[:：\]\-(]|traceback \(most recent|(?:\w+\.)*\w*(?:Error|Exception):"
    r"|HTTP(?:/\d\.\d)? ?[45]\d\d\b|[45]\d\d [A-Za-z_]+(?:[: ]|$))",
    re.IGNORECASE,
)
_EXIT = re.compile(
    r"^\W{0,3}(?:process |command )?(?:exited with |finished with )?(?:exit ?(?:code|status)|return ?code)\W{1,3}(-?\d+)\b",
    re.IGNORECASE | re.MULTILINE,
)
_TRACEBACK = re.compile(r"^\W{0,4}Traceback \(most recent call last\)", re.MULTILINE)
_BAD_WORDS = frozenset({"error", "failed", "failure", "fail", "exception"})
_ERROR_KEYS = ("error", "errors", "is_error", "isError", "exception", "errorText", "error_code", "errorMessage", "error_message")  # fmt: skip
_STATES = ("status", "status_code", "code", "statusCode", "outcome", "state")
_EXITS = ("return_code", "returncode", "exit_code", "exitCode")
_TELLING = frozenset({*_ERROR_KEYS, *_STATES, *_EXITS, "success", "ok", "type"})
_NOTHING: tuple[Any, ...] = (None, False, "", 0, [], {})


def is_bad_word(state: Any) -> bool:
    """Whether a status says that something failed."""
    return isinstance(state, str) and state.lower() in _BAD_WORDS


def says_error(value: Any) -> bool:
    """Whether a tool's result reports a failure by its form; a sentence that merely mentions an error does not."""
    if isinstance(value, str):
        return _text_says_error(value)
    if isinstance(value, list):
        return len(value) == 1 and says_error(value[0])
    if not isinstance(value, dict) or _TELLING.isdisjoint(value):
        return False
    if any(value.get(key) not in _NOTHING for key in _ERROR_KEYS):
        return True
    if value.get("success") is False or value.get("ok") is False:
        return True
    if any(_is_number(value.get(key)) and value[key] != 0 for key in _EXITS):
        return True
    if str(value.get("type") or "").endswith(("_error", "error-text", "error-json")):
        return True
    return any(is_bad_word(state) or (_is_number(state) and 400 <= state < 600) for state in map(value.get, _STATES))


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text_says_error(value: str) -> bool:
    text = value.strip()
    if text[:1] in "{[" and text[-1:] in "}]" and text:
        try:
            return says_error(json.loads(text))
        except (ValueError, RecursionError):
            pass
    exits = _EXIT.findall(text) if "xit" in text or "eturn" in text or "EXIT" in text else []
    if exits:
        return any(int(code) != 0 for code in exits)
    return bool(_START.match(text)) or ("Traceback" in text and bool(_TRACEBACK.search(text)))
