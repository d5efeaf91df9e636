"""Phrases of texts: what they are, in how many texts of a group they stand, and where they may begin and end.

Summaries made offline have parts ("Asked: … Errors: … Ended: … Tools: …"); what users asked for names a topic better
than how an assistant takes its leave, so the parts are told apart and their labels belong to no phrase.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log

from insights_core.insight.topics.words import (
    AUXILIARIES,
    MARK,
    NEGATIONS,
    OBJECTS,
    OPENERS,
    TOKEN,
    VAGUE,
    WORD,
    is_content,
    language_of,
    stem,
)

Phrase = tuple[str, ...]

_COUNTED_TEXTS = 200  # of a group; more do not change which phrases are its own
_READ_CHARS = 1500  # of a text: summaries are shorter, and whole documents name nothing more
_LONGEST = 6
_CUT_OFF = 0.5  # of a phrase's places: if it goes on in the same way in more of them, it is half a phrase
_SMALL_SHARE = 0.02  # keeps a phrase that one other group has once from looking unique
_PART = re.compile(r"(?:^|(?<=[.!?…]\s))(Asked|Errors|Ended|Tools|Took): ")
PART_WEIGHTS = {"asked": 1.0, "tools": 0.4, "ended": 0.2}


def parts_of(text: str) -> dict[str, str]:
    """What was asked, the errors, the end and the tools of an offline summary; a text without parts is all asked.

    A headline before the first part is left out where there is an "Asked", which says the same and more.
    """
    pieces = _PART.split(text)
    parts = {label.lower(): said for label, said in zip(pieces[1::2], pieces[2::2], strict=True)}
    if not parts.get("asked") and pieces[0].strip():
        parts["asked"] = pieces[0].split(" – ")[0] if parts else pieces[0]
    return parts


def clauses_of(text: str) -> Iterator[list[str]]:
    """Runs of words as they are written; a number, a mark or a sign ends a run."""
    run: list[str] = []
    for token in TOKEN.findall(MARK.sub(" ; ", text)):
        if WORD.match(token):
            run.append(token)
        elif run:
            yield run
            run = []
    if run:
        yield run


@dataclass
class _Place:
    """Where a phrase stands, over all its places."""

    texts: int = 0
    asked: int = 0
    """Texts in which a user says it."""
    tools: int = 0
    """Texts whose tools are called so."""
    weight: float = 0.0
    places: int = 0
    before: Counter[Phrase] = field(default_factory=Counter)
    """The word before, and where that is no word of meaning the two before."""
    after: Counter[Phrase] = field(default_factory=Counter)


class GroupPhrases:
    """The phrases of one group of texts, of the language that most of them are in."""

    def __init__(self, texts: Sequence[str]) -> None:
        read = [parts_of(text[:_READ_CHARS]) for text in spread(texts)]
        spoken = [language_of(parts.get("asked", "")) for parts in read]
        common = Counter(spoken)
        # Readers of mixed groups are served best in English; titles in two languages serve nobody.
        self.language = "en" if common["en"] >= 0.3 * len(read) or not read else common.most_common(1)[0][0]
        self.languages = [name for name, count in common.most_common(3) if count >= 0.25 * len(read)]
        self.size = len(read)
        self.found: dict[Phrase, _Place] = {}
        self.cases: dict[str, Counter[str]] = defaultdict(Counter)
        for parts, language in zip(read, spoken, strict=True):
            self._read(parts, language)

    def _read(self, parts: dict[str, str], language: str) -> None:
        best: dict[Phrase, float] = {}
        asked: set[Phrase] = set()
        tools: set[Phrase] = set()
        for part, weight in PART_WEIGHTS.items():
            said = parts.get(part, "")
            if not said or (part == "asked" and language != self.language):
                continue
            for clause in clauses_of(said):
                # Whoever shouts says nothing of how a word is written.
                shouted = all(word.isupper() for word in clause)
                for word in clause if part == "asked" and not shouted else ():
                    if word is not clause[0] or not word[1:].islower():
                        self.cases[word.lower()][word] += 1
                for phrase in self._phrases([word.lower() for word in clause]):
                    best[phrase] = max(best.get(phrase, 0.0), weight)
                    if part != "ended":
                        (asked if part == "asked" else tools).add(phrase)
        for phrase, weight in best.items():
            self.found[phrase].texts += 1
            self.found[phrase].weight += weight
            self.found[phrase].asked += phrase in asked
            self.found[phrase].tools += phrase in tools

    def _phrases(self, words: list[str]) -> Iterator[Phrase]:
        """Phrases that begin and end with a word of meaning; where they stand is noted."""
        for start, first in enumerate(words):
            if not is_content(first) and first not in OPENERS:
                continue
            for stop in range(start + 1, min(start + _LONGEST, len(words)) + 1):
                if not is_content(words[stop - 1]) and words[stop - 1] not in NEGATIONS:
                    continue
                phrase = tuple(words[start:stop])
                place = self.found.setdefault(phrase, _Place())
                place.places += 1
                before, after = words[max(start - 2, 0) : start][::-1], words[stop : stop + 2]
                for side, near in ((place.before, before), (place.after, after)):
                    for reach in range(1, len(near) + 1):
                        side[tuple(near[:reach])] += 1
                yield phrase

    def share(self, phrase: Phrase) -> float:
        """Share of the texts that have it."""
        place = self.found.get(phrase)
        return place.texts / self.size if place and self.size else 0.0

    def is_whole(self, phrase: Phrase) -> bool:
        """Whether it stands on its own in most of its places, and is not half of something."""
        place = self.found[phrase]
        most = _CUT_OFF * place.places
        for side in (place.before, place.after):
            # "received a defective | kettle", "refund for the green | shelf": whatever follows, the phrase needs it.
            if sum(count for near, count in side.items() if len(near) == 1 and is_content(near[0])) > most:
                return False
            for near, count in side.items():
                if count > most and (is_content(near[-1]) or (len(near) == 1 and near[0] in OPENERS)):
                    return False
        return sum(place.after[(word,)] for word in OBJECTS) <= most

    def is_tool(self, phrase: Phrase) -> bool:
        """Whether it comes from the names of tools rather than from what users say."""
        return self.found[phrase].tools > self.found[phrase].asked

    def written(self, phrase: Phrase) -> str:
        """The phrase with the capitals that its words mostly have inside a sentence."""
        if phrase[0] == "not":
            said = [(count, near[0]) for near, count in self.found[phrase].before.items() if near[0] in AUXILIARIES]
            phrase = (max(said)[1], *phrase) if said else phrase
        return " ".join(self.cases[word].most_common(1)[0][0] if self.cases[word] else word for word in phrase)


class PhraseCounts:
    """In how many texts of each group each phrase stands: class-based TF-IDF, with texts counted instead of words.

    After Grootendorst (2022), "BERTopic", section 3.3, where each class is one document.
    """

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self.groups = [GroupPhrases(texts) for texts in groups]
        self.total: Counter[Phrase] = Counter()
        self.mostly_english = 2 * sum(group.language == "en" for group in self.groups) > len(self.groups)
        for group in self.groups:
            self.total.update({phrase: place.texts for phrase, place in group.found.items()})

    def lift(self, number: int, phrase: Phrase) -> float:
        """Logarithm of how much more common a phrase is in a group than in all others together."""
        group = self.groups[number]
        others = max(sum(other.size for other in self.groups) - group.size, 1)
        outside = (self.total[phrase] - group.found[phrase].texts) / others
        return log((group.share(phrase) + _SMALL_SHARE) / (outside + _SMALL_SHARE))

    def scores(self, number: int) -> list[tuple[float, Phrase]]:
        """(weight, phrase) of a group, heaviest first: common in it, rare elsewhere, longer ones preferred."""
        group = self.groups[number]
        scored = []
        for phrase, place in group.found.items():
            if place.texts < 2 and group.size > 3:
                continue
            lift = self.lift(number, phrase)
            if lift > 0:
                meaning = sum(is_content(word) and word not in VAGUE for word in phrase)
                length = 1 + 0.7 * (meaning - 1) + 0.1 * (len(phrase) - meaning) if meaning else 0.2
                scored.append((place.weight / group.size * lift * length, phrase))
        return sorted(scored, key=lambda item: (-item[0], item[1]))


def spread(texts: Sequence[str]) -> Sequence[str]:
    """At most 200 of the texts, from all over."""
    return texts if len(texts) <= _COUNTED_TEXTS else texts[:: -(-len(texts) // _COUNTED_TEXTS)][:_COUNTED_TEXTS]


def share_no_word(phrase: Iterable[str], used: set[str]) -> bool:
    """Whether no word of meaning in the phrase is among the used stems, nor part of one."""
    stems = {stem(word) for word in phrase if is_content(word)}
    return not any(one.startswith(other) or other.startswith(one) for one in stems for other in used)
