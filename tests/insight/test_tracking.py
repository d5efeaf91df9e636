"""A topic stays itself from insight to insight, and what became of it is said: on texts whose topics are known."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from insights_core.entities import Cluster, ClusterDetails, TraceRow
from insights_core.insight.jobs.result import place_rows
from insights_core.insight.topics import Left, OfflineEmbedder, OfflineNamer, Topics, build_topics, left_of
from insights_core.insight.topics.naming import ClusterName, Group

Text = tuple[str, str]


class Planted:
    """Texts on planted topics and insights over them."""

    def __init__(self, texts: list[str], topics: list[str]) -> None:
        self.texts, self.topics = texts, topics

    def of(self, *topics: str, most: int = 1000, skip: int = 0) -> list[Text]:
        """(id, text) of the topics, up to so many of each."""
        found: list[Text] = []
        for topic in topics:
            mine = [at for at, one in enumerate(self.topics) if one == topic][skip : skip + most]
            found += [(f"tr-{at}", self.texts[at]) for at in mine]
        return found

    def topic_of(self, trace_id: str) -> str:
        return self.topics[int(trace_id.removeprefix("tr-"))]


@pytest.fixture(scope="module")
def planted(planted_texts) -> Planted:
    texts, topics = planted_texts(1400, seed=5)
    return Planted(list(texts), [str(one) for one in topics])


def insight(run_id: str, given: list[Text], previous: ClusterDetails | None = None, namer=None) -> ClusterDetails:
    """An insight over texts, as a job leaves it."""
    texts = [text for _, text in given]
    ids = [one for one, _ in given]
    gone = left_of(previous, ids)
    vectors = asyncio.run(OfflineEmbedder().embed([*texts, *(row.summary for row in gone)]))
    left = Left([row.trace_id for row in gone], vectors[len(texts) :], vectors[: len(texts)])
    topics: Topics = asyncio.run(
        build_topics(texts, vectors[: len(texts)], namer or OfflineNamer(), ids=ids, previous=previous, left=left)
    )
    rows = [
        TraceRow(
            trace_id=one, cluster_id=None, nearest_cluster_id=None, x=0, y=0, title=text, summary=text, status="OK",
            timestamp_ms=0,
        )
        for one, text in given
    ]  # fmt: skip
    place_rows(rows, topics, f"{run_id}-")
    return ClusterDetails(
        run_id=run_id, experiment_id="1", instruction="", overview="", matching_traces=len(rows),
        sampled_traces=len(rows), clusters=topics.clusters, traces=rows, gone=topics.gone, metrics=topics.metrics,
    )  # fmt: skip


def leaves(details: ClusterDetails) -> list[Cluster]:
    return [one for one in details.clusters if one.level == 0]


def topic_named(planted: Planted, details: ClusterDetails, topic: str) -> Cluster:
    """The cluster that most traces of a planted topic are in."""
    counts = Counter(row.cluster_id for row in details.traces if planted.topic_of(row.trace_id) == topic)
    best = counts.most_common(1)[0][0]
    return next(one for one in leaves(details) if one.cluster_id == best)


FIVE = ("refund", "password", "baggage", "invoice", "weather")


@pytest.fixture(scope="module")
def first(planted: Planted) -> ClusterDetails:
    return insight("11111111", planted.of(*FIVE, most=40))


def test_one_per_cent_more_texts_move_nobody_and_every_topic_keeps_its_id_and_title(planted, first):
    given = planted.of(*FIVE, most=40) + planted.of("refund", "weather", most=1, skip=40)
    second = insight("22222222", given, first)
    before = {row.trace_id: row.cluster_id for row in first.traces if row.cluster_id}
    after = {row.trace_id: row.cluster_id for row in second.traces}
    assert all(after[one] == cluster for one, cluster in before.items())
    assert {one.cluster_id: one.title for one in leaves(second)} == {one.cluster_id: one.title for one in leaves(first)}
    assert {one.fate for one in leaves(second)} == {"same"} and not second.gone
    # What fitted no topic before may fit now.
    assert all(one.overlap > 0.85 and one.overlap_low < one.overlap for one in leaves(second) if one.overlap < 1)


def test_new_traces_join_the_topic_that_they_are_about(planted, first):
    new = planted.of(*FIVE, most=12, skip=40)
    second = insight("22222222", planted.of(*FIVE, most=40) + new, first)
    homes = {topic: topic_named(planted, first, topic).cluster_id for topic in FIVE}
    placed = [row for row in second.traces if row.trace_id in dict(new) and row.cluster_id]
    right = sum(row.cluster_id == homes[planted.topic_of(row.trace_id)] for row in placed)
    assert len(placed) >= 0.8 * len(new)
    assert right >= 0.95 * len(placed)


def test_the_order_of_the_traces_changes_nothing(planted, first):
    given = planted.of(*FIVE, most=45)
    one, other = insight("22222222", given, first), insight("22222222", given[::-1], first)
    assert {row.trace_id: row.cluster_id for row in one.traces} == {
        row.trace_id: row.cluster_id for row in other.traces
    }


def test_a_new_topic_is_born_and_the_others_stay(planted, first):
    second = insight("22222222", planted.of(*FIVE, most=40) + planted.of("sql", most=30), first)
    born = topic_named(planted, second, "sql")
    assert born.fate == "born" and born.cluster_id.startswith("22222222-")
    assert "fitted no topic" in born.reason
    old = {one.cluster_id for one in leaves(first)}
    assert old <= {one.cluster_id for one in leaves(second)}
    assert Counter(one.fate for one in leaves(second))["born"] == 1


def test_few_strangers_wait_until_they_are_enough(planted, first):
    second = insight("22222222", planted.of(*FIVE, most=40) + planted.of("sql", most=2), first)
    assert "born" not in {one.fate for one in leaves(second)}
    third = insight("33333333", planted.of(*FIVE, most=40) + planted.of("sql", most=30), second)
    assert topic_named(planted, third, "sql").fate == "born"


def test_a_topic_whose_traces_are_out_of_range_is_gone_and_why_is_said(planted, first):
    second = insight("22222222", planted.of(*FIVE[1:], most=40), first)
    lost = topic_named(planted, first, "refund")
    assert [(one.cluster_id, one.title) for one in second.gone] == [(lost.cluster_id, lost.title)]
    assert "None of its traces" in second.gone[0].reason


def test_a_topic_that_gets_most_of_the_new_traffic_has_grown(planted, first):
    new = planted.of("refund", most=30, skip=40) + planted.of("weather", most=2, skip=40)
    second = insight("22222222", planted.of(*FIVE, most=40) + new, first)
    assert topic_named(planted, second, "refund").fate == "grown"
    assert "of new traffic" in topic_named(planted, second, "refund").reason
    assert topic_named(planted, second, "invoice").fate in ("same", "shrunk")


def test_equal_traffic_is_no_growth(planted, first):
    second = insight("22222222", planted.of(*FIVE, most=60), first)
    assert {one.fate for one in leaves(second)} == {"same"}


def test_topics_that_were_one_by_mistake_are_split_and_topics_that_were_two_are_merged(planted, first):
    """An earlier insight that had two of them as one, and one of them as two halves."""
    given = planted.of(*FIVE, most=40)
    home = {topic: topic_named(planted, first, topic).cluster_id for topic in FIVE}
    wrong = first.model_copy(deep=True)
    half = {one for one, _ in planted.of("weather", most=20)}
    for row in wrong.traces:
        if row.cluster_id == home["password"]:
            row.cluster_id = home["refund"]
        elif row.cluster_id == home["weather"] and row.trace_id in half:
            row.cluster_id = home["password"]
    second = insight("22222222", given, wrong)
    fates = {topic: topic_named(planted, second, topic) for topic in FIVE}
    assert fates["weather"].fate == "merged" and set(fates["weather"].came_from) == {home["password"], home["weather"]}
    assert "split" in {fates["refund"].fate, fates["password"].fate}
    assert fates["invoice"].cluster_id == home["invoice"] and fates["invoice"].fate == "same"


class CountingNamer(OfflineNamer):
    """Counts what it is asked to name."""

    asked = 0

    async def name(self, groups: list[Group]) -> list[ClusterName]:
        self.asked += sum(group.known is None for group in groups)
        return await super().name(groups)


def test_only_new_topics_are_named(planted, first):
    namer = CountingNamer()
    given = planted.of(*FIVE, most=40)
    insight("22222222", given, first, namer)
    # The groups above may be named anew, the topics may not.
    assert namer.asked <= sum(one.level > 0 for one in first.clusters)


def test_what_was_no_topic_is_nothing_to_go_on_from(planted, first):
    noise = first.model_copy(update={"metrics": first.metrics.model_copy(update={"topics_verdict": "none"})})
    second = insight("22222222", planted.of(*FIVE, most=40), noise)
    assert {one.fate for one in leaves(second)} == {None} and not second.gone
    assert all(one.cluster_id.startswith("22222222-") for one in second.clusters)


def test_topics_go_on_where_every_trace_is_another_one(planted, first):
    """A theme over the last seven days that runs once a week: no trace is read twice."""
    second = insight("22222222", planted.of(*FIVE[:4], most=40, skip=40) + planted.of("sql", most=30), first)
    for topic in FIVE[:4]:
        was, now = topic_named(planted, first, topic), topic_named(planted, second, topic)
        assert (now.cluster_id, now.title) == (was.cluster_id, was.title)
        assert now.fate in ("same", "grown", "shrunk") and now.overlap is None
        assert "None of its traces is here any more" in now.reason
    assert topic_named(planted, second, "sql").fate == "born"
    assert [one.cluster_id for one in second.gone] == [topic_named(planted, first, "weather").cluster_id]
