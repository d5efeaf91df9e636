"""Workers are killed, Redis goes away and comes back: no event is lost, none is explained twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from insights_core.cards import emitting, keys, scripts
from insights_core.cards.explain import ModelExplainer, OfflineExplainer
from insights_core.cards.queueing import queue_events
from insights_core.cards.reading import Cards

ACME = keys.Keys("acme")


@pytest.fixture
def worker_process(redis_url):
    """`worker_process()` starts `mlflow-insights cards worker` as a process of its own."""
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-m", "insights_core.cli", "cards", "worker", "--model", "offline"]
        process = subprocess.Popen(
            [*command, "--claim-after", "1", "--concurrency", "2"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def assert_each_once(client, count: int) -> None:
    cards = Cards("acme", client)
    statuses = Counter(card.status for card in cards.recent(count + 10))
    assert statuses == {"explained": count}
    listed = client.lrange(ACME.agent("billing"), 0, -1)
    assert len(listed) == len(set(listed)) == min(count, keys.PER_AGENT)
    assert client.zcard(ACME.timeline) == count
    assert client.xlen(ACME.stream) == 0
    assert cards.standing().count("consumed:explained") == count
    assert client.exists(ACME.attempts) == 0


def test_a_killed_workers_events_are_taken_over_and_none_is_explained_twice(client, an_event, worker_process, until):
    cards = Cards("acme", client)
    one, other = worker_process(), worker_process()
    queue_events(client, [an_event() for _ in range(400)])
    until(lambda: cards.standing().count("consumed:explained") > 20, 30)
    one.send_signal(signal.SIGKILL)
    queue_events(client, [an_event() for _ in range(100)])
    until(lambda: cards.standing().waiting == 0, 30)
    assert_each_once(client, 500)

    other.send_signal(signal.SIGTERM)
    assert other.wait(10) == 0
    assert "has stopped" in other.stderr.read()


def test_redis_goes_away_and_comes_back(redis_servers, monkeypatch, an_event, working, until):
    """Emitting goes on meanwhile and never waits; what was queued before is explained, and what comes after."""
    from insights_core.cards.connection import connect

    server = redis_servers(keep=True)
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setattr(emitting, "_emitter", emitting._Emitter())
    times: list[float] = []
    taken: list[bool] = []
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.005):
            began = time.monotonic()
            taken.append(emitting.emit(an_event()))
            times.append(time.monotonic() - began)

    sender = threading.Thread(target=send)
    with working(OfflineExplainer(), claim_after_s=1):
        sender.start()
        until(lambda: sum(taken) > 50)
        server.stop()
        away = len(taken)
        until(lambda: len(taken) > away + 50)
        server.start()
        back = sum(taken)
        until(lambda: sum(taken) > back + 50)
        ended.set()
        sender.join()
        with connect() as client:
            cards = Cards("acme", client)
            until(lambda: cards.standing().waiting == 0)
            assert max(times) < 0.25
            assert False in taken
            # A queueing whose answer was lost with the connection counts as dropped and may have arrived.
            assert sum(taken) <= client.zcard(ACME.timeline) <= sum(taken) + 4
            assert_each_once(client, client.zcard(ACME.timeline))


def test_a_redis_that_comes_back_empty_is_worked_on(redis_servers, monkeypatch, an_event, working, until):
    from insights_core.cards.connection import connect

    server = redis_servers()
    monkeypatch.setenv("REDIS_URL", server.url)
    with working(OfflineExplainer()):
        with connect() as client:
            queue_events(client, [an_event()])
            until(lambda: Cards("acme", client).standing().count("consumed:explained") == 1)
        server.stop()
        server.start()
        with connect() as client:
            queue_events(client, [an_event()])
            until(lambda: Cards("acme", client).standing().count("consumed:explained") == 1)


def test_the_model_is_kept_busy(client, an_event, working, until, openai_server):
    """The benchmark measures it closely; here, what a mistake would cost many times over."""
    from insights_core.llm import ModelEndpoint

    latency_s, concurrency, count = 0.2, 8, 80
    openai_server.latency_s = latency_s
    endpoint = ModelEndpoint("gpt-4o-mini", base_url=openai_server.url, api_key="x", max_concurrency=concurrency)
    queue_events(client, [an_event(tool_name=f"tool_{number}") for number in range(count)])
    cards = Cards("acme", client)
    with working(ModelExplainer(endpoint), concurrency=concurrency):
        began = time.monotonic()
        until(lambda: cards.standing().waiting == 0, 30)
        seconds = time.monotonic() - began
    assert count / seconds > 0.6 * concurrency / latency_s
    assert len(openai_server.calls) == count
    assert {card.explanation.model for card in cards.recent()} == {"gpt-4o-mini"}
    prompts = " ".join(call.prompt for call in openai_server.calls)
    assert "acme" not in prompts and "billing" not in prompts


def test_redis_stays_small_whatever_comes(client, an_event, monkeypatch, working, until):
    """With a hundredth of the real bounds; the benchmark measures these with 100,000 events."""
    monkeypatch.setenv("INSIGHT_RATE_LIMIT_PER_HOUR", "1000000")
    for name in ("QUEUE", "END"):
        script = getattr(scripts, name)
        assert str(keys.TIMELINE) in script
        monkeypatch.setattr(scripts, name, script.replace(str(keys.TIMELINE), "100"))
    sizes = []
    with working(OfflineExplainer()):
        for _ in range(4):
            queue_events(client, [an_event(agent_id=f"agent {number}") for number in range(250)])
            until(lambda: client.xlen(ACME.stream) == 0)
            sizes.append(client.info("memory")["used_memory"])
    newest = client.zrange(ACME.timeline, 0, -1)
    assert len(newest) == 100
    assert sorted(client.keys(ACME.card("*"))) == sorted(ACME.card(one) for one in newest)
    listed = [one for key in client.keys(ACME.agent("*")) for one in client.lrange(key, 0, -1)]
    assert sorted(listed) == sorted(newest)
    assert sizes[-1] < 1.2 * sizes[0]
