"""What a theme's run takes over from the one before: which traces failed how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from insights_core.entities.insight import ClusterDetails, InsightSpec, SkippedTrace

if TYPE_CHECKING:
    from insights_core.insight.reading import TraceFacts

# A trace that failed in so many runs in a row is not tried again.
MOST_ATTEMPTS = 3


def set_aside(
    traces: Sequence[TraceFacts], spec: InsightSpec, model: str, last: ClusterDetails | None
) -> tuple[list[TraceFacts], list[SkippedTrace]]:
    """The traces to try, and those that failed too often with this prompt and model."""
    failed = _failed_before(spec, model, last)
    over = {trace_id: item for trace_id, item in failed.items() if item.attempts >= MOST_ATTEMPTS}
    todo = [facts for facts in traces if facts.trace_id not in over or facts.is_done]
    kept = {facts.trace_id for facts in todo}
    return todo, [over[facts.trace_id] for facts in traces if facts.trace_id not in kept]


def count_attempts(skipped: Sequence[SkippedTrace], spec: InsightSpec, model: str, last: ClusterDetails | None) -> None:
    """Add to each trace that failed now how often it had failed before; the third time it says that it is set aside."""
    failed = _failed_before(spec, model, last)
    for item in skipped:
        if item.attempts and item.trace_id in failed:
            item.attempts += failed[item.trace_id].attempts
        if item.attempts >= MOST_ATTEMPTS and not item.reason.startswith("set aside"):
            item.reason = f"set aside after {item.attempts} runs: {item.reason}"


def _failed_before(spec: InsightSpec, model: str, last: ClusterDetails | None) -> dict[str, SkippedTrace]:
    """Failures of the last run, if it asked the same of the same model."""
    theme = (last.config.get("theme") or {}) if last else {}
    if last is None or spec.theme is None or (theme.get("prompt"), last.model) != (spec.theme.prompt, model):
        return {}
    return {item.trace_id: item for item in last.skipped if item.attempts}
