"""From a scope to summaries: collect -> text -> summarize, as a stream that holds few traces at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import OFFLINE, InsightSpec, SkippedTrace, TraceSummary
from insights_core.errors import (
    InsightsError,
    InvalidParameterError,
    ModelAuthenticationError,
    ModelError,
    ModelNotFoundError,
    ModelRateLimitedError,
    ModelUnavailableError,
    PermissionDeniedError,
    SpendingCapReachedError,
    UnavailableError,
)
from insights_core.insight.reading.records import (
    SummaryKey,
    SummaryRecord,
    digest,
    stored_record,
    text_key,
    to_feedback,
)
from insights_core.insight.stages import JobStoppedError
from insights_core.names import SESSION_KEY, SIZES_KEY
from insights_core.traces.writeback import SummaryLog, TraceWriter

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

    from insights_core.insight.reading.truth import FailureRule
    from insights_core.insight.stages import Reporter, Summarizer
    from insights_core.llm import Usage
    from insights_core.traces.redaction import Redactor
    from insights_core.traces.text import TraceView

# Traces with spans that are fetched at once; few, as one can be megabytes.
_BATCH = 50
# They concern every trace: going on would only repeat them.
_FATAL = (
    InvalidParameterError,
    ModelAuthenticationError,
    ModelNotFoundError,
    PermissionDeniedError,
    UnavailableError,
    JobStoppedError,
)
# One trace can meet a bad moment of the server; so many in a row, each after all retries, means that it is away.
_OUTAGE_AFTER = 3
_REASON_CHARS = 300


@dataclass(slots=True)
class TraceFacts:
    """What the listing tells of a trace, without previews, tags and assessments."""

    trace_id: str
    status: str
    timestamp_ms: int
    latency_ms: float | None
    span_count: int
    text_key: str | None
    stored: SummaryRecord | None
    """A summary with the job's model and prompt; maybe of another text."""
    failed: bool | None = None
    """What a person's rule says; None where there is none, or where it does not tell."""
    session: str | None = None

    @property
    def is_done(self) -> bool:
        """The stored summary is of the same text, as far as the listing tells."""
        return self.stored is not None and self.text_key is not None and self.stored.text_key == self.text_key


@dataclass(slots=True)
class Prepared:
    """A trace that is ready for the summarizer."""

    facts: TraceFacts
    view: TraceView
    text: str
    """Redacted, numbered."""
    redactions: dict[str, int]


@dataclass
class Intake:
    """The traces of a job and what they say."""

    facts: list[TraceFacts] = field(default_factory=list)
    """Summarised traces, newest first."""
    records: list[SummaryRecord] = field(default_factory=list)
    """In the same order."""
    skipped: list[SkippedTrace] = field(default_factory=list)
    reused: int = 0
    left_out: int = 0
    """Traces that the spending cap did not allow."""
    unknown_spans: int = 0
    """Spans of a form that no reader knows, told by their longest strings alone."""


def read_facts(info: TraceInfo, key: SummaryKey, max_chars: int, rule: FailureRule | None = None) -> TraceFacts:
    """The few things of a listed trace that the job keeps."""
    import json

    metadata = info.trace_metadata or {}
    try:
        spans = int(json.loads(metadata.get(SIZES_KEY, "{}")).get("num_spans", 0))
    except (ValueError, TypeError, AttributeError):
        spans = 0
    return TraceFacts(
        info.trace_id,
        getattr(info.state, "value", str(info.state)),
        info.request_time,
        info.execution_duration,
        spans,
        text_key(info, max_chars),
        stored_record(info, key),
        rule.failed(info) if rule else None,
        metadata.get(SESSION_KEY),
    )


