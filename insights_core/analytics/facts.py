"""Facts about traces in columns: numbers as arrays, strings as integer codes."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from insights_core.names import OWN_NAMESPACE
from insights_core.settings import INSIGHTS_SESSION_TAG
from insights_core.statistics.units import Units
from insights_core.statistics.values import Values

Columns = Mapping[str, np.ndarray]

TRACE_COLUMNS = (
    "trace_id",  # bytes
    "experiment",  # code
    "time_ms",
    "latency_ms",  # float, NaN: not ended
    "status",  # code
    "session",  # code, -1: none
    "name",  # code, -1: none
    "input_tokens",  # float, NaN: not recorded; so are the next five
    "output_tokens",
    "total_tokens",
    "input_cost",
    "output_cost",
    "total_cost",
)
# `trace` is the row of the trace in the same block or view.
TAG_COLUMNS = ("trace", "key", "value")
ASSESSMENT_COLUMNS = ("trace", "kind", "name", "value", "valid", "error", "source", "session_scoped")
SPAN_COLUMNS = (
    "trace",
    "name",
    "type",
    "status",
    "duration_ms",
    "model",
    "provider",
    "input_cost",
    "output_cost",
    "total_cost",
    "tool",  # code of the tool that the span is a call of, -1: none
)


class Vocabulary:
    """Strings and their codes; grows, never changes a code, may be read while another thread adds."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._strings: list[str] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._strings)

    def __getitem__(self, code: int) -> str:
        return self._strings[code]

    def code(self, text: str) -> int:
        """The code of a string, -2 where it was never seen (so that it equals no row)."""
        return self._codes.get(text, -2)

    def encode(self, values: Sequence[str | None]) -> np.ndarray:
        """Codes of shape (n,), int32; None is -1. New strings get new codes."""
        import pandas as pd

        codes, uniques = pd.factorize(np.asarray(values, dtype=object))
        known = np.empty(len(uniques) + 1, dtype=np.int32)
        known[-1] = -1  # factorize marks None by -1, which picks the last one
        with self._lock:
            for position, text in enumerate(uniques):
                code = self._codes.get(text)
                if code is None:
                    code = len(self._strings)
                    self._strings.append(text)
                    self._codes[text] = code
                known[position] = code
        return known[codes]

    def decode(self, codes: Iterable[int]) -> list[str]:
        return [self._strings[code] for code in codes]

    def matching(self, codes: np.ndarray, test: Callable[[str], bool]) -> np.ndarray:
        """Which rows hold a string that passes a test; each distinct string is tested once. -1 never passes."""
        distinct, inverse = np.unique(codes, return_inverse=True)
        passed = np.array([code >= 0 and test(self._strings[code]) for code in distinct], dtype=bool)
        return passed[inverse] if len(distinct) else np.zeros(len(codes), dtype=bool)


class JsonVocabulary(Vocabulary):
    """JSON texts of assessment values, each parsed once."""

    NULL, BOOLEAN, NUMERIC, STRING = range(4)

    def __init__(self) -> None:
        super().__init__()
        self._kinds = np.empty(0, dtype=np.int8)
        self._numbers = np.empty(0)

    def parsed(self) -> tuple[np.ndarray, np.ndarray]:
        """Kind and number of each code, shape (len(self),); booleans are 1 and 0, what is no number is NaN."""
        with self._lock:
            new = [_parse(text) for text in self._strings[len(self._kinds) :]]
            if new:
                self._kinds = np.concatenate([self._kinds, np.array([kind for kind, _ in new], dtype=np.int8)])
                self._numbers = np.concatenate([self._numbers, np.array([number for _, number in new])])
            return self._kinds, self._numbers

    def text(self, code: int) -> str:
        """A value for people: strings without quotes, everything else as its JSON."""
        value = _loads(self[code])
        return value if isinstance(value, str) else self[code]


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parse(text: str) -> tuple[int, float]:
    value = _loads(text)
    if value is None:
        return JsonVocabulary.NULL, math.nan
    if isinstance(value, bool):
        return JsonVocabulary.BOOLEAN, float(value)
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        # As for MLflow, what is not finite is no value.
        return (JsonVocabulary.NUMERIC, number) if math.isfinite(number) else (JsonVocabulary.NULL, math.nan)
    return JsonVocabulary.STRING, math.nan


