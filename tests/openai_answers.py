"""What the model of `openai_server.py` says: any JSON schema filled with words of the prompt, and vectors of hashed words."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

_WORD = re.compile(r"[A-Za-z][a-z]{3,}")
_LINE = re.compile(r"^L(\d{3,})[ :|]+(.*\S)", re.MULTILINE)
_DULL_WORDS = """
about above after again also answer because been being below between cannot could does each from give
given have here into json just lines more most must name names only other over same should some such
summary text than that their them then there these they this those title topic trace traces under user
very want what when where which while will with without words would your line data object schema call
tool result assistant system span chat model
"""
_DULL = frozenset(_DULL_WORDS.split())


def plausible(schema: dict[str, Any], messages: list[dict[str, str]]) -> Any:
    """Fills any schema with words of the last user message; claims cite lines and quote what stands there."""
    text = next(
        (
            str(m["content"])
            for m in reversed(messages)
            if m.get("role") == "user" and "Your answer cannot be used" not in str(m["content"])
        ),
        "",
    )
    if not schema:
        return "An answer about " + ", ".join(_topics(text)[:3]) + "."
    return _fill(schema, schema, "", text)


def _topics(text: str) -> list[str]:
    counted = Counter(word for word in _WORD.findall(text.lower()) if word not in _DULL)
    return [word for word, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))] or ["nothing"]


def _fill(node: dict[str, Any], root: dict[str, Any], name: str, text: str) -> Any:
    if "$ref" in node:
        return _fill(root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root, name, text)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return _choice(node["enum"], text)
    if "anyOf" in node:
        return _fill(
            next((part for part in node["anyOf"] if part.get("type") != "null"), node["anyOf"][0]), root, name, text
        )
    kind = node.get("type", "string")
    if kind == "object":
        properties = node.get("properties", {})
        if {"lines", "quote"} <= properties.keys():
            return _claim(properties, root, text, name)
        return {key: _fill(part, root, key, text) for key, part in properties.items()}
    if kind == "array":
        return (
            [] if name == "errors" and "error" not in text.lower() else [_fill(node.get("items", {}), root, name, text)]
        )
    if kind == "integer":
        return int(node.get("minimum", 1))
    if kind == "number":
        return float(node.get("minimum", 0.5))
    if kind == "boolean":
        return True
    return _words(name, text)


def _choice(values: list[Any], text: str) -> Any:
    failed = re.search(r"\b(?:error|failed|unable|exception)\b", text, re.IGNORECASE)
    for value in ("failure",) if failed else ("success",):
        if value in values:
            return value
    return values[int(hashlib.sha256(text.encode()).hexdigest(), 16) % len(values)]


def _claim(properties: dict[str, Any], root: dict[str, Any], text: str, name: str) -> dict[str, Any]:
    lines = [(int(number), content) for number, content in _LINE.findall(text)] or [(1, text[:40])]
    wanted = [line for line in lines if "error" in line[1].lower()] if name == "errors" else []
    number, content = (wanted or lines)[0]
    claim = {key: _fill(part, root, key, text) for key, part in properties.items()}
    said = {"text": content[:60]} if "text" in properties else {}
    return claim | said | {"lines": [number], "quote": content[:60]}


def _words(name: str, text: str) -> str:
    topics = _topics(text)
    if "title" in name or "name" in name or "label" in name:
        return " ".join(topics[:4]).capitalize()
    return f"It is about {', '.join(topics[:6])}."


_DIMENSIONS = 64


def embedding(text: str) -> list[float]:
    """A bag of hashed words: texts with the same words lie together. Not of unit length, on purpose."""
    vector = [0.0] * _DIMENSIONS
    for word in re.findall(r"\w+", text.lower()) or ["_"]:
        digest = hashlib.md5(word.encode()).digest()
        vector[digest[0] % _DIMENSIONS] += 1.0 if digest[1] % 2 else -1.0
    return vector
