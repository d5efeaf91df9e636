"""What can be done with text where there is no model: the telling sentences of a message, a headline, the drift of an instruction.

All of it is counting and matching words, mostly English ones; other languages keep their first sentences.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
# Stripped from both ends of what is shown.
_EDGES = " .,;:!-–。，！"
_WORD = re.compile(r"[^\W\d_]{2,}(?:'[a-z]+)?")
# Ids, numbers with letters, hashes, dates (a year alone is part of a question), addresses: they tell one trace from another, never one topic from another.
_IDS = re.compile(r"https?://\S+|\[[a-z_ ]+\]|\S+@\S+|#?\b(?=[\w-]*\d)(?=[\w-]{4,})(?!(?:1[89]|20)\d\d\b(?!-))[\w-]+\b")
_EMPTY_QUOTES = re.compile(r"([\"'`*])\s*\1|\(\s*\)|\[\s*\]|\{\s*\}")
_LEADING = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings|dear \w+|thanks?(?: you)?|okay|ok|yes|sure|alright|great|well|so|and|also|actually|sorry)\b(?: there| again| team| so much| very much)?[\s,.!:;–-]*)+",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:i(?:'d| would)? (?:really |just )?(?:like|want|need|wish|have|am trying|am looking|was wondering|was hoping)(?: you)?(?: if you (?:can|could))?(?: to know| to find out| to| for)?|i'm (?:trying|looking|hoping)(?: to| for)?|(?:can|could|would|will) you(?: please| kindly)?(?: help me)?(?: to| with)?|(?:please|kindly)(?: help me)?(?: to| with)?|help me(?: to| with)?|let's|is it possible to|may i|can i|could i)\s+",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\s,]*\b(?:please|thanks|thank you)\b[\s.!?]*$", re.IGNORECASE)
# What is left of "on [date]" or "for #123" where the id was taken out.
_DANGLING = re.compile(
    r"(?:\s+(?:on|for|to|from|at|with|of|in|by|the|a|is|and|number|reference))+(?=\s*(?:[.,;:?!]|$))", re.IGNORECASE
)
_INTENT = re.compile(
    r"\b(?:want|need|like to|looking|trying|help|how|what|why|where|when|which|who|can|could|please|cancel|change|refund|return|book|order|find|show|tell|explain|write|create|fix|compare|summari[sz]e|translate|recommend|issue|problem|error|wrong|broken|fail\w*|doesn't|does not|isn't|not working|complain\w*)\b|\?",
)
# A sentence that hands over particulars which were asked for says nothing of the wish.
_PARTICULARS = re.compile(
    r"\b(?:my|the) (?:\w+ )?(?:id|name|e-?mail|zip code|phone|number|date of birth|password)\b(?:,| is| should| would|:|\.|$)",
)
_PLEASANTRY = re.compile(
    r"^(?:hi|hello|hey|thanks?|thank you|yes|no|ok|okay|sure|great|perfect|bye|good ?bye|correct|right|go ahead|that's all|that is all|sounds good|you're welcome|have a)\b",
)
# What assistants say to everyone.
_OFFER = re.compile(
    r"\b(?:anything else|any (?:other|further|more) (?:questions?|help|assistance|requests?)|feel free to|don't hesitate|let me know if|have a (?:great|nice|good|wonderful|safe)|happy to (?:help|assist)|safe travels|talk to you soon|i'll be (?:here|right)|i hope (?:you|this|that)|whenever you're ready|enjoy (?:your|the)|take care|please (?:wait|hold)|one moment|glad (?:i|to)|how (?:can|may) i (?:help|assist)|you're welcome)\b",
)
STOP_WORDS = frozenset(
    (  # noqa: SIM905  (a list of 150 quoted words reads worse)
        "a about above after again all also am an and any are as at be because been before being but by can could did do does doing done down "
        "each else ever few for from get give given go got had has have having he her here him his how i if in into is it its just let like "
        "ll made make many may me might mine more most much must my need new no nor not now of off on once one only or other our out over own "
        "per please re really same see she should so some still such than thank thanks that the their them then there these they this those "
        "through to too under until up us use used using ve very want was way we well were what when where which while who why will with "
        "without would yes yet you your"
    ).split()
)
# Words of instructions that name no topic of their own.
_GENERIC = STOP_WORDS | frozenset(
    "agent agents assistant bot chatbot user users customer customers people trace traces conversation conversations question questions find show list analyze analyse identify look main common kind kinds type types thing things case cases different most often happen happens".split()  # noqa: SIM905
)
_MAX_READ_CHARS = 1600
# Long enough to tell words apart, short enough to see cancel in cancelled.
_START_CHARS = 5


@dataclass(frozen=True)
class Emphasis:
    """How much each part of a summary weighs, and the words of the instruction that name a topic."""

    wants: float
    errors: float
    ending: float
    tools: float
    speed: float
    topic: frozenset[str] = field(default_factory=frozenset)


_DRIFTS = {
    "wants": r"\b(?:ask\w*|want\w*|request\w*|need\w*|topic\w*|intent\w*|quer(?:y|ies)|question\w*|goals?|about|for what|looking for|use cases?)\b",
    "errors": r"\b(?:fail\w*|errors?|wrong\w*|problem\w*|issues?|broke\w*|bugs?|crash\w*|exception\w*|mistake\w*|complain\w*|struggl\w*|go(?:es)? wrong|hallucinat\w*|frustrat\w*)\b",
    "ending": r"\b(?:outcome\w*|resolv\w*|solv\w*|success\w*|results?|end(?:s|ed|ing)?|satisf\w*|complet\w*|answer\w*|escalat\w*|refus\w*|transfer\w*)\b",
    "tools": r"\b(?:tools?|steps?|paths?|functions?|calls?|workflows?|actions?|retriev\w*|api|apis)\b",
    "speed": r"\b(?:slow\w*|latenc\w*|speed|fast\w*|durations?|takes? (?:so )?long|performance|seconds|time-?outs?)\b",
}
_BASE = {"wants": 3.0, "errors": 2.0, "ending": 1.5, "tools": 1.0, "speed": 0.0}
_ASKED_FOR = 3.0


@lru_cache(maxsize=64)
def emphasis_of(instruction: str) -> Emphasis:
    """What an instruction is after, from its words."""
    said = instruction.lower()
    weights = {
        part: _BASE[part] + (_ASKED_FOR if re.search(pattern, said) else 0.0) for part, pattern in _DRIFTS.items()
    }
    plain = said
    for pattern in _DRIFTS.values():
        plain = re.sub(pattern, " ", plain)
    topic = frozenset(stem(word) for word in _WORD.findall(plain) if word not in _GENERIC)
    return Emphasis(topic=topic, **weights)


def stem(word: str) -> str:
    """A word without its commonest English endings; good enough to match `refunds` with `refund`."""
    word = word.lower()
    for ending in ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def scored_sentences(text: str, topic: Collection[str] = (), echo: Collection[str] = ()) -> list[tuple[float, str]]:
    """The sentences of a message that say something, verbatim and in order, with how telling each is (about -1 to 6).

    Greetings, thanks and bare agreement are left out; requests, words of the topic and words that others take up
    raise a sentence: small talk is answered by nobody.

    Args:
        text: A message; of a long one the first and last part are read.
        topic: Stems of words that matter more.
        echo: Beginnings of words that the other side uses, see `word_starts`.
    """
    if len(text) > _MAX_READ_CHARS:
        # A long message is mostly pasted material; what is asked stands before or after it.
        text = text[: _MAX_READ_CHARS // 2].rsplit(" ", 1)[0] + "\n" + text[-_MAX_READ_CHARS // 2 :].split(" ", 1)[-1]
    scored: list[tuple[float, str]] = []
    for sentence in _SENTENCE_END.split(text):
        sentence = sentence.strip()
        # Patterns in small letters on a text in small letters are a third faster than patterns that ignore case.
        low = sentence.lower()
        words = _WORD.findall(without_ids(low))
        content = [word for word in words if word not in STOP_WORDS]
        if not content or (len(content) < 4 and _PLEASANTRY.match(low)) or _OFFER.search(low):
            continue
        score = min(len(content), 8) / 6 + (1.5 if _INTENT.search(low) else 0.0)
        score -= 1.5 if len(words) < 4 and len(content) < 3 else 0.0
        score -= 1.5 if _PARTICULARS.search(low) else 0.0
        if echo:
            score += 0.6 * min(4, sum(word[:_START_CHARS] in echo for word in content))
        if topic:
            score += sum(stem(word) in topic for word in content)
        scored.append((score, sentence))
    return scored


def word_starts(text: str) -> set[str]:
    """Beginnings of a text's words, without the commonest: enough to see whether two texts speak of the same."""
    return {word[:_START_CHARS] for word in set(_WORD.findall(text.lower())) - STOP_WORDS}


