"""Cited lines are looked up; invented quotes do not pass."""

from __future__ import annotations

import pytest

from insights_core.entities import Claim, TraceSummary
from insights_core.insight.reading.claims import check_claims

TEXT = """L001 trace 8.2 s ERROR
L002 user: Hi, I’d like to cancel my flight — mail me at [email].
L003 tool call cancel_reservation {"reservation_id": "ABC", "note": "she said \\"please\\"\\nthanks"}
L004 tool result: Error: reservation is not
L005 refundable under rule 7
L006 assistant: I am unable to cancel it, but I'm not giving up."""


def confirmed(quote: str, *lines: int) -> bool:
    _, checked, good = check_claims(
        TraceSummary(title="t", summary="s", claims=[Claim(text="c", lines=list(lines), quote=quote)]), TEXT
    )
    assert checked == 1
    return good == 1


@pytest.mark.parametrize(
    ("quote", "lines"),
    [
        ("I'd like to cancel my flight", [2]),
        ("i'd LIKE to   cancel\nmy flight", [2]),
        ("cancel my flight - mail me at [email]", [2]),
        ("mail me at [email]", [2]),
        ('she said "please" thanks', [3]),
        ("reservation is not refundable", [4, 5]),
        ("L004 Error: reservation is not", [4]),
        ("Error: … not", [4]),
        ("“unable to cancel it”", [6]),
        ("unable to cancel it, but I'm not giving up.", [5, 6]),
    ],
)
def test_what_stands_there_is_confirmed(quote, lines):
    assert confirmed(quote, *lines)


@pytest.mark.parametrize(
    ("quote", "lines"),
    [
        ("I want to cancel my flight", [2]),
        ("able to cancel it", [6]),
        ("cancel my flight", [3]),
        ("cancel my flight", [2, 99]),
        ("cancel my flight", []),
        ("", [2]),
        ("…", [2]),
        ("it", [6]),
        ("not … Error", [4]),
        ("[email]", [3]),
        ("call me at [phone]", [2]),
        ("reservation is refundable", [4, 5]),
        ("cancel my flight", list(range(1, 7)) * 10 + [7]),
    ],
)
def test_what_does_not_stand_there_is_not(quote, lines):
    assert not confirmed(quote, *lines)


def test_a_redacted_value_may_stand_in_the_text_as_it_was():
    summary = TraceSummary(
        title="t", summary="s", claims=[Claim(text="c", lines=[1], quote="mail me at [email] today")]
    )
    assert check_claims(summary, "L001 please mail me at ann@example.com today")[2] == 1
    assert check_claims(summary, "L001 please mail me at ann@example.com tomorrow")[2] == 0


def test_only_unconfirmed_claims_and_errors_are_removed():
    good, bad = (
        Claim(text="g", lines=[4], quote="Error: reservation is not"),
        Claim(text="b", lines=[4], quote="Error: timeout"),
    )
    summary = TraceSummary(title="t", summary="s", claims=[good, bad], errors=[bad, good])
    kept, checked, right = check_claims(summary, TEXT)
    assert (checked, right) == (4, 2)
    assert kept.claims == [good] and kept.errors == [good]
    assert len(summary.claims) == 2


def test_hostile_quotes_and_texts_are_quick():
    import time

    began = time.monotonic()
    for quote in ("[ab] " * 300 + "(a+)+$ .* \\", "a [email] " * 40 + "z", "… a " * 3000, "a " * 20_000 + "z"):
        claim = Claim(text="c", lines=[1], quote=quote)
        check_claims(TraceSummary(title="t", summary="s", claims=[claim]), "L001 " + "a a " * 5000)
    assert time.monotonic() - began < 2


DESK = """L001 user: Please move my two seats to row 14, Anna is afraid of heights.
L002 assistant: The voucher of 40 euros was not issued because the shop is closed.
L003 assistant: I have booked the ferry to Bergen for three people.
L004 user: Der Gutschein wurde nicht eingelöst."""


def held(text: str, quote: str, line: int) -> bool:
    claim = Claim(text=text, lines=[line], quote=quote)
    return check_claims(TraceSummary(title="t", summary="s", claims=[claim]), DESK)[2] == 1


@pytest.mark.parametrize(
    ("text", "quote", "line"),
    [
        ("The user wants two seats moved to row 14.", "move my two seats to row 14", 1),
        ("A voucher of 40 euros was not issued.", "was not issued because the shop is closed", 2),
        ("The agent booked the ferry for 3 people.", "I have booked the ferry to Bergen", 3),
        ("Der Gutschein wurde nicht eingelöst.", "Der Gutschein wurde nicht eingelöst", 4),
    ],
)
def test_a_claim_that_says_what_its_line_says_holds(text, quote, line):
    assert held(text, quote, line)


@pytest.mark.parametrize(
    ("text", "quote", "line"),
    [
        ("The voucher was issued.", "issued because the shop is closed", 2),
        ("The voucher of 40 euros was issued because the shop is closed.", "issued because the shop is closed", 2),
        ("The ferry to Bergen was not booked.", "I have booked the ferry to Bergen", 3),
        ("The voucher of 70 euros was not issued.", "was not issued because", 2),
        ("The agent booked the ferry for four people.", "I have booked the ferry to Bergen", 3),
        ("The agent booked the ferry to Stavanger.", "I have booked the ferry", 3),
        ("The agent asks to move two seats to row 14.", "move my two seats to row 14", 1),
        ("The user booked the ferry to Bergen.", "I have booked the ferry to Bergen", 3),
        ("The password of the router expired yesterday.", "I have booked the ferry to Bergen", 3),
        ("Der Gutschein wurde eingelöst.", "Der Gutschein wurde nicht eingelöst", 4),
    ],
)
def test_a_claim_that_says_otherwise_than_its_own_quote_does_not_hold(text, quote, line):
    assert not held(text, quote, line)
