"""Which trace tells which story, when, for whom: everything about the demo that can be said before its text."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from insights_core.demo.conversation import scenarios
from insights_core.traces.drafts import digest, trace_id_of

DEMO_VERSION = 1
_DAYS = 14
_DAY_MS = 86_400_000
# Conversations end before the moment of loading.
_MARGIN_MS = 15 * 60_000
_TAG_CHOICES: dict[str, dict[str, float]] = {
    "channel": {"web": 0.45, "mobile-app": 0.25, "email": 0.15, "phone": 0.15},
    "locale": {"en-US": 0.5, "en-GB": 0.2, "de-DE": 0.12, "fr-FR": 0.09, "es-ES": 0.09},
    "customer_tier": {"standard": 0.6, "silver": 0.25, "gold": 0.15},
    "agent_version": {"2.3.0": 0.4, "2.4.0": 0.25, "2.4.1": 0.35},
}
_MODELS = {
    "airline-concierge": ["gpt-4o", "gpt-4o-mini"],
    "shop-assistant": ["gpt-4.1-mini", "gpt-4o-mini"],
    "hotel-concierge": ["gpt-4o", "concierge-7b"],
    "it-helpdesk": ["gpt-4o-mini", "concierge-7b"],
}


@dataclass(slots=True)
class Planned:
    """One trace to be: its story and its circumstances."""

    number: int
    trace_id: str
    label: str
    start_ms: int
    session_id: str
    user_id: str
    tags: dict[str, str]
    format: str
    model: str

    @property
    def scenario(self) -> dict[str, Any]:
        return scenarios()[self.label]


def plan_traces(experiment_id: str, traces: int, seed: int, now_ms: int) -> list[Planned]:
    """The same plan for the same arguments.

    Args:
        experiment_id: Goes into the trace ids, which are unique in a store.
        traces: How many.
        seed: Decides everything else.
        now_ms: The moment of loading; the traces lie in the 14 days before.
    """
    rng = random.Random(f"plan:{DEMO_VERSION}:{seed}:{traces}")  # noqa: S311 - stories, not secrets
    labels = _labels(traces, rng)
    sessions = _Sessions(rng)
    return [_planned(number, label, experiment_id, seed, now_ms, rng, sessions) for number, label in enumerate(labels)]


def _labels(traces: int, rng: random.Random) -> list[str]:
    """Each label as often as its weight says, in random order."""
    stories = scenarios()
    total = sum(story["weight"] for story in stories.values())
    labels = [label for label, story in stories.items() for _ in range(round(traces * story["weight"] / total))]
    while len(labels) < traces:
        labels.append(rng.choice(list(stories)))
    rng.shuffle(labels)
    return labels[:traces]


def _planned(
    number: int, label: str, experiment_id: str, seed: int, now_ms: int, rng: random.Random, sessions: _Sessions
) -> Planned:
    story = scenarios()[label]
    form = rng.choice(story["formats"])
    model = rng.choice(
        ["claude-3-5-sonnet-20241022", "claude-3-5-haiku-20241022"] if form == "anthropic" else _MODELS[story["agent"]]
    )
    if form in ("openai", "responses", "langgraph") and model == "concierge-7b" and form != "openai":
        model = "gpt-4o-mini"
    session_id, user_id, start_ms, circumstances = sessions.place(story, now_ms)
    return Planned(
        number,
        trace_id_of("demo", DEMO_VERSION, experiment_id, seed, number),
        label,
        start_ms,
        session_id,
        user_id,
        circumstances,
        form,
        model,
    )


class _Sessions:
    """Places traces in time; now and then a user comes back within the hour, in the same session."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last: dict[str, tuple[str, str, int, dict[str, str]]] = {}

    def place(self, story: dict[str, Any], now_ms: int) -> tuple[str, str, int, dict[str, str]]:
        before = self._last.get(story["agent"])
        # A story with tags of its own would lose its planted correlation in another's session.
        if before and self._rng.random() < 0.35 and not story.get("tags") and not story.get("incident"):
            session_id, user_id, start_ms, tags = before
            start_ms = min(start_ms + self._rng.randrange(4, 40) * 60_000, now_ms - _MARGIN_MS)
        else:
            session_id, user_id = (
                "session-" + digest(self._rng.random())[:12],
                f"user-{self._rng.randrange(10_000):04d}",
            )
            start_ms, tags = _moment(now_ms, self._rng, bool(story.get("incident"))), _tags(story, self._rng)
        self._last[story["agent"]] = session_id, user_id, start_ms, tags
        return session_id, user_id, start_ms, dict(tags)


def _moment(now_ms: int, rng: random.Random, incident: bool) -> int:
    """A time with a daily rhythm, quieter weekends, and for incident stories a bad afternoon three days ago."""
    if incident and rng.random() < 0.6:
        return now_ms - 3 * _DAY_MS - rng.randrange(3 * 3_600_000)
    while True:
        moment = now_ms - _MARGIN_MS - rng.randrange(_DAYS * _DAY_MS - _MARGIN_MS)
        when = datetime.fromtimestamp(moment / 1000, UTC)
        busy = 0.55 + 0.45 * math.cos((when.hour + when.minute / 60 - 14) / 24 * 2 * math.pi)
        if rng.random() < busy * (0.5 if when.weekday() >= 5 else 1):
            return moment


def _tags(story: dict[str, Any], rng: random.Random) -> dict[str, str]:
    tags = {"agent": story["agent"]}
    for key, usual in _TAG_CHOICES.items():
        planted = story.get("tags", {}).get(key)
        tags[key] = _draw(planted, rng) or _draw(usual, rng) or next(iter(usual))
    return tags


def _draw(shares: dict[str, float] | None, rng: random.Random) -> str | None:
    """A key by its share; None for what is left over to one."""
    lot = rng.random()
    for key, share in (shares or {}).items():
        lot -= share
        if lot < 0:
            return key
    return None
