"""Titles without a model: what most members ask for, in their own words, and the error that most of them end in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from insights_core.insight.reading import core_of
from insights_core.insight.topics.phrases import (
    GroupPhrases,
    Phrase,
    PhraseCounts,
    clauses_of,
    parts_of,
    share_no_word,
    spread,
)
from insights_core.insight.topics.telling import Separation
from insights_core.insight.topics.words import (
    LANGUAGE_NAMES,
    NEGATIONS,
    OBJECTS,
    STOP,
    VAGUE,
    is_content,
    stem,
    words_of,
)

MAX_WORDS = 8
_WISH_WORDS = 5  # beside an error
_MOST = 0.5
_COMMON = 0.12  # of the members: a phrase below it does not speak for them
_FEW = 8  # members of which a single one may speak for all
_SAID_BY = 0.05  # of the members: a word that fewer say is one case's own
# Areas that differ by less are the same; titles score alike from 1 to 5 (`mlflow-insights scorecard`).
_STANDARD_ERRORS = 3
_READ_CHARS = 1500
# What begins with one of these is half a sentence.
_WEAK = frozenset(
    [
        "in",
        "on",
        "at",
        "of",
        "for",
        "to",
        "from",
        "with",
        "by",
        "via",
        "using",
        "the",
        "a",
        "an",
        "my",
        "your",
        "this",
        "that",
        "one",
        "and",
        "or",
        "but",
        "as",
        "is",
        "are",
        "it",
        "its",
    ]
)
_CANDIDATES = 60  # the commonest; what comes after them no member of ten says
_ERROR_WORDS = 5
_HEAD_WORDS = 4
_ARTICLES = frozenset(["a", "an", "the", "my"])  # a list does without
_CLASS = re.compile(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)+?)(?:Error|Exception)?\b")
_PLACES = re.compile(r"\(([^()]*)\)(?=[.;])")
_PLACE = re.compile(r"\([^()]*\)[\s.]*$")  # "(charge card)": the tool that failed


def wish(
    counts: PhraseCounts,
    number: int,
    separation: Separation,
    texts: Sequence[str],
    max_words: int = MAX_WORDS,
) -> str:
    """What a group of texts is about, in words of its members; "" where nothing is common.

    Candidates are phrases that stand in many members and in few others, and what members ask in so few words. The one
    that tells members from all others best wins; of those that it cannot be told apart from, the one that
    is most like the members.
    """
    group = counts.groups[number]
    few = group.size <= _FEW
    phrases = [
        phrase
        for _, phrase in counts.scores(number)[:300]
        if len(phrase) <= max_words and (few or group.share(phrase) >= _COMMON) and group.is_whole(phrase)
    ][:_CANDIDATES]
    said = {group.written(phrase): phrase for phrase in phrases}
    said_so = dict.fromkeys([*said, *_said_by_members(group, texts, max_words)])
    whole = [one for one in said_so if not _repeats(one)]
    candidates = [one for one in whole if _speaks_for(group, one)] or whole
    if not candidates:
        return ""
    scores, likeness = separation.score(number, candidates)
    best = float(scores.max())
    near = best - _STANDARD_ERRORS * separation.error_of(number, best)
    fitting = [(like, one) for one, like, score in zip(candidates, likeness, scores, strict=True) if score >= near]
    return max(fitting)[1]


def _said_by_members(group: GroupPhrases, texts: Sequence[str], max_words: int) -> Iterator[str]:
    """Runs of words in which members say it themselves, without words that only one of them uses."""
    for text in spread(texts):
        asked = parts_of(text[:_READ_CHARS]).get("asked", "").split("; ")[0]
        for clause in clauses_of(core_of(asked)):
            low = [word.lower() for word in clause]
            own = [is_content(word) and group.size > _FEW and group.share((word,)) < _SAID_BY for word in low]
            for start, first in enumerate(low):
                if first in _WEAK or (start and not is_content(first)):
                    continue
                for stop in range(start + 2, min(start + max_words, len(clause)) + 1):
                    if own[stop - 1] or own[start]:
                        break
                    ends = is_content(low[stop - 1]) or low[stop - 1] in NEGATIONS
                    # "send | the report" has lost its object.
                    goes_on = stop < len(low) and low[stop] in OBJECTS
                    if ends and not goes_on and not _cuts_negation(low, start, stop):
                        yield " ".join(clause[start:stop])


def _speaks_for(group: GroupPhrases, phrase: str) -> bool:
    """Whether it has two words of meaning, or one that most members say: "Matlab", but not "sit"."""
    words = [word for word in phrase.lower().split() if is_content(word) and word not in VAGUE]
    return len(words) > 1 or any(group.share((word,)) > _MOST for word in words)


def _repeats(phrase: str) -> bool:
    """Whether a word of meaning stands twice in it, as where two sentences run into each other."""
    stems = [stem(word) for word in phrase.lower().split() if is_content(word)]
    return len(set(stems)) < len(stems)


def _cuts_negation(words: Sequence[str], start: int, stop: int) -> bool:
    """Whether the run leaves out a negation right before or after it, and so says the opposite."""
    near = {*words[max(start - 2, 0) : start], *words[stop : stop + 1]}
    return not near.isdisjoint(NEGATIONS)


def _meaning(phrase: Phrase) -> int:
    """How many of the words carry a topic."""
    return sum(is_content(word) and word not in VAGUE for word in phrase)


def common_errors(texts: Sequence[str]) -> list[str]:
    """How the error that most texts name can be said, in at most five words each, the best first."""
    said = [faults for text in spread(texts) if (faults := parts_of(text).get("errors"))]
    enough = max(_MOST * len(spread(texts)), 1)
    if len(said) <= enough:
        return []
    classes: Counter[str] = Counter()
    openings: Counter[str] = Counter()
    for faults in said:
        classes.update({_in_words(found) for found in _CLASS.findall(faults)})
        openings.update(_openings(faults))
    named = [(count, words) for words, count in classes.items() if count > enough]
    whole = [(count * len(words.split()) ** 0.5, words) for words, count in openings.items() if count > enough]
    return [words for _, words in (*sorted(named, reverse=True), *sorted(whole, reverse=True))]


def _in_words(camel: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", camel).lower()


def _openings(faults: str) -> set[str]:
    """How each error of a text may be said: its clauses, and their beginnings that end on a word of meaning."""
    found: set[str] = set()
    for fault in faults.split("; "):
        for clause in clauses_of(_PLACE.sub("", _CLASS.sub("", fault)).replace("_", " ")):
            words = (
                [word for word in clause if word.lower() not in ("error", "code", "http")]
                if len(clause) < 3
                else clause
            )
            while words and words[0].lower() in STOP:
                words = words[1:]
            words = words[:_ERROR_WORDS]
            while words and words[-1].lower() in STOP:
                words = words[:-1]
            if sum(is_content(word.lower()) and word.lower() not in VAGUE for word in words) > 1:
                found.add(" ".join(words).lower() if words[0][1:].islower() else " ".join(words))
    return found


def leaf_title(counts: PhraseCounts, number: int, texts: Sequence[str], separation: Separation) -> str:
    """A title of at most eight words, or an empty one where the members share no phrase."""
    group = counts.groups[number]
    errors = common_errors(texts)
    room = min(_WISH_WORDS, MAX_WORDS - min(len(error.split()) for error in errors)) if errors else MAX_WORDS
    asked = wish(counts, number, separation, texts, room)
    if group.language != "en" and counts.mostly_english:
        asked = _foreign(counts, number) or asked
    if not errors:
        return _with_failing_tool(asked, _failing_tool(texts))
    if not asked:
        return errors[0]
    used = {stem(word) for word in asked.lower().split() if is_content(word)}
    left = MAX_WORDS - len(asked.split())
    for error in errors:
        if share_no_word(error.lower().split(), used) and len(error.split()) <= left:
            return f"{asked}: {error}"
    # "Gift card: card declined" would say card twice.
    rest = [word for word in errors[0].split() if share_no_word([word.lower()], used)][:left]
    return f"{asked}: {' '.join(rest)}" if rest and rest[-1].endswith("ed") else asked


def _with_failing_tool(asked: str, tool: str) -> str:
    if not tool:
        return asked
    used = {stem(word) for word in asked.lower().split() if is_content(word)}
    if asked.lower() == tool or not asked:
        return f"{tool} fails"
    fits = len(asked.split()) + len(tool.split()) < MAX_WORDS and share_no_word(tool.lower().split(), used)
    return f"{asked}: {tool} fails" if fits else asked


def _foreign(counts: PhraseCounts, number: int) -> str:
    """The tool that most members use and their language: readers of an English list cannot read theirs."""
    group = counts.groups[number]
    for _, phrase in counts.scores(number):
        if group.is_tool(phrase) and group.share(phrase) > _MOST and _meaning(phrase) > 1 and group.is_whole(phrase):
            spoken = [LANGUAGE_NAMES[name] for name in group.languages if name in LANGUAGE_NAMES]
            return f"{group.written(phrase)} ({', '.join(spoken)})"
    return ""


def _failing_tool(texts: Sequence[str]) -> str:
    """The tool that failed in most texts, each time for another reason; empty where there is none."""
    failing: Counter[str] = Counter()
    for text in spread(texts):
        parts = parts_of(text)
        failing.update({name for name in _PLACES.findall(parts.get("errors", "")) if name in parts.get("tools", "")})
    name, count = failing.most_common(1)[0] if failing else ("", 0)
    return name if count > _MOST * len(spread(texts)) else ""


def parent_title(children: Sequence[str]) -> str:
    """A title for a group of topics from those of its children, largest first."""
    heads = list(dict.fromkeys(_head(child) for child in children))
    if len(heads) == 1:
        return heads[0]
    shared = _shared(heads)
    if shared:
        rest = [_without(head, shared) for head in heads]
        said = _listed([head for head in rest if head], MAX_WORDS - 1)
        return f"{shared}: {said}" if said else shared
    return _listed(heads, MAX_WORDS)


def _shared(heads: Sequence[str]) -> str:
    """A word of meaning that all have, and half of them at their end, as things stand after verbs."""
    for word in heads[0].split():
        if is_content(word.lower()) and word.lower() not in VAGUE:
            same = [[other.rstrip("s") == word.lower().rstrip("s") for other in words_of(head)] for head in heads]
            if all(any(one) for one in same) and 2 * sum(one[-1] for one in same) >= len(heads):
                return word
    return ""


def _without(head: str, word: str) -> str:
    return _trimmed([other for other in head.split() if other.lower().rstrip("s") != word.lower().rstrip("s")])


def _head(title: str) -> str:
    """What of a title can stand in a list: its first part of two words of meaning or more, or the first."""
    parts = [_lead(part.split()) for part in re.split(r"[:,(]", title)[:2]]
    return next((part for part in parts if _meaning(tuple(part.lower().split())) > 1), parts[0]) or title


def _lead(words: list[str]) -> str:
    words = [word for word in words if word.lower() not in _ARTICLES]
    # "Where is the bag" is about a bag, but "can't set a password" not about setting one.
    if words and words[0].lower() not in NEGATIONS:
        words = words[next((place for place, word in enumerate(words) if is_content(word.lower())), 0) :]
    words = words[:_HEAD_WORDS]
    while words and not is_content(words[-1].lower()):
        words = words[:-1]
    return " ".join(words)


def _trimmed(words: list[str]) -> str:
    while words and not is_content(words[0].lower()):
        words = words[1:]
    while words and not is_content(words[-1].lower()):
        words = words[:-1]
    return " ".join(words)


def _listed(heads: Sequence[str], max_words: int) -> str:
    """ "A, B and C", as many as fit, and whether there are more."""
    kept: list[str] = []
    for head in dict.fromkeys(heads):
        more = 1 + (len(kept) + 1 < len(heads))  # "and", "more"
        if kept and sum(len(one.split()) for one in kept) + len(head.split()) + more > max_words:
            break
        kept.append(head)
    kept = (
        [kept[0], *(head[:1].lower() + head[1:] if head[1:2].islower() else head for head in kept[1:])] if kept else []
    )
    left = len(dict.fromkeys(heads)) - len(kept)
    if left:
        return f"{', '.join(kept)} and more"
    return f"{', '.join(kept[:-1])} and {kept[-1]}" if len(kept) > 1 else "".join(kept)
