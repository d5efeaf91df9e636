"""From a scope to summaries: collect -> text -> summarize, as a stream that holds few traces at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import OFFLINE, InsightSpec, SkippedTrace, TextCounts, TraceSummary
from insights_core.errors import (
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
from insights_core.insight.reading.facts import TraceFacts
from insights_core.insight.reading.records import (
    SummaryKey,
    SummaryRecord,
    digest,
    to_feedback,
)
from insights_core.insight.reading.texts import Prepared, Texts, reason_of
from insights_core.insight.stages import JobStoppedError
from insights_core.traces.writeback import SummaryLog, TraceWriter

if TYPE_CHECKING:
    from insights_core.insight.stages import Reporter, Summarizer
    from insights_core.llm import Usage
    from insights_core.traces.redaction import Redactor

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
LEFT_OUT = "left out: the spending cap was reached"
NOT_CONCERNED = "Not about this theme"


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
    irrelevant: list[SkippedTrace] = field(default_factory=list)
    """Traces that do not concern the job's theme, and why."""
    texts: TextCounts = field(default_factory=TextCounts)
    """Where the texts came from."""
    unknown_spans: int = 0
    """Spans of a form that no reader knows, told by their longest strings alone."""


@cache
def _redactor_of_results() -> Redactor:
    """Another one than for texts: that one counts, and works in another thread."""
    from insights_core.traces.redaction import Redactor

    return Redactor()


def redacted_summary(summary: TraceSummary, people: frozenset[str]) -> TraceSummary:
    """Without private data: the offline summarizer reads the trace itself, and a model may have seen more."""
    redact = partial(_redactor_of_results().redact, people=people)
    summary.title, summary.summary = redact(summary.title), redact(summary.summary)
    summary.parts = {name: redact(said) for name, said in summary.parts.items()}
    for claim in [*summary.errors, *summary.claims]:
        claim.text, claim.quote = redact(claim.text), redact(claim.quote)
    return summary


class Summarizing:
    """Summarises the traces of a job as a stream, reusing what is stored.

    Args:
        connection: Where MLflow is.
        run_id: Named in the metadata of what is stored.
        spec: The job.
        summarizer: Makes the summaries.
        texts: Gives the texts of traces.
        reporter: Hears of every finished trace.
        usage: What the model costs so far; None offline.
        concerns: Whether a trace, by its id and text, is worth a summary; None: every one is.
    """

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        spec: InsightSpec,
        summarizer: Summarizer,
        texts: Texts,
        reporter: Reporter,
        usage: Usage | None,
        concerns: Callable[[str, str], Awaitable[bool]] | None = None,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._spec = spec
        self._summarizer = summarizer
        self._texts = texts
        self._counts = TextCounts()
        self._reporter = reporter
        self._usage = usage
        self._concerns = concerns
        self._key = SummaryKey.of(spec, summarizer)
        self._records: dict[str, SummaryRecord] = {}
        self._skipped: dict[str, SkippedTrace] = {}
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
            list(self._skipped.values()),
            self._reused,
            self._left_out,
            texts=self._counts,
            unknown_spans=self._unknown_spans,
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
                    self._skip(item.trace_id, item.reason, item.attempts)
                else:
                    await queue.put(item)
        for _ in range(workers):
            await queue.put(None)

    def _prepare(self, batch: list[TraceFacts]) -> list[Prepared | SkippedTrace]:
        from insights_core.traces.writeback import with_retries

        # Nothing but the text may reach a model; only what works offline reads the trace itself.
        text_only = self._summarizer.name != OFFLINE
        ask = partial(self._texts.prepare, batch, self._spec.max_chars, text_only=text_only, counts=self._counts)
        return with_retries(ask)

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

        facts, read = item.facts, item.read
        text_hash = digest(read.text)
        self._unknown_spans += read.unknown_spans
        if facts.stored and facts.stored.text_hash == text_hash:
            self._records[facts.trace_id] = facts.stored
            self._reused += 1
            self._advance()
            return
        if self._concerns is None or await self._concerns(facts.trace_id, read.text):
            made = redacted_summary(await self._summarizer.summarize(read.view, read.text), read.people)
        else:
            made = TraceSummary(title=NOT_CONCERNED, summary="", relevant=False)
        summary, checked, confirmed = check_claims(made, read.text)
        stored_id = facts.stored.assessment_id if facts.stored else None
        record = SummaryRecord(
            summary,
            text_hash,
            facts.text_key,
            read.error,
            checked,
            confirmed,
            read.redactions,
            stored_id,
            read.signs,
        )
        self._records[facts.trace_id] = record
        log.add(to_feedback(facts.trace_id, record, self._key, self._run_id), replaces=stored_id is not None)
        self._advance()

    def _outage(self, item: Prepared, error: ModelError) -> None:
        self._last_failure = error
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _OUTAGE_AFTER:
            raise error
        self._skip(item.facts.trace_id, reason_of(error))

    def _skip(self, trace_id: str, reason: str, attempts: int = 1) -> None:
        self._skipped[trace_id] = SkippedTrace(trace_id=trace_id, reason=reason, attempts=attempts)
        self._advance()

    def _leave_out(self, batch: Sequence[TraceFacts]) -> None:
        self._left_out += len(batch)
        for facts in batch:
            self._skip(facts.trace_id, LEFT_OUT, attempts=0)

    def _advance(self) -> None:
        done = len(self._records) + len(self._skipped)
        cost_usd = self._usage.cost_usd if self._usage else None
        if self._spec.theme:
            self._reporter.advance(done, cost_usd, self._counts)
        else:
            self._reporter.advance(done, cost_usd)
