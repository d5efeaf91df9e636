"""What a worker asks of Redis: entries to work on, their beginning and their end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import redis
from pydantic import ValidationError

from insights_core import settings
from insights_core.cards import keys, scripts
from insights_core.cards.metrics import bucket_of
from insights_core.entities.card import Card, Event

if TYPE_CHECKING:
    import redis.asyncio

# A new tenant's first event waits at most this long for a worker to hear of the tenant.
_TENANTS_EVERY_S = 0.5
_TIDY_EVERY_S = 60.0
_RECENT = 20
_CONSUMER_LIFE_MS = 3_600_000
# More idle than any worker waits for: whoever claims next takes it.
_LEFT_MS = 10**9


@dataclass(frozen=True)
class Entry:
    """An entry of a tenant's stream."""

    tenant_id: str
    entry_id: str
    text: str = field(compare=False, default="")

    def event(self) -> Event | None:
        """The event in it; None where it is none of this tenant."""
        try:
            event = Event.model_validate_json(self.text)
        except ValidationError:
            return None
        return event if event.tenant_id == self.tenant_id else None


@dataclass(frozen=True)
class Begun:
    """Whether and how to go on with an event; see `scripts.BEGIN`."""

    verdict: str
    attempt: int
    earlier: list[Card]


class Ledger:
    """The streams of all tenants, as one worker sees them.

    Args:
        redis: Where.
        name: The worker's name in the consumer group.
    """

    def __init__(self, redis: redis.asyncio.Redis, name: str) -> None:
        self._redis: Any = redis
        self._name = name
        self._tenants: list[str] = []
        self._known: set[str] = set()
        self._asked_at = self._tidied_at = float("-inf")
        self._begin = redis.register_script(scripts.BEGIN)
        self._end = redis.register_script(scripts.END)

    async def read(self, most: int, block_ms: int) -> list[Entry]:
        """New entries, of every tenant alike, waited for a moment where there are none; about `most` of them."""
        import asyncio

        tenants = await self._all_tenants()
        if not tenants:
            await asyncio.sleep(block_ms / 1000)
            return []
        # Another one begins each time: with more tenants than room, the last would starve.
        self._tenants = tenants[1:] + tenants[:1]
        # With as many tenants as room or more, each gets one.
        streams = {keys.Keys(tenant).stream: ">" for tenant in self._tenants}
        try:
            found = await self._redis.xreadgroup(
                keys.GROUP, self._name, streams, count=max(1, most // len(streams)), block=block_ms
            )
        except redis.exceptions.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # Redis came back empty.
            self._known.clear()
            self._asked_at = float("-inf")
            return []
        of = {keys.Keys(tenant).stream: tenant for tenant in tenants}
        return [
            Entry(of[stream], entry_id, fields.get("event", ""))
            for stream, entries in (found.items() if isinstance(found, dict) else found)
            for entry_id, fields in entries
        ]

    async def _all_tenants(self) -> list[str]:
        if time.monotonic() - self._asked_at > _TENANTS_EVERY_S:
            present = await self._redis.zrange(keys.TENANTS, 0, -1)
            for tenant in present:
                if tenant not in self._known:
                    await self._make_group(tenant)
            kept = [tenant for tenant in self._tenants if tenant in set(present)]
            self._tenants = kept + [tenant for tenant in present if tenant not in set(kept)]
            self._known = set(present)
            self._asked_at = time.monotonic()
        return self._tenants

    async def _make_group(self, tenant: str) -> None:
        try:
            await self._redis.xgroup_create(keys.Keys(tenant).stream, keys.GROUP, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def claim(self, most: int, idle_s: float) -> list[Entry]:
        """Entries that another worker has left behind."""
        found: list[Entry] = []
        for tenant in self._tenants:
            if len(found) >= most:
                break
            answer = await self._redis.xautoclaim(
                keys.Keys(tenant).stream,
                keys.GROUP,
                self._name,
                min_idle_time=round(1000 * idle_s),
                count=most - len(found),
            )
            # An entry that was deleted comes without fields.
            found += [Entry(tenant, entry_id, fields["event"]) for entry_id, fields in answer[1] if fields]
        return found

    async def touch(self, entries: list[Entry], idle_ms: int | None = None) -> None:
        """Say that these are still worked on, or with `idle_ms` that nobody does."""
        for tenant in {entry.tenant_id for entry in entries}:
            ids = [entry.entry_id for entry in entries if entry.tenant_id == tenant]
            stream = keys.Keys(tenant).stream
            await self._redis.xclaim(stream, keys.GROUP, self._name, 0, ids, idle=idle_ms, justid=True)

    async def begin(self, entry: Entry, event: Event) -> Begun:
        """Count an attempt at an event, unless it is over or the tenant has no explanations left in this hour."""
        of = keys.Keys(entry.tenant_id)
        verdict, attempt, *texts = await self._begin(
            keys=[of.stream, of.attempts, of.rate],
            args=[
                of.cards,
                of.agent(event.agent_id),
                event.event_id,
                entry.entry_id,
                settings.INSIGHT_RATE_LIMIT_PER_HOUR.get(),
                keys.ATTEMPTS,
                _RECENT,
            ],
        )
        cards = [Card.model_validate_json(text) for text in texts]
        earlier = [card for card in cards if card.event.timestamp <= event.timestamp]
        earlier.sort(key=lambda card: card.event.timestamp, reverse=True)
        return Begun(verdict, int(attempt), earlier[:_RECENT])

    async def end(self, entry: Entry, card: Card, attempts: int, latency_s: float | None) -> bool:
        """Write the card, list it, and take the entry out of the queue, all or nothing; whether nobody had before."""
        of, event = keys.Keys(entry.tenant_id), card.event
        answer = await self._end(
            keys=[of.stream, of.timeline, of.attempts, of.counts, of.dead],
            args=[
                of.cards,
                of.agents,
                event.event_id,
                event.agent_id,
                card.model_dump_json(),
                event.at_ms,
                entry.entry_id,
                card.status,
                event.model_dump_json(),
                card.reason or "",
                attempts,
                "" if latency_s is None else bucket_of(latency_s),
                latency_s or 0,
            ],
        )
        return bool(answer)

    async def give_back(self, tenant_id: str) -> None:
        """Take back what an attempt has used of the hour, where nothing was paid for."""
        rate = keys.Keys(tenant_id).rate
        await self._redis.eval(
            "if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end", 1, rate
        )

    async def throw_away(self, entry: Entry) -> None:
        """Take what is no event out of the queue, and count it."""
        of = keys.Keys(entry.tenant_id)
        pipe = self._redis.pipeline()
        pipe.xack(of.stream, keys.GROUP, entry.entry_id).xdel(of.stream, entry.entry_id)
        pipe.hincrby(of.counts, "dropped:invalid", 1)
        await pipe.execute()

    async def tidy(self) -> None:
        """Now and then: forget workers and tenants of long ago, and ids whose cards are gone."""
        if time.monotonic() - self._tidied_at < _TIDY_EVERY_S:
            return
        self._tidied_at = time.monotonic()
        for tenant in list(self._tenants):
            of = keys.Keys(tenant)
            for consumer in await self._redis.xinfo_consumers(of.stream, keys.GROUP):
                if consumer["idle"] > _CONSUMER_LIFE_MS:
                    await self._redis.eval(scripts.FORGET, 1, of.stream, consumer["name"])
            await self._forget_expired(of)
        for tenant in await self._redis.zrangebyscore(keys.TENANTS, 0, time.time() - keys.TENANT_LIFE_S):
            if not await self._redis.xlen(keys.Keys(tenant).stream):
                await self._redis.zrem(keys.TENANTS, tenant)

    async def _forget_expired(self, of: keys.Keys) -> None:
        ids = await self._redis.zrange(of.timeline, 0, -1)
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            texts = await self._redis.mget([of.card(one) for one in part])
            if gone := [one for one, text in zip(part, texts, strict=True) if text is None]:
                await self._redis.zrem(of.timeline, *gone)

    async def leave(self, entries: list[Entry]) -> None:
        """Hand entries back, and leave the groups where nothing was held."""
        await self.touch(entries, _LEFT_MS)
        for tenant in self._tenants:
            await self._redis.eval(scripts.FORGET, 1, keys.Keys(tenant).stream, self._name)
