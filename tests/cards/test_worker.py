"""A worker explains each event once, whatever models, Redis and other workers do."""

from __future__ import annotations

import asyncio

import pytest

from insights_core.cards import keys
from insights_core.cards.explain import OfflineExplainer
from insights_core.cards.queueing import queue_event, queue_events
from insights_core.cards.reading import Cards
from insights_core.errors import ModelOutputError, ModelUnavailableError, SpendingCapReachedError

ACME = keys.Keys("acme")


class Stubborn(OfflineExplainer):
    """Fails the first times it is asked about each event."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left: dict[str, int] = {}
        self._failures = failures
        self._error = error or ModelUnavailableError("The model endpoint is down.")

    async def explain(self, event, earlier):
        left = self.left.setdefault(event.event_id, self._failures)
        self.left[event.event_id] = left - 1
        if left > 0:
            raise self._error
        return await super().explain(event, earlier)


class Slow(OfflineExplainer):
    """Takes its time, and counts."""

    def __init__(self, seconds: float) -> None:
        self.calls, self._seconds = 0, seconds

    async def explain(self, event, earlier):
        self.calls += 1
        await asyncio.sleep(self._seconds)
        return await super().explain(event, earlier)


def test_an_event_becomes_a_card_and_leaves_the_queue(client, an_event, working, until):
    event = an_event()
    assert queue_event(client, event) == "queued"
    cards = Cards("acme", client)
    assert cards.get(event.event_id).status == "waiting"

    with working(OfflineExplainer()):
        until(lambda: cards.get(event.event_id).status == "explained")

    card = cards.get(event.event_id)
    assert card.event == event
    assert card.explanation.label == "Generated, not authoritative"
    assert "destructive_sql" in card.explanation.why
    assert client.xlen(ACME.stream) == 0
    assert 0 < client.ttl(ACME.card(event.event_id)) <= 24 * 3600
    assert 0 < client.ttl(ACME.agent("billing")) <= 24 * 3600
    assert client.zrange(ACME.timeline, 0, -1) == [event.event_id]


def test_the_same_event_twice_is_one_card(client, an_event, working, until):
    event = an_event()
    assert [queue_event(client, event), queue_event(client, event)] == ["queued", "known"]
    with working(OfflineExplainer()):
        until(lambda: Cards("acme", client).get(event.event_id).status == "explained")
    assert queue_event(client, event) == "known"
    assert client.lrange(ACME.agent("billing"), 0, -1) == [event.event_id]


def test_the_last_cards_of_the_agent_make_the_pattern(client, an_event, working, until):
    usual = [an_event(tool_name="get_order", decision="allow", findings=[]) for _ in range(12)]
    others = [an_event(agent_id="other", tool_name="drop_table") for _ in range(12)]
    odd = an_event(tool_name="drop_table")
    queue_events(client, [*usual, *others, odd])
    with working(OfflineExplainer(), concurrency=1):
        until(lambda: Cards("acme", client).standing().waiting == 0)

    said = Cards("acme", client).get(odd.event_id).explanation
    assert said.fits_pattern == "departs"
    assert said.compared_with == 12
    assert "0 were of this tool" in said.pattern
    assert Cards("acme", client).get(usual[-1].event_id).explanation.fits_pattern == "fits"


def test_what_fails_is_tried_again(client, an_event, working, until):
    event, stubborn = an_event(), Stubborn(4)
    queue_event(client, event)
    with working(stubborn, backoff_s=0.01):
        until(lambda: Cards("acme", client).get(event.event_id).status == "explained")
    assert stubborn.left[event.event_id] == -1
    assert client.exists(ACME.attempts) == 0
    # Attempts that nobody was paid for take nothing of the hour.
    assert client.get(ACME.rate) == "1"


def test_an_answer_that_cannot_be_used_takes_from_the_hour(client, an_event, working, until):
    event = an_event()
    queue_event(client, event)
    with working(Stubborn(2, ModelOutputError("It does not fit.")), backoff_s=0.01):
        until(lambda: Cards("acme", client).get(event.event_id).status == "explained")
    assert client.get(ACME.rate) == "3"


def test_after_five_attempts_it_is_a_dead_letter_that_can_be_replayed(client, an_event, working, until):
    event, stubborn, cards = an_event(), Stubborn(5), Cards("acme", client)
    queue_event(client, event)
    with working(stubborn, backoff_s=0.01):
        until(lambda: cards.get(event.event_id).status == "failed")
        assert cards.get(event.event_id).reason == "The model endpoint is down."
        [letter] = cards.dead_letters()
        assert (letter.event, letter.attempts, letter.reason) == (event, 5, "The model endpoint is down.")
        assert client.xlen(ACME.stream) == 0
        until(lambda: client.get(ACME.rate) == "0")

        assert cards.replay([event.event_id]) == 1
        until(lambda: cards.get(event.event_id).status == "explained")
    assert cards.dead_letters() == []
    assert cards.standing().count("consumed:failed") == cards.standing().count("consumed:explained") == 1


def test_an_event_that_ends_its_workers_is_given_up(client, an_event, working, until):
    event, cards = an_event(), Cards("acme", client)
    queue_event(client, event)
    client.hset(ACME.attempts, event.event_id, keys.ATTEMPTS)  # as five workers left it
    with working(OfflineExplainer()):
        until(lambda: cards.get(event.event_id).status == "failed")
    assert "Workers ended 5 times" in cards.dead_letters()[0].reason


def test_a_spending_cap_skips(client, an_event, working, until):
    event, cards = an_event(), Cards("acme", client)
    queue_event(client, event)
    with working(Stubborn(1, SpendingCapReachedError("The cap of $1 is reached."))):
        until(lambda: cards.get(event.event_id).status == "skipped")
    assert cards.get(event.event_id).reason == "The cap of $1 is reached."
    assert cards.dead_letters() == []


def test_what_is_over_the_hours_limit_is_skipped_and_said(client, an_event, working, until, monkeypatch):
    monkeypatch.setenv("INSIGHT_RATE_LIMIT_PER_HOUR", "3")
    events = [an_event() for _ in range(5)]
    other = an_event(tenant_id="other")
    queue_events(client, [*events, other])
    cards = Cards("acme", client)
    with working(OfflineExplainer()):
        until(lambda: cards.standing().waiting == 0 and Cards("other", client).standing().waiting == 0)

    statuses = sorted(card.status for card in cards.recent())
    assert statuses == ["explained"] * 3 + ["skipped"] * 2
    assert all("3 explanations of this hour" in card.reason for card in cards.recent() if card.status == "skipped")
    assert cards.standing().count("consumed:skipped") == 2
    assert 0 < cards.standing().renews_in_s <= 3600
    assert Cards("other", client).get(other.event_id).status == "explained"

    client.delete(ACME.rate)  # an hour later
    skipped = next(card.event for card in cards.recent() if card.status == "skipped")
    assert queue_event(client, skipped) == "queued"
    with working(OfflineExplainer()):
        until(lambda: cards.get(skipped.event_id).status == "explained")


def test_a_worker_that_stops_hands_back_what_it_has_not_begun(client, an_event, working, until):
    slow = Slow(0.3)
    queue_events(client, [an_event() for _ in range(10)])
    with working(slow, concurrency=2):
        until(lambda: slow.calls >= 2)
    done = sum(card.status == "explained" for card in Cards("acme", client).recent())
    assert done == slow.calls  # what was under way was finished, and nothing else begun
    assert client.xlen(ACME.stream) == 10 - done
    with working(OfflineExplainer(), claim_after_s=1):
        until(lambda: client.xlen(ACME.stream) == 0, 5)
    assert {card.status for card in Cards("acme", client).recent()} == {"explained"}


def test_what_a_worker_holds_for_long_is_not_taken_from_it(client, an_event, working, until):
    slow, quick = Slow(2.0), Slow(0.0)
    event = an_event()
    queue_event(client, event)
    with working(slow, claim_after_s=0.6):
        until(lambda: slow.calls == 1)
        with working(quick, claim_after_s=0.6):
            until(lambda: client.xlen(ACME.stream) == 0, 6)
    assert (slow.calls, quick.calls) == (1, 0)


def test_a_flood_of_one_tenant_does_not_hold_up_another(client, an_event, working, until):
    queue_events(client, [an_event() for _ in range(300)])
    with working(Slow(0.02), concurrency=2):
        until(lambda: Cards("acme", client).standing().count("consumed:explained") > 5)
        event = an_event(tenant_id="late")
        queue_event(client, event)
        until(lambda: Cards("late", client).get(event.event_id).status == "explained", 2)
        assert client.xlen(ACME.stream) > 0


def test_an_entry_that_is_no_event_is_thrown_away(client, an_event, working, until):
    queue_event(client, an_event())
    client.xadd(ACME.stream, {"event": "{}"})
    client.xadd(ACME.stream, {"event": an_event(tenant_id="other").model_dump_json()})
    with working(OfflineExplainer()):
        until(lambda: client.xlen(ACME.stream) == 0)
    assert len(Cards("acme", client).recent()) == 1
    assert Cards("acme", client).standing().count("dropped:invalid") == 2
    assert Cards("other", client).recent() == []


@pytest.mark.parametrize("second", ["explained", "failed"])
def test_an_entry_that_two_workers_hold_ends_once(client, an_event, second):
    """As after a pause of a whole machine: both have begun, both come to an end."""
    from insights_core.cards.connection import connect_async
    from insights_core.cards.ledger import Ledger
    from insights_core.entities.card import Card

    event = an_event()
    queue_event(client, event)

    async def story() -> list[bool]:
        redis = connect_async()
        one, other = Ledger(redis, "one"), Ledger(redis, "other")
        [entry] = await one.read(5, 10)
        [again] = await other.claim(5, 0) or await other.read(5, 10) or await _claimed(other)
        explanation = await OfflineExplainer().explain(event, [])
        await one.begin(entry, event)
        await other.begin(again, event)
        first = await one.end(entry, Card(status="explained", event=event, explanation=explanation), 1, 0.1)
        late = Card(status=second, event=event, explanation=explanation.model_copy(update={"summary": "Late."}))
        ends = [first, await other.end(again, late, 2, 0.1)]
        await redis.aclose()
        return ends

    async def _claimed(ledger: Ledger) -> list:
        ledger._tenants = ["acme"]
        return await ledger.claim(5, 0)

    assert asyncio.run(story()) == [True, False]
    card = Cards("acme", client).get(event.event_id)
    assert card.status == "explained" and card.explanation.summary != "Late."
    assert client.lrange(ACME.agent("billing"), 0, -1) == [event.event_id]
    assert Cards("acme", client).standing().count("consumed:explained") == 1
    assert client.xlen(ACME.dead) == 0
