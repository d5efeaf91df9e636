"""The commands of insight cards, on a real Redis."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from insights_core.cards.connection import connect
from insights_core.cards.queueing import queue_event
from insights_core.cards.reading import Cards
from insights_core.cli import main
from insights_core.entities.card import Event

EVENT = {"tenant_id": "default", "agent_id": "billing", "tool_name": "run_sql", "findings": ["destructive_sql"]}


def run(*arguments: str):
    return CliRunner().invoke(main, ["cards", *arguments])


@pytest.fixture
def queued(redis_url) -> Event:
    event = Event.model_validate({**EVENT, "event_id": "e-1", "decision": "deny"})
    with connect() as redis:
        queue_event(redis, event)
        queue_event(redis, Event.model_validate({**EVENT, "event_id": "e-2", "decision": "allow"}))
    return event


def test_traces_become_events_once(tracking_uri, redis_url):
    from insights_core.connection import Connection
    from insights_core.demo import load_demo

    experiment_id = load_demo(Connection(tracking_uri), traces=20)
    first = run("emit", "--experiment-id", experiment_id, "--output", "json")
    assert first.exit_code == 0, first.output
    counts = json.loads(first.output)
    assert counts["queued"] > 20 and counts["known"] == 0
    again = run("emit", "--experiment-id", experiment_id)
    assert f"0 events queued, {counts['queued']:,} known already" in again.output


def test_a_worker_explains_until_it_is_told_to_stop(queued, until):
    worker = subprocess.Popen(
        [sys.executable, "-m", "insights_core.cli", "cards", "worker", "--model", "offline"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with connect() as redis:
            until(lambda: Cards("default", redis).standing().count("consumed:explained") == 2, 30)
        worker.terminate()
        assert worker.wait(15) == 0
    finally:
        worker.kill()

    listed = json.loads(run("list", "--decision", "deny", "--output", "json").output)
    assert [card["event"]["event_id"] for card in listed] == ["e-1"]
    assert "denied for destructive_sql" in run("list").output
    card = run("get", "e-1").output
    assert "SQL that could delete" in card and "Generated, not authoritative" in card
    assert json.loads(run("get", "e-1", "--output", "json").output)["status"] == "explained"


def test_dead_letters_are_looked_at_and_replayed(queued):
    with connect() as redis:
        for number in (1, 2):
            letter = {"event": queued.model_dump_json(), "reason": "The model is down.", "attempts": "5"}
            redis.xadd("acp:groq:dead:default", letter, id=f"{number}-0")
    assert "The model is down." in run("dead-letters", "list").output
    listed = json.loads(run("dead-letters", "list", "--output", "json").output)
    assert [(one["event"]["event_id"], one["attempts"]) for one in listed] == [("e-1", 5)] * 2
    assert "1 queued again" in run("dead-letters", "replay", "1-0").output
    assert run("dead-letters", "replay", "--all").output.startswith("1 queued again")
    assert "No dead letters." in run("dead-letters", "list").output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["get", "e-9"], 2, "no card of this event"),
        (["get", "e-1", "--tenant", "other"], 2, "no card of this event"),
        (["dead-letters", "replay"], 2, "--all"),
        (["dead-letters", "replay", "e-9"], 2, "no dead letters of this tenant"),
        (["emit", "--experiment-id", "4711"], 2, "4711"),
        (["worker", "--model", "gpt-4o"], 2, "OPENAI_API_KEY"),
    ],
)
def test_a_mistake_is_one_line(tracking_uri, queued, arguments, code, words):
    ended = run(*arguments)
    assert ended.exit_code == code, ended.output
    assert words in ended.output and "Traceback" not in ended.output


@pytest.mark.parametrize("command", [["worker"], ["list"], ["emit", "--experiment-id", "0"], ["serve"]])
def test_without_a_redis_the_setting_is_named(tracking_uri, monkeypatch, command):
    monkeypatch.setattr("insights_core.cards.connection._memory", None)
    ended = run(*command)
    assert ended.exit_code == 2
    assert "REDIS_URL is not set" in ended.output


def test_a_redis_that_is_away_is_one_line_without_its_password(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    ended = run("list")
    assert ended.exit_code == 1
    assert "127.0.0.1:9 did not answer" in ended.output and "hunter2" not in ended.output


def test_the_api_is_served_alone(queued, until):
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "insights_core.cli", "cards", "serve", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
    )

    def answers() -> object:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(answers, 30)
        found = httpx.get(f"http://127.0.0.1:{port}/insights/e-1").json()["data"]
        assert (found["status"], found["decision"]) == ("waiting", "deny")
    finally:
        server.terminate()
        assert server.wait(15) is not None