@dataclass
class Vocabularies:
    """One vocabulary for each kind of string, shared by all blocks of a store."""

    experiment: Vocabulary = field(default_factory=Vocabulary)
    status: Vocabulary = field(default_factory=Vocabulary)
    session: Vocabulary = field(default_factory=Vocabulary)
    trace_name: Vocabulary = field(default_factory=Vocabulary)
    tag_key: Vocabulary = field(default_factory=Vocabulary)
    tag_value: Vocabulary = field(default_factory=Vocabulary)
    assessment_kind: Vocabulary = field(default_factory=Vocabulary)
    assessment_name: Vocabulary = field(default_factory=Vocabulary)
    assessment_value: JsonVocabulary = field(default_factory=JsonVocabulary)
    """JSON text, as MLflow stores it."""
    source: Vocabulary = field(default_factory=Vocabulary)
    span_name: Vocabulary = field(default_factory=Vocabulary)
    span_type: Vocabulary = field(default_factory=Vocabulary)
    span_status: Vocabulary = field(default_factory=Vocabulary)
    tool: Vocabulary = field(default_factory=Vocabulary)
    """Names of tools, which are not always those of their spans."""
    model: Vocabulary = field(default_factory=Vocabulary)
    provider: Vocabulary = field(default_factory=Vocabulary)


@dataclass(frozen=True)
class Block:
    """The facts of one experiment between two times; a unit of loading."""

    traces: Columns
    tags: Columns
    assessments: Columns
    spans: Columns | None = None
    """None: not loaded yet."""


_TYPES: dict[str, type | str] = {
    "time_ms": np.int64,
    "trace_id": "S1",
    **dict.fromkeys(("valid", "error", "session_scoped"), bool),
    **dict.fromkeys(("latency_ms", "duration_ms"), np.float64),
    **dict.fromkeys(
        ("input_tokens", "output_tokens", "total_tokens", "input_cost", "output_cost", "total_cost"), np.float64
    ),
}


