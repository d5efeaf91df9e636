"""The opinions that judges and people left on the demo's traces, some overruled, some failed, some odd."""

from __future__ import annotations

import random
from typing import Any

from insights_core.traces.drafts import AssessmentDraft

_JUDGE = "judge-model/v3"


def judge(opinion: dict[str, Any], rng: random.Random) -> list[AssessmentDraft]:
    """Assessments of one trace.

    Args:
        opinion: A scenario's `judge`: the chance that `grounded` is true, the range of `helpfulness`, words for `tone`.
        rng: Decides every choice.
    """
    given: list[AssessmentDraft] = []
    if rng.random() < 0.75:
        given.append(_grounded(opinion.get("grounded"), rng))
        if given[0].value is not None and rng.random() < 0.06:
            given.append(
                AssessmentDraft(
                    "grounded",
                    not given[0].value,
                    "HUMAN",
                    "reviewer@example.com",
                    "The judge overlooked the tool result.",
                    overrides=0,
                )
            )
    if rng.random() < 0.65:
        low, high = opinion["helpfulness"]
        given.append(AssessmentDraft("helpfulness", round(rng.uniform(low, high), 1), source_id=_JUDGE))
    if opinion["tone"] and rng.random() < 0.5:
        given.append(AssessmentDraft("tone", rng.choice(opinion["tone"]), source_id=_JUDGE))
    if rng.random() < 0.03:
        given.append(AssessmentDraft("expected_outcome", "resolved", "HUMAN", "reviewer@example.com", expectation=True))
    return given


def _grounded(chance: float | None, rng: random.Random) -> AssessmentDraft:
    lot = rng.random()
    if chance is None or lot < 0.03:
        return AssessmentDraft("grounded", None, source_id=_JUDGE, error="The judge's answer could not be parsed.")
    if lot < 0.045:
        # A judge that ignores its scale: the value does not fit the others' type.
        return AssessmentDraft("grounded", "mostly", source_id=_JUDGE)
    grounded = rng.random() < chance
    rationale = (
        "Every statement is backed by a tool result." if grounded else "The answer states what no tool result says."
    )
    return AssessmentDraft("grounded", grounded, source_id=_JUDGE, rationale=rationale)
