"""What several themes say of the same traces: one trace in all of them, and topics of one theme against another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from insights_core.entities.insight import OUTLIERS_TITLE, ClusterDetails, TraceRow
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


def perspectives(results: Mapping[str, ClusterDetails], trace_id: str) -> list[Perspective]:
    """What each theme says of a trace; what concerns it first, then what does not, then what did not read it.

    Args:
        results: Theme id -> the result of its latest finished run.
        trace_id: The trace.
    """
    found = [_perspective(theme_id, details, _row(details, trace_id)) for theme_id, details in results.items()]
    order: list[Standing] = ["relevant", "irrelevant", "unread"]
    return sorted(found, key=lambda one: order.index(one.standing))


def shared_traces(results: Mapping[str, ClusterDetails], least: int = 2) -> list[SharedTrace]:
    """Traces that concern several themes, those of most themes first, then the newest.

    Args:
        results: As for `perspectives`.
        least: In at least so many themes.
    """
    found: dict[str, list[Perspective]] = {}
    times: dict[str, int] = {}
    for theme_id, details in results.items():
        titles = _titles(details)
        for row in details.traces:
            if row.relevant:
                found.setdefault(row.trace_id, []).append(_perspective(theme_id, details, row, titles))
                times[row.trace_id] = row.timestamp_ms
    shared = [SharedTrace(trace_id, tuple(said)) for trace_id, said in found.items() if len(said) >= least]
    return sorted(shared, key=lambda one: (-len(one.perspectives), -times[one.trace_id]))


def cross_table(first: ClusterDetails, second: ClusterDetails, sessions: Mapping[str, int] | None = None) -> CrossTable:
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
    own = {row.trace_id: row for row in first.traces}
    other = {row.trace_id: row for row in second.traces}
    ids = [trace_id for trace_id in own if trace_id in other]
    row_sides, row_codes = _sides(first, [own[one] for one in ids])
    column_sides, column_codes = _sides(second, [other[one] for one in ids])
    known = sessions or {}
    codes = np.array([known.get(one, -1) for one in ids], dtype=np.int64)
    values = Values.of_codes(column_codes, len(column_sides), Units.of_codes(codes))
    masks = [row_codes == number for number in range(len(row_sides))]
    q = judge([tails(Beside.of(values, mask)) for mask in masks]).q.reshape(len(row_sides), len(column_sides))
    cells = []
    for number, mask in enumerate(masks):
        inside, units = column_codes[mask], Units.of_codes(codes[mask])
        names = np.array(ids)[mask]
        cells.append(
            tuple(
                Cell(
                    share_of(inside == column, units), float(q[number, column]), tuple(names[inside == column].tolist())
                )
                for column in range(len(column_sides))
            )
        )
    return CrossTable(row_sides, column_sides, tuple(cells), len(ids))


def _row(details: ClusterDetails, trace_id: str) -> TraceRow | None:
    return next((row for row in details.traces if row.trace_id == trace_id), None)


def _titles(details: ClusterDetails) -> dict[str, str]:
    return {cluster.cluster_id: cluster.title for cluster in details.clusters}


def _perspective(
    theme_id: str, details: ClusterDetails, row: TraceRow | None, titles: Mapping[str, str] | None = None
) -> Perspective:
    if row is None:
        return Perspective(theme_id, details.run_id, "unread")
    if not row.relevant:
        return Perspective(theme_id, details.run_id, "irrelevant", row.title, row.summary)
    known = _titles(details) if titles is None else titles
    topic = known.get(row.cluster_id, "") if row.cluster_id else OUTLIERS_TITLE
    return Perspective(theme_id, details.run_id, "relevant", row.title, row.summary, row.cluster_id, topic)


def _sides(details: ClusterDetails, rows: list[TraceRow]) -> tuple[tuple[Side, ...], np.ndarray]:
    """The topics that hold some traces, and for each trace the number of its own."""
    titles = _titles(details)
    places = [(row.relevant, row.cluster_id if row.relevant else None) for row in rows]
    counts = {place: 0 for place in places}
    for place in places:
        counts[place] += 1
    order = sorted(counts, key=lambda place: (not place[0], place[1] is None, -counts[place]))
    sides = [
        Side(
            cluster_id,
            titles.get(cluster_id, "") if cluster_id else OUTLIERS_TITLE if relevant else IRRELEVANT_TITLE,
            counts[relevant, cluster_id],
        )
        for relevant, cluster_id in order
    ]
    numbers = {place: number for number, place in enumerate(order)}
    return tuple(sides), np.array([numbers[place] for place in places], dtype=np.int64)
