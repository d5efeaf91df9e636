"""What several themes say of the same traces: one trace in all of them, and topics of one theme against another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from insights_core.entities.insight import OUTLIERS_TITLE, ClusterDetails
from insights_core.statistics.association import judge, tails
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE
from insights_core.statistics.shares import Share, share_of
from insights_core.statistics.units import Units
from insights_core.statistics.values import Beside, Values

IRRELEVANT_TITLE = "Does not concern it"
Standing = Literal["relevant", "irrelevant", "unread"]


@dataclass(frozen=True)
class Perspective:
    """What one theme says of one trace."""

    theme_id: str
    run_id: str
    standing: Standing
    """unread: its latest run did not read the trace, because its filters or its sample left it out."""
    title: str = ""
    summary: str = ""
    cluster_id: str | None = None
    topic: str = ""
    """Title of its topic; "Fits no topic" for an outlier."""


@dataclass(frozen=True)
class Reading:
    """What one theme's latest run says of the traces that it read."""

    theme_id: str
    run_id: str
    said: Mapping[str, Perspective]
    """By trace id."""
    times_ms: Mapping[str, int]
    """When the traces that concern it began."""

    @property
    def relevant(self) -> int:
        """How many traces concern it."""
        return sum(one.standing == "relevant" for one in self.said.values())


@dataclass(frozen=True)
class SharedTrace:
    """A trace that concerns at least two themes."""

    trace_id: str
    perspectives: tuple[Perspective, ...]
    """Only of themes that it concerns."""


@dataclass(frozen=True)
class Side:
    """A row or a column of a cross-table."""

    cluster_id: str | None
    """None for traces in no topic and for those that do not concern the theme."""
    title: str
    count: int
    """Of the traces that both themes read."""


@dataclass(frozen=True)
class Cell:
    """Traces of one theme's topic that are in a topic of the other."""

    share: Share
    """Of the traces in the row, with its 95 % interval."""
    q: float
    """False discovery rate of "more of these come together than would by chance", over all cells of the table."""
    trace_ids: tuple[str, ...]

    @property
    def stands_out(self) -> bool:
        """Whether chance does not explain that so many come together."""
        return self.q <= FALSE_DISCOVERY_RATE


@dataclass(frozen=True)
class CrossTable:
    """Topics of one theme (rows) against those of another (columns), over the traces that both read."""

    rows: tuple[Side, ...]
    columns: tuple[Side, ...]
    cells: tuple[tuple[Cell, ...], ...]
    trace_count: int
    """Traces that both themes read. Each is in one row and one column."""
    enough: bool = False
    """Whether topics that meet twice as often as by chance could have been found; else finding none says nothing."""


def reading_of(theme_id: str, details: ClusterDetails) -> Reading:
    """What a result says of each trace, to be asked again and again."""
    topics = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    run_id = details.run_id
    said = {one.trace_id: Perspective(theme_id, run_id, "irrelevant", summary=one.reason) for one in details.irrelevant}
    for row in details.traces:
        topic = topics.get(row.cluster_id, "") if row.cluster_id else OUTLIERS_TITLE
        said[row.trace_id] = Perspective(theme_id, run_id, "relevant", row.title, row.summary, row.cluster_id, topic)
    times = {row.trace_id: row.timestamp_ms for row in details.traces}
    return Reading(theme_id, run_id, said, times)


def perspectives(readings: Sequence[Reading], trace_id: str) -> list[Perspective]:
    """What each theme says of a trace; what concerns it first, then what does not, then what did not read it."""
    found = [one.said.get(trace_id) or Perspective(one.theme_id, one.run_id, "unread") for one in readings]
    order: list[Standing] = ["relevant", "irrelevant", "unread"]
    return sorted(found, key=lambda one: order.index(one.standing))


def shared_traces(readings: Sequence[Reading], least: int = 2) -> list[SharedTrace]:
    """Traces that concern at least so many themes, those of most themes first, then the newest."""
    found: dict[str, list[Perspective]] = {}
    times: dict[str, int] = {}
    for reading in readings:
        times |= reading.times_ms
        for trace_id, said in reading.said.items():
            if said.standing == "relevant":
                found.setdefault(trace_id, []).append(said)
    shared = [SharedTrace(trace_id, tuple(said)) for trace_id, said in found.items() if len(said) >= least]
    return sorted(shared, key=lambda one: (-len(one.perspectives), -times[one.trace_id]))


def cross_table(first: Reading, second: Reading, sessions: Mapping[str, int] | None = None) -> CrossTable:
    """How the topics of one theme fall onto those of another.

    Args:
        first: Its topics are the rows.
        second: Its topics are the columns.
        sessions: Trace id -> number of its session, so that traces of one session count as related; None takes each
            trace on its own.

    Returns:
        A table whose cells add up to the traces that both read. The largest topics come first, then traces in no
        topic, then those that do not concern the theme.
    """
    ids = [trace_id for trace_id in first.said if trace_id in second.said]
    row_sides, row_codes = _sides([first.said[one] for one in ids])
    column_sides, column_codes = _sides([second.said[one] for one in ids])
    if not ids:
        return CrossTable((), (), (), 0)
    known = sessions or {}
    codes = np.array([known.get(one, -1) for one in ids], dtype=np.int64)
    values = Values.of_codes(column_codes, len(column_sides), Units.of_codes(codes))
    masks = [row_codes == number for number in range(len(row_sides))]
    judged = judge([tails(Beside.of(values, mask)) for mask in masks])
    names = np.array(ids)
    cells = []
    for mask, rates in zip(masks, judged.q.reshape(len(row_sides), -1), strict=True):
        inside, units = column_codes[mask], Units.of_codes(codes[mask])
        found = [inside == number for number in range(len(column_sides))]
        cells.append(
            tuple(
                Cell(share_of(one, units), float(rate), tuple(names[mask][one].tolist()))
                for one, rate in zip(found, rates, strict=True)
            )
        )
    return CrossTable(row_sides, column_sides, tuple(cells), len(ids), judged.enough)


def _sides(said: Sequence[Perspective]) -> tuple[tuple[Side, ...], np.ndarray]:
    """The topics that hold some traces, and for each trace the number of its own."""
    places = [(one.standing == "relevant", one.cluster_id) for one in said]
    titles = {place: one.topic if place[0] else IRRELEVANT_TITLE for place, one in zip(places, said, strict=True)}
    counts = Counter(places)
    order = sorted(counts, key=lambda place: (not place[0], place[1] is None, -counts[place]))
    numbers = {place: number for number, place in enumerate(order)}
    sides = tuple(Side(place[1], titles[place], counts[place]) for place in order)
    return sides, np.array([numbers[place] for place in places], dtype=np.int64)
