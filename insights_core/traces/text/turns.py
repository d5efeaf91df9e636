"""What the parts of one message add up to, and the registry of the readers of parts.

A reader knows one shape. It is found by the part's `type` (`@typed`) or by the key that is there and not null
(`@keyed`); its docstring says who writes the shape, and in which version it was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from insights_core.traces.text.plain import compact, gist
from insights_core.traces.text.view import Message, ToolCall

Part = dict[str, Any]

MADE_ID = "~"
"""How the id begins of a call whose producer gave it none."""
_MADE_ID_CHARS = 200


class Turn:
    """One message as its parts are read: thoughts and results of tools become messages of their own."""

    __slots__ = ("call_id", "calls", "failed", "found", "name", "role", "text", "unknown")

    def __init__(self, role: str) -> None:
        self.role = role
        self.text: list[str] = []
        self.calls: list[ToolCall] = []
        self.found: list[Message] = []
        self.name: str | None = None
        self.call_id: str | None = None
        self.failed = False
        self.unknown = 0

    def say(self, text: str) -> None:
        """Add words of the speaker."""
        if text:
            self.text.append(text)

    def think(self, text: str) -> None:
        """Add a thought: a message before what is said."""
        if text:
            self.found.append(Message("assistant", f"(thinking) {text}"))

    def call(self, call: ToolCall) -> None:
        """Add a call of a tool, unless it is one that was read from another field of the same message.

        One without an id gets one made of what it asks, the same in every copy of the message.
        """
        if not call.id:
            call.id = MADE_ID + f"{call.name} {call.arguments}"[:_MADE_ID_CHARS]
            alike = sum([other.id.startswith(call.id) for other in self.calls])
            call.id += f" #{alike + 1}" if alike else ""
        if all([other.id != call.id for other in self.calls]):
            self.calls.append(call)

    def result(self, message: Message) -> None:
        """Add what a tool gave: after what the assistant said before it, before what the user says with it."""
        if self.role != "user":
            self._flush()
        self.found.append(message)

    def _flush(self) -> None:
        if self.text or self.calls:
            role = "assistant" if self.calls else self.role
            body = self.text[0] if len(self.text) == 1 else "\n".join(self.text)
            self.found.append(
                Message(role, body, self.name, self.calls, self.call_id if role == "tool" else None, "", self.failed)
            )
            self.text, self.calls = [], []

    def messages(self, keep_empty: bool = False) -> list[Message]:
        """All that was said, in order.

        Args:
            keep_empty: Whether a message without any words is one all the same.
        """
        if keep_empty and not (self.text or self.calls or self.found):
            self.text = [""]
        self._flush()
        return self.found

    def unread(self, part: Part) -> None:
        """Tell a part of no known shape by its longest plain strings, and count it."""
        self.unknown += 1
        self.say(gist({key: value for key, value in part.items() if key not in ("type", "id", "index")}))


TypedReader = Callable[[Part, Turn], None]
KeyedReader = Callable[[Any, Part, Turn], None]

TYPED: dict[str, TypedReader] = {}
"""Type of a part, in small letters with underscores -> its reader."""
ALONE: set[str] = set()
"""Types whose parts also stand alone in a list, where others have messages."""
KEYED: dict[str, KeyedReader] = {}
"""Key of a part without a known type -> its reader, in the order of trial."""


def typed(*names: str, alone: bool = False) -> Callable[[TypedReader], TypedReader]:
    """Register the reader of parts that say their type."""

    def register(reader: TypedReader) -> TypedReader:
        for name in names:
            TYPED[name] = reader
            if alone:
                ALONE.add(name)
        return reader

    return register


def keyed(*names: str) -> Callable[[KeyedReader], KeyedReader]:
    """Register the reader of parts that are known by a key."""

    def register(reader: KeyedReader) -> KeyedReader:
        for name in names:
            KEYED[name] = reader
        return reader

    return register


def kind_of(part: Part) -> str:
    """What a part says it is: in small letters with underscores; empty where it does not say."""
    for key in ("type", "part_kind", "block_type", "content_type", "kind"):
        kind = part.get(key)
        if isinstance(kind, str) and kind:
            return kind.lower().replace("-", "_")
    return ""


def first(part: Part, *keys: str) -> Any:
    """The first of some fields that is there and not null."""
    for key in keys:
        value = part.get(key)
        if value is not None:
            return value
    return None


def word(value: Any) -> str | None:
    """A field that is a name or an id."""
    return str(value) if isinstance(value, (str, int)) and value != "" else None


CALL_IDS = ("call_id", "toolCallId", "tool_call_id", "tool_use_id", "toolUseId", "ref", "id")


def call_of(part: Part) -> ToolCall:
    """The call in a part, whatever its fields are called."""
    function = first(part, "function", "custom", "tool_call", "server_tool_call")
    inner = function if isinstance(function, dict) else part
    name = first(inner, "name", "toolName", "tool_name", "function_name") or first(
        part, "name", "toolName", "tool_name"
    )
    arguments = first(inner, "arguments", "args", "input", "parameters", "tool_kwargs", "arguments_json", "kwargs")
    number = first(part, *CALL_IDS) or first(inner, *CALL_IDS)
    return ToolCall(word(number) or "", word(name) or "tool", compact(arguments))