def prepare(
    connection: Connection, batch: Sequence[TraceFacts], max_chars: int, redactor: Redactor
) -> Iterator[Prepared | SkippedTrace]:
    """Fetch traces and make their texts; one that cannot be had comes as a SkippedTrace."""
    from insights_core.traces.fetching import iter_traces
    from insights_core.traces.text import read_trace, render

    wanted = {facts.trace_id: facts for facts in batch}
    for trace in iter_traces(connection, list(wanted)):
        facts = wanted.pop(trace.info.trace_id)
        before = Counter(redactor.counts)
        try:
            view = read_trace(trace)
            text = render(view, max_chars)
            view.people = redactor.people_in(text)
            text = redactor.redact(text, view.people)
        except Exception as error:
            yield SkippedTrace(trace_id=facts.trace_id, reason=f"its text could not be made: {reason_of(error)}")
            continue
        facts.span_count = len(view.spans) or facts.span_count
        yield Prepared(facts, view, text, dict(Counter(redactor.counts) - before))
    for trace_id in wanted:
        yield SkippedTrace(trace_id=trace_id, reason="it was deleted or cannot be read")


def reason_of(error: Exception) -> str:
    """Why a trace is skipped, in one line."""
    if isinstance(error, InsightsError):
        return error.message[:_REASON_CHARS]
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0] if words else 'no message'}"[:_REASON_CHARS]


