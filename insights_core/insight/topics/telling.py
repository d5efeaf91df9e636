"""How well a phrase alone tells the members of a group from all others: the one criterion that titles compete by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from insights_core.insight.topics.phrases import parts_of, spread
from insights_core.insight.topics.vectors import word_vectors
from insights_core.insight.topics.words import is_content, words_of

_READ_CHARS = 400  # of a text: what is asked stands there, and vectors of long texts are all alike
# Of each other group, all groups alike. The nearest strangers alone choose half a title: among the alarms that others
# set, "remove my morning" tells those who remove one better than "remove alarm" does.
_STRANGERS = 40
# A word that so many of the texts of so many groups have says nothing of any of them.
_SHARED_TEXTS, _SHARED_GROUPS = 0.3, 0.5


class Separation:
    """Members and strangers of several groups as vectors.

    Args:
        groups: Texts of each group; at most 200 of each are looked at.
    """

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        read = [[_asked(text) for text in spread(texts)] for texts in groups]
        self._members = [word_vectors(texts) if texts else np.zeros((0, 256), np.float32) for texts in read]
        self._dull = _shared_words(read)

    def _others(self, number: int) -> np.ndarray:
        others = [one[:_STRANGERS] for at, one in enumerate(self._members) if at != number and len(one)]
        return np.vstack(others) if others else np.zeros((0, 256), np.float32)

    def score(self, number: int, phrases: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The probability that a member is nearer to the phrase than a stranger is (area under the ROC curve).

        Args:
            number: Which group.
            phrases: n candidates, as they would be read.

        Returns:
            Float (n,): 1 tells them apart without a mistake, 0.5 not at all, nor where there are no strangers; and the
            mean cosine to the members, float (n,).
        """
        members, strangers = self._members[number], self._others(number)
        if not len(phrases) or not len(members):
            return np.full(len(phrases), 0.5), np.zeros(len(phrases))
        said = word_vectors([self._own_words(phrase) for phrase in phrases])
        like = (said @ members.T).mean(axis=1)
        if not len(strangers):
            return np.full(len(phrases), 0.5), like
        areas = np.array(
            [_auc(inside, outside) for inside, outside in zip(said @ members.T, said @ strangers.T, strict=True)]
        )
        return areas, like

    def error_of(self, number: int, auc: float) -> float:
        """One standard error of an area, after Hanley and McNeil (1982), formula 2: closer ones are not told apart."""
        inside, outside = max(len(self._members[number]), 1), max(len(self._others(number)), 1)
        one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        spread_of = auc * (1 - auc) + (inside - 1) * (one - auc**2) + (outside - 1) * (two - auc**2)
        return float(np.sqrt(max(spread_of, 0.0) / (inside * outside)))

    def _own_words(self, phrase: str) -> str:
        return " ".join(word for word in phrase.split() if word.lower() not in self._dull) or phrase


def _asked(text: str) -> str:
    parts = parts_of(text[:1500])
    return (parts.get("asked") or parts.get("errors") or text)[:_READ_CHARS]


def _shared_words(groups: Sequence[Sequence[str]]) -> set[str]:
    """Words of meaning that most groups have in many of their texts."""
    if len(groups) < 3:
        return set()
    common: Counter[str] = Counter()
    for texts in groups:
        inside = Counter(word for text in texts for word in set(words_of(text)) if is_content(word))
        common.update(word for word, count in inside.items() if count >= _SHARED_TEXTS * len(texts))
    return {word for word, count in common.items() if count >= _SHARED_GROUPS * len(groups)}


def _auc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Mann-Whitney: ties count half."""
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, side="left")
    equal = np.searchsorted(ordered, inside, side="right") - below
    return float((below + 0.5 * equal).mean() / len(outside))
