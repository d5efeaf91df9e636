"""What can be said of an event by its names and by counting the agent's earlier ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from insights_core.entities.card import ANSWER, Decision, Event

# With fewer earlier events nothing is a pattern.
_FEWEST = 5
_RARE = 0.1

_VERBS: dict[str, str] = {
    "looks something up": "get list search read fetch query find look lookup track check show describe select retrieve browse view",
    "changes or creates something": "create update set add insert write put edit change modify book reserve upload save apply resend schedule assign reset",
    "sends something out": "send post email mail notify publish message call reply forward share export",
    "removes something": "delete drop remove purge destroy truncate cancel revoke wipe terminate kill uninstall",
    "moves money": "pay charge refund transfer withdraw purchase buy checkout",
    "runs code or a command": "run exec execute eval shell bash sql script deploy invoke",
}
_MEANING = {word: meaning for meaning, words in _VERBS.items() for word in words.split()}

_FINDINGS: dict[str, str] = {
    "sql": "SQL that could delete or overwrite data",
    "injection": "text that tries to give the agent orders",
    "jailbreak": "text that tries to talk the agent out of its rules",
    "pii": "personal data",
    "secret": "a key, a token or a password",
    "credential": "a key, a token or a password",
    "exfiltration": "data on its way to the outside",
    "shell": "a command for an operating system",
    "path": "a path outside of where the tool may look",
    "ssrf": "an address inside the network",
    "amount": "an amount above a limit",
    "rate": "more calls than usual",
    "toxic": "abusive words",
    "permission": "something that the caller has no right to",
    "error": "a failure of the tool",
}

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def what_it_did(event: Event) -> str:
    """The call in words: what the tool's name says it does, and the shape of what was sent."""
    if event.tool_name == ANSWER:
        return f"This is about the agent's whole answer: {in_words(event.payload_shape)}."
    meaning = next((_MEANING[word] for word in _words(event.tool_name) if word in _MEANING), None)
    by_name = f", which by its name {meaning}" if meaning else ""
    return f"The agent wanted to call {event.tool_name}{by_name}, with {in_words(event.payload_shape)}."


def why_it_matched(event: Event) -> str:
    """The findings in words, as far as their names say what a rule looks for."""
    decided = {
        Decision.ALLOW: "the call was allowed",
        Decision.DENY: "the call was denied",
        Decision.ESCALATE: "a person has to decide",
    }[event.decision]
    if not event.findings:
        return f"No rule reported a finding, and {decided}."
    said = [_finding(name) for name in event.findings[:3]]
    more = f" and {len(event.findings) - 3} more" if len(event.findings) > 3 else ""
    which = f"The rules {', '.join(said)}{more}" if len(event.findings) > 1 else f"The rule {said[0]}"
    return f"{which} matched, and {decided}. What a rule looks for is told by its name alone here."


def _finding(name: str) -> str:
    words = _words(name)
    meaning = next((text for key, text in _FINDINGS.items() if any(word.startswith(key) for word in words)), None)
    return f"{name} (probably {meaning})" if meaning else name


def in_words(shape: dict[str, Any]) -> str:
    """A shape as people say it: an object of 2 fields (query: string of 54, limit: integer)."""
    kind, fields = shape.get("type"), shape.get("fields")
    if not isinstance(kind, str):
        return f"fields named {', '.join(list(shape)[:4])}" if shape else "nothing that the event tells of"
    count = shape.get("count", shape.get("length"))
    if isinstance(fields, dict) and fields:
        shown = [f"{name}: {_short(part)}" for name, part in list(fields.items())[:4]]
        rest = len(fields) - len(shown)
        number = count if isinstance(count, int) else len(fields)
        return f"{number} {'field' if number == 1 else 'fields'} ({', '.join(shown)}{f' and {rest} more' if rest > 0 else ''})"
    if kind == "object" and not count:
        return "no arguments"
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {_short(shape)}"


def _short(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    size = part.get("length", part.get("count"))
    return f"{part.get('type', 'object')}{f' of {size:,}' if isinstance(size, int) else ''}"


@dataclass(frozen=True)
class Pattern:
    """How an event stands among the agent's earlier ones."""

    verdict: Literal["fits", "departs", "unknown"]
    text: str
    compared_with: int


def pattern_of(event: Event, earlier: Sequence[Event]) -> Pattern:
    """Whether tool, decision and findings are what this agent did of late.

    Args:
        event: Which.
        earlier: The agent's events before.
    """
    total = len(earlier)
    if total < _FEWEST:
        before = f"only {total} earlier {'event' if total == 1 else 'events'}" if total else "no earlier event"
        return Pattern("unknown", f"This agent has {before}: too few to tell a pattern.", total)
    same_tool = sum(one.tool_name == event.tool_name for one in earlier)
    same_decision = sum(one.decision == event.decision for one in earlier)
    new = [name for name in event.findings if not any(name in one.findings for one in earlier)]
    word = {"allow": "allowed", "deny": "denied", "escalate": "escalated"}[event.decision]
    text = f"Of the agent's last {total} calls {same_tool} were of this tool and {same_decision} were {word}"
    text += f"; {', '.join(new[:3])} {'was' if len(new) == 1 else 'were'} not among them." if new else "."
    odd = [
        reason
        for reason, holds in (
            ("the tool", same_tool < _RARE * total),
            ("the decision", same_decision < _RARE * total),
            ("the finding", bool(new)),
        )
        if holds
    ]
    if odd:
        by = " and ".join(odd) if len(odd) < 3 else "the tool, the decision and the finding"
        return Pattern("departs", f"{text} It departs from the recent pattern by {by}.", total)
    return Pattern("fits", f"{text} It fits the recent pattern.", total)
