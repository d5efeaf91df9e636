"""Private data out of text before it leaves the process.

What is found by form is removed: emails, phone, card and bank account numbers, keys and tokens, values of fields that
are named as secrets, and whatever the user adds. Names and addresses of people have no form; they are not found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from insights_core import settings
from insights_core.errors import InvalidParameterError


def _luhn(text: str) -> bool:
    """Whether the digits carry a valid check digit, as card numbers do and order numbers mostly don't."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    """Whether the check digits of ISO 13616 are right."""
    packed = text.replace(" ", "")
    return 15 <= len(packed) <= 34 and int("".join(str(int(char, 36)) for char in packed[4:] + packed[:4])) % 97 == 1


_TOKENS = (
    r"sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{30,}|(?:AKIA|ASIA)[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|[rs]k_(?:live|test)_\w{16,}|dapi[0-9a-f]{32}|SG\.[\w-]{16,}\.[\w-]{16,}"
)

# name -> (what must stand in the text for a look to be worth it, pattern, check)
_BUILT_IN: dict[str, tuple[tuple[str, ...], str, Callable[[str], bool] | None]] = {
    "private key": (("PRIVATE KEY",), r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END)[^\n]){0,20000}(?:-----END [A-Z ]*PRIVATE KEY-----)?", None),
    "token": (("sk-", "gh", "glpat", "hf_", "xox", "AIza", "KIA", "SIA", "eyJ", "k_live", "k_test", "dapi", "SG."), rf"(?<![A-Za-z0-9_-])(?:{_TOKENS})", None),
    "bearer": (("earer ", "asic "), r"(?<=[Bb]earer )[\w.~+/-]{12,}=*|(?<=[Bb]asic )[A-Za-z0-9+/]{16,}=*", None),
    "secret": (("assw", "ASSW", "ecret", "ECRET", "api", "API", "oken", "OKEN"), r"(?:(?<=password)|(?<=passwd)|(?<=secret)|(?<=api_key)|(?<=apikey)|(?<=api-key)|(?<=access_token)|(?<=auth_token)|(?<=client_secret)|(?<=refresh_token))[\\\"']{0,3}\s{0,3}[:=]\s{0,3}[\\\"']{0,3}(?!\[)[^\s\\\"',;&}\])]{4,}", None),
    "email": (("@",), r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])", None),
    "iban": ((), r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", _iban),
    "card": ((), r"(?<![\w.-])[3-6]\d{3}(?:[ -]?\d){9,15}(?![\w-]|\.\d)", _luhn),
    "phone": ((), r"(?<![\w.+-])(?:\+\d{1,3}(?:[ .()-]{0,2}\d){7,13}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w-])", None),
}  # fmt: skip


def _user_pattern(name: str, pattern: str) -> re.Pattern[str]:
    """A pattern of the user, compiled.

    Raises:
        InvalidParameterError: It is no regular expression, matches nothing at all, or could run for ever.
    """
    try:
        compiled = re.compile(pattern)
        nested = _nested_repeat(re._parser.parse(pattern))  # type: ignore[attr-defined]
    except (re.error, TypeError, RecursionError) as error:
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
    return compiled


def _nested_repeat(parsed: Any, inside: bool = False) -> bool:
    """Whether an unlimited repetition stands inside an unlimited repetition."""
    for operator, argument in parsed:
        if str(operator) in ("MAX_REPEAT", "MIN_REPEAT"):
            unlimited = argument[1] > 1000
            if (unlimited and inside) or _nested_repeat(argument[2], inside or unlimited):
                return True
        elif isinstance(argument, tuple):
            for part in argument:
                for branch in part if isinstance(part, list) else [part]:
                    if hasattr(branch, "data") and _nested_repeat(branch, inside):
                        return True
    return False


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
        for name, (signs, pattern, check) in _COMPILED.items():
            if not signs or any(sign in text for sign in signs):
                text = self._replaced(text, name, pattern, check)
        return text

    def _replaced(self, text: str, name: str, pattern: re.Pattern[str], check: Callable[[str], bool] | None) -> str:
        def mark(match: re.Match[str]) -> str:
            found = match.group()
            if check and not check(found):
                return found
            self.counts[name] += 1
            # A secret's match begins with what stands between name and value.
            lead = re.match(r"[\\\"']*\s*[:=]\s*[\\\"']*", found) if name == "secret" else None
            return (lead.group() if lead else "") + f"[{name}]" + "\n" * found.count("\n")

        return pattern.sub(mark, text)


_COMPILED = {
    name: (signs, re.compile(pattern, re.IGNORECASE if name == "secret" else 0), check)
    for name, (signs, pattern, check) in _BUILT_IN.items()
}
