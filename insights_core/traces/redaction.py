"""Private data out of text before it leaves the process.

What is found by form is removed: emails, phone, card and bank account numbers, keys and tokens, values of fields that
are named as secrets, and whatever the user adds. Names and addresses of people have no form; they are not found.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from insights_core import settings
from insights_core.errors import InvalidParameterError

_SLOW_S = 0.2  # for a text of a few hundred characters; patterns without a flaw take microseconds


def _luhn(digits: list[int]) -> bool:
    """Whether the last is a valid check digit, as card numbers have and order numbers mostly don't."""
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _ends(found: str) -> list[int]:
    """Where a number may end: at its end, or before one of its blanks or hyphens, as other numbers may follow it."""
    return [len(found), *(place for place in range(len(found) - 1, 0, -1) if found[place] in " -")]


def _card(found: str) -> int:
    """How much of the digits is a card number."""
    for end in _ends(found):
        digits = [int(char) for char in found[:end] if char.isdigit()]
        if len(digits) >= 13 and _luhn(digits):
            return end
    return 0


def _iban(found: str) -> int:
    """How much of it is an account number, by the check digits of ISO 13616."""
    for end in _ends(found):
        packed = found[:end].replace(" ", "")
        if 15 <= len(packed) <= 34 and int("".join(str(int(char, 36)) for char in packed[4:] + packed[:4])) % 97 == 1:
            return end
    return 0


_TOKENS = (
    r"sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|AIza[\w-]{30,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|[rs]k_(?:live|test)_\w{16,}|dapi[0-9a-f]{32}|SG\.[\w-]{16,}\.[\w-]{16,}"
)
_FIELD_NAMES = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|private[_-]?key"
    r"|(?:access|auth|refresh|bearer|session|id)[_-]?token)"
)
# A key may stand on one line or on many; its end may be cut off. It never reaches into the next numbered line.
_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?:(?!-----|\nL\d{3,} )[\s\S]){0,10000}-----END [A-Z ]{0,40}PRIVATE KEY-----"
    r"|[A-Za-z0-9+/=\\ ]{0,10000}(?:\n[A-Za-z0-9+/=]{20,}){0,200})"
)

# name -> (what must stand in the text, in small letters, for a look to be worth it; pattern; how much of a find counts)
# A group named `lead` stays as it is.
_BUILT_IN: dict[str, tuple[tuple[str, ...], str, Callable[[str], int] | None]] = {
    "private key": (("private key",), _PRIVATE_KEY, None),
    "token": (("sk-", "gh", "glpat", "hf_", "xox", "xapp", "aiza", "kia", "sia", "eyj", "k_live", "k_test", "dapi", "sg."), rf"(?<![A-Za-z0-9_-])(?:{_TOKENS})", None),
    "bearer": (("bearer ", "basic "), r"(?P<lead>\b(?:[Bb]earer|BEARER) )[\w.~+/-]{12,}=*|(?P<lead2>\b[Bb]asic )[A-Za-z0-9+/]{16,}=*", None),
    "secret": (("pass", "pwd", "secret", "key", "token"), rf"(?i:(?P<lead>{_FIELD_NAMES}[\\\"']{{0,4}}\s{{0,3}}[:=]\s{{0,3}}(?P<quote>\\{{0,3}}[\"'])))(?!\[)[^\n]{{3,300}}?(?=(?P=quote))|(?i:(?P<lead2>{_FIELD_NAMES}[\\\"']{{0,4}}\s{{0,3}}[:=]\s{{0,3}}[\\\"']{{0,4}}))(?!\[)[^\s\\\"',;&}}\])]{{4,}}", None),
    "credentials": (("://",), r"(?P<lead>://)[^\s/:@\"']{1,100}:[^\s/@\"']{1,200}(?=@)", None),
    "email": (("@", "%40"), r"(?<![\w.+-])[\w.+-]{1,320}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])", None),
    "iban": ((), r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])", _iban),
    "card": ((), r"(?<![\w.-])(?:[3-6]\d{3}|2[2-7]\d\d)(?:[ -]?\d){9,15}(?![\w-]|\.\d)", _card),
    "phone": ((), r"(?<![\w.+-])(?:\+\d{1,3}(?:[ .()/-]{0,2}\d){7,13}|(?:1[ .-])?\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}|(?<!\d )00\d{1,3}(?:[ ./-]\d{2,11}){2,5})(?![\w-])", None),
    "phone ": (("phone", "mobile", "tel", "cell", "fax", "whatsapp"), r"(?i:(?P<lead>(?:phone|mobile|tel|cell|fax|whatsapp)[a-z_]{0,10}[^\w\n]{0,8}(?:(?:number|no|is|at)[^\w\n]{1,4}){0,2}))\(?\d(?:[ ()./-]{0,2}\d){6,13}(?![\w-])", None),
}  # fmt: skip


