"""Private data goes, ordinary numbers stay. Secrets are made up here piece by piece, so that none stands in this file."""

from __future__ import annotations

import base64
import json
import time

import pytest

from insights_core.errors import InvalidParameterError
from insights_core.traces.redaction import Redactor


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_LETTERS = "Abc1" * 10
_JWT = ".".join([_base64('{"alg":"HS256"}'), _base64('{"sub":"1234567890"}'), _LETTERS])
_DASHES = "-" * 5
_BEGIN, _END = f"{_DASHES}BEGIN RSA PRIVATE KEY{_DASHES}", f"{_DASHES}END RSA PRIVATE KEY{_DASHES}"
_PASSWORD = "hunter" + "2!x"


@pytest.mark.parametrize(
    ("private", "kind"),
    [
        ("jane.doe+x@sub.example.co.uk", "email"),
        ("jane.doe%40example.com", "email"),
        ("j" * 100 + "@example.com", "email"),
        ("jürgen@müller.example", "email"),
        ("+49 170 1234567", "phone"),
        ("+1 (415) 555-2671", "phone"),
        ("+14155552671", "phone"),
        ("(415) 555-2671", "phone"),
        ("415-555-2671", "phone"),
        ("415.555.2671", "phone"),
        ("1-415-555-2671", "phone"),
        ("0049 170 1234567", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("4111111111111111", "card"),
        ("5500-0000-0000-0004", "card"),
        ("2223003122003222", "card"),
        ("3782 822463 10005", "card"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("DE89370400440532013000", "iban"),
        ("gb29 nwbk 6016 1331 9268 19", "iban"),
        ("sk-" + "a1" * 12, "token"),
        ("sk-" + "proj-" + "a1" * 12, "token"),
        ("ghp_" + "a1" * 18, "token"),
        ("AKIA" + "A1" * 8, "token"),
        ("xox" + "b-123456789012-" + _LETTERS, "token"),
        ("hf_" + "aB" * 15, "token"),
        (_JWT, "token"),
        ("Bearer abcdefghijklmnop.qrst", "bearer"),
        ("Basic " + _base64("someone:" + _PASSWORD), "bearer"),
        (f"{_BEGIN} {_LETTERS} {_LETTERS} {_END}", "private key"),
        (f"{_BEGIN}\\n{_LETTERS}\\n{_END}", "private key"),
        (f"https://admin:{_PASSWORD}@db", "credentials"),
    ],
)
def test_private_data_is_replaced_and_counted(private: str, kind: str) -> None:
    redactor = Redactor()
    text = redactor.redact(f"L001 it is {private} here\nL002 bye")
    assert f"[{kind}]" in text
    for piece in private.removeprefix("Bearer ").removeprefix("Basic ").removeprefix("https://").split(" "):
        assert len(piece) < 4 or piece not in text
    assert text.startswith("L001 it is ")
    assert text.endswith(" here\nL002 bye")
    assert redactor.counts == {kind: 1}


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "passwd",
        "pwd",
        "Password",
        "API_KEY",
        "api-key",
        "apiKey",
        "clientSecret",
        "client_secret",
        "access_token",
        "refreshToken",
        "aws_secret_access_key",
    ],
)
@pytest.mark.parametrize("value", [_PASSWORD, "correct horse battery", "a,b;c}d"])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_fields_named_as_secrets_lose_their_value_in_json_however_escaped(name: str, value: str, depth: int) -> None:
    text = json.dumps({"user": "jane", name: value, "city": "Rome"})
    for _ in range(depth):
        text = json.dumps({"body": text})
    found = Redactor().redact(text)
    assert value not in found
    assert value.rsplit(" ", 1)[-1] not in found
    assert name in found
    assert "Rome" in found
    for _ in range(depth):
        found = json.loads(found)["body"]
    assert json.loads(found) == {"user": "jane", name: "[secret]", "city": "Rome"}


@pytest.mark.parametrize("form", ["password={}", "password: {}", "api_key = {}", "?access_token={}&x=1", "PASSWORD:{}"])
def test_secrets_in_settings_and_addresses_are_replaced(form: str) -> None:
    assert Redactor().redact(form.format("abcd1234")) == form.format("[secret]")


def test_a_private_key_over_several_lines_goes_and_the_lines_stay() -> None:
    lines = [_BEGIN, *[_LETTERS] * 5, _END]
    text = Redactor().redact("\n".join(["before", *lines, "after"]))
    assert text.split("\n") == ["before", "[private key]", *[""] * 6, "after"]
    assert _LETTERS not in Redactor().redact("\n".join(["before", *lines[:-1], "after"]))


def test_a_private_key_that_never_ends_does_not_hide_the_lines_after_it() -> None:
    lines = [f"L001 {_BEGIN} {_LETTERS}", "L002 user: Hello.", f"L003 {_END}"]
    assert Redactor().redact("\n".join(lines)).split("\n")[1:] == lines[1:]


@pytest.mark.parametrize("after", [" 05 26", " 123", " - valid until 05/26"])
def test_a_card_followed_by_other_numbers_is_found(after: str) -> None:
    assert Redactor().redact("4111 1111 1111 1111" + after) == "[card]" + after


