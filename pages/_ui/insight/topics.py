"""The topics of an insight as a reader walks them: worst first, outliers last. Plain functions on the result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from insights_core.entities import Cluster, ClusterDetails, Tally, TraceRow
from insights_core.statistics.shares import wilson
from pages._ui.look import charts
from pages._ui.look.formats import escape_markdown, number, share
from pages._ui.look.theme import CATEGORIES, ERROR, NEUTRAL, PALE
from pages._ui.parts.pick_list import Option

OUTLIERS = "outliers"
ORDERS = ("Worst first", "Newest", "Typical")
_TREND_POINTS = 14


@dataclass(frozen=True)
class Topic:
    """A row of the tree."""

    cluster_id: str
    """OUTLIERS for the traces without a cluster."""
    title: str
    description: str
    depth: int
    is_leaf: bool
    tally: Tally
    rows: tuple[TraceRow, ...]
    """Its traces, and those below it."""
    cluster: Cluster | None
    """None for the outliers."""

    @property
    def size(self) -> int:
        return self.tally.size


def failed(row: TraceRow) -> bool:
    """Whether a trace failed: as the insight's rule says, else by its status. A guess is not counted."""
    return bool(row.failed) if row.failed_by == "rule" else row.status == "ERROR"


def rate_words(one: Tally) -> str:
    """12% errors, or 95% failed where a rule says which traces failed."""
    return f"{share(one.bad_rate)} {one.bad_word}"


def suspicion_words(one: Tally) -> str:
    """What is only guessed, "" where nothing is."""
    return f"{number(one.suspected_count)} more seem not done (a guess)" if one.suspected_count else ""


def tree(details: ClusterDetails) -> list[Topic]:
    """All topics depth first; siblings by the rate of failure, the highest first; the outliers last."""
    own: dict[str | None, list[TraceRow]] = defaultdict(list)
    for row in details.traces:
        own[row.cluster_id].append(row)
    below: dict[str | None, list[Cluster]] = defaultdict(list)
    known = {cluster.cluster_id for cluster in details.clusters}
    for cluster in details.clusters:
        below[cluster.parent_id if cluster.parent_id in known else None].append(cluster)
    listed: list[Topic] = []

    def topic(cluster: Cluster, depth: int) -> list[Topic]:
        children = [topic(child, depth + 1) for child in below[cluster.cluster_id]]
        children.sort(key=_worst_first)
        rows = own[cluster.cluster_id] + [row for child in children for row in child[0].rows]
        found = Topic(
            cluster.cluster_id,
            cluster.title,
            cluster.description,
            depth,
            not children,
            Tally.of(rows),
            tuple(rows),
            cluster,
        )
        return [found, *(one for child in children for one in child)]

    for group in sorted((topic(cluster, 0) for cluster in below[None]), key=_worst_first):
        listed += group
    outliers = own[None]
    if outliers:
        listed.append(
            Topic(
                OUTLIERS,
                "Outliers",
                "Like no topic. Each has a nearest one.",
                0,
                True,
                Tally.of(outliers),
                tuple(outliers),
                None,
            )
        )
    return listed


def _worst_first(group: list[Topic]) -> tuple[float, int]:
    return -group[0].tally.bad_rate, -group[0].size


def worst_first(topics: Sequence[Topic]) -> list[Topic]:
    """Topics in which something failed; the first is the one in which most goes wrong for sure.

    By the lower bound of the rate times the traces: a small topic that fails always and a large one that fails seldom
    both stand behind one that is large and fails often.
    """
    leaves = [one for one in topics if one.is_leaf and one.cluster and one.tally.bad_count]
    return sorted(leaves, key=lambda one: -wilson(one.tally.bad_count, one.tally.bad_of)[0] * one.size)


def worst(topics: Sequence[Topic]) -> Topic | None:
    """The first of `worst_first`; None where nothing failed."""
    return next(iter(worst_first(topics)), None)


def options(topics: Sequence[Topic], details: ClusterDetails, failing_more: Collection[str]) -> dict[str, Option]:
    """The rows of the tree: traces, share of all, error rate, trend.

    Args:
        topics: See `tree`.
        details: The result that they are of.
        failing_more: Ids of those whose rate is red: more than chance says they fail more than the rest.
    """
    total = len(details.traces)
    span = time_span(details.traces)
    rows = {}
    for topic in topics:
        title = escape_markdown(topic.title or "Without a name", 80)
        bad = topic.tally
        colour = "red" if topic.cluster_id in failing_more else "gray"
        rows[topic.cluster_id] = Option(
            f"**{title}**" if topic.depth == 0 and not topic.is_leaf else title,
            (
                f":gray[{number(topic.size)}]",
                f":gray[{share(topic.size, total)}]",
                f":{colour}[{100 * bad.bad_rate:.0f}% {bad.bad_word}]",
                charts.sparkline(trend(topic.rows, span), ERROR if colour == "red" else NEUTRAL),
            ),
            topic.depth,
        )
    return rows


def time_span(rows: Sequence[TraceRow]) -> tuple[int, int]:
    """First and last moment, epoch milliseconds."""
    moments = [row.timestamp_ms for row in rows]
    return (min(moments), max(moments)) if moments else (0, 0)


def trend(rows: Sequence[TraceRow], span: tuple[int, int], points: int = _TREND_POINTS) -> list[int]:
    """Traces in each of so many equal parts of a time span; empty where the span is too short to have a trend."""
    first, last = span
    if last - first < 1000 * points:
        return []
    width = (last - first + 1) / points
    counts = Counter(int((row.timestamp_ms - first) // width) for row in rows)
    return [counts[place] for place in range(points)]


def ordered(rows: Sequence[TraceRow], order: str, typical: Sequence[str] = ()) -> list[TraceRow]:
    """Traces in one of ORDERS; "Typical" begins with the examples that the title rests on."""
    newest = sorted(rows, key=lambda row: -row.timestamp_ms)
    if order == "Worst first":
        return sorted(newest, key=lambda row: (not failed(row), row.failed is not True))
    if order == "Typical":
        place = {trace_id: at for at, trace_id in enumerate(typical)}
        return sorted(newest, key=lambda row: place.get(row.trace_id, len(place)))
    return newest


def groups(details: ClusterDetails) -> tuple[dict[str, str], dict[str, str]]:
    """What the map is coloured by: cluster id -> id of its group, and that id -> colour.

    Groups are the topmost clusters; one that holds more than half of all traces is taken apart, or the map would be of
    one colour. The largest groups have the hues; beyond as many as can be told apart, groups share a neutral.
    """
    below: dict[str | None, list[str]] = defaultdict(list)
    known = {cluster.cluster_id for cluster in details.clusters}
    for cluster in details.clusters:
        below[cluster.parent_id if cluster.parent_id in known else None].append(cluster.cluster_id)
    counts = Counter(row.cluster_id for row in details.traces)

    def size(one: str) -> int:
        return sum(counts[each] for each in _within(one, below))

    half = sum(counts[one] for one in known) / 2
    shown = list(below[None])
    while shown and below[largest := max(shown, key=size)] and size(largest) > half:
        shown.remove(largest)
        shown += below[largest]
    shown.sort(key=lambda one: -size(one))
    colours = {one: CATEGORIES[at] if at < len(CATEGORIES) else NEUTRAL for at, one in enumerate(shown)}
    return {each: one for one in shown for each in _within(one, below)}, colours | {OUTLIERS: PALE}


def _within(cluster_id: str, below: dict[str | None, list[str]]) -> list[str]:
    return [cluster_id, *(each for child in below[cluster_id] for each in _within(child, below))]