@lru_cache(maxsize=256)
def _user_pattern(name: str, pattern: str) -> re.Pattern[str]:
    """A pattern of the user, compiled.

    Raises:
        InvalidParameterError: It is no regular expression, matches the empty text, or could run for ever.
    """
    try:
        compiled = re.compile(pattern)
        parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
        nested = _nested_repeat(parsed)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} is no regular expression: {error}.", field=name
        ) from error
    if compiled.search("") is not None:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} matches the empty text, so it would match everywhere.", field=name
        )
    if nested:
        raise InvalidParameterError(
            f"The redaction pattern {name!r} repeats a repetition, as (a+)* does, which can take for ever on some texts. "
            "Give the inner one a limit, such as {1,50}.",
            field=name,
        )
    if length := _slow_at(compiled, _examples(parsed)):
        raise InvalidParameterError(
            f"The redaction pattern {name!r} takes too long on a text of {length} characters: it can match one text in "
            "too many ways, as (a|aa)+b does. Make its alternatives exclude each other, and repeat fewer of them.",
            field=name,
        )
    return compiled


def _parts(argument: Any) -> Iterator[Any]:
    """The patterns inside an operator's argument."""
    for part in argument if isinstance(argument, tuple) else (argument,):
        for branch in part if isinstance(part, list) else [part]:
            if hasattr(branch, "data"):
                yield branch


def _nested_repeat(parsed: Any, inside: bool = False) -> bool:
    """Whether an unlimited repetition stands inside an unlimited repetition."""
    for operator, argument in parsed:
        repeats = str(operator) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] > 1000
        if (repeats and inside) or any(_nested_repeat(part, inside or repeats) for part in _parts(argument)):
            return True
    return False


def _examples(parsed: Any) -> list[str]:
    """A few characters that a pattern looks for."""
    found: list[str] = []

    def look(operator: Any, argument: Any) -> None:
        name = str(operator)
        if name == "LITERAL":
            found.append(chr(argument))
        elif name == "RANGE":
            found.append(chr(argument[0]))
        elif name == "CATEGORY":
            found.append({"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(argument), "a"))
        elif name in ("ANY", "NOT_LITERAL"):
            found.append("a")
        elif name == "IN":
            for inner in argument:
                look(*inner)
        for part in _parts(argument) if name != "IN" else ():
            for inner in part:
                look(*inner)

    for each in parsed:
        look(*each)
    return list(dict.fromkeys(found))[:12]


def _slow_at(pattern: re.Pattern[str], examples: list[str]) -> int:
    """The length at which a text of the pattern's own characters takes it more than a moment; 0 where none does."""
    together = "".join(examples)
    for piece in [*examples, together]:
        for length in (*range(10, 40, 2), 100, 200, 400, 800, 1600):
            text = (piece * length)[:length] + "\x00"
            started = time.process_time()
            pattern.search(text)
            if time.process_time() - started > _SLOW_S:
                return length
    return 0


def _patterns_of_settings() -> dict[str, str]:
    """The patterns in the file that INSIGHTS_REDACT_PATTERNS names."""
    path = settings.INSIGHTS_REDACT_PATTERNS.get()
    if not path:
        return {}
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidParameterError(f"INSIGHTS_REDACT_PATTERNS names {path}, which cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidParameterError(f"{path} must hold `name: regular expression` pairs, not {type(found).__name__}.")
    return {str(name): str(pattern) for name, pattern in found.items()}


class Redactor:
    """Replaces private data by its kind, such as [email].

    Args:
        patterns: Name -> regular expression, besides the built-in ones and those of INSIGHTS_REDACT_PATTERNS.

    Attributes:
        counts: Kind -> how often it was replaced so far.

    Raises:
        InvalidParameterError: A pattern is unusable; the message names it.
    """

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        own = {**_patterns_of_settings(), **(patterns or {})}
        self._user = [(name, _user_pattern(name, pattern)) for name, pattern in own.items()]

    def redact(self, text: str) -> str:
        """The text without private data; lines and their numbers stay as they are."""
        for name, pattern in self._user:
            text = self._replaced(text, name, pattern, None)
        lowered = text.lower()
        for name, (signs, pattern, check) in _COMPILED.items():
            if not signs or any(sign in lowered for sign in signs):
                text = self._replaced(text, name.strip(), pattern, check)
        return text

    def _replaced(self, text: str, name: str, pattern: re.Pattern[str], check: Callable[[str], int] | None) -> str:
        leads = [group for group in ("lead", "lead2") if group in pattern.groupindex]

        def mark(match: re.Match[str]) -> str:
            found = match.group()
            end = check(found) if check else len(found)
            if not end:
                return found
            self.counts[name] += 1
            lead = next((match[group] for group in leads if match[group]), "")
            return f"{lead}[{name}]" + "\n" * found.count("\n", len(lead)) + found[end:]

        return pattern.sub(mark, text)


_COMPILED = {name: (signs, re.compile(pattern), check) for name, (signs, pattern, check) in _BUILT_IN.items()}
