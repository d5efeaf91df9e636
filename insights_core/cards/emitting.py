"""`emit`: hand over an event from the path of a decision, which must neither wait nor fail for it.

Redis is talked to on threads of our own, because finding a host's address cannot be given a time limit; the caller
waits for at most `_WAIT_S` and leaves. After Redis has let somebody wait that long, nobody waits for `_PAUSE_S`.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from insights_core.cards import keys
from insights_core.cards.connection import OUTAGES, connect, place
from insights_core.cards.queueing import event_of, send
from insights_core.entities.card import Event, check_tenant
from insights_core.errors import InsightsError

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger(__name__)

LIMIT_S = 0.25
"""No call of `emit` takes longer."""
# What is left of the limit is for a busy machine, where a thread that could go on has to wait for its turn.
_WAIT_S = 0.15
_PAUSE_S = 1.0
_SENDERS = 4
_UNKNOWN_TENANT = "-"


class _Parcel:
    """An event on its way, and whether its caller still waits for it."""

    __slots__ = ("done", "event", "given_up", "result")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.done = threading.Event()
        self.given_up = False
        self.result = "redis"


class _Emitter:
    """The threads that send, and the count of what was dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[_Parcel] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._not_before = 0.0
        self._warned = 0.0
        self.dropped: Counter[str] = Counter()
        self._untold: Counter[tuple[str, str]] = Counter()

    def emit(self, given: Event | Mapping[str, Any]) -> bool:
        until = time.monotonic() + _WAIT_S
        try:
            event = event_of(given)
        except Exception as error:
            # Not only ours: what a caller gives may raise anything while it is read.
            said = error.message if isinstance(error, InsightsError) else type(error).__name__
            return self._drop(_tenant_of(given), "invalid", said)
        if place() == "nowhere":
            return self._drop(event.tenant_id, "nowhere", "REDIS_URL is not set")
        if time.monotonic() < self._not_before:
            return self._drop(event.tenant_id, "redis", "Redis did not answer a moment ago")
        parcel = _Parcel(event)
        self._hand_over(parcel)
        if not parcel.done.wait(max(0.0, until - time.monotonic())):
            parcel.given_up = True
            self._not_before = time.monotonic() + _PAUSE_S
            return self._drop(event.tenant_id, "redis", f"Redis did not answer within {_WAIT_S:g} s")
        if parcel.result in ("queued", "known"):
            return True
        if parcel.result == "full":
            with self._lock:
                self.dropped["full"] += 1  # the tenant's counter in Redis has it already
            return False
        return self._drop(event.tenant_id, "redis", parcel.result)

    def _hand_over(self, parcel: _Parcel) -> None:
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._busy += 1
            if self._busy > len(self._threads) < _SENDERS:
                thread = threading.Thread(target=self._send_all, name="cards-emit", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put(parcel)

    def _send_all(self) -> None:
        client: Redis | None = None
        address: object = None
        while True:
            parcel = self._waiting.get()
            try:
                if parcel.given_up:
                    continue
                if client is None or address != _address():
                    client, address = connect(_WAIT_S), _address()
                parcel.result = send(client, parcel.event)
                self._tell(client)
            except OUTAGES:
                parcel.result = "Redis did not answer"
            except Exception as error:
                # Its text may hold an address with a password.
                parcel.result = type(error).__name__
            finally:
                with self._lock:
                    self._busy -= 1
                parcel.done.set()

    def _tell(self, client: Redis) -> None:
        """Add what was dropped meanwhile to the counters in Redis, where metrics and pages read them."""
        with self._lock:
            untold, self._untold = self._untold, Counter()
        try:
            for (tenant_id, reason), count in untold.items():
                client.hincrby(keys.Keys(tenant_id).counts, f"dropped:{reason}", count)
        except OUTAGES:
            with self._lock:
                self._untold.update(untold)

    def _drop(self, tenant_id: str, reason: str, said: str) -> bool:
        with self._lock:
            self.dropped[reason] += 1
            # As many tenants as there are; callers that make names up must not fill the memory.
            known = len(self._untold) < 1_000 or (tenant_id, reason) in self._untold
            self._untold[tenant_id if known else _UNKNOWN_TENANT, reason] += 1
            quiet = time.monotonic() < self._warned
            self._warned = self._warned if quiet else time.monotonic() + 60
        if not quiet:
            _log.warning(
                "Events for cards are dropped: %s. %d so far; decisions are not affected.", said, self.dropped.total()
            )
        return False


def _address() -> tuple[str, str | None]:
    from insights_core import settings

    return place(), settings.REDIS_URL.get()


def _tenant_of(given: object) -> str:
    """The tenant in what is no event, for the counter; what is none is counted together."""
    try:
        return check_tenant(given["tenant_id"])  # type: ignore[index]
    except Exception:
        return _UNKNOWN_TENANT


_emitter = _Emitter()


def emit(event: Event | Mapping[str, Any]) -> bool:
    """Queue an event for explanation; at most 0.25 s, whatever Redis does, and never an exception.

    Args:
        event: An `Event`, or its fields.

    Returns:
        Whether it is queued, or was before. False means dropped: `dropped()` counts these by reason. An event that is
        dropped because Redis was slow may still have arrived.
    """
    try:
        return _emitter.emit(event)
    except Exception:
        _log.debug("emit", exc_info=True)
        return False


def dropped() -> dict[str, int]:
    """What this process dropped since it started: reason (`invalid`, `redis`, `full`, `nowhere`) -> events."""
    return dict(_emitter.dropped)


def _start_anew() -> None:
    """In a process that was forked: its parent's threads are not in it, and a lock may be held by one of them."""
    global _emitter
    _emitter = _Emitter()


os.register_at_fork(after_in_child=_start_anew)
