"""Signs of how a trace went, told from its structure and not from set phrases of a language.

They are numbers without a verdict: what they mean differs from agent to agent, so they are weighed only where a person
said which traces failed (`calibration`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from insights_core.traces.text import Message, TraceView

_WORD = re.compile(r"\w{3,}")
_NUMBER = re.compile(r"\d[\d.,:/-]*\d|\d")
# A tool by one of these names gives the conversation to a person; names of tools are English wherever they are written.
_HANDOVER = re.compile(
    r"(?:transfer|escalat|hand_?(?:off|over)).*|.*(?:to_human|human_agent|live_agent)", re.IGNORECASE
)
_EMPTY = {"", "[]", "{}", "null", "none", "()", '""'}
# One trace's tools; a trace that calls more kinds is told by the ones it calls most.
_TOOLS = 20
# Two turns of a user that share this much of their words say the same again.
_SAID_AGAIN = 0.6


def signs_of(view: TraceView) -> dict[str, float]:
    """Name -> value of each sign, as counts and shares of one trace.

    Returns:
        turns, calls, tools: how much was done; tool_errors, empty_results, repeated_calls, last_result_failed: what
        went wrong with tools; handed_over; user_repeats: turns in which the user says again what was said;
        no_answer: the conversation does not end with words of the assistant; unbacked_numbers: numbers in the last
        answer that stand nowhere before it; answer_chars: length of the last answer; span_errors; `tool:NAME`: calls of each
        tool.
    """
    said = [message for message in view.messages if message.role in ("user", "assistant")]
    results = [message for message in view.messages if message.role == "tool"]
    calls = [(call.name, call.arguments) for message in said for call in message.tool_calls]
    answers = [message for message in said if message.role == "assistant" and message.text.strip()]
    answer = answers[-1].text if answers else ""
    return {
        "turns": len(said),
        "calls": len(calls),
        "tools": len({name for name, _ in calls}),
        "tool_errors": sum(message.is_error for message in results),
        "empty_results": sum(message.text.strip().lower() in _EMPTY for message in results),
        "repeated_calls": len(calls) - len(set(calls)),
        "last_result_failed": float(bool(results) and results[-1].is_error),
        "handed_over": float(handed_over(view)),
        "user_repeats": _repeats([message for message in said if message.role == "user"]),
        "no_answer": float(not ends_with_words(view)),
        "unbacked_numbers": _unbacked(view, answer),
        "answer_chars": len(answer),
        "span_errors": sum(span.status == "ERROR" for span in view.spans),
        **{f"tool:{name}": count for name, count in Counter(name for name, _ in calls).most_common(_TOOLS)},
    }


def handed_over(view: TraceView) -> bool:
    """Whether a tool gave the conversation to a person."""
    return any(_HANDOVER.fullmatch(call.name) for message in view.messages for call in message.tool_calls)


def ends_with_words(view: TraceView) -> bool:
    """Whether the assistant's words come after the last call and the last result of a tool.

    A trace without a conversation ends well where its root has an output.
    """
    if not view.messages:
        return bool(view.spans) and view.spans[0].outputs not in (None, "", [], {})
    for message in reversed(view.messages):
        if message.role == "tool":
            return False
        if message.role == "assistant":
            return bool(message.text.strip()) or handed_over(view)
    return False


def _repeats(turns: list[Message]) -> int:
    """Turns of the user that say again what an earlier one said."""
    earlier: list[set[str]] = []
    count = 0
    for turn in turns:
        words = set(_WORD.findall(turn.text.lower()))
        if len(words) >= 3:
            count += any(len(words & other) >= _SAID_AGAIN * min(len(words), len(other)) for other in earlier)
            earlier.append(words)
    return count


def _unbacked(view: TraceView, answer: str) -> int:
    """Numbers of the last answer that neither the user nor a tool gave."""
    told = Counter(_NUMBER.findall(answer))
    if not told:
        return 0
    before = {
        number for message in view.messages if message.role != "assistant" for number in _NUMBER.findall(message.text)
    }
    return sum(number not in before for number in told)
