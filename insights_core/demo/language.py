"""Text that varies: templates with choices and slots, ways of speaking, typing mistakes.

Template syntax: `[a|b|c]` takes one of the choices (they nest), `{slot}` a value that stays the same within a
trace; `{slot_2}` is a second value of the same kind. In values, `#` becomes a digit and `?` a capital letter.
"""

from __future__ import annotations

import random
import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_INNERMOST_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+?)(_\d)?\}")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@cache
def values() -> dict[str, Any]:
    """What slots are filled with, and the phrases that all scenarios share."""
    return yaml.safe_load(files("insights_core.demo").joinpath("values.yaml").read_text(encoding="utf-8"))


class Voice:
    """Fills templates for one trace; the same random numbers give the same text.

    Args:
        rng: Decides every choice.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._filled: dict[str, str] = {}

    def say(self, template: Any) -> Any:
        """The template with choices made and slots filled; mappings and lists are filled leaf by leaf."""
        if isinstance(template, str):
            return _SLOT.sub(lambda match: self._value(match.group(1), match.group(0)), self._choose(template))
        if isinstance(template, dict):
            return {key: self.say(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.say(value) for value in template]
        return template

    def _choose(self, text: str) -> str:
        while _INNERMOST_CHOICE.search(text):
            text = _INNERMOST_CHOICE.sub(lambda match: self._rng.choice(match.group(1).split("|")), text)
        return text

    def _value(self, kind: str, slot: str) -> str:
        if slot not in self._filled:
            self._filled[slot] = self._invent(kind, slot)
        return self._filled[slot]

    def _invent(self, kind: str, slot: str) -> str:
        if kind == "fake_key":
            return fake_key(self._rng)
        if kind == "fake_card":
            return fake_card(self._rng)
        known = values()["slots"].get(kind)
        if known is None:
            return slot
        # Choices in values may use other slots of the same trace, as an email address uses the name.
        used = set(self._filled.values())
        fresh = [item for item in known if item not in used] or known
        return self.say("".join(self._symbol(char) for char in self._rng.choice(fresh)))

    def _symbol(self, char: str) -> str:
        if char == "#":
            return str(self._rng.randrange(10))
        return self._rng.choice(_LETTERS) if char == "?" else char


def fake_key(rng: random.Random) -> str:
    """Looks like a key to a redactor and opens nothing; put together here so that no scanner finds one in the files."""
    body = "".join(rng.choice("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(32))
    return "-".join(("sk", "demo" + body))


def fake_card(rng: random.Random) -> str:
    """A number of 16 digits in a range that no bank issues, with a right check digit."""
    digits = [9, 9, 9, 9] + [rng.randrange(10) for _ in range(11)]
    doubled = [digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)]
    digits.append(-sum(doubled) % 10)
    text = "".join(map(str, digits))
    return " ".join(text[start : start + 4] for start in range(0, 16, 4))


def speak_as(persona: str, text: str, rng: random.Random, voice: Voice, first: bool) -> str:
    """A user's message in a way of speaking; the persona is one of those in values.yaml."""
    manner = values()["personas"][persona]
    if first and rng.random() < manner.get("opening_chance", 0.5):
        text = f"{voice.say(rng.choice(manner['openings']))} {text}"
    if rng.random() < manner.get("closing_chance", 0.3):
        text = f"{text} {voice.say(rng.choice(manner['closings']))}"
    if manner.get("lower"):
        text = text.lower().replace(".", "")
    if manner.get("typos"):
        text = _mistype(text, rng, manner["typos"])
    return text.upper() if rng.random() < manner.get("shout_chance", 0) else text


def _mistype(text: str, rng: random.Random, rate: float) -> str:
    words = text.split(" ")
    for place, word in enumerate(words):
        # Codes, amounts and addresses are copied, not typed.
        if len(word) > 3 and word.isalpha() and rng.random() < rate:
            at = rng.randrange(1, len(word) - 1)
            swap = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            words[place] = rng.choice([swap, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]])
    return " ".join(words)
