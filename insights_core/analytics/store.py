"""Facts kept in the process: loaded when first asked for, checked when older than allowed, read again where changed."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Lock, RLock, Thread
from typing import Any

import numpy as np

from insights_core.analytics.answers import Answers
from insights_core.analytics.facts import Block, Columns, View, join
from insights_core.analytics.source import HOUR_MS, Fingerprint, Source
from insights_core.errors import ExperimentNotFoundError, mlflow_errors

_logger = logging.getLogger(__name__)
DAY_MS = 24 * HOUR_MS
# A block is a day; a day with more traces than this is kept by the hour, so that a change costs little to read again.
_LARGE_DAY = 20_000
# Joined views that are kept; each repeats the columns of its blocks.
_KEPT_VIEWS = 4
# Slices that are kept, so that several questions about one cost one cut.
_KEPT_SLICES = 8
# A range that is still asked for is checked in the background when this share of the allowed age is over, so that
# nobody waits for the check.
_CHECK_AHEAD = 0.6
# Ranges up to this long are widened to whole hours, longer ones to whole days.
_SHORT_RANGE_MS = 2 * DAY_MS

BlockKey = tuple[str, int, int]
"""Experiment id, start, end."""


@dataclass
class _Checked:
    """The joined facts of one range and when they were last known to be complete."""

    view: View
    keys: tuple[BlockKey, ...]
    token: Any
    at: float
    """Monotonic seconds."""
    with_spans: bool


class FactStore:
    """Facts from one source, shared by all threads of the process.

    Args:
        source: Where facts come from.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = RLock()  # held while MLflow is read
        self._guard = Lock()  # held for an instant, to look at what is there
        self._ahead: set[tuple[Any, ...]] = set()
        self.answers = Answers()
        self._slices: OrderedDict[tuple[object, str], tuple[View, np.ndarray]] = OrderedDict()
        self._blocks: dict[BlockKey, tuple[tuple[Any, ...], Block]] = {}
        self._large_days: set[tuple[str, int]] = set()
        self._views: OrderedDict[tuple[Any, ...], _Checked] = OrderedDict()
        self._parts: deque[tuple[Any, View, View]] = deque(maxlen=_KEPT_VIEWS)
        self._experiments: set[str] = set()
        self._stale_before = 0.0

    def refresh(self) -> None:
        """Let the next question be answered from what MLflow has at that moment."""
        with self._lock:
            self._stale_before = time.monotonic()
            self.source.forget()

    def view(
        self, experiment_ids: Iterable[str], start: int | None = None, end: int | None = None, *, spans: bool = False
    ) -> View:
        """The facts of [start, end), at most as old as the source allows.

        Args:
            experiment_ids: At least one.
            start: Epoch milliseconds, inclusive; None: from the first trace on.
            end: Epoch milliseconds, exclusive; None: to the last trace.
            spans: Whether span facts are needed.

        Raises:
            ExperimentNotFoundError: One of the experiments does not exist.
            UnavailableError: MLflow did not answer.
        """
        experiments = sorted(set(experiment_ids))
        key = (tuple(experiments), *_widened(start, end))
        entry = self._fresh(key, spans)
        if entry is None:
            with self._lock, mlflow_errors():
                entry = self._fresh(key, spans) or self._checked(key, spans)
        elif entry.at < time.monotonic() - _CHECK_AHEAD * self.source.max_age_s:
            self._check_ahead(key, spans)
        return self._trimmed(entry.view, (tuple(experiments), start, end))

    def select(self, view: View, name: str, mask: Callable[[], tuple[np.ndarray, bool]]) -> tuple[View, np.ndarray]:
        """A slice of a view and where it is; the same objects for the same slice of the same facts.

        Args:
            view: The facts.
            name: Says which slice.
            mask: Gives where it is, shape (n_traces,), and whether that follows from the view alone.
        """
        key = (view.identity, name)
        with self._guard:
            if key in self._slices:
                self._slices.move_to_end(key)
                return self._slices[key]
        where, held = mask()
        part = view.select(where)
        if held:
            with self._guard:
                self._slices[key] = part, where
                while len(self._slices) > _KEPT_SLICES:
                    self._slices.popitem(last=False)
        return part, where

    def _fresh(self, key: tuple[Any, ...], spans: bool) -> _Checked | None:
        """What is known of a range, where it is young enough."""
        with self._guard:
            entry = self._views.get(key)
            limit = max(time.monotonic() - self.source.max_age_s, self._stale_before)
            if entry is None or entry.at <= limit or (spans and not entry.with_spans):
                return None
            self._views.move_to_end(key)
            return entry

    def _check_ahead(self, key: tuple[Any, ...], spans: bool) -> None:
        """Check a range in the background; whoever asks meanwhile gets what is young enough."""
        with self._guard:
            if key in self._ahead:
                return
            self._ahead.add(key)

        def check() -> None:
            try:
                with self._lock:
                    self._checked(key, spans)
            except Exception:
                _logger.debug("A check ahead of time failed; the next question checks again.", exc_info=True)
            finally:
                with self._guard:
                    self._ahead.discard(key)

        Thread(target=check, name="insights-facts", daemon=True).start()

    def _trimmed(self, view: View, key: tuple[tuple[str, ...], int | None, int | None]) -> View:
        """The part of a view that is in a range. One page asks several questions about one range."""
        for known, whole, part in tuple(self._parts):
            # A later check that found nothing new shares the columns with the view before it.
            if known == key and whole.traces is view.traces and whole.spans is view.spans:
                return part if part.as_of_ms == view.as_of_ms else part.checked_at(view.as_of_ms)
        _, start, end = key
        time_ms = view.traces["time_ms"]
        inside = np.ones(len(time_ms), dtype=bool) if start is None else time_ms >= start
        if end is not None:
            inside &= time_ms < end
        part = view.select(inside)
        if part is not view:
            self._parts.append((key, view, part))
        return part

    def _checked(self, key: tuple[Any, ...], spans: bool) -> _Checked:
        """Check a range, read what changed in it, and keep it."""
        experiments, low, high = list(key[0]), key[1], key[2]
        entry = self._views.get(key)
        now, as_of = time.monotonic(), int(time.time() * 1000)
        token = self.source.token()
        if entry and token is not None and token == entry.token and (entry.with_spans or not spans):
            entry = replace(entry, at=now, view=entry.view.checked_at(as_of))
        else:
            self._require(experiments)
            keys = self._bring_up_to_date(experiments, low, high, spans or bool(entry and entry.with_spans))
            entry = self._joined(entry, keys, token, now, as_of, spans)
            with self._guard:
                self._slices.clear()  # they hold the columns of the views that they were cut from
        with self._guard:
            self._views[key] = entry
            self._views.move_to_end(key)
            while len(self._views) > _KEPT_VIEWS:
                self._views.popitem(last=False)
        return entry

    def _require(self, experiments: list[str]) -> None:
        unknown = [one for one in experiments if one not in self._experiments]
        if unknown:
            self._experiments |= self.source.known_experiments(unknown)
        missing = [one for one in unknown if one not in self._experiments]
        if missing:
            raise ExperimentNotFoundError(
                f"There is no experiment with the id {', '.join(missing)}. List the experiments with `mlflow experiments search`.",
                field="experiment_ids",
            )

    def _joined(
        self, old: _Checked | None, keys: tuple[BlockKey, ...], token: Any, now: float, as_of: int, spans: bool
    ) -> _Checked:
        blocks = [self._blocks[key][1] for key in keys]
        with_spans = all(block.spans is not None for block in blocks) and (spans or bool(blocks))
        return _Checked(join(self.source.words, blocks, as_of), keys, token, now, with_spans or (spans and not blocks))

    # Blocks

    def _bring_up_to_date(
        self, experiments: list[str], low: int | None, high: int | None, spans: bool
    ) -> tuple[BlockKey, ...]:
        """Check a range and read what is new or changed in it. Returns its blocks, by experiment and time."""
        first_day = None if low is None else low // DAY_MS * DAY_MS
        last_day = None if high is None else -(-high // DAY_MS) * DAY_MS
        wanted = self._plan(self.source.check(experiments, first_day, last_day))
        for key in list(self._blocks):
            inside = (first_day is None or key[1] >= first_day) and (last_day is None or key[2] <= last_day)
            if key not in wanted and key[0] in experiments and inside:
                del self._blocks[key]
        wanted = {
            key: prints
            for key, prints in wanted.items()
            if (low is None or key[2] > low) and (high is None or key[1] < high)
        }
        missing = [key for key in wanted if key not in self._blocks or self._blocks[key][0][0] != wanted[key][0]]
        for run in _runs(missing, wanted, self.source.traces_a_load):
            self._load(run, wanted)
        for key, prints in wanted.items():
            if self._blocks[key][0] != prints:
                self._blocks[key] = (prints, self._reread(key, self._blocks[key][0], prints))
        if spans:
            for run in _runs(
                [key for key in wanted if self._blocks[key][1].spans is None], wanted, self.source.traces_a_load
            ):
                self._load_spans(run)
        return tuple(wanted)

    def _plan(self, found: dict[tuple[str, int], Fingerprint]) -> dict[BlockKey, tuple[Any, ...]]:
        """Which blocks there should be: key -> (fingerprints of traces, of tags, of assessments, number of traces)."""
        plan: dict[BlockKey, tuple[Any, ...]] = {}
        hours = sorted(found.items())
        for (experiment, day), group in groupby(hours, key=lambda item: (item[0][0], item[0][1] // DAY_MS * DAY_MS)):
            members = list(group)
            if sum(one.trace_count for _, one in members) > _LARGE_DAY:
                self._large_days.add((experiment, day))
            parts = [[member] for member in members] if (experiment, day) in self._large_days else [members]
            for part in parts:
                start, end = (
                    (day, day + DAY_MS)
                    if (experiment, day) not in self._large_days
                    else (part[0][0][1], part[0][0][1] + HOUR_MS)
                )
                plan[experiment, start, end] = (
                    tuple((key[1], one.traces) for key, one in part),
                    tuple((key[1], one.tags) for key, one in part),
                    tuple((key[1], one.assessments) for key, one in part),
                    sum(one.trace_count for _, one in part),
                )
        return plan

    def _load(self, run: list[BlockKey], wanted: dict[BlockKey, tuple[Any, ...]]) -> None:
        experiment, start, end = run[0][0], run[0][1], run[-1][2]
        traces = self.source.traces(experiment, start, end)
        ids = traces["trace_id"]
        tags = self.source.tags(experiment, start, end, ids)
        assessments = self.source.assessments(experiment, start, end, ids)
        for key in run:
            first, last = np.searchsorted(traces["time_ms"], key[1:])
            block = Block(
                {name: values[first:last].copy() for name, values in traces.items()},
                _cut(tags, first, last),
                _cut(assessments, first, last),
            )
            self._blocks[key] = (wanted[key], block)

    def _reread(self, key: BlockKey, old: tuple[Any, ...], new: tuple[Any, ...]) -> Block:
        """The block with those of its tags and assessments read again that changed; its traces are the same."""
        block = self._blocks[key][1]
        ids = block.traces["trace_id"]
        if old[1] != new[1]:
            block = replace(block, tags=self.source.tags(*key, ids))
        if old[2] != new[2]:
            block = replace(block, assessments=self.source.assessments(*key, ids))
        return block

    def _load_spans(self, run: list[BlockKey]) -> None:
        blocks = [self._blocks[key][1] for key in run]
        ids = np.concatenate([block.traces["trace_id"] for block in blocks])
        spans = self.source.spans(run[0][0], run[0][1], run[-1][2], ids)
        first = 0
        for key, block in zip(run, blocks, strict=True):
            last = first + len(block.traces["time_ms"])
            self._blocks[key] = (self._blocks[key][0], replace(block, spans=_cut(spans, first, last)))
            first = last


def _cut(columns: Columns, first: int, last: int) -> dict[str, np.ndarray]:
    """The rows of the traces [first, last), of columns that are in the order of their traces."""
    low, high = np.searchsorted(columns["trace"], (first, last))
    part = {name: values[low:high].copy() for name, values in columns.items()}
    part["trace"] -= np.int32(first)
    return part


def _runs(keys: list[BlockKey], wanted: dict[BlockKey, tuple[Any, ...]], bound: int) -> Iterable[list[BlockKey]]:
    """Blocks of one experiment that follow each other, up to a bound on traces."""
    chosen = set(keys)
    run: list[BlockKey] = []
    size = 0
    for key, prints in wanted.items():
        if run and (key not in chosen or key[0] != run[-1][0] or size + prints[3] > bound):
            yield run
            run, size = [], 0
        if key in chosen:
            run.append(key)
            size += prints[3]
    if run:
        yield run


def _widened(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """The range, widened to whole hours or days: ranges that end now ask for the same blocks again and again."""
    short = start is not None and end is not None and end - start <= _SHORT_RANGE_MS
    unit = HOUR_MS if short else DAY_MS
    return (None if start is None else start // unit * unit), (None if end is None else -(-end // unit) * unit)


_stores: dict[str, FactStore] = {}
_stores_lock = Lock()


def fact_store(tracking_uri: str) -> FactStore:
    """The store of this process for a tracking URI."""
    with _stores_lock:
        if tracking_uri not in _stores:
            _stores[tracking_uri] = FactStore(_source(tracking_uri))
        return _stores[tracking_uri]


def _source(tracking_uri: str) -> Source:
    if tracking_uri.startswith(("http://", "https://")):
        from insights_core.analytics.rest import RestSource

        return RestSource(tracking_uri)
    from insights_core.analytics.sql import SqlSource

    return SqlSource(tracking_uri)
