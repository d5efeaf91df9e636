"""The worker: takes events from the tenants' streams, explains them, and ends each once.

Several share the work through a consumer group. What one holds when it dies is claimed by another after
`claim_after_s`; what one holds while it lives is kept from the others by touching it. Redis may go away at any time:
the worker waits, and what it has explained meanwhile is written when Redis is back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import redis

from insights_core import settings
from insights_core.cards import keys
from insights_core.cards.connection import PASSING
from insights_core.cards.ledger import Begun, Entry, Ledger
from insights_core.entities.card import Card, Event
from insights_core.errors import ModelError, ModelOutputError, SpendingCapReachedError

if TYPE_CHECKING:
    import redis.asyncio

    from insights_core.cards.explain import Explainer

_log = logging.getLogger(__name__)
T = TypeVar("T")

_BLOCK_MS = 500
# Enough in hand that no slot waits for Redis; the rest stays for other workers.
_HELD_PER_SLOT = 2
_LONGEST_WAIT_S = 2.0
_LONGEST_BACKOFF_S = 60.0


@dataclass(frozen=True)
class _Outcome:
    """What came of an attempt: a card at its end, or how long to wait before the next attempt."""

    card: Card | None
    attempt: int
    latency_s: float | None = None
    wait_s: float = 0.0
    paid: bool = True


def _skipped(event: Event, reason: str, paid: bool = True) -> _Outcome:
    return _Outcome(Card(status="skipped", event=event, reason=reason), 0, paid=paid)


def _failed(event: Event, reason: str, attempt: int, paid: bool = True) -> _Outcome:
    return _Outcome(Card(status="failed", event=event, reason=reason), attempt, paid=paid)


class Worker:
    """Explains events until it is stopped.

    Args:
        redis: Where; see `connection.connect_async`.
        explainer: Makes the explanations.
        concurrency: Explanations under way at once; None takes INSIGHTS_MAX_CONCURRENCY.
        claim_after_s: After so long another worker's event counts as left behind.
        backoff_s: Before the second attempt; three times as long before each further one.
        grace_s: How long a worker that is stopped waits for what is under way; containers are killed after 10 s.
    """

    def __init__(
        self,
        redis: redis.asyncio.Redis,
        explainer: Explainer,
        *,
        concurrency: int | None = None,
        claim_after_s: float = 60.0,
        backoff_s: float = 1.0,
        grace_s: float = 8.0,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._explainer = explainer
        self._concurrency = concurrency or settings.INSIGHTS_MAX_CONCURRENCY.get()
        self._claim_after_s, self._backoff_s, self._grace_s = claim_after_s, backoff_s, grace_s
        self._ledger = Ledger(redis, self.name)
        self._held: dict[Entry, asyncio.Task[None]] = {}
        self._left: list[Entry] = []
        """Held, but not begun before the stop."""
        self._slots = asyncio.Semaphore(self._concurrency)
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._away = False

    def stop(self) -> None:
        """Take no more, finish what is under way, and return from `run`. For signal handlers."""
        self._stopping.set()
        self._room.set()

    async def run(self) -> None:
        """Work until `stop`."""
        _log.info("Worker %s explains with %s, %d at once.", self.name, self._explainer.name, self._concurrency)
        keeper = asyncio.create_task(self._keep())
        try:
            while not self._stopping.is_set():
                if len(self._held) >= _HELD_PER_SLOT * self._concurrency:
                    self._room.clear()
                    await self._room.wait()
                    continue
                for entry in await self._patiently(self._read):
                    self._take(entry)
        except PASSING:
            _log.warning("Redis is away while the worker stops; another worker will claim what it held.")
        finally:
            keeper.cancel()
            await self._leave()

    async def _read(self) -> list[Entry]:
        room = _HELD_PER_SLOT * self._concurrency - len(self._held)
        return await self._ledger.read(room, _BLOCK_MS)

    def _take(self, entry: Entry) -> None:
        if entry in self._held:
            return
        task = self._held[entry] = asyncio.create_task(self._handle(entry))

        def ended(task: asyncio.Task[None]) -> None:
            self._held.pop(entry, None)
            self._room.set()
            error = None if task.cancelled() else task.exception()
            if error and not (self._stopping.is_set() and isinstance(error, PASSING)):
                # It stays in the stream and is claimed again later.
                _log.error("An event of tenant %s could not be handled.", entry.tenant_id, exc_info=error)

        task.add_done_callback(ended)

    async def _keep(self) -> None:
        """Touch what is held, claim what others left behind, forget tenants of long ago."""
        while True:
            await asyncio.sleep(self._claim_after_s / 3)
            try:
                await self._ledger.touch(list(self._held))
                room = _HELD_PER_SLOT * self._concurrency - len(self._held)
                if room > 0:
                    for entry in await self._ledger.claim(room, self._claim_after_s):
                        self._take(entry)
                await self._ledger.tidy()
            except PASSING as error:
                _log.debug("Upkeep is put off: %s", type(error).__name__)
            except Exception:
                # Without it, what others left behind would never be claimed: better late than not at all.
                _log.exception("Upkeep failed and is tried again.")

    async def _handle(self, entry: Entry) -> None:
        event = entry.event()
        if event is None:
            _log.warning("An entry of tenant %s is no event; it is thrown away.", entry.tenant_id)
            await self._patiently(partial(self._ledger.throw_away, entry))
            return
        while (outcome := await self._attempt(entry, event)) is not None:
            if not outcome.paid:
                await self._patiently(partial(self._ledger.give_back, entry.tenant_id))
            if outcome.card is not None:
                await self._patiently(
                    partial(self._ledger.end, entry, outcome.card, outcome.attempt, outcome.latency_s)
                )
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), outcome.wait_s)

    async def _attempt(self, entry: Entry, event: Event) -> _Outcome | None:
        """What came of one attempt; None where there is nothing left to do."""
        async with self._slots:
            if self._stopping.is_set():
                self._left.append(entry)
                return None
            begun = await self._patiently(partial(self._ledger.begin, entry, event))
            if begun.verdict == "limited":
                limit = settings.INSIGHT_RATE_LIMIT_PER_HOUR.get()
                return _skipped(event, f"The tenant's {limit:,} explanations of this hour are used up.")
            if begun.verdict == "spent":
                return _failed(
                    event, f"Workers ended {keys.ATTEMPTS} times while they explained this event.", begun.attempt
                )
            return await self._explain(event, begun) if begun.verdict == "explain" else None

    async def _explain(self, event: Event, begun: Begun) -> _Outcome:
        began = time.monotonic()
        try:
            explanation = await self._explainer.explain(event, begun.earlier)
        except SpendingCapReachedError as error:
            return _skipped(event, error.message, paid=False)
        except Exception as error:
            said = error.message if isinstance(error, ModelError) else f"Unexpected {type(error).__name__}."
            if not isinstance(error, ModelError):
                _log.exception("An explanation failed.")
            # An answer that cannot be used was paid for; one that never came was not.
            paid = isinstance(error, ModelOutputError)
            if begun.attempt >= keys.ATTEMPTS:
                return _failed(event, said, begun.attempt, paid)
            _log.info("Attempt %d of %d failed: %s", begun.attempt, keys.ATTEMPTS, said)
            longest = min(_LONGEST_BACKOFF_S, self._backoff_s * 3 ** (begun.attempt - 1))
            return _Outcome(None, begun.attempt, wait_s=longest * random.uniform(0.7, 1.0), paid=paid)  # noqa: S311
        card = Card(status="explained", event=event, explanation=explanation)
        return _Outcome(card, begun.attempt, latency_s=time.monotonic() - began)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer of Redis, waited for while it is away."""
        wait_s = 0.1
        while True:
            try:
                answer = await ask()
            except PASSING as error:
                if not self._away:
                    _log.warning("Redis does not answer (%s). The worker waits and goes on.", type(error).__name__)
                self._away = True
                if self._stopping.is_set():
                    raise
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_s)
                wait_s = min(_LONGEST_WAIT_S, 1.5 * wait_s)
            else:
                if self._away:
                    _log.warning("Redis answers again.")
                self._away = False
                return answer

    async def _leave(self) -> None:
        """Wait for what is under way, and hand the rest back so that another worker has it at once."""
        if self._held:
            await asyncio.wait(self._held.values(), timeout=self._grace_s)
        rest = [*self._held, *self._left]
        for task in list(self._held.values()):
            task.cancel()
        with suppress(*PASSING, redis.exceptions.ResponseError):
            await self._ledger.leave(rest)
        _log.info("Worker %s has stopped.", self.name)


def run_worker(worker_of: Callable[[], Worker]) -> None:
    """Run a worker in this process until SIGTERM or Ctrl+C.

    Args:
        worker_of: Makes it, inside the event loop.
    """
    import signal

    async def work() -> None:
        worker = worker_of()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()

    asyncio.run(work())
