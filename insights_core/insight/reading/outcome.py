"""How a trace seems to have ended, told from statuses and set phrases; a guess, in English.

The patterns are in small letters, and so must be what they are looked for in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from insights_core.entities import Outcome

if TYPE_CHECKING:
    from insights_core.traces.text import TraceView

REFUSAL = re.compile(
    r"\b(?:unable to|can(?:'|no)t|can not|could(?: not|n't)|not able to|am not allowed|not (?:possible|available|permitted|eligible|allowed|found|supported)|unfortunately|(?:sorry|apologi[sz]e),? but|no (?:results?|flights?|information|data|matching|such)|don't have (?:access|information|any)|do not have (?:access|information|any)|something went wrong|(?:an|the) error|failed to)\b",
)
HANDOVER = re.compile(
    r"\b(?:transfer(?:red|ring)?|connect(?:ed|ing)?|escalat\w+|hand(?:ed|ing)?)\b[^.]{0,40}\b(?:human|agent|representative|specialist|support|colleague|team)\b",
)
_WANTS_HUMAN = re.compile(
    r"\b(?:speak|talk|transfer|connect|put|hand)\b[^.!?]{0,30}\b(?:human|person|operator|representative|somebody|someone|manager|supervisor)\b"
    r"|\b(?:want|need|get|give me)\b[^.!?]{0,12}\b(?:human|real person|live agent|operator|representative|supervisor)\b"
    r"|^\W*(?:operator|human|agent)\b",
    re.MULTILINE,
)
DONE = re.compile(
    r"\b(?:success\w*|(?:has|have) (?:now |all )?been (?:\w+ly )?\w+(?:ed|en|t)|(?:is|are) (?:now |all )?(?:booked|confirmed|updated|cancell?ed|scheduled|complete\w*|set|done|resolved|refunded)|i(?:'ve| have) (?:now |just |also )?(?:\w+ly )?(?:booked|updated|cancell?ed|changed|sent|created|scheduled|processed|added|removed|refunded|completed|found|fixed|issued)|here(?:'s| is| are)|confirmation (?:number|code)|all set)\b",
)
_THANKS = re.compile(
    r"\b(?:thanks|thank you|perfect|great|awesome|wonderful|that(?:'s| is) all|excellent|works now|solved)\b",
)
_COMPLAINT = re.compile(
    r"\b(?:unacceptable|ridiculous|useless|terrible|frustrat\w+|disappoint\w+|not what i (?:asked|wanted|meant)|(?:still|that) (?:does(?:n't| not)|is(?:n't| not)) (?:work|right|correct|help)|that(?:'s| is) (?:wrong|not right|incorrect)|you (?:already|keep)|waste of time|speak to (?:a )?(?:human|manager))\b",
)


def outcome_of(view: TraceView) -> Outcome:
    """How it seems to have ended, from the trace's status, errors that nothing followed, and what was said last."""
    said = [message for message in view.messages if message.role in ("user", "assistant") and message.text]
    last = " ".join([message.text for message in said if message.role == "assistant"][-2:])[-1500:].lower()
    reply = said[-1].text[-400:].lower() if said and said[-1].role == "user" else ""
    if view.status == "ERROR" or _COMPLAINT.search(reply):
        return Outcome.FAILURE
    handed_over = HANDOVER.search(last) or any(
        "transfer_to_human" in call.name for message in view.messages for call in message.tool_calls
    )
    if any(_WANTS_HUMAN.search(message.text[:2000].lower()) for message in said if message.role == "user"):
        return Outcome.PARTIAL if handed_over else Outcome.FAILURE
    done, refused = bool(DONE.search(last)), bool(REFUSAL.search(last))
    if handed_over or _broken_off(view) or refused:
        return Outcome.PARTIAL if done and not handed_over else Outcome.FAILURE
    if done or (last and _THANKS.search(reply)):
        return Outcome.PARTIAL if _unanswered_error(view) else Outcome.SUCCESS
    if last:
        return Outcome.SUCCESS if not _unanswered_error(view) else Outcome.PARTIAL
    root_output = view.spans[0].outputs if view.spans else None
    return Outcome.SUCCESS if view.status == "OK" and root_output not in (None, "", [], {}) else Outcome.UNKNOWN


def _broken_off(view: TraceView) -> bool:
    """The last message is a failed tool result, or a call that nothing answers."""
    last = view.messages[-1] if view.messages else None
    return last is not None and (
        last.is_error
        or (
            last.role == "assistant"
            and bool(last.tool_calls)
            and not last.text
            and "transfer" not in last.tool_calls[-1].name
        )
    )


def _unanswered_error(view: TraceView) -> bool:
    """The last result of some tool is an error."""
    results: dict[str, bool] = {}
    for message in view.messages:
        if message.role == "tool":
            results[message.name or ""] = message.is_error
    return any(results.values())
