"""Numbers that are private, told from ordinary ones by their check digits and numbering plans, or by what stands before."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What a number that only looks private is called: "order 415-555-2671" is no phone number.
_ORDINARY = re.compile(
    r"(?:order|invoice|booking|reservation|confirmation|ticket|tracking|case|room|flight|sku|isbn|ean|upc|serial|part|model|version|item|product"
    r"|article|chapter|pages?|ref(?:erence)?|transaction|shipment|parcel|policy|claim|loyalty|member(?:ship)?|account|customer|user|session|task|job|id|chr\w*)"
    r"(?:[ _-]?(?:number|num|no|nr|id|code|key))?[^\w\n]{0,4}(?:(?:is|was|of|no|nr)\b[^\w\n]{1,3})?$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)|\d{4}([./-])\d{1,2}\2\d{1,2}(?!\d)")
# Where a number with no country's sign may be dialled; the first plan that has it decides.
_REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "IT",
    "ES",
    "AU",
    "JP",
    "NL",
    "IN",
    "BR",
    "CN",
    "KR",
    "CH",
    "AT",
    "BE",
    "SE",
    "PL",
    "ZA",
    "MX",
    "TR",
)


def is_called_ordinary(before: str) -> bool:
    """Whether what stands before a number calls it an order, a room, a version, …"""
    return _ORDINARY.search(before[-40:]) is not None


def _ends(found: str) -> Iterator[int]:
    """Where a number may end: at its end, or before one of its blanks or hyphens, as other numbers may follow it."""
    yield len(found)
    yield from (place for place in range(len(found) - 1, 0, -1) if found[place] in " -")


def card(found: str, _: str) -> int:
    """How much of the digits is a card number, by its check digit, which order numbers mostly have not."""
    digits = [int(char) for char in found if char.isdecimal()]
    for end in _ends(found):
        count = len(digits) - sum(char.isdecimal() for char in found[end:])
        if count < 13:
            break
        if _luhn(digits[:count]):
            return end
    return 0


def _luhn(digits: list[int]) -> bool:
    # python-stdnum's takes five times as long, and a trace can be a table of numbers.
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban(found: str, _: str) -> int:
    """How much of it is an account number, by the check digits of ISO 13616 and the country's form."""
    from stdnum import iban as standard

    for end in _ends(found):
        if end >= 15 and standard.is_valid(found[:end], check_country=False):
            return end
    return 0


def local_phone(found: str, before: str) -> int:
    """How much of it some country's numbering plan has, where nothing calls it an order, a date or a room."""
    import phonenumbers

    if is_called_ordinary(before) or _DATE.match(found):
        return 0
    for end in _ends(found):
        digits = sum(char.isdecimal() for char in found[:end])
        if digits < 9:
            return 0
        for region in _REGIONS:
            try:
                number = phonenumbers.parse(found[:end], region)
            except phonenumbers.NumberParseException:
                break
            if phonenumbers.is_valid_number(number):
                return end
    return 0


def american_phone(found: str, before: str) -> int:
    """All of it, unless something else is meant: 555 numbers are in no plan, and people give them all the same."""
    return 0 if is_called_ordinary(before) else len(found)


def american_id(found: str, before: str) -> int:
    """A social security or taxpayer number by its form; areas 000 and 666 are never given out."""
    return 0 if found[:3] in ("000", "666") or is_called_ordinary(before) else len(found)


def national_id(found: str, before: str) -> int:
    """All of it where one of the countries whose ids have this form gave it, by birth date and check digits."""
    from stdnum.br import cpf
    from stdnum.cn import ric
    from stdnum.es import dni, nie
    from stdnum.it import codicefiscale

    if is_called_ordinary(before):
        return 0
    return len(found) if any(kind.is_valid(found) for kind in (cpf, ric, dni, nie, codicefiscale)) else 0
