"""How a trace seems to have ended, where nobody said it: a guess that says "unknown" unless the trace itself tells.

What a person must not be told by set phrases: a hand-over to a person, an "unfortunately" or a "has been booked" is
neither a failure nor a success. On 200 airline conversations with known rewards, phrases of that kind were right less
often than chance.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from insights_core.entities import Outcome
from insights_core.insight.reading.signs import ends_with_words, handed_over

if TYPE_CHECKING:
    from insights_core.traces.text import TraceView


# A user whose last word is one of these did not get what was asked; English, so it only ever adds to the structure.
_COMPLAINT = re.compile(
    r"\b(?:unacceptable|ridiculous|useless|not what i (?:asked|wanted|meant)|(?:still|that) (?:does(?:n't| not)|is(?:n't| not)) (?:work|right|correct|help)|that(?:'s| is) (?:wrong|not right|incorrect)|waste of time)\b",
    re.IGNORECASE,
)


def outcome_of(view: TraceView) -> Outcome:
    """Failure where the trace broke off, or the user's last word is a complaint; partial where a person took over."""
    said = [message for message in view.messages if message.role in ("user", "assistant") and message.text]
    if view.status == "ERROR" or (said and said[-1].role == "user" and _COMPLAINT.search(said[-1].text[-400:])):
        return Outcome.FAILURE
    if handed_over(view):
        return Outcome.PARTIAL
    if view.status == "OK" and not ends_with_words(view):
        return Outcome.FAILURE
    return Outcome.UNKNOWN
