"""HTTP requests to a model endpoint: bounded in number, timed, and tried again where that can help.

The requests go through the `post` method of openai's client, not through its resources (`chat.completions.create`):
those are what `mlflow.openai.autolog()` and other instrumentation replace, and our own calls must not turn up among
the traces under analysis.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from insights_core.llm.faults import Fault, Origin, error_inside, fault_of, unreadable_answer

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api.openai.com/v1"
# A server that never answered at all is most likely a wrong address: say so in seconds, not in minutes.
_FIRST_CONTACT_RETRIES = 2
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
# A server that asks for more than this means "tomorrow"; a person should know now.
_LONGEST_RETRY_AFTER_S = 300.0


@dataclass
class LoopState:
    """What belongs to one event loop: connections and locks cannot move between loops."""

    client: AsyncOpenAI
    slots: asyncio.Semaphore
    in_flight: dict[str, Any] = field(default_factory=dict)


class Transport:
    """Sends JSON to one endpoint and gives back JSON.

    Args:
        model: Named in error messages.
        base_url: Address up to and with /v1; None is OpenAI's own.
        api_key: None sends a placeholder, which local servers accept.
        max_concurrency: Requests under way at once, per event loop.
        timeout_s: For one attempt, from sending to the last byte.
        max_retries: Further attempts after the first.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None,
        api_key: str | None,
        max_concurrency: int,
        timeout_s: float,
        max_retries: int,
    ) -> None:
        self.base_url = base_url or DEFAULT_BASE_URL
        parts = urlsplit(self.base_url)
        # Never with user:password, which may stand before the host.
        self.host = parts.netloc.rpartition("@")[2] or self.base_url
        self.origin = Origin(model, self.host, api_key)
        self.max_concurrency = max_concurrency
        self.timeout_s = timeout_s
        self.max_retries = max_retries
        self.retries = 0
        self._contact = False
        self._not_before = 0.0
        self._states: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopState] = weakref.WeakKeyDictionary()

    def state(self) -> LoopState:
        """Connections and locks of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._states:
            from openai import AsyncOpenAI

            # Retries are ours: the SDK's would be neither counted nor bounded by the cap.
            client = AsyncOpenAI(
                base_url=self.base_url, api_key=self.origin.api_key or "none", max_retries=0, timeout=self.timeout_s
            )
            self._states[loop] = LoopState(client, asyncio.Semaphore(self.max_concurrency))
        return self._states[loop]

    async def post(
        self,
        path: str,
        build: Callable[[], dict[str, Any]],
        *,
        adapt: Callable[[str, dict[str, Any]], bool] = lambda refusal, refused: False,
        lost: Callable[[str], None] = lambda text: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> dict[str, Any]:
        """One answer, after as many attempts as it takes and is allowed. The caller holds a slot.

        Args:
            path: Below the base URL, for example "/chat/completions".
            build: Makes the body of an attempt.
            adapt: Gets what a 400 said and the refused body; True means that the next body will differ.
            lost: Gets the text of an answer with status 200 that cannot be read, and so may be paid for in vain.
            wanted: False stops further attempts.

        Raises:
            ModelError: The kind that says what went wrong.
        """
        attempt = 0
        while True:
            await self._pause()
            body = build()
            fault, answer = await self._attempt(path, body, lost)
            if fault is None:
                return answer
            if not wanted():
                raise asyncio.CancelledError
            if fault.refused_body is not None and adapt(fault.refused_body, body):
                continue
            attempt += 1
            first_contact = fault.no_contact and not self._contact
            allowed = min(self.max_retries, _FIRST_CONTACT_RETRIES) if first_contact else self.max_retries
            if not fault.passing or attempt > allowed or (fault.retry_after_s or 0) > _LONGEST_RETRY_AFTER_S:
                raise fault.error from None
            self.retries += 1
            await self._back_off(attempt, fault)

    async def aclose(self) -> None:
        """Wait for requests under way, so that their paid answers are stored, and close the connections."""
        state = self._states.pop(asyncio.get_running_loop(), None)
        if state:
            tasks = [flight.task for flight in state.in_flight.values()]
            await asyncio.gather(*tasks, return_exceptions=True)
            await state.client.close()

    async def _attempt(
        self, path: str, body: dict[str, Any], lost: Callable[[str], None]
    ) -> tuple[Fault | None, dict[str, Any]]:
        try:
            # The SDK's time-out runs from byte to byte; a server that drips would hold us for ever.
            async with asyncio.timeout(self.timeout_s):
                text = await self.state().client.post(path, cast_to=str, body=body)
        except Exception as error:
            fault = fault_of(error, self.origin)
            self._contact = self._contact or not fault.no_contact
            return fault, {}
        self._contact = True
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            lost(text)
            return unreadable_answer(self.origin), {}
        return error_inside(answer, self.origin), answer

    async def _pause(self) -> None:
        """Wait while the server has asked for a pause: it concerns every call, not only the one that was told."""
        while (wait := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(wait + random.uniform(0, 0.05))  # noqa: S311  (spreads calls, guards nothing)

    async def _back_off(self, attempt: int, fault: Fault) -> None:
        if fault.retry_after_s is not None:
            self._not_before = max(self._not_before, time.monotonic() + fault.retry_after_s)
            _log.info("The model endpoint %s asks to wait %.1f s.", self.host, fault.retry_after_s)
            return
        longest = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (attempt - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311
