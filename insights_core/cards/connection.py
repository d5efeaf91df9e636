"""Where the cards are: the Redis at REDIS_URL, or one in this process's memory for a demo and a local dashboard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import redis

from insights_core import settings
from insights_core.errors import InsightsError, InvalidParameterError, UnavailableError

if TYPE_CHECKING:
    import redis.asyncio

_NO_RETRY = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
"""The package's own retries sleep for seconds; who may wait here says so in its own loop."""

_lock = Lock()
_memory: Any = None

Place = Literal["redis", "memory", "nowhere"]


def place() -> Place:
    """Where the cards of this process are."""
    if settings.REDIS_URL.get():
        return "redis"
    return "nowhere" if _memory is None else "memory"


def use_memory() -> bool:
    """Keep the cards in this process where REDIS_URL is not set; whether this was the first call."""
    global _memory
    with _lock:
        if _memory is not None or settings.REDIS_URL.get():
            return False
        import fakeredis

        _memory = fakeredis.FakeServer()
        return True


def address() -> str:
    """Where that is, for people: never with a password."""
    if place() != "redis":
        return "this process's memory"
    options = redis.connection.parse_url(settings.REDIS_URL.get() or "")
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def connect(timeout_s: float = 5.0) -> redis.Redis:
    """A client for threads; text in, text out.

    Args:
        timeout_s: For connecting, and for each answer.

    Raises:
        InvalidParameterError: REDIS_URL is not set and nothing is kept in memory, or it cannot be read.
    """
    found = place()
    if found == "memory":
        import fakeredis

        return fakeredis.FakeRedis(server=_memory, decode_responses=True)
    return redis.Redis.from_url(_url(), **_options(timeout_s))


def shared(timeout_s: float = 2.0) -> redis.Redis:
    """One client for all threads of this process, as `connect` gives it."""
    return _shared(place(), settings.REDIS_URL.get(), timeout_s)


@cache
def _shared(found: Place, url: str | None, timeout_s: float) -> redis.Redis:
    return connect(timeout_s)


def connect_async(timeout_s: float = 5.0) -> redis.asyncio.Redis:
    """The same for an event loop."""
    if place() == "memory":
        import fakeredis

        return fakeredis.FakeAsyncRedis(server=_memory, decode_responses=True)
    import redis.asyncio

    return redis.asyncio.Redis.from_url(_url(), **_options(timeout_s) | {"retry": _no_async_retry()})


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": _NO_RETRY,
        "health_check_interval": 30,
    }


def _no_async_retry() -> Any:
    from redis.asyncio.retry import Retry

    return Retry(redis.backoff.NoBackoff(), 0)


def _url() -> str:
    url = settings.REDIS_URL.get()
    if not url:
        raise InvalidParameterError(
            "REDIS_URL is not set, so there is no place for cards. Set it, for example to redis://localhost:6379/0; "
            "a local dashboard and `mlflow-insights demo` keep cards in memory without it."
        )
    try:
        redis.connection.parse_url(url)
    except ValueError as error:
        # Not what it says: the address may hold a password.
        raise InvalidParameterError(
            "REDIS_URL is no address of a Redis. Write it as redis://[user:password@]host:port/db, rediss://… or unix://path."
        ) from error
    return url


OUTAGES = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
"""What a Redis raises that is away, starts or cannot be found."""
PASSING = (*OUTAGES, redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError)
"""What may pass by itself."""


@contextlib.contextmanager
def redis_errors() -> Iterator[None]:
    """Let no foreign exception out: those of Redis become InsightsErrors."""
    try:
        yield
    except redis.exceptions.AuthenticationError as error:
        raise InvalidParameterError(f"Redis at {address()} refuses the user or password in REDIS_URL.") from error
    except OUTAGES as error:
        raise UnavailableError(
            f"Redis at {address()} did not answer. Check REDIS_URL and that it runs. Nothing else depends on it: "
            "decisions go on, and their events are dropped and counted."
        ) from error
    except redis.exceptions.RedisError as error:
        raise InsightsError(f"Redis at {address()} refused: {str(error)[:200]}") from error
