"""Set phrases, in English and small letters, that find the sentence in which an assistant says how it ended.

They choose a sentence to quote; whether a trace failed is not told from them.
"""

from __future__ import annotations

import re

REFUSAL = re.compile(
    r"\b(?:unable to|can(?:'|no)t|can not|could(?: not|n't)|not able to|am not allowed|not (?:possible|available|permitted|eligible|allowed|found|supported)|unfortunately|(?:sorry|apologi[sz]e),? but|no (?:results?|flights?|information|data|matching|such)|don't have (?:access|information|any)|do not have (?:access|information|any)|something went wrong|(?:an|the) error|failed to)\b",
)
HANDOVER = re.compile(
    r"\b(?:transfer(?:red|ring)?|connect(?:ed|ing)?|escalat\w+|hand(?:ed|ing)?)\b[^.]{0,40}\b(?:human|agent|representative|specialist|support|colleague|team)\b",
)
DONE = re.compile(
    r"\b(?:success\w*|(?:has|have) (?:now |all )?been (?:\w+ly )?\w+(?:ed|en|t)|(?:is|are) (?:now |all )?(?:booked|confirmed|updated|cancell?ed|scheduled|complete\w*|set|done|resolved|refunded)|i(?:'ve| have) (?:now |just |also )?(?:\w+ly )?(?:booked|updated|cancell?ed|changed|sent|created|scheduled|processed|added|removed|refunded|completed|found|fixed|issued)|here(?:'s| is| are)|confirmation (?:number|code)|all set)\b",
)
