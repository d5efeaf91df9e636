import pytest

from insights_core.entities import Cluster, ClusterDetails, Tally, TraceRow, TrustMetrics
from pages._ui.insight import comparison, granularity, topics
from pages._ui.look import previews
from pages._ui.map import map_figure


def row(trace_id, cluster_id, status="OK", at=0, failed=None, by=None):
    return TraceRow(
        trace_id=trace_id,
        cluster_id=cluster_id,
        nearest_cluster_id=cluster_id,
        x=0,
        y=0,
        title=trace_id,
        summary=trace_id,
        status=status,
        failed=failed,
        failed_by=by,
        timestamp_ms=at,
        latency_ms=10,
    )


def details(rows, clusters):
    return ClusterDetails(
        run_id="r",
        experiment_id="1",
        instruction="What?",
        overview="",
        matching_traces=len(rows),
        sampled_traces=len(rows),
        clusters=clusters,
        traces=rows,
        metrics=TrustMetrics(),
    )


def cluster(cluster_id, title, parent=None, level=0, keywords=()):
    return Cluster(cluster_id=cluster_id, title=title, parent_id=parent, level=level, size=1, keywords=list(keywords))


@pytest.fixture
def two_groups():
    rows = [
        row("a", "good"),
        row("b", "good"),
        row("c", "bad", "ERROR", 5),
        row("d", "bad", at=9),
        row("e", "worst", "ERROR"),
        row("f", None),
    ]
    clusters = [
        cluster("p", "Fine", level=1),
        cluster("q", "Trouble", level=1),
        cluster("good", "Good", "p"),
        cluster("bad", "Bad", "q"),
        cluster("worst", "Worst", "q"),
    ]
    return details(rows, clusters)


def test_the_tree_begins_with_the_worst_and_ends_with_the_outliers(two_groups):
    tree = topics.tree(two_groups)

    assert [(topic.title, topic.depth) for topic in tree] == [
        ("Trouble", 0),
        ("Worst", 1),
        ("Bad", 1),
        ("Fine", 0),
        ("Good", 1),
        ("Outliers", 0),
    ]
    assert [topic.size for topic in tree] == [3, 1, 2, 2, 2, 1]
    assert tree[0].tally.error_count == 2


def test_a_cluster_whose_parent_is_missing_is_still_listed():
    tree = topics.tree(details([row("a", "lost")], [cluster("lost", "Lost", "nowhere")]))

    assert [topic.title for topic in tree] == ["Lost"]


def test_a_rule_decides_what_failed_then_the_status_and_never_a_guess():
    assert topics.failed(row("a", "x", "ERROR"))
    assert topics.failed(row("a", "x", failed=True, by="rule"))
    assert not topics.failed(row("a", "x", "ERROR", failed=False, by="rule"))
    assert not topics.failed(row("a", "x", failed=True, by="guess"))


def test_a_guess_is_called_one_and_a_known_failure_is_not():
    known = Tally.of([row("a", "x", failed=True, by="rule"), row("b", "x", failed=False, by="rule"), row("c", "x")])
    assert topics.rate_words(known) == "50.0% failed" and topics.suspicion_words(known) == ""
    guessed = Tally.of([row("a", "x", "ERROR"), row("b", "x", failed=True, by="guess")])
    assert topics.rate_words(guessed) == "50.0% errors" and "1 more seem not done (a guess)" in topics.suspicion_words(
        guessed
    )


def test_the_worst_topic_is_one_in_which_much_goes_wrong_for_sure():
    """One of one, thirty of forty and fifty of a thousand: the second is where to look."""
    rows = [row("a", "lone", "ERROR")]
    rows += [row(f"b{n}", "bad", "ERROR" if n < 30 else "OK") for n in range(40)]
    rows += [row(f"c{n}", "wide", "ERROR" if n < 15 else "OK") for n in range(300)]
    tree = topics.tree(details(rows, [cluster("lone", "Lone"), cluster("bad", "Bad"), cluster("wide", "Wide")]))
    assert topics.worst(tree).title == "Bad"
    assert topics.worst(topics.tree(details([row("a", "x")], [cluster("x", "Fine")]))) is None


def test_orders_of_traces(two_groups):
    rows = [one for one in two_groups.traces if one.cluster_id == "bad"]

    assert [one.trace_id for one in topics.ordered(rows, "Worst first")] == ["c", "d"]
    assert [one.trace_id for one in topics.ordered(rows, "Newest")] == ["d", "c"]
    assert [one.trace_id for one in topics.ordered(rows, "Typical", ["c"])] == ["c", "d"]


