"""A topic is told as failing more, or as new, only where chance and sessions do not explain it."""

from __future__ import annotations

import numpy as np
import pytest

from insights_core.entities import Cluster, ClusterDetails, TraceRow, TrustMetrics
from pages._ui.insight import standing, topics

WORDS = {
    "refund": "customer wants money back refund of order",
    "login": "password reset login fails account locked",
    "invoice": "invoice address wrong company billing",
    "shipping": "parcel late shipping tracking carrier",
    "voucher": "voucher code rejected discount checkout",
}


@pytest.fixture(autouse=True)
def sessions(monkeypatch):
    """Traces on their own, or of the sessions that their ids name: `s3-…`."""

    def of(uri, experiment_id, trace_ids, start_ms, end_ms):
        return [int(one[1:].split("-")[0]) if one.startswith("s") else -1 for one in trace_ids]

    monkeypatch.setattr(standing, "_sessions", of)
    monkeypatch.setattr(standing.loaders, "tracking_uri", lambda: "sqlite:///none.db")


def insight(kinds, failing=(), first=0, ids="t{}", split=None, random=None):
    """An insight whose topics are the kinds, one of them taken apart in two where `split` names it."""
    random = random or np.random.default_rng(first)
    rows, names = [], {}
    for place, kind in enumerate(kinds):
        cluster_id = f"{kind}{place % 2}" if kind == split else kind
        names[cluster_id] = kind
        said = WORDS[kind].split()
        random.shuffle(said)
        rows.append(
            TraceRow(
                trace_id=ids.format(first + place), cluster_id=cluster_id, nearest_cluster_id=cluster_id, x=0, y=0, title=kind,
                summary=" ".join(said[:4]), status="ERROR" if place in failing else "OK", timestamp_ms=first + place, latency_ms=10,
            )
        )  # fmt: skip
    clusters = [
        Cluster(
            cluster_id=one, title=f"{' '.join(WORDS[kind].split()[:2])} {one[-1]}", level=0, size=1,
            keywords=WORDS[kind].split()[: 3 + place % 2],
        )
        for place, (one, kind) in enumerate(names.items())
    ]  # fmt: skip
    return ClusterDetails(
        run_id="r", experiment_id="1", instruction="", overview="", matching_traces=len(rows), sampled_traces=len(rows), clusters=clusters,
        traces=rows, metrics=TrustMetrics(),
    )  # fmt: skip


def test_a_topic_that_fails_more_is_told_and_chance_is_not():
    kinds = list(WORDS) * 40
    some = set(np.random.default_rng(0).choice(200, 30, replace=False).tolist())
    assert standing.failing_more(insight(kinds, some)) == set()
    bad = some | {place for place in range(200) if kinds[place] == "login" and place % 2}
    assert standing.failing_more(insight(kinds, bad)) == {"login"}
    assert standing.failing_more(insight(kinds)) == set()


def test_one_session_that_fails_does_not_make_its_topic_fail():
    kinds = [kind for kind in WORDS for _ in range(40)]
    one_session = set(range(40, 52))

    def ids(sessions: int) -> ClusterDetails:
        found = insight(kinds, one_session)
        rows = [
            row.model_copy(update={"trace_id": f"s{place // sessions}-{place}"})
            for place, row in enumerate(found.traces)
        ]
        return found.model_copy(update={"traces": rows})

    assert standing.failing_more(ids(1)) == {"login"}
    assert standing.failing_more(ids(20)) == set()


def test_halves_of_the_same_traces_have_no_new_topic_whatever_their_clusters():
    random = np.random.default_rng(1)
    told = unmatched = 0
    for place in range(20):
        kinds = random.choice(list(WORDS), 300)
        first = insight(kinds[:150], first=0, random=random)
        second = insight(kinds[150:], first=1_000, split=list(WORDS)[place % 5], random=random)
        told += len(standing.new_topics(first, second))
        unmatched += sum(one.before is None for one in standing.comparison.match(first, second))
    assert unmatched >= 15
    assert told == 0


def test_a_topic_that_nobody_spoke_of_before_is_new():
    random = np.random.default_rng(2)
    old = [kind for kind in WORDS if kind != "voucher"]
    before = insight(random.choice(old, 200), first=0)
    now = insight([*random.choice(old, 170), *["voucher"] * 30], first=1_000)
    assert [one.cluster_id for one in standing.new_topics(before, now)] == ["voucher"]
    few = insight([*random.choice(old, 198), *["voucher"] * 2], first=1_000)
    assert standing.new_topics(before, few) == []


def test_a_rate_is_red_only_where_it_is_more_than_chance():
    kinds = list(WORDS) * 40
    bad = {place for place in range(200) if kinds[place] == "login" and place % 2} | {3, 7, 11}
    details = insight(kinds, bad)
    tree = topics.tree(details)
    rows = topics.options(tree, details, standing.failing_more(details))
    red = {cluster_id for cluster_id, row in rows.items() if ":red[" in str(row)}
    assert red == {"login"}
    assert sum(one.tally.bad_count > 0 for one in tree) > 1  # others fail too, as chance has it
