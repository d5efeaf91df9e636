"""The page Cards: with a worker, without one, with nothing, and with what cannot be explained."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from page_text import said

from insights_core.cards.connection import connect, connect_async
from insights_core.cards.explain import OfflineExplainer
from insights_core.cards.ledger import Ledger
from insights_core.cards.queueing import queue_events
from insights_core.entities.card import Card, Event

HOSTILE = "**[x](http://evil.example)** <script>alert(1)</script> :red[$a$]"


def event(**fields) -> Event:
    usual = {"tenant_id": "default", "agent_id": "billing", "tool_name": "run_sql", "decision": "deny"}
    return Event.model_validate({"event_id": uuid.uuid4().hex, "findings": ["destructive_sql"], **usual, **fields})


def explain(count: int, failed: str | None = None) -> None:
    """End the next events as a worker would; with `failed`, as dead letters."""

    async def work() -> None:
        redis = connect_async()
        ledger, explainer = Ledger(redis, "test"), OfflineExplainer()
        for entry in await ledger.read(count, 100):
            found = entry.event()
            begun = await ledger.begin(entry, found)
            card = Card(status="failed", event=found, reason=failed)
            if failed is None:
                card = Card(status="explained", event=found, explanation=await explainer.explain(found, begun.earlier))
            await ledger.end(entry, card, 5, 0.1)
        await redis.aclose()

    asyncio.run(work())


@pytest.fixture
def queue(redis_url):
    """`queue(event, …)` puts events into the Redis that the page looks at."""

    def put(*events: Event) -> None:
        with connect() as redis:
            queue_events(redis, events)

    return put


def test_a_card_says_what_why_and_whether_it_is_usual_beside_its_event(open_page, demo_store, queue):
    trace_id = next(iter(demo_store.labels))
    chosen = event(trace_id=trace_id)
    queue(chosen, event(decision="allow", findings=[]))
    explain(2)
    app = open_page(demo_store.uri, "cards", card=chosen.event_id)

    text = said(app)
    assert not app.exception and not app.error
    assert "Generated, not authoritative" in text
    assert "SQL that could delete or overwrite data" in text.replace("\\", "")
    assert "too few to tell a pattern" in text
    assert chosen.event_id in app.code[0].value
    links = [link.proto.query_string for link in app.get("page_link") if link.proto.label == "Look at the trace"]
    assert f"trace={trace_id}" in links[0]
    assert {metric.label: metric.value for metric in app.metric}["Explained"] == "2"


def test_without_a_worker_the_raw_rows_stand_there_and_the_command_that_helps(open_page, demo_store, queue):
    queue(event(), event())
    app = open_page(demo_store.uri, "cards")

    assert not app.exception and not app.error
    assert "No worker is running" in app.info[0].value
    assert "mlflow-insights cards worker" in app.info[0].value
    assert len(app.radio(key="pick-cards").options) == 2
    assert "comes when a worker gets to it" in said(app)
    assert "destructive_sql" in app.code[0].value


@pytest.mark.parametrize(
    ("param", "value", "count"),
    [("decision", "allow", 1), ("agent", "support", 2), ("tool", "get_order", 1), ("finding", "pii", 1)],
)
def test_filters_are_in_the_address(open_page, demo_store, queue, param, value, count):
    queue(
        event(),
        event(agent_id="support", tool_name="get_order", decision="allow", findings=[]),
        event(agent_id="support", decision="escalate", findings=["pii"]),
    )
    app = open_page(demo_store.uri, "cards", **{param: value})
    assert len(app.radio(key="pick-cards").options) == count
    if param != "decision":
        assert app.selectbox(key=f"cards-{param}").value == value


def test_filters_that_take_nothing_can_be_cleared(open_page, demo_store, queue):
    queue(event())
    app = open_page(demo_store.uri, "cards", agent="nobody")
    assert "No decision matches" in said(app)
    next(button for button in app.button if button.label == "Clear the filters").click().run()
    assert len(app.radio(key="pick-cards").options) == 1


def test_what_could_not_be_explained_is_told_and_can_be_tried_again(open_page, demo_store, queue):
    queue(event())
    explain(1, failed="The model endpoint refuses the key.")
    app = open_page(demo_store.uri, "cards")
    assert "1 event could not be explained" in [one.label for one in app.expander]
    assert said(app).count("The model endpoint refuses the key") >= 2  # in the card and among the dead letters

    app.button(key="cards-replay").click().run()
    assert not app.exception
    assert not app.expander
    assert {metric.label: metric.value for metric in app.metric}["Waiting"] == "1"


def test_hostile_names_are_only_text(open_page, demo_store, queue):
    queue(event(agent_id=HOSTILE, tool_name=HOSTILE))
    explain(1)
    app = open_page(demo_store.uri, "cards")
    assert not app.exception
    texts = [one.value for one in app.markdown] + list(app.radio(key="pick-cards").options)
    assert not any("[x](http://evil" in text or "<script>" in text or ":red[$a" in text for text in texts)


def test_another_tenants_cards_are_not_shown(open_page, demo_store, queue):
    other = event(tenant_id="other")
    queue(other, event())
    app = open_page(demo_store.uri, "cards", card=other.event_id)
    assert len(app.radio(key="pick-cards").options) == 1
    assert other.event_id not in app.code[0].value


def test_before_the_first_event_the_page_says_how_one_comes_in(open_page, demo_store, queue):
    app = open_page(demo_store.uri, "cards")
    assert "No decisions yet" in said(app)
    assert "mlflow-insights cards emit --experiment-id" in app.code[0].value
    next(button for button in app.button if button.label == "Use this experiment's calls").click().run()
    assert not app.exception
    assert int({metric.label: metric.value for metric in app.metric}["Waiting"]) > 40


def test_a_redis_that_is_away_is_one_sentence(open_page, demo_store, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    app = open_page(demo_store.uri, "cards")
    assert not app.exception
    assert "Redis at 127.0.0.1" in app.error[0].value.replace("\\", "")
    assert "hunter2" not in said(app)


def test_without_redis_url_the_demo_fills_the_page_and_the_page_says_where_cards_are(open_page, demo_store, until):
    app = open_page(demo_store.uri, "cards")
    assert not app.exception
    assert "kept in this dashboard's memory" in said(app)

    def explained() -> bool:
        app.run()
        return {metric.label: metric.value for metric in app.metric}["Waiting"] == "0"

    until(explained)
    assert "Generated, not authoritative · composed without a model" in said(app)
