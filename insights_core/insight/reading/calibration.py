"""A guess of which traces failed, learnt from those of which a person said it, and scored on traces it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from insights_core.entities.insight import GuessQuality

if TYPE_CHECKING:
    import numpy as np

# Fewer known cases than this of either kind tell a lucky rule from a good one no more.
_LEAST_OF_EACH = 15
_FOLDS = 10
_FEATURES = 60
# A sign that fewer traces have says nothing of others.
_LEAST_TRACES = 5
# Strong, because a dozen signs meet some dozens of known traces.
_PENALTY_C = 0.1


@dataclass(frozen=True)
class Guess:
    """What the signs say of each trace, and how good that is."""

    failed: list[bool | None]
    """One a trace; None where it has no signs, or where the guess is no better than the base rate."""
    quality: GuessQuality | None
    """None where too few traces are known."""


def guess_failures(
    signs: Sequence[Mapping[str, float] | None], truth: Sequence[bool | None], groups: Sequence[str]
) -> Guess:
    """Learn from the traces whose truth is known, and guess for all.

    A logistic regression on the logarithms of the signs. Its precision and recall are those of cross-validation in
    which no group stands on both sides, so nothing is scored on what it was learnt from.

    Args:
        signs: n mappings as `signs_of` gives them; None where a trace has none.
        truth: n values: whether it failed; None where nobody said it.
        groups: n names of sessions, or of the traces themselves: what stays together in cross-validation.
    """
    known = [at for at, (sign, said) in enumerate(zip(signs, truth, strict=True)) if sign and said is not None]
    bad = sum(bool(truth[at]) for at in known)
    folds = min(_FOLDS, len({groups[at] for at in known}))
    nothing: list[bool | None] = [None] * len(signs)
    if min(bad, len(known) - bad) < _LEAST_OF_EACH or folds < 3:
        return Guess(nothing, None)
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = _features([signs[at] or {} for at in known])
    table = np.array([[float((sign or {}).get(name, 0.0)) for name in names] for sign in signs])
    features = np.log1p(np.maximum(table, 0.0))
    said = np.array([bool(truth[at]) for at in known])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY_C, max_iter=500))
    unseen = cross_val_predict(
        model, features[known], said, groups=[groups[at] for at in known], cv=GroupKFold(folds)
    ).astype(bool)
    quality = _quality(unseen, said)
    if not quality.beats_base_rate:
        return Guess(nothing, quality)
    told = model.fit(features[known], said).predict(features).astype(bool)
    return Guess([bool(value) if sign else None for value, sign in zip(told, signs, strict=True)], quality)


def _features(signs: Sequence[Mapping[str, float]]) -> list[str]:
    """Names of the signs that enough of the known traces have to learn anything from them."""
    counts = Counter(name for sign in signs for name, value in sign.items() if value)
    return sorted(name for name, count in counts.most_common(_FEATURES) if count >= _LEAST_TRACES)


def _quality(guessed: np.ndarray, said: np.ndarray) -> GuessQuality:
    from insights_core.statistics.shares import wilson

    hits, flagged, bad = int((guessed & said).sum()), int(guessed.sum()), int(said.sum())
    precision_low, precision_high = wilson(hits, flagged)
    recall_low, recall_high = wilson(hits, bad)
    return GuessQuality(
        known=len(said),
        failed=bad,
        flagged=flagged,
        hits=hits,
        precision_low=precision_low,
        precision_high=precision_high,
        recall_low=recall_low,
        recall_high=recall_high,
    )
