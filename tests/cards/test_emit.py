"""`emit` never raises and never takes longer than 0.25 s, whatever Redis does; what it drops is counted."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from insights_core.cards import connection, dropped, emit, emitting
from insights_core.cards.reading import Cards


@pytest.fixture(autouse=True)
def _new_emitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emitting, "_emitter", emitting._Emitter())
    monkeypatch.setattr(connection, "_memory", None)


def timed(event: object) -> tuple[bool, float]:
    began = time.monotonic()
    taken = emit(event)  # type: ignore[arg-type]
    return taken, time.monotonic() - began


def test_an_event_is_queued(client, an_event):
    event = an_event()
    assert emit(event)
    assert emit(event.model_dump())  # the same as a mapping, and once more
    assert [card.event for card in Cards("acme", client).recent()] == [event]
    assert dropped() == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": {"sql": "DROP TABLE users"}},
        {"payload_shape": {"sql": "DROP TABLE users"}},
        {"payload_shape": {"card": 4111111111111111}},
        {"payload_shape": {"length": 12, "ok": True}},
        {"payload_shape": {"DROP TABLE users": "string"}},
        {"payload_shape": {"type": "object", "fields": {"a": ["string", "hunter2!"]}}},
        {"findings": ["the user said: my password is hunter2"]},
        {"decision": "perhaps"},
        {"tenant_id": "acme:other"},
        {"agent_id": "a\nb"},
        {"timestamp": "soon"},
        {"timestamp": "2999-01-01"},
    ],
)
def test_what_is_no_event_is_dropped_and_nothing_of_it_is_told(client, an_event, wrong, caplog):
    assert not emit({**an_event().model_dump(mode="json"), **wrong})
    assert dropped() == {"invalid": 1}
    assert "DROP TABLE" not in caplog.text and "hunter2" not in caplog.text and "4111" not in caplog.text
    assert Cards("acme", client).recent() == []


@pytest.mark.parametrize("nonsense", [None, 5, "event", [], {"tenant_id": {}}, object()])
def test_nonsense_raises_nothing(redis_url, nonsense):
    assert not emit(nonsense)
    assert dropped() == {"invalid": 1}


def test_without_redis_url_events_are_dropped_with_one_warning(an_event, caplog):
    assert [emit(an_event()) for _ in range(3)] == [False] * 3
    assert dropped() == {"nowhere": 3}
    assert caplog.text.count("REDIS_URL is not set") == 1


@contextlib.contextmanager
def _deaf_server():
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listening.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        for one in kept:
            one.close()


def test_a_redis_that_refuses_connections_costs_no_time(monkeypatch, an_event):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    assert all(not taken and seconds < 0.25 for taken, seconds in (timed(an_event()) for _ in range(20)))
    assert dropped() == {"redis": 20}


def test_a_redis_that_accepts_and_says_nothing_is_left_in_time(monkeypatch, an_event):
    with _deaf_server() as port:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
        results = [timed(an_event()) for _ in range(30)]
    assert not any(taken for taken, _ in results)
    assert max(seconds for _, seconds in results) < 0.25
    # Whoever asks right after somebody waited does not wait as well.
    assert sum(seconds > 0.1 for _, seconds in results) <= 2


def test_a_name_server_that_does_not_answer_is_left_in_time(monkeypatch, an_event):
    def never(*_: object, **__: object) -> None:
        time.sleep(3)
        raise socket.gaierror("timed out")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setenv("REDIS_URL", "redis://redis.example:6379/0")
    for _ in range(6):
        monkeypatch.setattr(emitting._emitter, "_not_before", 0.0)  # as if the pause were over
        taken, seconds = timed(an_event())
        assert not taken
        assert seconds < 0.25


def test_many_threads_at_a_redis_that_hangs_all_leave_in_time(monkeypatch, an_event):
    times: list[float] = []
    with _deaf_server() as port:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
        threads = [threading.Thread(target=lambda: times.append(timed(an_event())[1])) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(times) < 0.25
    assert dropped() == {"redis": 12}


def test_a_full_queue_drops_and_counts(client, an_event, monkeypatch):
    monkeypatch.setattr("insights_core.cards.keys.QUEUE", 2)
    assert [emit(an_event()) for _ in range(4)] == [True, True, False, False]
    assert dropped() == {"full": 2}
    assert Cards("acme", client).standing().counts["dropped:full"] == 2


def test_what_was_dropped_while_redis_was_away_is_told_when_it_is_back(redis_servers, monkeypatch, an_event):
    from insights_core.cards.connection import connect

    server = redis_servers(keep=True)
    monkeypatch.setenv("REDIS_URL", server.url)
    assert emit(an_event())
    server.stop()
    results = [timed(an_event()) for _ in range(5)]
    assert all(not taken and seconds < 0.25 for taken, seconds in results)
    server.start()
    until = time.monotonic() + 5
    while not emit(event := an_event()):
        assert time.monotonic() < until
    with connect() as client:
        cards = Cards("acme", client)
        assert len(cards.recent()) == 2 and cards.get(event.event_id)
        for _ in range(100):  # the sender tells after its answer
            if cards.standing().dropped == dropped()["redis"] >= 5:
                break
            time.sleep(0.02)
        assert cards.standing().dropped == dropped()["redis"] >= 5
