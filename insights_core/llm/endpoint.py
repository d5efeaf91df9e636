"""The one way to a model: any OpenAI-compatible endpoint, with cache, cap, retries and checked answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from insights_core import settings
from insights_core.entities.insight import OFFLINE
from insights_core.errors import InvalidParameterError, ModelOutputError
from insights_core.llm.answers import MisfitError, content_of, read_answer, strict_schema
from insights_core.llm.budget import Budget, Usage
from insights_core.llm.cache import ResponseCache, content_key
from insights_core.llm.dialect import Dialect
from insights_core.llm.prices import Price, price_of
from insights_core.llm.tokens import count_tokens, tokens_bound
from insights_core.llm.transport import Transport

if TYPE_CHECKING:
    pass

M = TypeVar("M", bound=BaseModel)

# An answer that was cut off gets this much more room when it is asked for again; reasoning models need it.
_MORE_ROOM = 3
_FREE = Price(0.0, 0.0)


@dataclass(eq=False)
class _Flight:
    """A question under way. Equal questions that come meanwhile wait for the same answer."""

    task: asyncio.Task[str] = field(init=False)
    waiting: int = 0
    sent: bool = False

    def wanted(self) -> bool:
        return self.waiting > 0


@dataclass(frozen=True)
class _Question:
    system: str
    user: str
    name: str
    schema: dict[str, Any]
    max_tokens: int

    def messages(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]


class ModelEndpoint:
    """A model behind any OpenAI-compatible address.

    Calls are never traced by MLflow, also where `mlflow.openai.autolog()` is on.

    Args:
        model: The chat model.
        base_url: Address up to and with /v1; None takes OPENAI_BASE_URL, else OpenAI's own.
        api_key: None takes OPENAI_API_KEY; a local server may need none.
        max_concurrency: Calls under way at once; None takes INSIGHTS_MAX_CONCURRENCY.
        max_cost_usd: Never to be passed by what this object spends; None means no cap.
        cache: None takes the one in INSIGHTS_CACHE_DIR.
        timeout_s: For one attempt.
        max_retries: Further attempts after the first, for faults that can pass.
        beside: Shares its connections, slots and questions under way with this one, which must outlive it; what each
            spends is counted apart.

    Raises:
        InvalidParameterError: A cap is given, but the price of the model is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        max_concurrency: int | None = None,
        max_cost_usd: float | None = None,
        cache: ResponseCache | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 6,
        beside: ModelEndpoint | None = None,
    ) -> None:
        self.name = model
        self.usage = Usage()
        self._budget = Budget(max_cost_usd)
        self._price = self._price_under_cap(model)
        self._cache = cache or ResponseCache()
        self._dialect = Dialect()
        self._beside = beside
        self._transport: Transport = Transport(
            model,
            base_url or settings.OPENAI_BASE_URL.get(),
            api_key or settings.OPENAI_API_KEY.get(),
            max_concurrency or settings.INSIGHTS_MAX_CONCURRENCY.get(),
            timeout_s,
            max_retries,
        )
        if beside:
            self._transport, self._dialect = beside._transport, beside._dialect

    async def complete(self, *, system: str, user: str, schema: type[M], max_tokens: int = 1000) -> M:
        """The model's answer as an object of `schema`.

        An equal question is answered from the cache, or shares the answer of one under way; both cost nothing.

        Args:
            system: The task.
            user: What it is about.
            schema: Pydantic model that the answer must fit.
            max_tokens: Room for the answer; tripled once where it was cut off.

        Raises:
            ModelAuthenticationError, ModelNotFoundError, ModelRateLimitedError, ModelUnavailableError:
                As their names say, after all retries.
            ModelOutputError: The answer does not fit, also after one repair attempt, or was declined.
            SpendingCapReachedError: The call could pass the cap; it was not made.
        """
        question = _Question(system, user, schema.__name__, strict_schema(schema), max_tokens)
        key = content_key(["chat", 1, self._transport.host, self.name, system, user, question.schema, max_tokens])
        stored = self._cache.get(key)
        if stored is not None:
            try:
                answer = read_answer(str(stored.get("content", "")), schema)
            except MisfitError:
                pass  # Stored by a version with other checks: ask again.
            else:
                self.usage.cached_calls += 1
                return answer
        return read_answer(await self._shared(key, question, schema), schema)

    async def aclose(self) -> None:
        """Store the answers of calls under way and close the connections of the running event loop."""
        if self._beside is None:
            await self._transport.aclose()

    @asynccontextmanager
    async def paid_call(self, model: str, input_text: str, output_tokens: int) -> AsyncIterator[None]:
        """Hold a slot and enough of the budget for one call."""
        price = self._price if model == self.name else self._price_under_cap(model)
        async with (
            self._transport.state().slots,
            self._budget.reserved(price.cost_usd(tokens_bound(input_text), output_tokens)),
        ):
            yield

    def account(self, model: str, input_tokens: int, output_tokens: int) -> None:
        """Book an answer that has come."""
        price = self._price if model == self.name else self._price_under_cap(model)
        cost_usd = price.cost_usd(input_tokens, output_tokens)
        self._budget.spend(cost_usd)
        self.usage.calls += 1
        self.usage.input_tokens += input_tokens
        self.usage.output_tokens += output_tokens
        self.usage.cost_usd += cost_usd
        self.usage.retries = self._transport.retries

    def book(self, usage: Usage, lost_usd: float = 0.0) -> None:
        """Count what another process did with this model, and what one that was lost may have spent, against the cap."""
        for item in fields(Usage):
            setattr(self.usage, item.name, getattr(self.usage, item.name) + getattr(usage, item.name))
        self._budget.spend(usage.cost_usd + lost_usd)

    @property
    def left_usd(self) -> float | None:
        """What may still be spent; None without a cap."""
        return None if self._budget.cap_usd is None else max(0.0, self._budget.cap_usd - self._budget.spent_usd)

    def _price_under_cap(self, model: str) -> Price:
        price = price_of(model)
        if price is None and self._budget.cap_usd is not None:
            raise InvalidParameterError(
                f"A spending cap of ${self._budget.cap_usd:g} is set, but the price of the model {model!r} is unknown, so it could not be kept. "
                "Give its price in a file named by INSIGHTS_PRICES ([0, 0] for a local model), or set no cap."
            )
        return price or _FREE

    async def _shared(self, key: str, question: _Question, schema: type[BaseModel]) -> str:
        """The answer's text: of the flight that is under way for this key, or of a new one."""
        flights = self._transport.state().in_flight
        flight: _Flight | None = flights.get(key)
        if flight is None:
            flight = flights[key] = _Flight()
            flight.task = asyncio.create_task(self._ask(flight, key, question, schema))
            flight.task.add_done_callback(lambda task: _land(flights, key, task))
        else:
            self.usage.cached_calls += 1
        flight.waiting += 1
        try:
            # A caller that is cancelled must not take the answer from the others, nor lose one that is being paid for.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.sent:
                flight.task.cancel()

    async def _ask(self, flight: _Flight, key: str, question: _Question, schema: type[BaseModel]) -> str:
        messages, max_tokens = question.messages(), question.max_tokens
        text, cut_off = await self._call(flight, question, messages, max_tokens)
        try:
            read_answer(text, schema)
        except MisfitError as misfit:
            if not flight.wanted():
                raise asyncio.CancelledError from None
            self.usage.repairs += 1
            if cut_off:
                max_tokens *= _MORE_ROOM
            else:
                complaint = f"Your answer cannot be used: {misfit}. Give the complete answer again, as one JSON object that fits the schema, and nothing else."
                messages = [
                    *messages,
                    {"role": "assistant", "content": text or "(empty)"},
                    {"role": "user", "content": complaint},
                ]
            text, cut_off = await self._call(flight, question, messages, max_tokens)
            try:
                read_answer(text, schema)
            except MisfitError as again:
                what = (
                    f"was cut off after {max_tokens} tokens"
                    if cut_off
                    else f"does not fit, also after one repair attempt ({again})"
                )
                raise ModelOutputError(
                    f"The answer of the model {self.name!r} {what}. Choose a model that follows JSON schemas (INSIGHTS_MODEL or --model)."
                ) from None
        # At once: from here on a crash must not cost the answer.
        self._cache.put(key, {"model": self.name, "content": text})
        return text

    async def _call(
        self, flight: _Flight, question: _Question, messages: list[dict[str, str]], max_tokens: int
    ) -> tuple[str, bool]:
        """One paid answer: its text, and whether it was cut off."""
        sent_text = "\n".join(message["content"] for message in messages) + str(question.schema)
        async with self.paid_call(self.name, sent_text, max_tokens):
            flight.sent = True
            try:
                answer = await self._transport.post(
                    "/chat/completions",
                    lambda: self._dialect.body(self.name, messages, question.name, question.schema, max_tokens),
                    adapt=self._dialect.adapt,
                    lost=lambda text: self.account(self.name, count_tokens(sent_text), count_tokens(text)),
                    wanted=flight.wanted,
                )
            finally:
                flight.sent = False
            text, cut_off, refusal = content_of(answer)
            usage = answer.get("usage") or {}
            self.account(
                self.name,
                usage.get("prompt_tokens") or count_tokens(sent_text),
                usage.get("completion_tokens") or count_tokens(text),
            )
        if refusal:
            raise ModelOutputError(
                f"The model {self.name!r} declined to answer: {self._transport.origin.shown(refusal)}"
            )
        return text, cut_off


