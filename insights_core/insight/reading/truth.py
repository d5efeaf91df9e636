"""What a person says about which traces failed: a rule over tags, assessments and the status, such as `tags.reward < 1`."""

from __future__ import annotations

import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from insights_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

_EXAMPLES = "`tags.reward < 1`, `feedback.correct = false`, `status = 'ERROR' OR tags.solved = 'no'`"
_CONDITION = re.compile(
    r"""\s*(?:(?P<status>status)|(?P<kind>tags?|feedback|assessments?)\.(?:`(?P<quoted>[^`]+)`|"(?P<doubled>[^"]+)"|(?P<name>[^\s=!<>`'"]+)))"""
    r"""\s*(?P<operator><=|>=|!=|=|<|>)\s*(?:'(?P<text>[^']*)'|"(?P<text2>[^"]*)"|(?P<bare>[^\s'"]+))\s*""",
    re.IGNORECASE,
)
_JOINT = re.compile(r"\s*\b(AND|OR)\b", re.IGNORECASE)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUE, _FALSE = {"true", "yes", "pass", "passed"}, {"false", "no", "fail", "failed"}
# Names under which producers and judges keep whether a trace did what was asked.
_TELLING = re.compile(
    r"(?:^|[^a-z])(?:reward|success\w*|solved|resolved|correct\w*|pass(?:ed)?|goal|outcome|completed?)(?:$|[^a-z])"
)
# A verdict that nearly nobody gave says little about the rest; one that is always the same, nothing.
_LEAST_SHARE = 0.2


@dataclass(frozen=True)
class _Condition:
    kind: Literal["status", "tag", "assessment"]
    name: str
    operator: str
    wanted: str

    def holds(self, info: TraceInfo) -> bool | None:
        found = self._value(info)
        if found is None:
            return None
        given, wanted = _comparable(found, self.wanted)
        if type(given) is not type(wanted):
            return self.operator == "!="
        if isinstance(given, str) and self.operator not in ("=", "!="):
            return None
        return _OPERATORS[self.operator](given, wanted)

    def _value(self, info: TraceInfo) -> Any:
        if self.kind == "status":
            return getattr(info.state, "value", str(info.state))
        if self.kind == "tag":
            return (info.tags or {}).get(self.name)
        # Several people may have judged: the latest word counts.
        said = [
            item
            for item in info.assessments or []
            if item.name == self.name and getattr(item, "valid", True) is not False and _value_of(item) is not None
        ]
        return _value_of(max(said, key=lambda item: item.last_update_time_ms or 0)) if said else None


def _value_of(assessment: Any) -> Any:
    return getattr(getattr(assessment, "feedback", None), "value", None)


def _comparable(given: Any, wanted: str) -> tuple[Any, Any]:
    """Both as numbers where both are, else as words: `true`, `yes` and 1 say the same, as tags hold only text."""
    first, second = _number(given), _number(wanted)
    if first is not None and second is not None:
        return first, second
    return str(given).strip().lower(), wanted.strip().lower()


def _number(value: Any) -> float | None:
    word = str(value).strip().lower()
    if word in _TRUE:
        return 1.0
    if word in _FALSE:
        return 0.0
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class FailureRule:
    """Which traces failed, as a person defines it.

    Args:
        text: Conditions on `tags.NAME`, `feedback.NAME` and `status`, joined by AND, or by OR. Numbers compare as
            numbers although MLflow keeps tags as text.

    Raises:
        InvalidParameterError: It cannot be read; the message names the place.
    """

    text: str

    def __post_init__(self) -> None:
        conditions, joints, at = [], set(), 0
        while True:
            match = _CONDITION.match(self.text, at)
            if match is None:
                raise InvalidParameterError(
                    f"The rule {self.text!r} cannot be read at character {at + 1} ({self.text[at : at + 20]!r}). "
                    f"Valid are conditions such as {_EXAMPLES}."
                )
            conditions.append(_condition(match))
            at = match.end()
            if at == len(self.text):
                break
            joint = _JOINT.match(self.text, at)
            if joint is None:
                raise InvalidParameterError(
                    f"The rule {self.text!r} needs AND or OR at character {at + 1}, before {self.text[at : at + 20]!r}."
                )
            joints.add(joint[1].upper())
            at = joint.end()
        if len(joints) > 1:
            raise InvalidParameterError(f"The rule {self.text!r} mixes AND with OR; use one of them.")
        object.__setattr__(self, "_conditions", conditions)
        object.__setattr__(self, "_all", joints != {"OR"})

    def failed(self, info: TraceInfo) -> bool | None:
        """Whether the trace failed; None where it lacks what the rule asks for."""
        said = [condition.holds(info) for condition in self._conditions]  # type: ignore[attr-defined]
        decisive = not self._all  # type: ignore[attr-defined]
        if decisive in said:
            return decisive
        return None if None in said else not decisive


def _condition(match: re.Match[str]) -> _Condition:
    kind: Literal["status", "tag", "assessment"] = (
        "status" if match["status"] else "tag" if match["kind"].lower().startswith("tag") else "assessment"
    )
    wanted = next(value for value in (match["text"], match["text2"], match["bare"]) if value is not None)
    return _Condition(kind, match["quoted"] or match["doubled"] or match["name"] or "", match["operator"], wanted)


def propose_rules(infos: Iterable[TraceInfo]) -> list[str]:
    """Rules that the traces themselves suggest, the one that tells of most traces first.

    A tag or an assessment is proposed whose name speaks of success, whose values are numbers from 0 to 1 or words for
    yes and no, and which both kinds of traces have.
    """
    values: dict[str, Counter[float]] = {}
    total = 0
    for info in infos:
        total += 1
        found = {
            f"tags.{_quoted(key)}": text for key, text in (info.tags or {}).items() if not key.startswith("mlflow.")
        }
        for item in info.assessments or []:
            if not item.name.startswith("mlflow.") and _value_of(item) is not None:
                found[f"feedback.{_quoted(item.name)}"] = _value_of(item)
        for place, value in found.items():
            number = _number(value)
            if number is not None and _TELLING.search(place.split(".", 1)[1].lower()):
                values.setdefault(place, Counter())[number] += 1
    rules = []
    for place, counts in values.items():
        told = sum(counts.values())
        if told >= _LEAST_SHARE * total and len(counts) > 1 and min(counts) >= 0 and max(counts) == 1:
            rules.append((-told, f"{place} < 1"))
    return [rule for _, rule in sorted(rules)]


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\s=!<>`'\".]+", name) else f"`{name}`"
