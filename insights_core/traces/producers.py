"""Tokens, cost, model, session and user of a span, from attributes that MLflow does not read itself.

MLflow 3.17 derives tokens and models from GenAI's `gen_ai.usage.*`, OpenInference's `llm.token_count.*`, Traceloop's and
VoltAgent's counts and Claude Code's; cost where its own price list knows the model; the session from `session.id` and
`gen_ai.conversation.id`, the user from `user.id`. What is read here is the rest, and is asked only where MLflow has nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

_PROPERTIES = ("traceloop.association.properties.", "lmnr.association.properties.", "langsmith.metadata.")
_THREADS = ("session_id", "conversation_id", "thread_id", "chat_id")
SESSION_KEYS: tuple[str, ...] = (
    "langfuse.session.id",
    *(prefix + name for prefix in _PROPERTIES for name in _THREADS),
    "ai.telemetry.metadata.sessionId",  # Vercel AI SDK, as its documentation names it
    "ai.telemetry.metadata.threadId",
    "ai.telemetry.metadata.chatId",
    "gcp.vertex.agent.session_id",  # Google ADK
)
USER_KEYS: tuple[str, ...] = (
    "enduser.id",  # OpenTelemetry until its `user.id`
    "langfuse.user.id",
    *(prefix + "user_id" for prefix in _PROPERTIES),
    "ai.telemetry.metadata.userId",
)
MODEL_KEYS = ("ai.response.model", "ai.model.id", "langfuse.observation.model.name")
PROVIDER_KEYS = ("ai.model.provider",)
# Input, output and total; a spelling that has none of a kind leaves it empty.
TOKEN_KEYS: tuple[tuple[str, str, str], ...] = (
    ("ai.usage.inputTokens", "ai.usage.outputTokens", "ai.usage.totalTokens"),  # Vercel 5
    ("ai.usage.promptTokens", "ai.usage.completionTokens", "ai.usage.tokens"),  # Vercel 4; the last of embeddings
    ("gen_ai.aggregated_usage.input_tokens", "gen_ai.aggregated_usage.output_tokens", ""),  # pydantic-ai's root
    ("", "", "gen_ai.usage.total_tokens"),
)
COST_KEYS = ("operation.cost", "llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost")
# A JSON text of counts by kind.
TOKEN_MAPPINGS = ("langfuse.observation.usage_details", "braintrust.metrics")
COST_MAPPINGS = ("langfuse.observation.cost_details",)
_INPUT, _OUTPUT = ("input", "prompt_tokens", "input_tokens"), ("output", "completion_tokens", "output_tokens")
_TOTAL = ("total", "tokens", "total_tokens")

KEYS: tuple[str, ...] = tuple(
    key
    for key in dict.fromkeys(
        [
            *SESSION_KEYS,
            *USER_KEYS,
            *MODEL_KEYS,
            *PROVIDER_KEYS,
            *(key for keys in TOKEN_KEYS for key in keys),
            *COST_KEYS,
            *TOKEN_MAPPINGS,
            *COST_MAPPINGS,
        ]
    )
    if key
)
"""Every attribute that is read here."""

I = TypeVar("I", bound=Hashable)  # noqa: E741


class Told(NamedTuple):
    """What one span says beyond what MLflow reads."""

    session: str | None = None
    user: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None
    """Dollars."""

    @property
    def has_tokens(self) -> bool:
        return (self.input_tokens, self.output_tokens, self.total_tokens) != (None, None, None)


def told_by(attributes: Mapping[str, Any]) -> Told:
    """What a span's attributes say, bare or as JSON text, whatever they hold."""
    tokens = _tokens(attributes)
    cost = _first(attributes, COST_KEYS, _amount)
    for key in COST_MAPPINGS:
        if cost is None and isinstance(found := _plain(attributes.get(key)), Mapping):
            cost = _amount(found["total"]) if "total" in found else _sum(map(_amount, found.values()))
    return Told(
        _first(attributes, SESSION_KEYS, _name),
        _first(attributes, USER_KEYS, _name),
        _first(attributes, MODEL_KEYS, _name),
        _first(attributes, PROVIDER_KEYS, _name),
        *tokens,
        cost,
    )


def _tokens(attributes: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    for keys in TOKEN_KEYS:
        found = [_count(attributes.get(key)) if key else None for key in keys]
        if any(one is not None for one in found):
            return _with_total(*found)
    for key in TOKEN_MAPPINGS:
        if isinstance(given := _plain(attributes.get(key)), Mapping):
            found = [_first(given, names, _count) for names in (_INPUT, _OUTPUT, _TOTAL)]
            if any(one is not None for one in found):
                return _with_total(*found)
    return None, None, None


def _with_total(given: int | None, made: int | None, total: int | None) -> tuple[int | None, int | None, int | None]:
    return given, made, given + made if total is None and given is not None and made is not None else total


def _first(attributes: Mapping[str, Any], keys: Iterable[str], read: Callable[[Any], Any]) -> Any:
    return next((found for key in keys if (found := read(attributes.get(key))) is not None), None)


def _plain(value: Any) -> Any:
    """The value that an attribute holds as JSON text, which may itself be one."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def _name(value: Any) -> str | None:
    if isinstance(value, str) and value[:1] == '"':
        value = _plain(value)
    return str(value).strip()[:250] or None if isinstance(value, str | int) and not isinstance(value, bool) else None


def _amount(value: Any) -> float | None:
    value = _plain(value)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return float(value) if fits else None


def _count(value: Any) -> int | None:
    found = _amount(value)
    return None if found is None else int(found)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def outermost(telling: Iterable[I], parents: Mapping[I, I | None]) -> list[I]:
    """Those spans that have none of the same above them: a wrapper tells what its client tells again.

    Args:
        telling: Spans that say something.
        parents: Span -> the span above it, of all the trace's spans.
    """
    ids = set(telling)
    found = []
    for one in ids:
        above, seen = parents.get(one), {one}
        while above is not None and above not in ids and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above is None or above in seen:
            found.append(one)
    return found


def told_by_trace(spans: Mapping[I, tuple[I | None, Told]]) -> Told:
    """What the spans of one trace say together: the first session and user, and each call's tokens and cost once.

    Args:
        spans: Span -> the span above it, and what it says.
    """
    parents = {one: above for one, (above, _) in spans.items()}
    said = {one: told for one, (_, told) in spans.items()}
    with_tokens = [said[one] for one in outermost((i for i, told in said.items() if told.has_tokens), parents)]
    with_cost = [said[one] for one in outermost((i for i, told in said.items() if told.cost is not None), parents)]

    def tokens(kind: str) -> int | None:
        count = _sum(getattr(told, kind) for told in with_tokens)
        return None if count is None else int(count)

    return Told(
        next((told.session for told in said.values() if told.session), None),
        next((told.user for told in said.values() if told.user), None),
        next((told.model for told in said.values() if told.model), None),
        next((told.provider for told in said.values() if told.provider), None),
        tokens("input_tokens"),
        tokens("output_tokens"),
        tokens("total_tokens"),
        _sum(told.cost for told in with_cost),
    )