def test_a_trend_counts_every_trace_once():
    rows = [row(str(at), "x", at=at * 60_000) for at in range(100)]

    counts = topics.trend(rows, topics.time_span(rows), points=10)

    assert counts == [10] * 10


def test_traces_of_one_moment_have_no_trend():
    assert topics.trend([row("a", "x", at=5)], (5, 5)) == []


def test_map_samples_keep_the_share_of_each_topic():
    rows = [row(f"a{at}", "a") for at in range(900)] + [row(f"b{at}", "b") for at in range(99)] + [row("c", "c")]

    kept = map_figure.sample(rows, 100)

    counts = {name: sum(one.cluster_id == name for one in kept) for name in "abc"}
    assert len(kept) <= 100
    assert 80 <= counts["a"] <= 90
    assert 8 <= counts["b"] <= 10
    assert counts["c"] == 1
    assert kept == map_figure.sample(rows, 100)


def test_topics_of_two_insights_are_matched_by_their_common_traces(two_groups):
    other = details(
        [row("a", "k"), row("b", "k"), row("c", "m"), row("z", "n")],
        [cluster("k", "Other words"), cluster("m", "Worst"), cluster("n", "Brand new thing")],
    )

    found = {
        match.now.title if match.now else None: match.before.title if match.before else None
        for match in comparison.match(two_groups, other)
    }

    assert found["Other words"] == "Good"
    assert found["Worst"] == "Bad"  # traces weigh more than words
    assert found["Brand new thing"] is None


def test_without_common_traces_words_match_and_the_page_says_so():
    before = details([row("a", "k")], [cluster("k", "Refund after a cancellation", keywords=["refund"])])
    now = details([row("b", "m")], [cluster("m", "Refund after cancellation", keywords=["refund"])])

    assert comparison.match(before, now)[0].before.title == "Refund after a cancellation"
    assert "hint only" in comparison.basis(before, now)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Where is my order?", "Where is my order?"),
        (
            '{"messages": [{"role": "user", "content": "first"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "second"}]}',
            "second",
        ),
        ('{"input": [{"role": "user", "content": [{"type": "input_text", "text": "return it"}]}]}', "return it"),
        ('{"question": "how heavy?", "options": {"language": "en"}}', "how heavy?"),
        ('{"messages": [{"type": "human", "content": "cut \\"here\\" and', 'cut "here" and'),
        ('{"question": "cut later", "options": {"lang', "cut later"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_previews_show_the_words_of_the_user(given, shown):
    assert previews.preview(given) == shown


@pytest.fixture
def three_levels():
    """Nine leaves in three groups, two of which share a group; one leaf stands alone."""
    leaves = [cluster(f"l{n}", f"Leaf {n}", f"g{n // 3}") for n in range(9)] + [cluster("alone", "Alone")]
    groups = [cluster("g0", "A", "top", 1), cluster("g1", "B", "top", 1), cluster("g2", "C", None, 1)]
    rows = [row(f"t{n}", f"l{n}") for n in range(9)] + [row("x", "alone"), row("y", None)]
    return details(rows, [cluster("top", "Top", None, 2), *groups, *leaves])


def test_topics_can_be_read_coarser_without_losing_a_trace(three_levels):
    assert granularity.levels(three_levels) == {0: 10, 1: 4, 2: 3}
    middle = granularity.at_level(three_levels, 1)
    assert {one.cluster_id for one in middle.clusters} == {"top", "g0", "g1", "g2", "alone"}
    assert [one.cluster_id for one in middle.traces] == ["g0"] * 3 + ["g1"] * 3 + ["g2"] * 3 + ["alone", None]
    coarse = topics.tree(granularity.at_level(three_levels, 2))
    assert {(one.title, one.size) for one in coarse} == {("Top", 6), ("C", 3), ("Alone", 1), ("Outliers", 1)}
    assert granularity.at_level(three_levels, 0) is three_levels


def test_a_result_opens_at_the_finest_level_that_can_be_read(three_levels):
    assert granularity.default_level(three_levels) == 0
    many = details([], [cluster("g", "All", None, 1), *(cluster(f"l{n}", str(n), "g") for n in range(50))])
    assert granularity.default_level(many) == 1
    assert granularity.default_level(details([], [])) == 0
