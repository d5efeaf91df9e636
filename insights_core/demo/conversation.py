"""A scenario's steps as one concrete conversation: who says what, which tool answers what, how long it takes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from insights_core.demo.language import Voice, speak_as, values


@dataclass(slots=True)
class Step:
    """One thing that happens. What the fields mean depends on the kind."""

    kind: Literal["user", "agent", "tool", "search", "model_error"]
    text: str = ""
    """What is said; for a search the query, for a model error the message."""
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    """A tool's answer, or the documents of a search."""
    is_error: bool = False
    duration_ms: int = 0


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    """Every scenario by its label."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(files("insights_core.demo").joinpath("scenarios").iterdir(), key=lambda item: item.name):
        if file.name.endswith(".yaml"):
            for scenario in yaml.safe_load(file.read_text(encoding="utf-8")):
                found[scenario["label"]] = scenario
    return found


def converse(scenario: dict[str, Any], rng: random.Random, locale: str) -> list[Step]:
    """One conversation of a scenario.

    Args:
        scenario: As in scenarios/*.yaml.
        rng: Decides every choice.
        locale: Takes the translation of the first message where the scenario has one.
    """
    voice = Voice(rng)
    persona = rng.choice(list(values()["personas"]))
    steps: list[Step] = []
    skipped_user = False
    for template in scenario["steps"]:
        skipped = rng.random() >= template.get("chance", 1) or (skipped_user and "agent" in template)
        skipped_user = skipped and ("user" in template or skipped_user)
        if skipped:
            continue
        for _ in range(rng.randint(*template.get("repeat", (1, 1)))):
            steps.append(_step(template, rng, voice, persona, locale, first=not steps))
    return steps


def _step(template: dict[str, Any], rng: random.Random, voice: Voice, persona: str, locale: str, first: bool) -> Step:
    if "user" in template:
        translated = template.get(locale[:2])
        if translated:
            return Step("user", voice.say(rng.choice(translated)))
        return Step("user", speak_as(persona, voice.say(rng.choice(template["user"])), rng, voice, first))
    if "agent" in template:
        return Step("agent", _polish(voice.say(rng.choice(template["agent"])), rng, voice))
    if "model_error" in template:
        return Step(
            "model_error",
            voice.say(rng.choice(template["model_error"])),
            duration_ms=_duration(template, rng),
            is_error=True,
        )
    is_error = rng.random() < float(template.get("error", 0))
    if "search" in template:
        documents = rng.sample(template["documents"], min(len(template["documents"]), 3))
        return Step(
            "search",
            voice.say(rng.choice(template["search"])),
            "search_knowledge_base",
            result=voice.say(documents),
            duration_ms=_duration(template, rng),
        )
    results = template["errors"] if is_error else template["results"]
    return Step(
        "tool",
        "",
        template["tool"],
        voice.say(template.get("arguments", {})),
        voice.say(rng.choice(results)),
        is_error,
        _duration(template, rng),
    )


def _polish(text: str, rng: random.Random, voice: Voice) -> str:
    """The small talk that agents wrap around what they say."""
    if rng.random() < 0.35:
        text = f"{voice.say(rng.choice(values()['agent_openings']))} {text}"
    if rng.random() < 0.3:
        text = f"{text} {voice.say(rng.choice(values()['agent_closings']))}"
    return text


def _duration(template: dict[str, Any], rng: random.Random) -> int:
    low, high = template.get("ms", (60, 900))
    # Skewed as latencies are: mostly near the low end.
    return int(low + (high - low) * rng.betavariate(1.6, 4))
