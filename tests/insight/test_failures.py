"""What counts as failed: a person's rule first, the status next, a guess only where it beats the base rate."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from insights_core.entities import Cluster, Outcome, TraceRow
from insights_core.errors import InvalidParameterError
from insights_core.insight.jobs.result import count_failures
from insights_core.insight.reading.calibration import guess_failures
from insights_core.insight.reading.outcome import outcome_of
from insights_core.insight.reading.signs import signs_of
from insights_core.insight.reading.truth import FailureRule, propose_rules
from insights_core.traces.text import Message, SpanView, ToolCall, TraceView


def info(tags: dict[str, str] | None = None, state: str = "OK", **feedback: Any) -> Any:
    said = [
        SimpleNamespace(name=name, feedback=SimpleNamespace(value=value), last_update_time_ms=at, valid=True)
        for at, (name, value) in enumerate(feedback.items())
    ]
    return SimpleNamespace(state=SimpleNamespace(value=state), tags=tags or {}, assessments=said)


def view(*messages: Message, status: str = "OK") -> TraceView:
    root = SpanView("s", None, 0, "agent", "AGENT", 0.0, 1.0, status, None, None, None, {})
    return TraceView("tr-1", status, 0, 1.0, [root], list(messages), None)


def call(name: str, arguments: str = "{}") -> Message:
    return Message("assistant", "", tool_calls=[ToolCall(name, name, arguments)])


@pytest.mark.parametrize(
    ("rule", "trace", "failed"),
    [
        ("tags.reward < 1", info({"reward": "0.0"}), True),
        ("tags.reward < 1", info({"reward": "1.0"}), False),
        ("tags.reward < 1", info(), None),
        ("tags.`my reward` <= 0.5", info({"my reward": "0.5"}), True),
        ("feedback.correct = false", info(correct=False), True),
        ("feedback.correct = 'no'", info(correct="no"), True),
        ("feedback.correct = 'no'", info(correct="yes"), False),
        ("feedback.score < 3", info(score=2), True),
        ("tags.result != 'solved'", info({"result": "Solved"}), False),
        ("tags.result = 'lost'", info({"result": "LOST"}), True),
        ("status = 'ERROR' OR tags.reward < 1", info({"reward": "1"}, state="ERROR"), True),
        ("status = 'ERROR' OR tags.reward < 1", info(), None),
        ("status = 'OK' AND tags.reward < 1", info({"reward": "0"}, state="ERROR"), False),
    ],
)
def test_a_rule_says_which_traces_failed_and_which_it_cannot_tell(rule, trace, failed):
    assert FailureRule(rule).failed(trace) is failed


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("reward < 1", "character 1"),
        ("tags.reward <", "character 1"),
        ("tags.reward < 1 tags.x = 2", "character 17"),
        ("tags.a = 1 AND tags.b = 2 OR tags.c = 3", "mixes AND with OR"),
        ("", "character 1"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_place(rule, place):
    with pytest.raises(InvalidParameterError, match=place):
        FailureRule(rule)


def test_of_two_people_the_latest_word_counts():
    twice = info(correct=True)
    twice.assessments.append(
        SimpleNamespace(name="correct", feedback=SimpleNamespace(value=False), last_update_time_ms=9, valid=True)
    )
    assert FailureRule("feedback.correct = false").failed(twice) is True


def test_rules_are_proposed_from_what_tells_success_and_has_both_kinds():
    traces = [
        info({"reward": str(n % 2), "room": str(n % 2), "success": "1"}, is_correct=n % 3 == 0) for n in range(20)
    ]
    assert sorted(propose_rules(traces)) == ["feedback.is_correct < 1", "tags.reward < 1"]
    assert propose_rules([]) == []


def test_a_hand_over_and_an_unfortunately_are_no_failure():
    ask = Message("user", "Book a table")
    assert outcome_of(view(ask, Message("assistant", "Unfortunately there is no table."))) is Outcome.UNKNOWN
    assert outcome_of(view(ask, call("transfer_to_human_agents"))) is Outcome.PARTIAL
    assert outcome_of(view(ask, Message("assistant", "Your table has been booked."))) is Outcome.UNKNOWN


def test_what_broke_off_seems_failed():
    ask = Message("user", "Book a table")
    broken = Message("tool", "Error: timeout", name="book", is_error=True)
    assert outcome_of(view(ask, call("book"), broken)) is Outcome.FAILURE
    assert outcome_of(view(ask, call("book"))) is Outcome.FAILURE
    assert outcome_of(view(ask, Message("assistant", "Done."), status="ERROR")) is Outcome.FAILURE


def test_signs_count_what_happened_without_words_of_a_language():
    signs = signs_of(
        view(
            Message("user", "Wo ist mein Paket mit der Nummer 4711"),
            call("find", '{"id": 4711}'),
            Message("tool", "[]", name="find"),
            call("find", '{"id": 4711}'),
            Message("tool", "kaputt", name="find", is_error=True),
            Message("assistant", "Ihr Paket kommt am 24.12. mit Wagen 815."),
            Message("user", "Wo ist denn mein Paket mit der Nummer 4711?"),
            Message("assistant", "Es kommt mit Wagen 815."),
        )
    )
    assert signs["calls"] == 2 and signs["repeated_calls"] == 1 and signs["tools"] == 1
    assert signs["tool_errors"] == 1 and signs["empty_results"] == 1 and signs["last_result_failed"] == 1
    assert signs["user_repeats"] == 1
    assert signs["unbacked_numbers"] == 1  # 815 was never given by the user or a tool
    assert signs["no_answer"] == 0 and signs["handed_over"] == 0


def _planted(count: int, signal: float, seed: int = 0) -> tuple[list[dict[str, float]], list[bool | None], list[str]]:
    rng = random.Random(seed)
    truth = [rng.random() < 0.5 for _ in range(count)]
    signs = [{"tool_errors": rng.random() + signal * bad, "calls": rng.randint(1, 9)} for bad in truth]
    return signs, list(truth), [f"s{n}" for n in range(count)]


def test_a_guess_learns_from_the_known_and_fills_the_unknown():
    signs, truth, groups = _planted(200, 3.0)
    known = [said if at < 120 else None for at, said in enumerate(truth)]
    guess = guess_failures(signs, known, groups)
    assert guess.quality and guess.quality.beats_base_rate and guess.quality.known == 120
    assert sum(told == said for told, said in zip(guess.failed[120:], truth[120:], strict=True)) >= 70


def test_a_guess_that_is_no_better_than_chance_is_not_shown():
    refused = 0
    for seed in range(10):
        guess = guess_failures(*_planted(120, 0.0, seed))
        refused += set(guess.failed) == {None}
        assert guess.quality is not None
    assert refused >= 9


def test_what_repeats_within_a_session_is_no_evidence():
    """The same trace many times over in one session would let any model look good."""
    rng = random.Random(3)
    signs, truth, groups = [], [], []
    for session in range(30):
        sign, bad = {"calls": rng.random() * 9, "turns": rng.random() * 9}, rng.random() < 0.5
        for _ in range(8):
            signs.append(dict(sign))
            truth.append(bad)
            groups.append(f"s{session}")
    apart = guess_failures(signs, truth, [f"t{n}" for n in range(len(signs))]).quality
    together = guess_failures(signs, truth, groups).quality
    assert apart and together and together.hits <= apart.hits


def test_with_few_known_traces_nothing_is_guessed():
    signs, truth, groups = _planted(200, 3.0)
    guess = guess_failures(signs, [said if at < 25 else None for at, said in enumerate(truth)], groups)
    assert guess.quality is None and set(guess.failed) == {None}


def test_errors_failures_and_guesses_are_counted_apart_up_the_tree():
    def row(cluster_id: str | None, **fields: Any) -> TraceRow:
        given = {
            "trace_id": "t",
            "nearest_cluster_id": None,
            "x": 0,
            "y": 0,
            "title": "",
            "summary": "",
            "timestamp_ms": 0,
        }
        return TraceRow(cluster_id=cluster_id, **{"status": "OK", **given, **fields})

    clusters = [
        Cluster(cluster_id="g", level=1, title="", size=4),
        Cluster(cluster_id="a", parent_id="g", level=0, title="", size=3),
        Cluster(cluster_id="b", parent_id="g", level=0, title="", size=1),
    ]
    rows = [
        row("a", status="ERROR", failed=False, failed_by="rule"),
        row("a", failed=True, failed_by="rule"),
        row("a", failed=True, failed_by="guess"),
        row("b", status="ERROR"),
        row(None, failed=True, failed_by="rule"),
    ]
    total = count_failures(clusters, rows)
    group, first, second = clusters
    assert (first.error_count, first.known_count, first.failed_count, first.suspected_count) == (1, 2, 1, 1)
    assert (first.bad_count, first.bad_of, first.bad_word) == (1, 2, "failed")
    assert (second.bad_count, second.bad_of, second.bad_word) == (1, 1, "errors")
    assert (group.error_count, group.failed_count) == (2, 1) and (total.size, total.failed_count) == (5, 2)
