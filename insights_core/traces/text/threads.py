"""The conversations that the calls of a trace carry on: which message of which call is new, which was told before.

Every call brings a list of messages: a whole history, the end of one, or only what is new. The lists of one agent
(known by its system prompt) form a tree, in which a list is a path and a call's output follows the path's end.
A list that goes on where a path ended is that conversation carried on; one that repeats a path is the same call again.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from insights_core.traces.text.view import Message, ToolCall

Key = tuple[Any, ...]
_NONE: set[int] = set()

_AGENT_LETTERS = 200  # of a system prompt: enough to tell agents apart, before most of what changes from call to call
_SOME_LETTERS = 8  # shorter results stand in longer ones by chance
_LONG_ARGUMENTS = 20_000  # characters; longer arguments are compared as they are written


_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@lru_cache(maxsize=256)
def canonical(arguments: str) -> str:
    """Arguments in one form, however they were serialised."""
    if arguments[:1] in "{[" and len(arguments) < _LONG_ARGUMENTS:
        try:
            return _SORTED(json.loads(arguments))
        except (ValueError, RecursionError):
            pass
    return "".join(arguments.split())


def squeezed(text: str) -> str:
    """Text without blanks: copies of a message differ in them."""
    if text.isprintable():  # then its only blanks are spaces
        return text.replace(" ", "")
    return "".join(text.split())


def agent_of(listed: list[Message]) -> str:
    """The agent that gets a list, by its system prompt: words of the beginning, which stay as times and counts pass."""
    for message in listed:
        if message.role == "system" and message.text:
            return _agent_named(message.text[:_AGENT_LETTERS])
    return ""


@lru_cache(maxsize=64)
def _agent_named(beginning: str) -> str:
    return " ".join([word for word in beginning.split() if word.isalpha()]) or beginning


class Node:
    """A message in its context: what was said before it is the way to the root."""

    __slots__ = ("_others", "index", "key", "latest", "parent")

    def __init__(self, parent: Node | None, key: int, index: int) -> None:
        self.parent, self.key, self.index = parent, key, index
        self.latest: Node | None = None
        self._others: dict[int, Node] | None = None  # most messages have but one after them

    def step(self, key: int, index: int) -> Node:
        """A new message after this one; it takes the place of an equal one."""
        node = Node(self, key, index)
        self.go(node)
        return node

    def go(self, node: Node) -> None:
        """Make one that follows the latest."""
        if self.latest is not None and self.latest is not node:
            self._others = self._others or {}
            self._others[self.latest.key] = self.latest
        self.latest = node

    def after(self, key: int) -> Node | None:
        """What follows with this key, if anything does."""
        if self.latest is not None and self.latest.key == key:
            return self.latest
        return self._others.get(key) if self._others else None

    def tip(self) -> Node:
        """Where the conversation that last came through here stands now."""
        node = self
        while node.latest is not None:
            node = node.latest
        return node


class Conversation:
    """The messages so far, each once, in the order in which they were heard."""

    def __init__(self, carries_history: Callable[[str, Message], bool]) -> None:
        self.messages: list[Message] = []
        self._carries_history = carries_history  # agent, first message -> whether later turns bring them along
        self._numbers: dict[Key, int] = {}  # key -> its number; numbers hash faster than long texts
        self._places: dict[int, list[int]] = {}  # number of a key -> where messages with it stand
        self._texts: set[str] = set()  # squeezed
        self._told_calls: set[tuple[str, str]] = set()  # (name, canonical arguments)
        self._open: dict[str, list[tuple[str, ToolCall]]] = {}  # name -> calls whose result no span told yet
        self._answers: dict[str | None, int] = {}  # id of a call -> where the result of the latest such call stands
        self._agents: dict[str, Node] = {}
        self._last: Node | None = None
        self._last_user = -1

    # What is known ---------------------------------------------------------------------------------------------------

    def _key(self, message: Message) -> int:
        known = message.key
        if known < 0:
            role, text, calls = message.role, squeezed(message.text), message.tool_calls
            self._texts.add(text)  # every message that gets a key is told, here or before
            asked = tuple([(call.name, canonical(call.arguments)) for call in calls]) if calls else None
            key: Key = (role, text, asked, message.tool_call_id if role == "tool" else None)
            known = message.key = self._numbers.setdefault(key, len(self._numbers))
        return known

    def append(self, message: Message, span_id: str) -> int:
        """Add a message at the end; gives its place."""
        index = len(self.messages)
        key = self._key(message)
        places = self._places.get(key)
        if places is None:
            self._places[key] = [index]
        else:
            places.append(index)
        for call in message.tool_calls:
            arguments = canonical(call.arguments)
            self._told_calls.add((call.name, arguments))
            self._open.setdefault(call.name, []).append((arguments, call))
            self._answers.pop(call.id, None)  # some models number their calls anew in each turn
        if message.role == "tool" and message.tool_call_id:
            self._answers[message.tool_call_id] = index
        elif message.role == "user":
            self._last_user = index
        if message.span_id:  # the same object, said before
            message = Message(
                message.role, message.text, message.name, message.tool_calls, message.tool_call_id, "",
                message.is_error, key,
            )  # fmt: skip
        message.span_id = span_id
        self.messages.append(message)
        return index

    def _find(self, message: Message, since: int, taken: set[int]) -> int | None:
        """Where a message stands at or after a place, other than where another message of its list was found."""
        known = self._places.get(message.key if message.key >= 0 else self._key(message))
        if known:
            for at in range(bisect_left(known, since), len(known)):
                if known[at] not in taken:
                    return known[at]
        if message.role != "tool":
            return None
        if message.tool_call_id:
            answer = self._answers.get(message.tool_call_id, -1)
        else:
            answer = self._told_result(message, since)
        if answer >= since and message.is_error:
            self.messages[answer].is_error = True
        return answer if answer >= since else None

    def _told_result(self, message: Message, since: int) -> int:
        """Where a result that names no call stands already, in the words of its tool's span; -1 where it does not."""
        bare = squeezed(message.text)
        for at in range(len(self.messages) - 1, since - 1, -1):
            told = self.messages[at]
            if told.role == "tool" and len(words := squeezed(told.text)) >= _SOME_LETTERS and words in bare:
                return at
        return -1

    def news(self, message: Message) -> Message | None:
        """What a message tells that does not stand anywhere yet, perhaps under another role or form."""
        calls = [call for call in message.tool_calls if (call.name, canonical(call.arguments)) not in self._told_calls]
        text = squeezed(message.text)
        if message.role == "tool" and message.tool_call_id and self.is_answered(message.tool_call_id):
            self.confirm(message.tool_call_id, message)
            return None
        if text and text not in self._texts:
            return replace(message, tool_calls=calls, key=-1)
        return replace(message, text="", tool_calls=calls, key=-1) if calls else None

    # What calls bring ------------------------------------------------------------------------------------------------

    def hear(self, listed: list[Message], span_id: str, repeats: Callable[[Message], bool]) -> Node:
        """Add what a call's input has beyond what is known.

        Args:
            listed: The input's messages.
            span_id: The call.
            repeats: Whether a user message is only handed on within the turn in which it was said.

        Returns:
            The place in the tree after which the call's output belongs.
        """
        agent, body = agent_of(listed), [message for message in listed if message.role != "system"]
        if len(body) < len(listed):  # there are system prompts
            for message in listed:
                if message.role == "system" and self._key(message) not in self._places:
                    self.append(message, span_id)
        keys = [message.key if message.key >= 0 else self._key(message) for message in body]
        root = self._agents.get(agent)
        new_agent = root is None
        if root is None:
            root = self._agents[agent] = Node(None, -1, -1)
        node, known = root, 0
        for key in keys:
            following = node.after(key)
            if following is None:
                break
            node.go(following)
            node, known = following, known + 1
        if known == len(body):
            rest = self._said_again(agent, node, body, repeats)
            for _ in rest:
                node = node.parent or root
            since, cut = len(self.messages), 0
        else:
            rest = body[known:]
            cut, since = self._overlap(node, rest, keys[known:], new_agent, repeats)
        # What stands before the cut is history: known wherever it was told. What follows was said after it.
        for message in rest[:cut]:
            index = self._find(message, 0, _NONE)
            index = self.append(message, span_id) if index is None else index
            node = node.step(message.key, index)
        taken: set[int] = set()
        for message in rest[cut:]:
            index = self._find(message, since, taken)
            index = self.append(message, span_id) if index is None else index
            taken.add(index)
            # Results of parallel calls are told as they come in and listed as they were asked for.
            since = since if message.role == "tool" else index + 1
            node = node.step(message.key, index)
        self._last = node
        return node

    def say(self, listed: list[Message], span_id: str, node: Node, is_inside: Callable[[str], bool]) -> None:
        """Add a call's output after its input, unless the same call, or one inside it, gave it before."""
        for message in listed:
            key = self._key(message)
            following = node.after(key)
            if following is None:
                told = [
                    place
                    for place in self._places.get(key, ())
                    if place > node.index and is_inside(self.messages[place].span_id)
                ]
                following = node.step(key, told[0] if told else self.append(message, span_id))
            else:
                node.go(following)
            node = following
        self._last = node

    def _said_again(
        self, agent: str, node: Node, body: list[Message], repeats: Callable[[Message], bool]
    ) -> list[Message]:
        """The end of a list heard before that is nevertheless new: none for a call made twice."""
        if not body or node.latest is None:  # the first call failed, or has not ended yet
            return []
        tip = self._agents[agent].tip()
        ends = [place for place, message in enumerate(body) if self._key(message) == tip.key]
        if ends:
            return body[ends[-1] + 1 :]  # the end of a history, cut to the same words as an earlier one
        last = self.messages[-1]
        if any(message.role != "user" for message in body) or last.role != "assistant" or last.tool_calls:
            return []
        # An agent that is handed its history and got no further since was asked the same once more.
        asked_once_more = tip.parent is node and self._carries_history(agent, body[0])
        return [] if asked_once_more or repeats(body[-1]) else body[-1:]

    def _overlap(
        self, node: Node, rest: list[Message], keys: list[int], new_agent: bool, repeats: Callable[[Message], bool]
    ) -> tuple[int, int]:
        """(how much of a list's rest is history, from where on the remainder may stand in the conversation)."""
        tip = (self._last if new_agent and self._last is not None else node).tip()
        if tip is node:
            return 0, node.index + 1
        otherwise = max(self._last_user, 0) if new_agent else tip.index + 1
        last = {key: place for place, key in enumerate(keys)}
        if not any(key in self._places for key in last):
            return 0, otherwise
        step: Node | None = tip
        while step is not None and step is not node and step.parent is not None:
            place = last.get(step.key)
            if place is not None:
                is_history = (
                    step is tip
                    or any(message.role in ("assistant", "tool") for message in rest[: place + 1])
                    or (new_agent and step.index == self._last_user)
                    or repeats(rest[place])
                )
                return (place + 1, step.index + 1) if is_history else (0, otherwise)
            step = step.parent
        return 0, otherwise

    def insert_first(self, listed: list[Message], span_id: str) -> None:
        """Put messages before all others but the system's; only after everything else was added."""
        at = next(
            (place for place, message in enumerate(self.messages) if message.role != "system"), len(self.messages)
        )
        self.messages[at:at] = [replace(message, span_id=span_id) for message in listed]

    # What tools tell -------------------------------------------------------------------------------------------------

    def answer(
        self,
        name: str,
        arguments: str,
        result: Message,
        span_id: str,
        told_inside: bool = False,
        number: str | None = None,
    ) -> bool:
        """Add a tool's result from its span, and the call, where the models' messages do not tell them.

        Args:
            name: The tool.
            arguments: What it was given.
            result: What it gave, as a message of the role tool.
            span_id: Its span.
            told_inside: Whether a span inside this one gave the same: then this is the same call, told by its wrapper.
            number: The call's id, where the span knows it.

        Returns:
            Whether the conversation now tells the call with just these arguments.
        """
        form = canonical(arguments)
        call = self._open_call(name, form, not told_inside)
        if call is None:
            if told_inside:
                return False
            call = ToolCall(number or span_id, name, arguments)
            self.append(Message("assistant", "", tool_calls=[call]), span_id)
            self._open[name].pop()
        result.tool_call_id = call.id or None
        self.append(result, span_id)
        return (name, form) in self._told_calls

    def is_asked(self, call_id: str) -> bool:
        """Whether a call of this id was told and waits for its result."""
        return any([call.id == call_id for waiting in self._open.values() for _, call in waiting])

    def confirm(self, call_id: str, result: Message) -> None:
        """Hear a result once more: that it is one of a failure may be said in one place alone."""
        told = self.messages[self._answers[call_id]]
        told.is_error = told.is_error or result.is_error

    def is_answered(self, call_id: str | None) -> bool:
        """Whether the latest call of this id has its result."""
        return call_id in self._answers

    def _open_call(self, name: str, arguments: str, or_another: bool) -> ToolCall | None:
        """The earliest call with these arguments, or else of this tool, whose result was not told."""
        waiting = self._open[name] = [open_ for open_ in self._open.get(name, []) if not self.is_answered(open_[1].id)]
        exact = next((place for place, (asked, _) in enumerate(waiting) if asked == arguments), None)
        if exact is None and or_another:
            exact = next((place for place, (_, call) in enumerate(waiting) if call.id), None)
        return waiting.pop(exact)[1] if exact is not None else None