def empty(columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns without rows."""
    return {name: np.empty(0, dtype=_TYPES.get(name, np.int32)) for name in columns}


class Selected(Mapping[str, np.ndarray]):
    """Some rows of columns; a column is cut when it is first used, since most questions use few.

    Args:
        columns: The columns to cut.
        mask: Which traces, shape (n_traces,).
        of_traces: False where the columns have a row for each trace, True where `trace` points to one.
    """

    def __init__(self, columns: Columns, mask: np.ndarray, of_traces: bool) -> None:
        self._columns, self._mask, self._of_traces = columns, mask, of_traces
        self._cut: dict[str, np.ndarray] = {}

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.flatnonzero(self._mask[self._columns["trace"]] if self._of_traces else self._mask)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._cut:
            values = self._columns[name][self._rows]
            if name == "trace":
                values = (np.cumsum(self._mask, dtype=np.int32) - 1)[values]
            self._cut[name] = values
        return self._cut[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


@dataclass(frozen=True)
class View:
    """The facts of some traces, immutable: what every metric is computed from.

    `traces`, `tags`, `assessments` and `spans` map a column's name to an array; see the tuples at the top.
    """

    words: Vocabularies
    traces: Columns
    tags: Columns
    assessments: Columns
    spans: Columns
    as_of_ms: int = 0
    """Every change that was committed by then is in here."""
    identity: object = field(default_factory=object, compare=False)
    """The same for views of the same facts."""

    def __len__(self) -> int:
        return len(self.traces["time_ms"])

    def select(self, mask: np.ndarray) -> View:
        """The part of the view where a bool array of shape (n_traces,) is true."""
        if mask.all():
            return self
        tags, assessments, spans = (Selected(one, mask, True) for one in (self.tags, self.assessments, self.spans))
        return View(self.words, Selected(self.traces, mask, False), tags, assessments, spans, self.as_of_ms)

    def checked_at(self, as_of_ms: int) -> View:
        """The same facts, found unchanged at a later time. Keeps what was derived from them."""
        later = replace(self, as_of_ms=as_of_ms)
        for name in ("by_id", "units", "tag_items", "tool_calls", "tool_items", "ratings"):
            if name in self.__dict__:
                later.__dict__[name] = self.__dict__[name]
        return later

    @cached_property
    def by_id(self) -> np.ndarray:
        """Rows in the order of their ids, for look-ups. Shape (n_traces,)."""
        return np.argsort(self.traces["trace_id"], kind="stable")

    def rows_of(self, trace_ids: Iterable[str]) -> np.ndarray:
        """Which traces have one of these ids: a bool array of shape (n_traces,)."""
        mask = np.zeros(len(self), dtype=bool)
        wanted = np.array([trace_id.encode() for trace_id in trace_ids], dtype="S")
        if not len(wanted) or not len(self):
            return mask
        ids = self.traces["trace_id"]
        found = np.searchsorted(ids, wanted, sorter=self.by_id)
        inside = found < len(ids)
        rows = self.by_id[found[inside]]
        mask[rows[ids[rows] == wanted[inside]]] = True
        return mask

    @cached_property
    def units(self) -> Units:
        """Which traces belong together: by the tag that the settings name, else by MLflow's session."""
        tag = INSIGHTS_SESSION_TAG.get()
        if not tag:
            return Units.of_codes(self.traces["session"])
        codes = np.full(len(self), -1)
        named = self.tags["key"] == self.words.tag_key.code(tag)
        codes[self.tags["trace"][named]] = self.tags["value"][named]
        return Units.of_codes(codes)

    @cached_property
    def tag_items(self) -> Items:
        """The user's tags as (trace, key=value) pairs."""
        return Items.of_pairs(self.tags["trace"], self.tags["key"], self.tags["value"], self._user_tags)

    @cached_property
    def _user_tags(self) -> np.ndarray:
        return self.words.tag_key.matching(self.tags["key"], lambda key: not key.lower().startswith("mlflow."))

    @cached_property
    def tool_calls(self) -> dict[str, np.ndarray]:
        """The calls of tools: the columns trace, tool, status and duration_ms of shape (n_calls,)."""
        tools = self.spans["tool"] >= 0
        return {name: self.spans[name][tools] for name in ("trace", "tool", "status", "duration_ms")}

    @cached_property
    def tool_items(self) -> tuple[Items, Items]:
        """The tools that traces called, and those that failed in them, as (trace, tool) pairs; `second` is 0."""
        calls = self.tool_calls
        failed = calls["status"] == self.words.span_status.code("ERROR")
        none = np.zeros_like(calls["tool"])
        return Items.of_pairs(calls["trace"], calls["tool"], none), Items.of_pairs(
            calls["trace"], calls["tool"], none, failed
        )

    @cached_property
    def ratings(self) -> dict[str, np.ndarray]:
        """Valid feedback and expectations, without the product's own summaries: the columns of assessments."""
        columns = self.assessments
        kinds = [self.words.assessment_kind.code(kind) for kind in ("feedback", "expectation")]
        own = self.words.assessment_name.matching(columns["name"], lambda name: name.startswith(OWN_NAMESPACE))
        kept = columns["valid"] & np.isin(columns["kind"], kinds) & ~own
        return {name: values[kept] for name, values in columns.items()}


def sorted_distinct(values: np.ndarray) -> np.ndarray:
    """As `numpy.unique`, whose hash table takes several times as long as sorting integers."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


@dataclass(frozen=True)
class Items:
    """Which traces have which values, each pair once. A value is a pair of codes."""

    trace: np.ndarray
    """Shape (n_pairs,), int32."""
    item: np.ndarray
    """Shape (n_pairs,): position in `first` and `second`."""
    first: np.ndarray
    """Shape (n_items,): for example the tag key."""
    second: np.ndarray

    @classmethod
    def of_pairs(
        cls, trace: np.ndarray, first: np.ndarray, second: np.ndarray, kept: np.ndarray | None = None
    ) -> Items:
        """Count each (trace, first, second) once; rows with `second` below 0 are left out."""
        kept = (second >= 0) if kept is None else kept & (second >= 0)
        trace, first, second = trace[kept].astype(np.int64), first[kept].astype(np.int64), second[kept].astype(np.int64)
        packed = (first << 32) | second
        distinct, item = np.unique(packed, return_inverse=True)
        pairs = sorted_distinct(item.astype(np.int64) << 32 | trace)
        return cls(
            (pairs & 0xFFFFFFFF).astype(np.int32),
            (pairs >> 32).astype(np.int32),
            (distinct >> 32).astype(np.int32),
            (distinct & 0xFFFFFFFF).astype(np.int32),
        )

    def values(self, units: Units) -> Values:
        """The same for statistics; kept for the units that were asked for first."""
        known: Values | None = self.__dict__.get("_values")
        if known is None or known.units is not units:
            known = self.__dict__["_values"] = Values(self.trace, self.item, len(self.first), units)
        return known

    def counts(self, mask: np.ndarray | None = None) -> np.ndarray:
        """In how many traces (of those in a mask) each item occurs. Shape (n_items,)."""
        chosen = self.item if mask is None else self.item[mask[self.trace]]
        return np.bincount(chosen, minlength=len(self.first))


def join(words: Vocabularies, blocks: Sequence[Block], as_of_ms: int) -> View:
    """One view over blocks; spans that are not loaded count as none."""
    offsets = np.cumsum([0] + [len(block.traces["time_ms"]) for block in blocks])

    def stack(columns: Sequence[str], tables: list[Columns]) -> dict[str, np.ndarray]:
        if not tables:
            return empty(columns)
        if len(tables) == 1:
            return dict(tables[0])
        stacked: dict[str, Any] = {name: np.concatenate([table[name] for table in tables]) for name in columns}
        if "trace" in stacked:
            shift = np.repeat(offsets[:-1], [len(table["trace"]) for table in tables])
            stacked["trace"] = (stacked["trace"] + shift).astype(np.int32)
        return stacked

    return View(
        words,
        stack(TRACE_COLUMNS, [block.traces for block in blocks]),
        stack(TAG_COLUMNS, [block.tags for block in blocks]),
        stack(ASSESSMENT_COLUMNS, [block.assessments for block in blocks]),
        stack(SPAN_COLUMNS, [empty(SPAN_COLUMNS) if block.spans is None else block.spans for block in blocks]),
        as_of_ms,
    )
