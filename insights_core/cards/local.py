"""Cards without a Redis: in the memory of one process, with a worker on a thread there. For demos and local dashboards."""

from __future__ import annotations

import asyncio
import logging
import threading

from insights_core.cards.connection import connect_async, place, use_memory
from insights_core.cards.explain import explainer_from_settings
from insights_core.cards.worker import Worker

_log = logging.getLogger(__name__)


def start_local() -> bool:
    """Keep cards in this process where REDIS_URL is not set, and explain them here; whether they are kept here.

    Every call after the first does nothing.
    """
    if use_memory():
        threading.Thread(target=_work, name="cards-worker", daemon=True).start()
    return place() == "memory"


def _work() -> None:
    async def work() -> None:
        await Worker(connect_async(), explainer_from_settings()).run()

    try:
        asyncio.run(work())
    except Exception:
        _log.exception("The worker of this process has ended; events stay unexplained until a restart.")
