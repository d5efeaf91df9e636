"""What was spent, and the cap that is never passed, however many calls are under way."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from insights_core.errors import SpendingCapReachedError

# Calls of another event loop cannot wake a waiting one, so it looks again by itself.
_LOOK_AGAIN_S = 0.25


@dataclass
class Usage:
    """What an endpoint did so far. Cached and shared answers cost nothing."""

    calls: int = 0
    """Requests that were answered and so are paid for."""
    cached_calls: int = 0
    """Answers taken from the cache, or from an equal call that was under way."""
    retries: int = 0
    repairs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """By the price list; 0 for a model that is not in it."""


class Budget:
    """Spent and reserved money under a cap.

    Args:
        cap_usd: Never to be passed; None means no cap.
    """

    def __init__(self, cap_usd: float | None) -> None:
        self.cap_usd = cap_usd
        self.spent_usd = 0.0
        self._reserved_usd = 0.0
        self._lock = threading.Lock()
        self._freed: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Event] = weakref.WeakKeyDictionary()

    @asynccontextmanager
    async def reserved(self, bound_usd: float) -> AsyncIterator[None]:
        """Hold an upper bound of what the calls inside the block can cost; waits while others hold too much.

        Raises:
            SpendingCapReachedError: What is spent already leaves too little for it.
        """
        while not self._take(bound_usd):
            event = self._freed.setdefault(asyncio.get_running_loop(), asyncio.Event())
            event.clear()
            try:
                await asyncio.wait_for(event.wait(), _LOOK_AGAIN_S)
            except TimeoutError:
                continue
        try:
            yield
        finally:
            with self._lock:
                self._reserved_usd -= bound_usd
            if waiting := self._freed.get(asyncio.get_running_loop()):
                waiting.set()

    def spend(self, cost_usd: float) -> None:
        """Book what an answer cost."""
        with self._lock:
            self.spent_usd += cost_usd

    def _take(self, bound_usd: float) -> bool:
        with self._lock:
            if self.cap_usd is not None:
                if self.spent_usd + bound_usd > self.cap_usd:
                    raise SpendingCapReachedError(
                        f"The spending cap of ${self.cap_usd:g} is reached: ${self.spent_usd:.4f} is spent and the next call could cost ${bound_usd:.4f}. "
                        "What was done so far is kept; raise the cap (INSIGHTS_MAX_COST_USD or max_cost_usd) and resume.",
                        cap_usd=self.cap_usd,
                        spent_usd=round(self.spent_usd, 6),
                    )
                if self.spent_usd + self._reserved_usd + bound_usd > self.cap_usd:
                    return False
            self._reserved_usd += bound_usd
            return True