def _land(flights: dict[str, Any], key: str, task: asyncio.Task[str]) -> None:
    flights.pop(key, None)
    if not task.cancelled():
        task.exception()  # Seen, also where nobody waits any more.


def endpoint_from_settings(
    model: str | None = None, max_cost_usd: float | None = None, **options: Any
) -> ModelEndpoint | None:
    """The endpoint that the settings name, or None where the work is done offline.

    Args:
        model: A model of the endpoint, `offline`, or None for INSIGHTS_MODEL.
        max_cost_usd: The cap; None takes INSIGHTS_MAX_COST_USD.
        options: More for `ModelEndpoint`.

    Raises:
        InvalidParameterError: A model is named, but neither OPENAI_API_KEY nor OPENAI_BASE_URL is set.
    """
    if model == OFFLINE or (model is None and settings.INSIGHTS_MODEL.get() == OFFLINE):
        return None
    if not (settings.OPENAI_API_KEY.get() or settings.OPENAI_BASE_URL.get()):
        if model is None:
            return None
        raise InvalidParameterError(
            f"The model {model!r} needs an endpoint. Set OPENAI_API_KEY or OPENAI_BASE_URL, or choose the model `offline`."
        )
    cap = max_cost_usd if max_cost_usd is not None else settings.INSIGHTS_MAX_COST_USD.get()
    return ModelEndpoint(model or settings.INSIGHTS_MODEL.get(), max_cost_usd=cap, **options)
