"""Which traces concern a theme: as the model says, else told from how a trace went, in no language's phrases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from insights_core.entities.insight import OFFLINE, Outcome, SkippedTrace
from insights_core.entities.theme import Signal, Theme

if TYPE_CHECKING:
    from insights_core.insight.reading.facts import TraceFacts
    from insights_core.insight.reading.intake import Intake
    from insights_core.insight.reading.records import SummaryRecord

# Slow is what the slowest tenth takes, if that is clearly more than the usual; traces that are all alike have no slow ones.
_SLOW_SHARE = 0.9
_SLOW_TIMES_MEDIAN = 1.5


def split_by_relevance(theme: Theme | None, intake: Intake, model: str) -> None:
    """Take the traces that do not concern the theme out of the intake; they are then named in `intake.irrelevant`.

    Args:
        theme: None leaves everything as it is.
        intake: The summarised traces.
        model: What made the summaries.
    """
    if theme is None:
        return
    if model == OFFLINE:
        kept = _by_signals(theme.signals, intake)
        why = f"shows none of the theme's signals ({', '.join(theme.signals)})"
    else:
        kept = [record.summary.relevant for record in intake.records]
        why = ""
    intake.irrelevant += [
        SkippedTrace(trace_id=facts.trace_id, reason=why or record.summary.title)
        for facts, record, keep in zip(intake.facts, intake.records, kept, strict=True)
        if not keep
    ]
    chosen = [at for at, keep in enumerate(kept) if keep]
    intake.facts = [intake.facts[at] for at in chosen]
    intake.records = [intake.records[at] for at in chosen]


def _by_signals(signals: Sequence[Signal], intake: Intake) -> list[bool]:
    if not signals:
        return [True] * len(intake.facts)
    slow_ms = _slow_from_ms([facts.latency_ms for facts in intake.facts])
    has_tools = any((record.signs or {}).get("calls") for record in intake.records)
    tests: dict[Signal, Callable[[TraceFacts, SummaryRecord], bool]] = {
        Signal.ERROR: _went_wrong,
        Signal.SLOW: lambda facts, record: _was_slow(facts, record, slow_ms),
        Signal.FRICTION: _had_friction,
        Signal.REQUEST: lambda facts, record: _was_turned_down(record, has_tools),
        Signal.SUCCESS: lambda facts, record: not _went_wrong(facts, record) and not _had_friction(facts, record),
    }
    return [
        any(tests[signal](facts, record) for signal in signals)
        for facts, record in zip(intake.facts, intake.records, strict=True)
    ]


def _slow_from_ms(latencies: Sequence[float | None]) -> float:
    known = sorted(latency for latency in latencies if latency is not None)
    if not known:
        return float("inf")
    median = known[len(known) // 2]
    return max(known[min(len(known) - 1, int(len(known) * _SLOW_SHARE))], _SLOW_TIMES_MEDIAN * median)


def _signs(record: SummaryRecord) -> Mapping[str, float]:
    return record.signs or {}


def _went_wrong(facts: TraceFacts, record: SummaryRecord) -> bool:
    signs = _signs(record)
    if facts.failed is not None and facts.failed:
        return True
    return (
        facts.status == "ERROR"
        or record.summary.outcome == Outcome.FAILURE
        or any(signs.get(name) for name in ("tool_errors", "span_errors", "last_result_failed", "no_answer"))
    )


def _had_friction(facts: TraceFacts, record: SummaryRecord) -> bool:
    signs = _signs(record)
    return record.summary.outcome in (Outcome.FAILURE, Outcome.PARTIAL) or any(
        signs.get(name) for name in ("user_repeats", "handed_over", "no_answer")
    )


def _was_slow(facts: TraceFacts, record: SummaryRecord, slow_ms: float) -> bool:
    return (facts.latency_ms or 0) >= slow_ms or bool(_signs(record).get("repeated_calls"))


def _was_turned_down(record: SummaryRecord, has_tools: bool) -> bool:
    """Nothing was done for the user, or somebody else had to; where the application has no tools, nobody can tell."""
    signs = _signs(record)
    if not has_tools:
        return True
    useless = signs.get("tool_errors", 0) + signs.get("empty_results", 0)
    return bool(signs.get("handed_over")) or signs.get("calls", 0) <= useless
