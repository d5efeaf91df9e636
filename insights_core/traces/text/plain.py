"""Values as people read them: what is language stays, what is data for machines is named in a few words.

Vectors, base64, signatures and encrypted text are kept out of every text; so are the marks by which SDKs say that an
argument was not given. A value of no known form is told by its longest plain strings, with their keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ENCODE = json.JSONEncoder(ensure_ascii=False, default=str).encode
_SHORT = 256  # characters; what is shorter holds nothing that is worth a look
_WINDOW = 128  # a run without blanks of twice this length covers a window wholly
_MANY_NUMBERS = 16  # a list of more numbers than this is a vector
_MAX_DEPTH = 12
_LONG_JSON = 800  # characters; JSON up to this length is read at a glance
_GIST = 1200  # characters of a value of unknown form
_SEALED = re.compile(r"(?:^|_)(?:signature|encrypted\w*)$|^(?:thoughtSignature|encrypted[A-Z]\w*|b64_json)$")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")
_DATA_URL = re.compile(r"data:([\w/+.-]+)(?:;[\w=.-]+)*;base64,[A-Za-z0-9+/_=-]*")
_VECTOR = re.compile(r"\[(?:\s*-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*,){16,}[^\]\"]*\]?")
_UNSET = re.compile(
    r"<?(?:[\w.]+\.)?(?:NOT_?GIVEN|NotGiven|Omit|omit|PydanticUndefined|UNSET|Unset)(?:\(\)| object(?: at 0x[0-9a-f]+)?)?>?"
)
_REPR = re.compile(r"<?([A-Za-z_][\w.]*)(?:\((?:\w+=|\[|<)| object at 0x)")


def is_unset(value: Any) -> bool:
    """Whether a value is an SDK's mark for an argument that was not given (OpenAI's, Anthropic's and Pydantic's)."""
    return isinstance(value, str) and len(value) < 80 and _UNSET.fullmatch(value) is not None


def compact(value: Any) -> str:
    """Any JSON as text, as people read it: strings as they are, the rest as compact JSON; blobs and vectors named."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) <= _SHORT else without_blobs(value)
    try:
        text = _ENCODE(value)
        if len(text) > _SHORT and is_suspicious(text):
            text = _ENCODE(cleaned(value))
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"
    return text


def is_suspicious(text: str) -> bool:
    """Whether a long text may hold what is no language."""
    return (
        _has_long_run(text) or "signature" in text or "encrypted" in text or _VECTOR.search(text) is not None or "NOT_GIVEN" in text
    )  # fmt: skip


def _has_long_run(text: str) -> bool:
    return any([" " not in text[at : at + _WINDOW] for at in range(0, len(text) - _WINDOW + 1, _WINDOW)])


def without_blobs(text: str) -> str:
    """A text whose base64, data URLs and vectors are named instead."""
    if len(text) <= _SHORT:
        return text
    if "base64," in text:
        text = _DATA_URL.sub(lambda found: f"({found[1]})", text)
    if _has_long_run(text):
        text = _BASE64.sub(_named_blob, text)
    return _VECTOR.sub("(numbers)", text) if "[" in text else text


def _named_blob(found: re.Match[str]) -> str:
    run = found[0]
    is_language = run.islower() or len(set(run)) < 4
    return run if is_language else f"({len(run):,} characters of data)"


