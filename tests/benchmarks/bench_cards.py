"""What insight cards promise, at full size on a real Redis: exactly once, outages, throughput, memory.

Run by hand: `python tests/benchmarks/bench_cards.py [killed] [outage] [throughput] [memory]`; all four take about four
minutes. Each starts a `redis-server` of its own and fails where a promise does not hold:

- killed: 10,000 events, two worker processes, one killed on the way: 10,000 cards, none twice, none lost.
- outage: Redis is stopped for ten seconds and started again while events come: `emit` never takes 0.25 s, the worker
  goes on, and every event that was taken is explained.
- throughput: events a second against a model server of fixed latency, against concurrency / latency.
- memory: Redis after each 10,000 of 100,000 events of one tenant and 1,000 agents.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from redis_server import RedisServer

from insights_core.cards import emit, keys
from insights_core.cards.connection import connect, connect_async
from insights_core.cards.explain import OfflineExplainer
from insights_core.cards.queueing import queue_event
from insights_core.cards.reading import Cards
from insights_core.cards.worker import Worker
from insights_core.entities.card import Event

ACME = keys.Keys("acme")
SHAPE = {"type": "object", "fields": {"query": {"type": "string", "length": 54}, "limit": {"type": "integer"}}}


def event(number: int, agents: int = 50) -> Event:
    return Event(
        event_id=f"event-{number:06d}",
        tenant_id="acme",
        agent_id=f"agent-{number % agents}",
        tool_name=f"tool_{number % 7}",
        decision="deny" if number % 9 == 0 else "allow",
        findings=["destructive_sql"] if number % 9 == 0 else [],
        payload_shape=SHAPE,
    )


@contextmanager
def redis_server(keep: bool = False):
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), keep)
        server.start()
        os.environ["REDIS_URL"] = server.url
        os.environ["INSIGHT_RATE_LIMIT_PER_HOUR"] = "10000000"
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def worker_process(*options: str, environment: dict[str, str] | None = None):
    command = [sys.executable, "-m", "insights_core.cli", "cards", "worker", *options]
    path = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path, **(environment or {})}, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def worker_thread():
    made = {}

    async def work() -> None:
        made["loop"], made["worker"] = asyncio.get_running_loop(), Worker(connect_async(), OfflineExplainer())
        await made["worker"].run()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    yield
    made["loop"].call_soon_threadsafe(made["worker"].stop)
    thread.join(30)


def wait_for(holds, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise SystemExit("FAILED: it did not end in time")
        time.sleep(0.05)


def check(holds: bool, text: str) -> None:
    print(("ok      " if holds else "FAILED  ") + text, flush=True)
    if not holds:
        raise SystemExit(1)


def each_once(redis, count: int) -> None:
    cards = Cards("acme", redis)
    found = cards.recent(count + 10)
    ids = [card.event.event_id for card in found]
    check(len(ids) == len(set(ids)) == count, f"{count:,} cards, none twice, none lost")
    check({card.status for card in found} == {"explained"}, "every one explained")
    ended = cards.standing().count("consumed:explained")
    check(ended == count, f"{ended:,} ends counted, as many as events")
    listed = [one for key in redis.keys(ACME.agent("*")) for one in redis.lrange(key, 0, -1)]
    check(len(listed) == len(set(listed)), "no agent's list names one twice")
    check(redis.xlen(ACME.stream) == 0 and not redis.exists(ACME.attempts), "nothing left in the queue")


def killed(count: int = 10_000) -> None:
    options = ("--model", "offline", "--claim-after", "2")
    with redis_server(), connect() as redis, worker_process(*options) as one, worker_process(*options):
        began = time.monotonic()
        for number in range(count):
            assert queue_event(redis, event(number)) == "queued"
            if number == count // 2:
                one.send_signal(signal.SIGKILL)
                taken = Cards("acme", redis).standing()
                print(f"        killed one of two workers; {taken.under_way} events were in hand")
        wait_for(lambda: not redis.xlen(ACME.stream))
        print(f"        {count / (time.monotonic() - began):,.0f} events a second, queueing included")
        each_once(redis, count)


def outage() -> None:
    with redis_server(keep=True) as server, worker_thread():
        times: list[float] = []
        taken: list[bool] = []
        ended = threading.Event()

        def send() -> None:
            number = 0
            while not ended.wait(0.004):
                began = time.monotonic()
                taken.append(emit(event(number)))
                times.append(time.monotonic() - began)
                number += 1

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(5)
        server.stop()
        time.sleep(10)
        server.start()
        time.sleep(5)
        ended.set()
        sender.join()
        with connect() as redis:
            wait_for(lambda: not redis.xlen(ACME.stream), 60)
            stored = redis.zcard(ACME.timeline)
            print(f"        {len(taken):,} events, {taken.count(False):,} dropped while Redis was away")
            check(
                max(times) < 0.25,
                f"emit took {1000 * max(times):.0f} ms at most, {1e3 * statistics.median(times):.2f} ms as a rule",
            )
            check(sum(taken) <= stored <= sum(taken) + 2, f"{sum(taken):,} were taken, {stored:,} are there")
            each_once(redis, stored)


def throughput(latency_s: float = 0.2, concurrency: int = 16, count: int = 800) -> None:
    with redis_server(), connect() as redis:
        port = RedisServer(Path()).port
        script = Path(__file__).parents[1] / "openai_server.py"
        model = subprocess.Popen([sys.executable, str(script), str(port), str(latency_s)], stdout=subprocess.PIPE)
        assert model.stdout and model.stdout.readline()
        environment = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "INSIGHTS_CACHE_DIR": "/nonexistent"}
        try:
            with worker_process("--concurrency", str(concurrency), environment=environment):
                queue_event(redis, event(10**6))  # the process has started and is warm
                wait_for(lambda: not redis.xlen(ACME.stream))
                began = time.monotonic()
                for number in range(count):
                    queue_event(redis, event(number))
                wait_for(lambda: not redis.xlen(ACME.stream))
                seconds = time.monotonic() - began
        finally:
            model.kill()
            model.wait()
        rate, ideal = count / seconds, concurrency / latency_s
        check(rate >= 0.9 * ideal, f"{rate:.1f} events a second, {100 * rate / ideal:.0f} % of {ideal:.0f}")


def memory(count: int = 100_000) -> None:
    with redis_server(), connect() as redis, worker_process("--model", "offline"), worker_process("--model", "offline"):
        sizes = []
        for number in range(count):
            while queue_event(redis, event(number, agents=1_000)) == "full":
                time.sleep(0.05)
            if (number + 1) % 10_000 == 0:
                wait_for(lambda: not redis.xlen(ACME.stream))
                sizes.append(redis.info("memory")["used_memory"] / 1e6)
                print(f"        {number + 1:>7,} events: {sizes[-1]:.1f} MB, {redis.dbsize():,} keys", flush=True)
        check(max(sizes) < 1.1 * sizes[1], "no larger than after the second 10,000")
        check(redis.zcard(ACME.timeline) == keys.TIMELINE, f"the newest {keys.TIMELINE:,} are there")


if __name__ == "__main__":
    for name in sys.argv[1:] or ("killed", "outage", "throughput", "memory"):
        print(f"{name}:", flush=True)
        globals()[name]()
