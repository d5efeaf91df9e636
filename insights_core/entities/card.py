"""Decision events of an agent platform, and the cards that explain them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, field_validator

from insights_core.entities.common import UtcTime, now
from insights_core.errors import InvalidParameterError

LABEL = "Generated, not authoritative"
"""What stands with every explanation: the record of the decision counts, not what a model says of it."""

ANSWER = "answer"
"""What stands for a tool where a guardrail spoke of the agent's whole answer."""

# A tenant stands in the middle of keys, so that it must hold no colon: `a` and `a:b` could share keys.
TenantId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_TENANT = TypeAdapter(TenantId)


def check_tenant(name: str) -> str:
    """The name itself, if a tenant can have it.

    Raises:
        InvalidParameterError: It cannot.
    """
    try:
        return _TENANT.validate_python(name)
    except ValidationError:
        raise InvalidParameterError(
            "A tenant is named by 1 to 64 letters, digits, dots, dashes and underscores; the given name is not.",
            field="tenant_id",
        ) from None


_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
# A finding is the name of a rule, never words of the payload that the rule matched.
_Finding = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,79}$")]

_DEPTH, _SHAPE_CHARS = 8, 4_096
_LONGEST = 10**9
_KEY = re.compile(r"[A-Za-z_$][\w.$-]{0,63}")
_HASH = re.compile(r"(?:sha(?:256|512):)?[0-9a-f]{32,128}")
_TYPE = re.compile(
    r"(?:object|dict|map|array|list|tuple|string|str|text|number|integer|int|float|boolean|bool|null|none|bytes|binary"
    r"|date|datetime|uuid|email|url)(?:[\[(]\d{0,9}[\])])?"
)
_COUNTS = ("length", "size", "bytes", "count", "items", "fields", "depth", "chars")
_SHAPE_EXAMPLE = (
    '{"type": "object", "hash": "sha256:…", "fields": {"query": {"type": "string", "length": 54}}}, '
    "as insights_core.cards.shape_of(payload) makes it"
)


class Decision(StrEnum):
    """What was decided about a call."""

    ALLOW = "allow"
    DENY = "deny"
    ESCALATE = "escalate"


_DECISIONS = {"allowed": "allow", "denied": "deny", "blocked": "deny", "escalated": "escalate"}


class Event(BaseModel):
    """One decision about one call of a tool. Nothing in it may come from the payload but its shape and a hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: _Id
    """Unique within the tenant; the same id twice is the same event."""
    tenant_id: TenantId
    agent_id: _Name
    tool_name: _Name
    decision: Decision
    findings: list[_Finding] = Field(default_factory=list, max_length=20)
    """Names of the rules that matched."""
    payload_shape: dict[str, Any] = Field(default_factory=dict)
    """Types, lengths and hashes of what was sent; see `insights_core.cards.shape_of`."""
    timestamp: UtcTime = Field(default_factory=now)
    trace_id: _Id | None = None
    """The MLflow trace that the call belongs to."""

    @field_validator("decision", mode="before")
    @classmethod
    def _known_word(cls, value: Any) -> Any:
        return _DECISIONS.get(value.lower(), value.lower()) if isinstance(value, str) else value

    @field_validator("agent_id", "tool_name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("must be one line of printable characters, with no space around it")
        return value

    @field_validator("timestamp")
    @classmethod
    def _thinkable(cls, value: datetime) -> datetime:
        # What is far ahead would stand on top of every list.
        if value.year < 1970 or value > now() + timedelta(days=1):
            raise ValueError("must lie between 1970 and tomorrow")
        return value

    @field_validator("payload_shape")
    @classmethod
    def _only_shape(cls, value: dict[str, Any]) -> dict[str, Any]:
        _check_shape(value, "payload_shape", 0)
        if len(json.dumps(value)) > _SHAPE_CHARS:
            raise ValueError(f"is longer than {_SHAPE_CHARS:,} characters as JSON; send less of it")
        return value

    @property
    def at_ms(self) -> int:
        """Its time in epoch milliseconds."""
        return round(self.timestamp.timestamp() * 1000)


def _check_shape(value: Any, where: str, depth: int) -> None:
    """Raise ValueError where something but types, lengths and hashes stands in a shape; never quotes it."""
    if depth > _DEPTH:
        raise ValueError(f"is deeper than {_DEPTH} levels; send less of it")
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                raise ValueError(f"has in {where} a name that is no identifier of at most 64 characters")
            if not (key in _COUNTS and type(part) is int and 0 <= part <= _LONGEST):
                _check_shape(part, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check_shape(part, f"{where}[]", depth + 1)
    elif not (isinstance(value, str) and (_TYPE.fullmatch(value) or _HASH.fullmatch(value))):
        raise ValueError(
            f"holds at {where} something that is no type, length or hash. Raw payloads are refused; send {_SHAPE_EXAMPLE}"
        )


class Explanation(BaseModel):
    """What is said of an event. Generated, not authoritative."""

    summary: str
    """One sentence for lists."""
    intent: str
    """What the call was for."""
    why: str
    """Why the findings matched."""
    pattern: str
    """Whether it fits what the agent did of late."""
    fits_pattern: Literal["fits", "departs", "unknown"] = "unknown"
    """`unknown` where there are too few earlier events to tell."""
    compared_with: int = 0
    """Earlier events of the agent that it was compared with."""
    model: str
    """The model, or `offline`."""
    generated_at: UtcTime = Field(default_factory=now)
    label: str = LABEL


CardStatus = Literal["waiting", "explained", "skipped", "failed"]


class Card(BaseModel):
    """An event with its explanation, or with the reason why it has none."""

    status: CardStatus = "waiting"
    event: Event
    explanation: Explanation | None = None
    reason: str | None = None
    """Why it was skipped or failed."""