def cleaned(value: Any, depth: int = 0) -> Any:
    """A value without vectors, blobs, sealed fields and arguments that were not given."""
    if isinstance(value, str):
        return without_blobs(value)
    if depth > _MAX_DEPTH:
        return "…" if isinstance(value, (list, dict)) else value
    if isinstance(value, list):
        if len(value) > _MANY_NUMBERS and all([type(item) in (int, float) for item in value]):
            return f"({len(value):,} numbers)"
        return [cleaned(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            key: cleaned(item, depth + 1)
            for key, item in value.items()
            if not (isinstance(key, str) and _SEALED.search(key)) and not is_unset(item)
        }
    return value


def without_repr(text: str) -> str:
    """A text that is a Python object's repr is told by the object's class alone."""
    found = _REPR.match(text)
    return f"({found[1].rsplit('.', 1)[-1]})" if found else text


def _strings(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """(key, string) of every plain string in a value, in its order."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        text = without_repr(without_blobs(value).strip())
        if text and not is_unset(text):
            yield key, text
    elif isinstance(value, dict):
        for name, item in value.items():
            if not (isinstance(name, str) and _SEALED.search(name)):
                yield from _strings(item, str(name), depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key, depth + 1)


def gist(value: Any, limit: int = _GIST) -> str:
    """A value of unknown form by its longest plain strings, with their keys, in their order."""
    strings = list(dict.fromkeys(_strings(value)))
    ranked = sorted(range(len(strings)), key=lambda at: -len(strings[at][1]))
    kept: set[int] = set()
    room = limit
    for at in ranked:
        room -= len(strings[at][0]) + len(strings[at][1]) + 5
        if kept and room < 0:
            break
        kept.add(at)
    lines = [f"{key}: {text}" if key else text for at, (key, text) in enumerate(strings) if at in kept]
    text = " · ".join(lines)
    return text if len(text) <= 4 * limit else f"{text[: 4 * limit]} […{len(text) - 4 * limit:,} more…]"


def shown(value: Any) -> tuple[str, bool]:
    """(a value that is no message as text, whether it is only the gist of it)."""
    if isinstance(value, str):
        return without_repr(without_blobs(value)), False
    text = compact(value)
    if len(text) <= _LONG_JSON and "(" not in text and "NOT_GIVEN" not in text:
        return text, False
    clean = cleaned(value)
    bare = _without_reprs(clean)
    if isinstance(bare, dict) and bare and all([bare[key] != clean[key] for key in bare]):
        return "", True  # nothing but objects of the producer's
    text = compact(bare)
    return (text, False) if len(text) <= _LONG_JSON else (gist(value), True)


def _without_reprs(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return without_repr(value)
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return {key: _without_reprs(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return [_without_reprs(item, depth + 1) for item in value]
    return value


def _ranked(*keys: str) -> dict[str, int]:
    return {key: rank for rank, key in enumerate(keys)}


# The sentence in a plain input or output -----------------------------------------------------------------------------

_ASKED = _ranked(

    "question", "query", "task", "user_input", "user_prompt", "user_message", "user_query", "input", "inputs", "prompt",
    "prompts", "message", "text", "content", "request", "inputText", "input_text", "input_str", "instruction", "goal",
    "topic", "kwargs", "args", "answer", "response", "output", "result",
)  # fmt: skip
_ANSWERED = _ranked(

    "answer", "final_answer", "final_output", "response", "reply", "output", "outputs", "output_text", "outputText",
    "result", "results", "raw", "completion", "generation", "generated_text", "text", "content", "message", "summary",
    "return_value", "replies",
)  # fmt: skip
_NO_ANSWERS = frozenset(
    {"question", "query", "task", "user_input", "user_prompt", "user_message", "user_query", "input", "inputs", "prompt", "request"}
)  # fmt: skip


def question_of(value: Any) -> str:
    """The sentence in a plain input, such as `{"question": "…"}`; empty where there is none."""
    return _sentence(value, _ASKED, None)


def answer_of(value: Any, given: Any = None) -> str:
    """The sentence in a plain output; what it repeats of the input is not the answer.

    Args:
        value: The output, such as `{"question": "…", "context": […], "answer": "…"}`.
        given: The input.
    """
    asked = question_of(given) if given is not None else ""
    found = _sentence(_without_input(value, given), _ANSWERED, asked or None)
    return "" if asked and found == asked and value != given else found


def _without_input(value: Any, given: Any) -> Any:
    if not isinstance(value, dict):
        return value
    same = given if isinstance(given, dict) else {}
    left = {
        key: item for key, item in value.items() if key not in _NO_ANSWERS and not (key in same and same[key] == item)
    }
    return left or value


def _sentence(value: Any, ranks: Mapping[str, int], asked: str | None) -> str:
    for _ in range(6):
        if isinstance(value, str):
            return "" if is_unset(value) else without_blobs(value)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
            continue
        if not isinstance(value, dict):
            return ""
        keys = [key for key, item in value.items() if item and key in ranks and isinstance(item, (str, dict, list))]
        inner = value[min(keys, key=ranks.__getitem__)] if keys else None
        if inner is None and len(value) == 1:
            inner = next(iter(value.values()))
        if inner is None and asked is not None:
            # A state with a key of its own for the answer: the longest of its sentences that was not asked.
            inner = max(
                (item for item in value.values() if isinstance(item, str) and " " in item and item != asked),
                key=len, default=None,
            )  # fmt: skip
        value = inner
    return ""