class Summarizing:
    """Summarises the traces of a job as a stream, reusing what is stored.

    Args:
        connection: Where MLflow is.
        run_id: Named in the metadata of what is stored.
        spec: The job.
        summarizer: Makes the summaries.
        redactor: Takes private data out of texts.
        reporter: Hears of every finished trace.
        usage: What the model costs so far; None offline.
    """

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        spec: InsightSpec,
        summarizer: Summarizer,
        redactor: Redactor,
        reporter: Reporter,
        usage: Usage | None,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._spec = spec
        self._summarizer = summarizer
        self._redactor = redactor
        self._reporter = reporter
        self._usage = usage
        self._key = SummaryKey.of(spec, summarizer)
        self._records: dict[str, SummaryRecord] = {}
        self._skipped: dict[str, str] = {}
        self._reused = 0
        self._left_out = 0
        self._unknown_spans = 0
        self._failures_in_a_row = 0
        self._last_failure: ModelError | None = None
        self._capped: SpendingCapReachedError | None = None

    async def run(self, traces: Sequence[TraceFacts]) -> Intake:
        """Summaries of all traces that can be summarised.

        Raises:
            ModelError: The endpoint does not work at all: wrong key, unknown model, not reachable.
            SpendingCapReachedError: It was reached before the first summary.
            JobStoppedError: The reporter says so.
        """
        self._reporter.stage("summarize", total=len(traces))
        fresh = [facts for facts in traces if not facts.is_done]
        for facts in traces:
            if facts.is_done and facts.stored:
                self._records[facts.trace_id] = facts.stored
        self._reused = len(self._records)
        self._advance()
        with SummaryLog(TraceWriter(self._connection)) as log:
            await self._stream(fresh, log)
        if not self._records and (self._capped or self._last_failure):
            raise self._capped or self._last_failure or AssertionError
        done = [facts for facts in traces if facts.trace_id in self._records]
        return Intake(
            done,
            [self._records[facts.trace_id] for facts in done],
            [SkippedTrace(trace_id=trace_id, reason=reason) for trace_id, reason in self._skipped.items()],
            self._reused,
            self._left_out,
            self._unknown_spans,
        )

    async def _stream(self, fresh: list[TraceFacts], log: SummaryLog) -> None:
        """One task makes texts, several summarise; a bounded queue between them keeps few traces in memory."""
        offline = self._summarizer.name == OFFLINE
        # Twice as many as there are slots: a slot never waits for the next question.
        workers = 1 if offline else 2 * settings.INSIGHTS_MAX_CONCURRENCY.get()
        queue: asyncio.Queue[Prepared | None] = asyncio.Queue(maxsize=max(_BATCH, workers))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(fresh, queue, workers))
                for _ in range(workers):
                    group.create_task(self._consume(queue, log))
        except BaseExceptionGroup as several:
            # They are of one kind, or follow from the first.
            raise several.exceptions[0] from None

    async def _feed(self, fresh: list[TraceFacts], queue: asyncio.Queue[Prepared | None], workers: int) -> None:
        for start in range(0, len(fresh), _BATCH):
            batch = fresh[start : start + _BATCH]
            if self._capped:
                self._leave_out(batch)
                continue
            for item in await asyncio.to_thread(self._prepare, batch):
                if isinstance(item, SkippedTrace):
                    self._skip(item.trace_id, item.reason)
                else:
                    await queue.put(item)
        for _ in range(workers):
            await queue.put(None)

    def _prepare(self, batch: list[TraceFacts]) -> list[Prepared | SkippedTrace]:
        from insights_core.traces.writeback import with_retries

        return with_retries(lambda: list(prepare(self._connection, batch, self._spec.max_chars, self._redactor)))

    async def _consume(self, queue: asyncio.Queue[Prepared | None], log: SummaryLog) -> None:
        while (item := await queue.get()) is not None:
            if self._capped:
                self._leave_out([item.facts])
                continue
            try:
                await self._one(item, log)
                self._failures_in_a_row = 0
            except SpendingCapReachedError as error:
                self._capped = error
                self._leave_out([item.facts])
            except (ModelUnavailableError, ModelRateLimitedError) as error:
                self._outage(item, error)
            except _FATAL:
                raise
            except Exception as error:
                self._skip(item.facts.trace_id, reason_of(error))
            if self._summarizer.name == OFFLINE:
                # Nothing offline waits for anything, and the feeder must get its turn.
                await asyncio.sleep(0)

    async def _one(self, item: Prepared, log: SummaryLog) -> None:
        from insights_core.insight.reading.claims import check_claims
        from insights_core.insight.reading.signs import signs_of

        facts, text_hash = item.facts, digest(item.text)
        self._unknown_spans += item.view.unknown_spans
        if facts.stored and facts.stored.text_hash == text_hash:
            self._records[facts.trace_id] = facts.stored
            self._reused += 1
            self._advance()
            return
        made = self._redacted(await self._summarizer.summarize(item.view, item.text), item.view.people)
        summary, checked, confirmed = check_claims(made, item.text)
        error = (
            self._redactor_of_results.redact(item.view.error, item.view.people)[:_REASON_CHARS]
            if item.view.error
            else None
        )
        stored_id = facts.stored.assessment_id if facts.stored else None
        record = SummaryRecord(
            summary,
            text_hash,
            facts.text_key,
            error,
            checked,
            confirmed,
            item.redactions,
            stored_id,
            signs_of(item.view),
        )
        self._records[facts.trace_id] = record
        log.add(to_feedback(facts.trace_id, record, self._key, self._run_id), replaces=stored_id is not None)
        self._advance()

    @property
    def _redactor_of_results(self) -> Redactor:
        """Another one than for texts: that one counts, and works in another thread."""
        if not hasattr(self, "_results"):
            from insights_core.traces.redaction import Redactor

            self._results = Redactor()
        return self._results

    def _redacted(self, summary: TraceSummary, people: frozenset[str]) -> TraceSummary:
        """Without private data: the offline summarizer reads the trace itself, and a model may have seen more."""
        redact = partial(self._redactor_of_results.redact, people=people)
        summary.title, summary.summary = redact(summary.title), redact(summary.summary)
        summary.parts = {name: redact(said) for name, said in summary.parts.items()}
        for claim in [*summary.errors, *summary.claims]:
            claim.text, claim.quote = redact(claim.text), redact(claim.quote)
        return summary

    def _outage(self, item: Prepared, error: ModelError) -> None:
        self._last_failure = error
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _OUTAGE_AFTER:
            raise error
        self._skip(item.facts.trace_id, reason_of(error))

    def _skip(self, trace_id: str, reason: str) -> None:
        self._skipped[trace_id] = reason
        self._advance()

    def _leave_out(self, batch: Sequence[TraceFacts]) -> None:
        self._left_out += len(batch)
        for facts in batch:
            self._skip(facts.trace_id, "left out: the spending cap was reached")

    def _advance(self) -> None:
        done = len(self._records) + len(self._skipped)
        self._reporter.advance(done, self._usage.cost_usd if self._usage else None)
