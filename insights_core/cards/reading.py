"""What a tenant may read: its cards, and how its queue stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from insights_core.cards import keys
from insights_core.cards.connection import redis_errors
from insights_core.entities.card import Card, Event, check_tenant
from insights_core.errors import NotFoundError

if TYPE_CHECKING:
    from redis import Redis

_CHUNK = 200
_LIVE_S = 10.0
"""A worker asks for work at least every second; one that has not for so long is gone."""


class CardFilter(BaseModel):
    """Which cards; what is None is left out of account."""

    decision: str | None = None
    agent: str | None = None
    tool: str | None = None
    finding: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is one of these."""
        return (
            self.decision in (None, event.decision)
            and self.agent in (None, event.agent_id)
            and self.tool in (None, event.tool_name)
            and (self.finding is None or self.finding in event.findings)
        )


@dataclass(frozen=True)
class DeadLetter:
    """An event that could not be explained."""

    entry_id: str
    event: Event
    reason: str
    attempts: int


@dataclass(frozen=True)
class Standing:
    """How a tenant's queue stands."""

    waiting: int
    """Events without an end, those under way included."""
    under_way: int
    workers: int
    """Workers that asked for work within the last seconds."""
    used: int
    """Explanations of the present hour."""
    renews_in_s: int
    """When the hour ends; 0 where none has begun."""
    dead: int
    counts: dict[str, float] = field(default_factory=dict)
    """See `metrics`: consumed:{result}, dropped:{reason}, latency:{bucket}, version."""

    def count(self, name: str) -> int:
        return int(self.counts.get(name, 0))

    @property
    def dropped(self) -> int:
        """Events that never came into the queue, as far as their senders could say."""
        return int(sum(value for name, value in self.counts.items() if name.startswith("dropped:")))


class Cards:
    """The cards of one tenant. No method can reach another's: every key is made with this tenant's name.

    Args:
        tenant_id: Whose.
        redis: Where; see `connection.connect`.

    Raises:
        InvalidParameterError: That can be no tenant.
    """

    def __init__(self, tenant_id: str, redis: Redis) -> None:
        check_tenant(tenant_id)
        self.tenant_id = tenant_id
        # The package types one class for threads and event loops, bytes and text.
        self._redis: Any = redis
        self._keys = keys.Keys(tenant_id)

    def recent(self, limit: int = 50, wanted: CardFilter | None = None) -> list[Card]:
        """The newest cards, by the time of their events.

        Args:
            limit: At most this many.
            wanted: Which; None takes all.
        """
        found: list[Card] = []
        for card in self._newest():
            if wanted is None or wanted.takes(card.event):
                found.append(card)
                if len(found) >= limit:
                    break
        return found

    def get(self, event_id: str) -> Card:
        """One card.

        Raises:
            NotFoundError: The tenant has none of this id; cards live for 24 hours.
        """
        with redis_errors():
            text = self._redis.get(self._keys.card(event_id))
        card = _card(text)
        if card is None:
            raise NotFoundError(
                "There is no card of this event. Cards live for 24 hours; the newest are under /insights/recent, "
                "on the page Cards and in `mlflow-insights cards list`."
            )
        return card

    def by_agent(self, agent_id: str, limit: int = 50) -> list[Card]:
        """The cards of one agent that workers have ended, the latest first; none where the tenant has no such agent."""
        with redis_errors():
            ids = self._redis.lrange(self._keys.agent(agent_id), 0, limit - 1)
        return list(self._cards(ids))

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Events whose explanation failed every time, the latest first."""
        with redis_errors():
            entries = self._redis.xrevrange(self._keys.dead, count=limit)
        letters = []
        for entry_id, fields in entries:
            try:
                event = Event.model_validate_json(fields["event"])
            except (ValidationError, KeyError):
                continue
            letters.append(DeadLetter(entry_id, event, fields.get("reason", ""), int(fields.get("attempts", 0))))
        return letters

    def replay(self, entry_ids: Iterable[str] | None = None) -> int:
        """Queue dead letters again; how many went.

        Args:
            entry_ids: Which; None takes all.
        """
        from insights_core.cards.queueing import queue_event

        chosen = None if entry_ids is None else set(entry_ids)
        replayed = 0
        for letter in self.dead_letters(keys.DEAD):
            if chosen is not None and letter.entry_id not in chosen and letter.event.event_id not in chosen:
                continue
            if queue_event(self._redis, letter.event) == "full":
                break
            with redis_errors():
                self._redis.xdel(self._keys.dead, letter.entry_id)
                self._redis.hincrby(self._keys.counts, "version", 1)
            replayed += 1
        return replayed

    def version(self) -> str:
        """Changes whenever a card or the queue does; one small question."""
        with redis_errors():
            return str(self._redis.hget(self._keys.counts, "version") or "0")

    def standing(self) -> Standing:
        """How the queue stands."""
        of = self._keys
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.xlen(of.stream).get(of.rate).ttl(of.rate).xlen(of.dead).hgetall(of.counts)
            waiting, used, left_s, dead, counts = pipe.execute()
            workers, under_way = self._workers()
        numbers = {name: float(value) for name, value in counts.items()}
        return Standing(waiting, under_way, workers, int(used or 0), max(0, left_s), dead, numbers)

    def _workers(self) -> tuple[int, int]:
        import redis

        try:
            consumers = self._redis.xinfo_consumers(self._keys.stream, keys.GROUP)
        except redis.exceptions.ResponseError:
            return 0, 0  # No event of this tenant was ever read.
        live = [one for one in consumers if one["idle"] <= 1000 * _LIVE_S]
        return len(live), sum(one["pending"] for one in consumers)

    def _newest(self) -> Iterator[Card]:
        # By rank: an event that comes meanwhile shifts the others, so what was shown is remembered.
        seen: set[str] = set()
        for start in range(0, keys.TIMELINE, _CHUNK):
            with redis_errors():
                ids = self._redis.zrevrange(self._keys.timeline, start, start + _CHUNK - 1)
            if not ids:
                return
            new = [one for one in ids if one not in seen]
            seen.update(new)
            yield from self._cards(new)

    def _cards(self, ids: list[str]) -> Iterator[Card]:
        if not ids:
            return
        with redis_errors():
            texts = self._redis.mget([self._keys.card(one) for one in ids])
        for text in texts:
            card = _card(text)
            if card is not None:
                yield card


def _card(text: str | None) -> Card | None:
    try:
        return Card.model_validate_json(text) if text else None
    except ValidationError:
        return None
