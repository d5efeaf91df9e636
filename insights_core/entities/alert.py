"""Rules of a theme that say when somebody must hear of a topic, and the alerts that come of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from insights_core.entities.common import Record, StoredEntity, Strict, UtcTime


class AlertKind(StrEnum):
    """What a rule looks for, in every topic of its theme."""

    EXCEEDS = "exceeds"
    """More than `threshold` traces in a window."""
    GROWS = "grows"
    """More than `threshold` percent more traces in a window than in the one before, beyond what chance explains."""
    NEW = "new"
    """A topic that was not there before."""
    FAILURES = "failures"
    """More than `threshold` percent of a topic's traces in a window failed, beyond what chance explains."""


class Channel(StrEnum):
    """Where an alert goes."""

    LOG = "log"
    WEBHOOK = "webhook"
    SLACK = "slack"


class AlertRule(Strict):
    """One rule. Two rules with the same kind, threshold and window are the same rule."""

    kind: AlertKind
    threshold: float | None = Field(None, ge=0)
    """Traces, or percent; a new topic needs none."""
    window_days: int = Field(7, ge=1, le=92)
    """Length of the windows; they are counted from a Monday, UTC."""
    notify: list[Channel] = Field(default_factory=lambda: [Channel.LOG])
    """Where its alerts go."""

    @model_validator(mode="after")
    def _has_threshold(self) -> AlertRule:
        if self.threshold is None and self.kind != AlertKind.NEW:
            raise ValueError(f"a rule of kind {self.kind} needs a threshold")
        return self

    @property
    def key(self) -> str:
        """What tells it from other rules."""
        bare = "" if self.threshold is None else f"-{self.threshold:g}"
        return f"{self.kind}{bare}-{self.window_days}d"


class Delivery(Record):
    """What became of an alert on one channel."""

    channel: Channel
    state: Literal["pending", "delivered", "failed"] = "pending"
    """failed: it is tried again with the theme's next run."""
    attempts: int = 0
    error: str = ""
    """Why it failed, without the address."""
    at: UtcTime | None = None
    """Of the last attempt."""


class Alert(StoredEntity):
    """One event that a rule found. Its id follows from the event, so that nobody can raise it twice."""

    alert_id: str
    theme_id: str
    rule: AlertRule
    cluster_id: str
    title: str
    """The topic's."""
    message: str
    """What happened, in a sentence."""
    window_start: UtcTime
    count: int
    """Traces of the topic in the window."""
    run_id: str
    """The insight that it was found in."""
    deliveries: list[Delivery] = Field(default_factory=list)
    claimed_at: UtcTime | None = None
    """When a worker began to deliver it; None while none does."""
    claimed_by: str = ""
    """A token of that worker's."""

    @property
    def open(self) -> bool:
        """Whether somebody who should hear of it has not."""
        return any(one.state != "delivered" for one in self.deliveries)