def test_an_account_followed_by_words_is_found() -> None:
    assert Redactor().redact("DE89 3704 0044 0532 0130 00 BANK of Rome") == "[iban] BANK of Rome"


@pytest.mark.parametrize(
    "form",
    ['"phone": "{}"', '"phone_number": "{}"', "my phone number is {}", "Tel. {}", "mobile: {}", "call my cell at {}"],
)
@pytest.mark.parametrize("number", ["4155552671", "0170 1234567", "0170/1234567", "089 123 456 78"])
def test_numbers_called_phone_numbers_are_replaced(form: str, number: str) -> None:
    assert Redactor().redact(form.format(number)) == form.format("[phone]")


@pytest.mark.parametrize(
    "ordinary",
    [
        "order 8107664", "#W2378156", "order 4111 1111 1111 1112", "2024-05-20 15:00:00", "2024-05-20T15:00:00.123Z", "2024-05-20-15-30-00",
        "20240520150000", "123e4567-e89b-12d3-a456-426614174000", "tr-d53eedf46a4e668e35d3ca5641bdaf8e",
        "flight NW1378", "HAT192, HAT166", "LH 400", "$1,203.50", "1203.50 EUR", "1795227155782", "1795227155782123456",
        "AGENT run · 1234 ms", "tokens: 123", "max_tokens=4096", "total_tokens: 1000", "loyalty number 992003178842",
        "gift_card_7746398", "certificate_3765853", "credit_card_4938634", "DE12 9704 0044 0532 0130 00", "version 1.2.3.4", "10.0.0.1",
        "reservation H9ZU1C", "user mia_kim_4397", "I forgot my password.", "@example", "a@b", "sk-1", "task-oriented-dialogue-systems",
        "keys: 1, 2", "cellular", "hotel 12345", '"zip": "94103-1234"', "1990-04-05",
    ],
)  # fmt: skip
def test_ordinary_things_stay(ordinary: str) -> None:
    redactor = Redactor()
    assert redactor.redact(ordinary) == ordinary
    assert not redactor.counts


def test_what_was_redacted_once_stays_as_it_is() -> None:
    text = f'password="{_PASSWORD}" jane@example.com 4111111111111111 Bearer {_LETTERS}'
    once = Redactor().redact(text)
    again = Redactor()
    assert again.redact(once) == once
    assert not again.counts


def test_patterns_of_the_user_count_under_their_name(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patterns.yaml").write_text("member: 'M-[0-9]{6}'\n", encoding="utf-8")
    monkeypatch.setenv("INSIGHTS_REDACT_PATTERNS", str(tmp_path / "patterns.yaml"))
    redactor = Redactor({"seat": r"seat \d+[A-F]"})
    assert redactor.redact("M-123456 in seat 12C") == "[member] in [seat]"
    assert redactor.counts == {"member": 1, "seat": 1}


@pytest.mark.parametrize("content", ["- a\n- b\n", "member: '('\n", "member: [\n", "member: 'a*'\n", None])
def test_a_wrong_file_of_patterns_is_named(content: str | None, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "member.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("INSIGHTS_REDACT_PATTERNS", str(path))
    with pytest.raises(InvalidParameterError, match="member"):
        Redactor()


@pytest.mark.parametrize(
    "wrong", ["(", "a*", "(a+)+b", r"(\w+\s?)*x", "(a|aa)+b", "(a?a)*b", r"(?:\d{1,9}){1,900}x", ".*.*.*x", "(x+x+)+y", "[", "a{999999999999}"]
)  # fmt: skip
def test_a_wrong_or_catastrophic_pattern_is_refused_by_name_and_soon(wrong: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidParameterError, match="member"):
        Redactor({"member": wrong})
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "right",
    [
        r"M-\d{6}",
        r"(?:foo|bar)+ \d+",
        r"[\w.]+@corp",
        r"\b[A-Z]{3}\d{3,8}\b",
        r"(?i)passenger: [^,\n]+",
        r"(\d{1,3}\.){3}\d{1,3}",
    ],
)
def test_a_usual_pattern_is_taken(right: str) -> None:
    Redactor({"member": right})


@pytest.mark.parametrize(
    "piece",
    [
        "a", "a@", "a.", "@", "1", "1 ", "1-", "4111 ", "4111-", "a.b.", "DE89 ", "AA11", "+1", "+1 (", "(415) ", "0049 ", "password=", "password=\"", "password='x\" ",
        "api_key: \\", "secret", "eyJaaaaaaaa", "eyJaaaaaaaa.", "eyJ-", "SG.", "sk-", "sk-a ", "xoxb-", "Bearer ", "Bearer a", "://a:", "://", "phone ", "phone: 1 ", "telephone",
        _BEGIN, _BEGIN + " A", _BEGIN + "\n" + "A" * 20 + "\n", "\nL001 ", "%40", "\\\"", "\u0661", "é",
    ],
)  # fmt: skip
def test_a_megabyte_of_hostile_repetition_is_done_soon(piece: str) -> None:
    started = time.process_time()
    Redactor().redact(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 2
