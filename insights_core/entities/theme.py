"""A theme: a saved perspective on traces, from which insights are made again and again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from insights_core.entities.alert import AlertRule
from insights_core.entities.clustering import ClusteringConfig
from insights_core.entities.common import StoredEntity, Strict, UtcTime
from insights_core.entities.schedule import MANUAL, read_schedule

THEME_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

PLACEHOLDERS = {
    "name": "the theme's name",
    "description": "the theme's description",
    "filters": "the conditions of both filters, joined by AND",
    "signals": "the theme's signals",
    "date_range": "which traces, by time",
}
"""What a prompt may name in braces, and what stands there in its place."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")
_CONTENT_NAMES = {"trace", "text", "input", "inputs", "output", "outputs", "messages", "conversation"}
_LAST_DAYS = re.compile(r"(?:last\s+)?(\d{1,5})\s*(?:days?|d)", re.IGNORECASE)


class Signal(StrEnum):
    """What, without a model, tells from a trace's structure that a theme concerns it."""

    ERROR = "error"
    """It ended with an error, broke off, or a tool or a step in it failed."""
    SLOW = "slow"
    """It took much longer than most, or repeated the same calls."""
    FRICTION = "friction"
    """The user said the same again, complained, was handed over, or got no answer."""
    REQUEST = "request"
    """The user asked for something that nothing in the trace did."""
    SUCCESS = "success"
    """It ended with an answer, and nothing of the other kinds happened on the way."""


class DateRange(Strict):
    """Which traces by time: an absolute range, or the last N days before each run."""

    start: UtcTime | None = None
    """From then on."""
    end: UtcTime | None = None
    """Before then."""
    last_days: int | None = Field(None, ge=1, le=36_500)
    """A rolling range; start and end are then empty."""

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, values: Any) -> Any:
        if isinstance(values, str):
            found = _LAST_DAYS.fullmatch(values.strip())
            if not found:
                raise ValueError(f"{values!r} is no date range; write `last 7 days`, or give start and end")
            return {"last_days": int(found[1])}
        return values

    @model_validator(mode="after")
    def _one_kind(self) -> DateRange:
        if self.last_days is not None and (self.start or self.end):
            raise ValueError("last_days goes with neither start nor end; give one or the other")
        if self.start and self.end and self.start >= self.end:
            raise ValueError("start must be before end")
        return self

    def bounds_ms(self, moment: datetime) -> tuple[int | None, int | None]:
        """Start (inclusive) and end (exclusive) in epoch milliseconds for a run at a moment; None where open."""
        if self.last_days is not None:
            return round((moment - timedelta(days=self.last_days)).timestamp() * 1000), None
        return (
            round(self.start.timestamp() * 1000) if self.start else None,
            round(self.end.timestamp() * 1000) if self.end else None,
        )

    def __str__(self) -> str:
        if self.last_days is not None:
            return f"the last {self.last_days} days"
        said = [f"from {self.start:%Y-%m-%d %H:%M}"] if self.start else []
        said += [f"before {self.end:%Y-%m-%d %H:%M}"] if self.end else []
        return " ".join(said) or "all times"


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _no_blanks(conditions: list[str]) -> list[str]:
    for number, condition in enumerate(conditions, 1):
        if not condition.strip():
            raise ValueError(f"condition {number} is empty; leave it out")
    return [condition.strip() for condition in conditions]


Conditions = Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_no_blanks), Field(max_length=50)]


class Theme(StoredEntity):
    """A saved perspective: which traces, what to ask of each, how to group the answers, and when."""

    theme_id: str = Field(pattern=THEME_ID)
    """Of letters, digits, `_` and `-`."""
    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=1000)
    """One sentence; a model reads it to tell whether a trace concerns the theme."""
    base_filters: Conditions = Field(default_factory=list)
    """Conditions in MLflow's trace filter syntax, joined by AND: what any theme over these traces wants."""
    theme_filters: Conditions = Field(default_factory=list)
    """The same for this theme alone; a trace must match both."""
    signals: list[Signal] = Field(default_factory=list)
    """Which traces concern the theme where no model says it: any of these; empty: all that match."""
    sample_rate: float = Field(1.0, gt=0, le=1)
    """Share of the matching traces to read, at random over all of them."""
    sample_seed: int = 0
    max_traces: int | None = Field(None, ge=1)
    """At most this many, at random over all that match."""
    date_range: DateRange = Field(default_factory=DateRange)
    prompt: str = Field("", max_length=20_000)
    """What a model is told about the theme, with placeholders in braces; see PLACEHOLDERS."""
    clustering_config: ClusteringConfig = Field(default_factory=ClusteringConfig)
    schedule: Annotated[str, AfterValidator(read_schedule)] = MANUAL
    """manual, every N minutes, hourly, daily, weekly."""
    enabled: bool = True
    """Whether it runs where nobody names it."""
    model: str | None = None
    """A model of the endpoint, or `offline`; None: as for any insight."""
    tag_traces: bool = False
    """Whether its traces are tagged with their cluster."""
    alert_rules: list[AlertRule] = Field(default_factory=list, max_length=20)
    """When somebody must hear of a topic."""

    @field_validator("prompt")
    @classmethod
    def _known_placeholders(cls, prompt: str) -> str:
        for found in _PLACEHOLDER.finditer(prompt):
            if found[1] and found[1] not in PLACEHOLDERS:
                raise ValueError(_unknown_placeholder(prompt, found))
        return prompt

    @property
    def conditions(self) -> list[str]:
        """The conditions of both filters."""
        return [*self.base_filters, *self.theme_filters]

    @property
    def one_line(self) -> str:
        """Name and description in a line."""
        return f"{self.name}: {self.description}" if self.description else self.name

    def prompt_text(self) -> str:
        """The prompt with its placeholders filled in; `{{` and `}}` are braces."""
        values = {
            "name": self.name,
            "description": self.description,
            "filters": filter_of(self.conditions) or "none",
            "signals": ", ".join(self.signals) or "none",
            "date_range": str(self.date_range),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]] if found[1] else found[0][0], self.prompt).strip()


def filter_of(conditions: list[str]) -> str | None:
    """Conditions as one filter of MLflow; None where there is none."""
    return " AND ".join(conditions) or None


def _unknown_placeholder(prompt: str, found: re.Match[str]) -> str:
    line = prompt.count("\n", 0, found.start()) + 1
    column = found.start() - (prompt.rfind("\n", 0, found.start()) + 1) + 1
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    more = (
        " The trace itself follows the prompt by itself, in a message of its own"
        if found[1] in _CONTENT_NAMES
        else f" Write {{{found[0]}}} for the same in braces"
    )
    return (
        f"{found[0]} at position {found.start() + 1} (line {line}, column {column}) is no placeholder; "
        f"there are {known}.{more}"
    )
