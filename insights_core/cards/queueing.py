"""Putting events into the queue of their tenant."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import ValidationError

from insights_core.cards import keys, scripts
from insights_core.cards.connection import redis_errors
from insights_core.entities.card import Card, Event
from insights_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from redis import Redis

Queued = Literal["queued", "known", "full"]
"""`known`: the same event waits or is explained already. `full`: it was dropped, and counted."""


def event_of(given: Event | Mapping[str, Any]) -> Event:
    """The event in what a caller gave.

    Raises:
        InvalidParameterError: It is none; the message names the field and never quotes what stands in it.
    """
    if isinstance(given, Event):
        return given
    try:
        return Event.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "event"
        if first["type"] == "extra_forbidden":
            # The name of a field may be part of a payload as well.
            known = ", ".join(Event.model_fields)
            raise InvalidParameterError(
                f"An event has no other fields than {known}. Raw payloads are refused; send their shape as payload_shape.",
                field="event",
            ) from None
        said = first["msg"].removeprefix("Value error, ")
        raise InvalidParameterError(f"{field}: {said}.", field=field) from None


def queue_event(redis: Redis, event: Event) -> Queued:
    """Queue one event; the same id twice is queued once.

    Raises:
        UnavailableError: Redis did not answer.
    """
    with redis_errors():
        return send(redis, event)


def queue_events(redis: Redis, events: Iterable[Event]) -> dict[Queued, int]:
    """Queue many, and count what became of them.

    Raises:
        UnavailableError: Redis did not answer; what was queued before stays.
    """
    counts: dict[Queued, int] = {"queued": 0, "known": 0, "full": 0}
    for event in events:
        counts[queue_event(redis, event)] += 1
    return counts


def send(redis: Redis, event: Event) -> Queued:
    """The same as `queue_event`, with the errors of the redis package."""
    of = keys.Keys(event.tenant_id)
    answer = redis.eval(
        scripts.QUEUE,
        4,
        of.stream,
        of.timeline,
        of.counts,
        keys.TENANTS,
        of.cards,
        of.agents,
        event.event_id,
        event.model_dump_json(),
        Card(event=event).model_dump_json(),
        event.at_ms,
        event.tenant_id,
        int(time.time()),
        keys.QUEUE,
    )
    return cast("Queued", answer)
