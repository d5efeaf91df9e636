"""Private data goes, ordinary numbers stay."""

from __future__ import annotations

import time

import pytest

from insights_core.errors import InvalidParameterError
from insights_core.traces.redaction import Redactor


@pytest.mark.parametrize(
    ("private", "kind"),
    [
        ("jane.doe+x@sub.example.co.uk", "email"),
        ("+49 170 1234567", "phone"),
        ("(415) 555-2671", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("sk-" + "a1" * 12, "token"),
        ("ghp_" + "a1" * 18, "token"),
        ("AKIA" + "A1" * 8, "token"),
        ("Bearer abcdefghijklmnop.qrst", "bearer"),
        ('"password": "hunter2hunter"', "secret"),
        ("api_key=abcd1234", "secret"),
    ],
)
def test_private_data_is_replaced_and_counted(private: str, kind: str) -> None:
    redactor = Redactor()
    text = redactor.redact(f"L001 it is {private} here\nL002 bye")
    assert f"[{kind}]" in text
    assert private not in text
    assert text.count("\n") == 1
    assert redactor.counts == {kind: 1}


@pytest.mark.parametrize(
    "ordinary",
    [
        "order 8107664", "2024-05-20 15:00:00", "2024-05-20T15:00:00.123Z", "123e4567-e89b-12d3-a456-426614174000",
        "tr-d53eedf46a4e668e35d3ca5641bdaf8e", "flight NW1378", "$1,203.50", "1795227155782", "AGENT run · 1234 ms", "tokens: 123",
    ],
)  # fmt: skip
def test_ordinary_things_stay(ordinary: str) -> None:
    assert Redactor().redact(ordinary) == ordinary


def test_patterns_of_the_user_count_under_their_name(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patterns.yaml").write_text("member: 'M-[0-9]{6}'\n", encoding="utf-8")
    monkeypatch.setenv("INSIGHTS_REDACT_PATTERNS", str(tmp_path / "patterns.yaml"))
    redactor = Redactor({"seat": r"seat \d+[A-F]"})
    assert redactor.redact("M-123456 in seat 12C") == "[member] in [seat]"
    assert redactor.counts == {"member": 1, "seat": 1}


@pytest.mark.parametrize("wrong", ["(", "a*", "(a+)+b"])
def test_a_wrong_pattern_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(InvalidParameterError, match="member"):
        Redactor({"member": wrong})


@pytest.mark.parametrize("piece", ["a", "a@", "1 ", "4111 ", "a.b.", "DE89 ", "+1", "password="])
def test_a_megabyte_takes_seconds_at_most(piece: str) -> None:
    started = time.perf_counter()
    Redactor().redact(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - started < 10
