"""What several themes say of the same traces, where it is known what they should say."""

from __future__ import annotations

import pytest

from insights_core.entities import Cluster, ClusterDetails, SkippedTrace, TraceRow, TrustMetrics
from insights_core.themes.crossing import (
    IRRELEVANT_TITLE,
    Reading,
    cross_table,
    perspectives,
    reading_of,
    shared_traces,
)


def result(
    run_id: str, topics: dict[str, list[int]], apart: list[int] = (), outliers: list[int] = ()
) -> ClusterDetails:
    """A result in which each topic holds the traces of some numbers."""
    rows = [
        TraceRow(
            trace_id=f"tr-{number}",
            cluster_id=topic,
            nearest_cluster_id=topic,
            x=0,
            y=0,
            title=f"{topic} {number}",
            summary=f"{number} as {run_id} sees it",
            status="OK",
            timestamp_ms=1_000 * number,
        )
        for topic, numbers in [*topics.items(), (None, outliers)]
        for number in numbers
    ]
    clusters = [Cluster(cluster_id=one, level=0, title=one.capitalize(), size=len(topics[one])) for one in topics]
    return ClusterDetails(
        run_id=run_id,
        experiment_id="1",
        instruction="What breaks?",
        overview="",
        matching_traces=len(rows),
        sampled_traces=len(rows) + len(apart),
        clusters=clusters,
        traces=rows,
        irrelevant=[SkippedTrace(trace_id=f"tr-{number}", reason="nothing broke") for number in apart],
        metrics=TrustMetrics(),
    )


@pytest.fixture
def errors() -> Reading:
    """Traces 0 to 99: 40 time-outs, 40 refusals, 20 that do not concern it."""
    return reading_of(
        "errors", result("e", {"timeout": list(range(40)), "refused": list(range(40, 80))}, list(range(80, 100)))
    )


@pytest.fixture
def friction() -> Reading:
    """Of traces 0 to 119: complaints are the time-outs, questions the rest, in equal parts of all others; 5 fit nothing."""
    asked = [number for number in range(40, 115)]
    return reading_of(
        "friction", result("f", {"complained": list(range(40)), "asked": asked}, outliers=list(range(115, 120)))
    )


def test_a_cross_table_counts_every_trace_that_both_read_once(errors, friction):
    table = cross_table(errors, friction)

    assert table.trace_count == 100  # 100 to 119 were read by one only
    assert sum(cell.share.count for row in table.cells for cell in row) == 100
    assert [(side.title, side.count) for side in table.rows] == [
        ("Timeout", 40),
        ("Refused", 40),
        (IRRELEVANT_TITLE, 20),
    ]
    assert [(side.title, side.count) for side in table.columns] == [("Asked", 60), ("Complained", 40)]
    counts = [[cell.share.count for cell in row] for row in table.cells]
    assert counts == [[0, 40], [40, 0], [20, 0]]
    assert set(table.cells[0][1].trace_ids) == {f"tr-{number}" for number in range(40)}


def test_what_meets_by_plan_stands_out_and_what_meets_by_chance_does_not(errors):
    halves = {"even": [n for n in range(100) if n % 2 == 0], "odd": [n for n in range(100) if n % 2]}
    chance = cross_table(errors, reading_of("other", result("o", halves)))
    assert not any(cell.stands_out for row in chance.cells for cell in row)

    planted = {"mostly timeouts": [*range(36), 50, 60], "others": [*range(36, 50), *range(51, 60), *range(61, 100)]}
    table = cross_table(errors, reading_of("other", result("o", planted)))
    cell = table.cells[0][[side.title for side in table.columns].index("Mostly timeouts")]
    assert cell.stands_out
    assert cell.share.count == 36
    assert 0.75 < cell.share.lower < 0.9 < cell.share.upper < 0.97  # Wilson of 36 / 40


def test_traces_of_one_session_say_less_than_as_many_of_different_ones(errors, friction):
    alone = cross_table(errors, friction).cells[0][1].share
    together = cross_table(errors, friction, {f"tr-{number}": number // 10 for number in range(100)}).cells[0][1].share

    assert together.count == alone.count == 40
    assert together.lower < alone.lower


def test_themes_that_share_no_trace_have_an_empty_table(errors):
    other = reading_of("other", result("o", {"later": list(range(500, 510))}))
    assert cross_table(errors, other).trace_count == 0
    assert shared_traces([errors, other]) == []


def test_a_trace_is_told_in_every_theme_what_it_concerns_first(errors, friction):
    sampled = reading_of("sampled", result("s", {"topic": [3]}))
    said = perspectives([sampled, errors, friction], "tr-90")

    assert [(one.theme_id, one.standing) for one in said] == [
        ("friction", "relevant"),
        ("errors", "irrelevant"),
        ("sampled", "unread"),
    ]
    assert (said[0].topic, said[0].summary) == ("Asked", "90 as f sees it")
    assert perspectives([friction], "tr-117")[0].topic == "Fits no topic"


def test_traces_of_most_themes_come_first_and_then_the_newest(errors, friction):
    third = reading_of("third", result("t", {"few": [10, 20]}))
    found = shared_traces([errors, friction, third])

    assert [one.trace_id for one in found[:3]] == ["tr-20", "tr-10", "tr-79"]
    assert len(found) == 80  # the 20 that do not concern errors are in friction alone
    assert [len(one.perspectives) for one in found[:3]] == [3, 3, 2]
