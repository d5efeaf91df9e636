"""Rows of an insight's result, and the sentences that go with it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from insights_core.entities.insight import Cluster, GuessQuality, InsightSpec, Outcome, Tally, TraceRow, TraceSummary
from insights_core.insight.reading import guess_failures

if TYPE_CHECKING:
    from insights_core.insight.reading import Intake, SummaryRecord, TraceFacts
    from insights_core.insight.topics import Topics


def place_rows(rows: list[TraceRow], topics: Topics, prefix: str) -> None:
    """Give rows their cluster and coordinates, and clusters ids that name the run in which they were found first."""

    def whole(cluster_id: str) -> str:
        return cluster_id if cluster_id in topics.earlier_ids else prefix + cluster_id

    for cluster in topics.clusters:
        cluster.cluster_id = whole(cluster.cluster_id)
        cluster.parent_id = whole(cluster.parent_id) if cluster.parent_id else None
    leaf_ids = [whole(leaf_id) for leaf_id in topics.leaf_ids]
    for index, row in enumerate(rows):
        label, nearest = int(topics.labels[index]), int(topics.assigned[index])
        row.cluster_id = leaf_ids[label] if label >= 0 else None
        row.nearest_cluster_id = leaf_ids[nearest] if nearest >= 0 else None
        row.x, row.y = (round(float(value), 4) for value in topics.coordinates[index])


def count_failures(clusters: list[Cluster], rows: list[TraceRow]) -> Tally:
    """Put into each cluster how many of its traces broke, failed, and seem to have failed; give back all of them."""
    parents = {cluster.cluster_id: cluster.parent_id for cluster in clusters}
    own = {cluster.cluster_id: cluster for cluster in clusters}
    for row in rows:
        at = row.cluster_id
        while at is not None:
            own[at].add(row)
            at = parents[at]
    return Tally.of(rows)


def text_to_embed(summary: TraceSummary) -> str:
    """What of a summary decides which traces are alike: its title, and its parts or else its sentences."""
    said = " ".join(f"{name.capitalize()}: {text}" for name, text in summary.parts.items()) or summary.summary
    return f"{summary.title}. {said}"


def make_row(facts: TraceFacts, record: SummaryRecord) -> TraceRow:
    """A trace of the result, still without its place."""
    return TraceRow(
        trace_id=facts.trace_id,
        cluster_id=None,
        nearest_cluster_id=None,
        x=0.0,
        y=0.0,
        title=record.summary.title,
        summary=record.summary.summary,
        outcome=record.summary.outcome,
        status=facts.status,
        error=record.error,
        latency_ms=facts.latency_ms,
        timestamp_ms=facts.timestamp_ms,
        span_count=facts.span_count,
        relevant=record.summary.relevant,
        session=sha256(facts.session.encode()).hexdigest()[:12] if facts.session else None,
    )


def judge_rows(rows: list[TraceRow], intake: Intake) -> GuessQuality | None:
    """Say of each row whether it failed: by the person's rule, else by what the guess learnt from it.

    Without a rule, what broke off although its status is not ERROR is the only guess.

    Returns:
        How good the guess is; None where too few traces are known.
    """
    truth = [facts.failed for facts in intake.facts]
    for row, said in zip(rows, truth, strict=True):
        if said is not None:
            row.failed, row.failed_by = said, "rule"
    if not any(said is not None for said in truth):
        for row in rows:
            if row.status != "ERROR" and row.outcome == Outcome.FAILURE:
                row.failed, row.failed_by = True, "guess"
        return None
    groups = [facts.session or facts.trace_id for facts in intake.facts]
    guess = guess_failures([record.signs for record in intake.records], truth, groups)
    for row, said in zip(rows, guess.failed, strict=True):
        if row.failed is None and said is not None:
            row.failed, row.failed_by = said, "guess"
    return guess.quality


def why_nothing(spec: InsightSpec, matching: int) -> str:
    """Why there is nothing to do."""
    scope = spec.scope
    if scope.trace_ids is not None:
        return f"None of the {len(scope.trace_ids):,} traces that were named is in experiment {scope.experiment_id}."
    if matching:
        return f"{matching:,} traces match, but the sample is empty. Raise the sample rate or the number of traces."
    conditions = {
        "the filter": scope.filter_string,
        "run": scope.run_id,
        "session": scope.session_id,
        "from": scope.start_time_ms,
        "before": scope.end_time_ms,
    }
    said = ", ".join(f"{name} {value}" for name, value in conditions.items() if value is not None)
    if not said:
        return f"No trace matches: experiment {scope.experiment_id} has none yet. Log or import some first."
    return f"No trace matches in experiment {scope.experiment_id} with {said}. Widen the selection."


def remark_on(intake: Intake) -> str:
    """What a reader must know beside the result; "" where all went well."""
    remarks = []
    if intake.left_out:
        total = len(intake.facts) + len(intake.skipped)
        remarks.append(
            f"The spending cap was reached: {intake.left_out:,} of {total:,} traces were left out. "
            "Raise the cap and create the insight again; what is summarised is reused."
        )
    if intake.unknown_spans:
        spans = "1 span is" if intake.unknown_spans == 1 else f"{intake.unknown_spans:,} spans are"
        remarks.append(f"{spans} in an unknown form: only their longest plain strings were read.")
    return " ".join(remarks)
