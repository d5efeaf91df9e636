"""Whether a claim says what its quote says: no denial more or less, no other number, name or actor."""

from __future__ import annotations

import re

from insights_core.entities import Claim
from insights_core.insight.reading.sentences import STOP_WORDS, stem

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|without|cannot|unable|fail(?:s|ed)? to|refus\w+|declin\w+|den(?:y|ied|ies)|\w+n['’]t"
    r"|un(?:available|successful|confirmed|paid|changed|authori[sz]ed)|in(?:valid|eligible|correct|sufficient)|impossible|non-?\w+able"
    r"|nicht|kein\w*|nie(?:mals)?|ohne|ne|pas|jamais|aucune?|sans|nunca|ning\w+|sin|non|mai|senza|nessun\w*|não|nem|sem|nenhum\w*|не|нет|нельзя|без|değil|yok|لا|لم|لن|ليس|بدون)\b",
    re.IGNORECASE,
)
_SPELLED = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    )
}
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w-]{2,}\b")
_ASKER = re.compile(r"\b(?:user|customer|client|caller|passenger)\b", re.IGNORECASE)
_ANSWERER = re.compile(r"\b(?:agent|assistant|application|bot|model|system)\b", re.IGNORECASE)
_ROLE = re.compile(
    r"\b(user|human|customer|assistant|ai|agent|tool)\b(?: (?:call|result))?[^:\n]{0,40}:", re.IGNORECASE
)
_DONE_TO = re.compile(
    r"\b(?:user|customer|client|caller|passenger)s?(?:['’]s \w+)? (?:was|were|is|has been|gets?|got|received?|will)\b",
    re.IGNORECASE,
)
# Of the claim's words of meaning, this share must stand in the cited lines in some form; a summary says things in its
# own words, so a small one already tells a claim about other lines.
_SHARED = 0.34
# From this share on a claim repeats its line, and each denial of the one must be one of the other.
_REPEATS = 0.7


def contradicts(claim: Claim, lines: dict[int, str]) -> str:
    """Why a claim cannot be read in the lines it cites: "negation", "number", "name", "actor", "other"; "" where it can.

    Args:
        claim: Its quote stands in its lines already, see `is_confirmed`.
        lines: The trace's lines by number.
    """
    said, quote = claim.text.strip(), claim.quote
    if len(_WORD.findall(said)) < 2:  # states nothing
        return ""
    cited = " ".join(lines.get(number, "") for number in sorted(set(claim.lines)))
    # A line may say more than one thing: what decides is the sentence the quote stands in.
    ground = _sentences_of(quote, cited)
    if not said or _plain(said) in _plain(ground):
        return "" if _denials(said) == _denials(_window(said, ground)) else "negation"
    if _numbers(said) - _numbers(cited):
        return "number"
    if _turned(said, quote, ground):
        return "negation"
    if any(name.casefold() not in cited.casefold() for name in _NAME.findall(said) if not _ANSWERER.match(name)):
        return "name"
    words = {stem(word) for word in _WORD.findall(said.lower()) if word not in STOP_WORDS}
    there = {stem(word) for word in _WORD.findall(cited.lower())}
    told = {word for word in words if not _ASKER.match(word) and not _ANSWERER.match(word)}
    if len(told) > 2 and sum(word in there for word in told) < _SHARED * len(told):
        return "other"
    return "actor" if _other_actor(said, cited) else ""


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold().replace("’", "'"))) + "|" + " ".join(_NUMBER.findall(text))


def _denials(text: str) -> int:
    return len(_DENIAL.findall(text))


def _turned(said: str, quote: str, ground: str) -> bool:
    """Whether a claim denies what its line does not, or the other way round."""
    words, there = _WORD.findall(said.lower()), set(_WORD.findall(ground.lower()))
    if len(words) > 3 and sum(word in there for word in words) >= _REPEATS * len(words):
        return _denials(said) != _denials(_window(said, ground))
    return bool(_denials(said)) not in (bool(_denials(ground)), bool(_denials(quote)))


def _numbers(text: str) -> set[str]:
    digits = {number.replace(",", "").rstrip("0").rstrip(".") or "0" for number in _NUMBER.findall(text)}
    return digits | {_SPELLED[word] for word in _WORD.findall(text.lower()) if word in _SPELLED and word != "one"}


def _sentences_of(quote: str, cited: str) -> str:
    """The sentence of the cited lines in which the quote begins, to the one in which it ends."""
    at = cited.casefold().find(quote.strip().casefold()[:40])
    if at < 0:
        return quote
    begin = max(cited.rfind(mark, 0, at) for mark in (". ", "! ", "? ", "\n")) + 1
    end = min(
        (found for mark in (". ", "! ", "? ", "\n") if (found := cited.find(mark, at + len(quote) - 1)) >= 0),
        default=len(cited),
    )
    return cited[begin:end]


def _window(said: str, ground: str) -> str:
    """From the first to the last word of meaning that a line shares with a claim, and the two words before."""
    mine = set(_WORD.findall(said.lower())) - STOP_WORDS
    places = list(_WORD.finditer(ground))
    shared = [at for at, place in enumerate(places) if place[0].lower() in mine]
    return ground[places[max(shared[0] - 2, 0)].start() : places[shared[-1]].end()] if shared else ground


def _other_actor(said: str, cited: str) -> bool:
    """Whether a claim gives to one side what the line's role gives to the other."""
    role = _ROLE.search(cited[:80])
    if not role:
        return False
    first = said[:60]
    asker, answerer = _ASKER.search(first), _ANSWERER.search(first)
    if asker and answerer:
        asker, answerer = (asker, None) if asker.start() < answerer.start() else (None, answerer)
    spoken = role[1].lower()
    if spoken in ("user", "human", "customer"):
        return bool(answerer)
    return bool(asker) and spoken in ("assistant", "ai", "agent") and not _DONE_TO.search(first)
