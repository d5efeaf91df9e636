"""A theme before it runs: what it matches, and what it makes of a few traces."""

from __future__ import annotations

import asyncio
from typing import Any

from insights_core.connection import Connection
from insights_core.entities import InsightSpec, SkippedTrace
from insights_core.entities.theme import filter_of
from insights_core.entities.theme_runs import ThemePreview, ThemeSample, ThemeTest
from insights_core.errors import ModelOutputError
from insights_core.insight.jobs import InsightJobs, stages_for
from insights_core.insight.reading import (
    Intake,
    Prepared,
    SummaryKey,
    SummaryRecord,
    Texts,
    digest,
    kept_texts,
    read_facts,
    redacted_summary,
    split_by_relevance,
)
from insights_core.loops import run_to_end
from insights_core.traces.search import count_traces, sample_traces


def preview(client: InsightJobs, spec: InsightSpec) -> ThemePreview:
    """See `Themes.preview_theme`."""
    theme = spec.theme or client.get_theme(spec.theme_id or "", spec.scope.experiment_id)
    estimated = client.estimate_insight(spec)

    def count(conditions: list[str]) -> int:
        return count_traces(client, spec.scope.model_copy(update={"filter_string": filter_of(conditions)}))

    fresh = estimated.sample_traces - estimated.summarized_traces
    return ThemePreview(
        base_matching=count(theme.base_filters),
        theme_matching=count(theme.theme_filters),
        matching=estimated.matching_traces,
        sampled=estimated.sample_traces,
        cached_summaries=estimated.sample_traces - fresh,
        model_calls=estimated.model_calls,
        estimate=estimated,
    )


def try_out(connection: Connection, spec: InsightSpec, sample: int) -> ThemeTest:
    """See `Themes.test_theme`."""
    return run_to_end(_try_out(connection, spec, sample))


async def _try_out(connection: Connection, spec: InsightSpec, sample: int) -> ThemeTest:
    stages = stages_for(spec)
    # Of all that matches: the share that a run would take must not make a test smaller.
    scope = spec.scope.model_copy(update={"sample_rate": 1.0, "max_traces": sample})
    listed = await asyncio.to_thread(sample_traces, connection, scope)
    key = SummaryKey.of(spec, stages.summarizer)
    facts = [read_facts(info, key, spec.max_chars) for info in listed.infos]
    texts = Texts(connection, kept_texts() if stages.endpoint else None, most_bytes=0)
    made = await asyncio.to_thread(texts.prepare, facts, spec.max_chars, text_only=stages.endpoint is not None)
    try:
        answers = await asyncio.gather(*(_one(stages, item) for item in made))
    finally:
        if stages.endpoint:
            await stages.endpoint.aclose()
    intake = Intake()
    for item, answer in zip(made, answers, strict=True):
        if isinstance(item, Prepared) and isinstance(answer, SummaryRecord):
            intake.facts.append(item.facts)
            intake.records.append(answer)
        elif isinstance(answer, SkippedTrace):
            intake.skipped.append(answer)
    samples = _samples(spec, intake, stages.summarizer.name)
    usage = stages.endpoint.usage if stages.endpoint else None
    return ThemeTest(
        matching=listed.matching,
        samples=samples,
        model=stages.model,
        prompt=stages.prompt,
        cost_usd=usage.cost_usd if usage else 0.0,
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
    )


async def _one(stages: Any, item: Prepared | SkippedTrace) -> SummaryRecord | SkippedTrace:
    if isinstance(item, SkippedTrace):
        return item
    try:
        summary = await stages.summarizer.summarize(item.read.view, item.read.text)
    except ModelOutputError as error:
        return SkippedTrace(trace_id=item.facts.trace_id, reason=error.message)
    summary = redacted_summary(summary, item.read.people)
    return SummaryRecord(summary, digest(item.read.text), None, signs=item.read.signs)


def _samples(spec: InsightSpec, intake: Intake, model: str) -> list[ThemeSample]:
    by_id = {facts.trace_id: (facts, record) for facts, record in zip(intake.facts, intake.records, strict=True)}
    split_by_relevance(spec.theme, intake, model)
    why = {item.trace_id: item.reason for item in intake.irrelevant}
    found = [
        ThemeSample(
            trace_id=trace_id,
            theme_relevant=trace_id not in why,
            why=why.get(trace_id, ""),
            title=record.summary.title,
            summary=record.summary.summary,
            outcome=record.summary.outcome,
            status=facts.status,
            latency_ms=facts.latency_ms,
            timestamp_ms=facts.timestamp_ms,
        )
        for trace_id, (facts, record) in by_id.items()
    ]
    return found + [ThemeSample(trace_id=item.trace_id, why=item.reason) for item in intake.skipped]
