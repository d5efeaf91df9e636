"""Texts of traces: each trace is fetched, read and redacted once, however many jobs of this process want it."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from insights_core.connection import Connection
from insights_core.entities.insight import SkippedTrace, TextCounts
from insights_core.errors import InsightsError
from insights_core.insight.reading.signs import signs_of
from insights_core.names import SIZES_KEY

if TYPE_CHECKING:
    from mlflow.entities import Trace

    from insights_core.insight.reading.facts import TraceFacts
    from insights_core.insight.reading.text_cache import TextCache
    from insights_core.traces.text import TraceView

REASON_CHARS = 300
# What the memory of several themes may hold. Themes that stream over the same traces are seldom further apart.
_MOST_BYTES = 256_000_000
# A view is some times as large as the JSON it was read from.
_BYTES_A_STORED_BYTE = 4


@dataclass(slots=True)
class TraceText:
    """What was read of one trace."""

    text: str
    """Redacted, numbered."""
    redactions: dict[str, int]
    span_count: int
    error: str | None
    """The first error in a few words, redacted."""
    signs: dict[str, float]
    unknown_spans: int = 0
    view: TraceView | None = None
    """The trace itself, not redacted; None where the text comes from a cache: it never leaves the process."""

    @property
    def people(self) -> frozenset[str]:
        """Names that were found in the trace; a text from a cache has them no more."""
        return self.view.people if self.view else frozenset()


@dataclass(slots=True)
class Prepared:
    """A trace that is ready for the summarizer."""

    facts: TraceFacts
    read: TraceText


class Texts:
    """The one source of texts for jobs that run side by side; safe to ask from several threads.

    Args:
        connection: Where MLflow is.
        cache: Keeps texts between runs; None keeps none. Only jobs that need no more than the text can use it.
        most_bytes: How much to remember for the other jobs; 0 for a job that is alone.
    """

    def __init__(self, connection: Connection, cache: TextCache | None = None, most_bytes: int = _MOST_BYTES) -> None:
        from insights_core.traces.redaction import Redactor

        self.counts = TextCounts()
        """Over all jobs."""
        self._connection = connection
        self._cache = cache
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, int], tuple[TraceText, int]] = OrderedDict()
        self._bytes = 0
        # Everybody else finds in memory what one has made meanwhile.
        self._lock = threading.Lock()
        self._redactor = Redactor()
        # Errors are redacted apart, as the counts are those of texts.
        self._redactor_of_errors = Redactor()

    def prepare(
        self, batch: Sequence[TraceFacts], max_chars: int, *, text_only: bool = False, counts: TextCounts | None = None
    ) -> list[Prepared | SkippedTrace]:
        """The texts of some traces; one that cannot be had comes as a SkippedTrace.

        Args:
            batch: The traces.
            max_chars: Budget for one text.
            text_only: The view is not needed, so that a text from a cache will do.
            counts: Of the job that asks; counted up.
        """
        own = TextCounts()
        with self._lock:
            found: list[Prepared | SkippedTrace] = []
            missing: list[TraceFacts] = []
            for facts in batch:
                known = self._known(facts, max_chars, text_only, own)
                if known is None:
                    missing.append(facts)
                else:
                    found.append(_prepared(facts, known))
            found += self._make(missing, max_chars, text_only, own)
            for each in (self.counts, *([counts] if counts else [])):
                each.add(own)
        return found

    def _known(self, facts: TraceFacts, max_chars: int, text_only: bool, counts: TextCounts) -> TraceText | None:
        key = (facts.trace_id, max_chars)
        if key in self._kept and (text_only or self._kept[key][0].view is not None):
            self._kept.move_to_end(key)
            counts.from_memory += 1
            return self._kept[key][0]
        if text_only and self._cache and facts.text_key:
            stored = _from_entry(self._cache.get(facts.text_key))
            if stored:
                counts.from_cache += 1
                self._keep(key, stored, len(stored.text))
                return stored
        return None

    def _make(
        self, missing: Sequence[TraceFacts], max_chars: int, text_only: bool, counts: TextCounts
    ) -> Iterator[Prepared | SkippedTrace]:
        from insights_core.traces.fetching import iter_traces

        wanted = {facts.trace_id: facts for facts in missing}
        for trace in iter_traces(self._connection, list(wanted)):
            facts = wanted.pop(trace.info.trace_id)
            counts.made += 1
            try:
                made = self._read(trace, max_chars)
            except Exception as error:
                reason = f"its text could not be made: {reason_of(error)}"
                yield SkippedTrace(trace_id=facts.trace_id, reason=reason, attempts=1)
                continue
            if self._cache and facts.text_key and text_only:
                self._cache.put(facts.text_key, _to_entry(made))
            self._keep((facts.trace_id, max_chars), made, _size(trace, made))
            yield _prepared(facts, made)
        for trace_id in wanted:
            yield SkippedTrace(trace_id=trace_id, reason="it was deleted or cannot be read")

    def _read(self, trace: Trace, max_chars: int) -> TraceText:
        from insights_core.traces.text import read_trace, render

        before = Counter(self._redactor.counts)
        view = read_trace(trace)
        text = render(view, max_chars)
        view.people = self._redactor.people_in(text)
        text = self._redactor.redact(text, view.people)
        error = self._redactor_of_errors.redact(view.error, view.people)[:REASON_CHARS] if view.error else None
        counted = dict(Counter(self._redactor.counts) - before)
        return TraceText(text, counted, len(view.spans), error, signs_of(view), view.unknown_spans, view)

    def _keep(self, key: tuple[str, int], made: TraceText, size: int) -> None:
        if size > self._most_bytes:
            return
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]
        self._kept[key] = made, size
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._bytes -= self._kept.popitem(last=False)[1][1]


def reason_of(error: Exception) -> str:
    """Why a trace is skipped, in one line."""
    if isinstance(error, InsightsError):
        return error.message[:REASON_CHARS]
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0] if words else 'no message'}"[:REASON_CHARS]


def _prepared(facts: TraceFacts, read: TraceText) -> Prepared:
    facts.span_count = read.span_count or facts.span_count
    return Prepared(facts, read)


def _size(trace: Trace, made: TraceText) -> int:
    try:
        stored = int(json.loads((trace.info.trace_metadata or {}).get(SIZES_KEY, "{}")).get("total_size_bytes", 0))
    except (ValueError, TypeError, AttributeError):
        stored = 0
    return len(made.text) + _BYTES_A_STORED_BYTE * stored


def _to_entry(made: TraceText) -> dict[str, Any]:
    return {name: getattr(made, name) for name in _STORED}


_STORED = ("text", "redactions", "span_count", "error", "signs", "unknown_spans")


def _from_entry(entry: dict[str, Any] | None) -> TraceText | None:
    if not entry:
        return None
    try:
        return TraceText(**{name: entry[name] for name in _STORED})
    except (KeyError, TypeError):
        return None