@lru_cache(maxsize=2048)
def without_ids(text: str) -> str:
    """Text without ids, numbers of orders and flights, dates and addresses, and without doubled blanks."""
    plain = " ".join(_EMPTY_QUOTES.sub(" ", _IDS.sub(" ", text)).split())
    return re.sub(r"\s+([.,;:!?)])", r"\1", re.sub(r"(?:[,;:(]\s*)+(?=[.,;:!?)]|$)", "", plain)).strip(" ,;:-–(")


def core_of(sentence: str) -> str:
    """What a sentence is about: without greeting, ids, and the words that merely ask."""
    whole = without_ids(sentence)
    plain = _LEADING.sub("", whole)
    for _ in range(2):
        plain = _REQUEST.sub("", plain)
    return _DANGLING.sub("", _TRAILING.sub("", plain)).strip(_EDGES) or whole.strip(_EDGES)


def headline(text: str, max_words: int = 12) -> str:
    """The start of a text as a title: at most `max_words` words, the first letter a capital."""
    words = text.split()
    short = " ".join(words[:max_words])
    if len(words) > max_words:
        # Better to end at a comma than in the middle of a phrase.
        cut = max(short.rfind(", "), short.rfind("; "), short.rfind(". "))
        short = short[:cut] if cut > len(short) // 2 else short
        while short.rsplit(" ", 1)[-1].lower() in STOP_WORDS and " " in short:
            short = short.rsplit(" ", 1)[0]
    short = short.strip(_EDGES)
    return short[:1].upper() + short[1:]


def uncapitalised(text: str) -> str:
    """Text for the middle of a sentence: the first letter small, but not of `HTTP 500` or `ReadTimeout`."""
    first = text.split(" ", 1)[0]
    return (
        text
        if any(letter.isupper() for letter in first[1:]) or first == "I" or first.startswith("I'")
        else text[:1].lower() + text[1:]
    )


def shorten(text: str, max_chars: int) -> str:
    """Text cut at a word, with an ellipsis where something is missing."""
    text = " ".join(text.split())
    return text if len(text) <= max_chars else text[: max_chars - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
