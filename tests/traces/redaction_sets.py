"""Made-up private data and ordinary text, in two sets: rules may be tuned on the first, the second judges them.

Tokens are put together here piece by piece from seeded chance, so that none stands in this file or opens anything.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable

_HEX, _DIGITS = "0123456789abcdef", string.digits
_UPPER, _ANY = string.ascii_uppercase + string.digits, string.ascii_letters + string.digits

Sample = tuple[str, str]
"""A text, and the piece of it that must not be seen afterwards."""


def _maker(seed: int) -> Callable[..., str]:
    chance = random.Random(seed)
    return lambda length, alphabet=_ANY: "".join(chance.choice(alphabet) for _ in range(length))


_FRAMES = ("it is {} here", 'config = "{}"', "user: please use {} for the call.", '{{"value": "{}"}}')


def _framed(values: list[str]) -> list[Sample]:
    return [(_FRAMES[number % len(_FRAMES)].format(value), value) for number, value in enumerate(values)]


def tuning_secrets() -> list[Sample]:
    """What rules were tuned on."""
    k = _maker(1)
    slack = "https://hooks." + f"slack.com/services/T{k(8, _UPPER)}/B{k(10, _UPPER)}/{k(24)}"
    tokens = [
        "github_" + f"pat_{k(22)}_{k(59)}", "ghp" + f"_{k(36)}", "npm" + f"_{k(36)}", "pypi-" + f"AgEIcHlwaS5vcmc{k(80)}", slack,
        "SK" + k(32, _HEX), k(10, "123456789") + f":AA{k(33)}", "shp" + f"at_{k(32, _HEX)}", "gl" + f"pat-{k(20)}", "hf" + f"_{k(34)}",
        "sk-" + f"ant-api03-{k(80)}", "sk-" + f"proj-{k(48)}", "AI" + f"za{k(35)}", "AK" + f"IA{k(16, _UPPER)}", "sk" + f"_live_{k(24)}",
        "S" + f"G.{k(22)}.{k(43)}", "da" + f"pi{k(32, _HEX)}", "xo" + f"xb-{k(12, _DIGITS)}-{k(24)}",
    ]  # fmt: skip
    word, code = k(9), k(16)
    lines = [
        ("AccountName=shop;AccountKey={};EndpointSuffix=core.windows.net", k(86) + "=="),
        ("Cookie: sid={}; theme=dark", k(24)), ("Set-Cookie: session={}; Path=/; HttpOnly", k(20)),
        ("https://example.com/reset?token={}&x=1", code), ("my password is {}", word), ("the password is {}.", k(8).lower() + "7"),
        ("password: {}", word), ("my ssn is {}", "123-45-6789"), ("SSN 512-33-9876 {}", "512-33-9876"), ("social security number: {}", "512339876"),
        ("Authorization: Token {}", k(30)), ("X-Api-Key: {}", k(30)), ("curl -u admin:{} https://example.com", k(10)),
        ("postgres://app:{}@db:5432/x", k(10)), ("my pin is {}", "4821"), ("call me at {}", "4155552671"), ("{}", "+1 415 555 2671"),
        ("reach me on {} please", "020 7946 0958"), ("tel: {}", "0171-2345678"), ("my number is {}", "06 12 34 56 78"),
        ("{}", "+44 (0)20 7946 0958"), ("{}", "(030) 1234567"), ("{}", "415.555.2671"), ("{}", "jane.roe@example.org"),
        ("{}", "4111 1111 1111 1111"), ("{}", "DE89 3704 0044 0532 0130 00"), ("{}", "5555-5555-5555-4444"),
    ]  # fmt: skip
    return _framed(tokens) + [(frame.format(value), value) for frame, value in lines]


TUNING_ORDINARY = [
    "hotel: 1234567", "bearer authentication is required", "order 8107664", "order number 4155552671", "room 4155552", "room number: 1234567",
    "I forgot my password.", "your password is incorrect", "password reset", "password: required", "max_tokens=4096", "token: string", "the secret is out",
    "pin: required", "basic authentication", "Basic subscription", "ticket 123456789", "cell 12, row 4", "tracking number 1Z999AA10123456784",
    "call_9aB3kfhD72hdkAl3ndKfa8Zq", "chatcmpl-9aB3kfhD72hdkAl3ndKfa8Zq", "tr-d53eedf46a4e668e35d3ca5641bdaf8e", "toolu_01AbCdEfGhIjKlMnOpQrStUv",
    "123e4567-e89b-12d3-a456-426614174000", "sha256 " + "9f86d081" * 8, "version 1.2.3.4", "10.0.0.1", "2024-05-20 15:00:00", "1795227155782", "$1,203.50",
    "?page=2&sort=name", "the cookie banner", "cookies: chocolate and oat", "mobile app 3.14.1592653", "fax machine model 8107664-22",
    "I'm sorry, I can't help with that", "I am Canadian", "secret santa", "key: value", "token count: 12345", "invoice 2024-000123456", "ISBN 978-3-16-148410-0",
]  # fmt: skip


def held_out_secrets() -> list[Sample]:
    """What judges the rules: other vendors, other words, other forms."""
    k = _maker(2)
    discord = "https://discord." + f"com/api/webhooks/{k(18, '123456789')}/{k(68)}"
    tokens = [
        "dckr_" + f"pat_{k(27)}", "dop" + f"_v1_{k(64, _HEX)}", "dp." + f"pt.{k(43)}", "figd" + f"_{k(40)}", "gl" + f"sa_{k(32)}_{k(8, _HEX)}",
        "hv" + f"s.{k(95)}", "lin" + f"_api_{k(40)}", "nt" + f"n_{k(46)}", "NR" + f"AK-{k(27, _UPPER)}", "PM" + f"AK-{k(24, _HEX)}-{k(34, _HEX)}",
        "pscale" + f"_tkn_{k(43)}", "pul" + f"-{k(40, _HEX)}", "rubygems" + f"_{k(48, _HEX)}", "sn" + f"trys_eyJ{k(80)}", "sq0" + f"atp-{k(22)}",
        "sb" + f"p_{k(40, _HEX)}", "ts" + f"key-auth-{k(12)}-{k(32)}", "M" + f"T{k(22)}.{k(6)}.{k(38)}", discord, "AT" + f"ATT3xFfGF0{k(180)}",
        "dt0" + f"c01.{k(24, _UPPER)}.{k(64, _UPPER)}", "EZ" + f"AK{k(54)}", "GOC" + f"SPX-{k(28)}", "ya" + f"29.{k(60)}", "gs" + f"k_{k(52)}", "r8" + f"_{k(37)}",
        "pp" + f"lx-{k(48)}", "xa" + f"i-{k(80)}", "nf" + f"p_{k(36)}", "rzp" + f"_live_{k(14)}", "lsv2" + f"_pt_{k(32, _HEX)}_{k(10, _HEX)}", "pc" + f"sk_{k(6)}_{k(50)}",
        "CF" + f"PAT-{k(43)}", "xkey" + f"sib-{k(64, _HEX)}-{k(16)}", "tf" + f"p_{k(44)}_{k(14)}", "sq" + f"u_{k(40, _HEX)}", "sh" + f"pss_{k(32, _HEX)}",
        "rk" + f"_live_{k(24)}", "wh" + f"sec_{k(32)}", "gh" + f"s_{k(36)}", "xa" + f"pp-1-A{k(10, _UPPER)}-{k(13, _DIGITS)}-{k(64, _HEX)}", k(32, _HEX) + "-us" + "12",
        "key" + f"-{k(32, _HEX)}", "pa" + f"t{k(14)}.{k(64, _HEX)}", "si" + f"p_{k(40)}", "AS" + f"IA{k(16, _UPPER)}",
    ]  # fmt: skip
    lines = [
        ("cookie: csrftoken={}; lang=en", k(32)), ("Proxy-Authorization: Basic {}", k(28)), ("https://x.example/cb?code=1&access_token={}", k(40)),
        ("GET /v1/items?api_key={} HTTP/1.1", k(20)), ("https://s3.example/f?X-Amz-Signature={}", k(64, _HEX)), ("login with password {}", k(10)),
        ("My passcode is {}", "71" + k(4, _DIGITS)), ("pwd is {}", k(10)), ("mein Passwort ist {}", k(9)), ("mot de passe : {}", k(9)), ("mi contraseña es {}", k(9)),
        ('"client_secret": "{}"', k(32)), ("DB_PASSWORD={}", k(12)), ("export AWS_SECRET_ACCESS_KEY={}", k(40)), ("security code: {}", "381"), ("CVV {}", "492"),
        ("his social is {}", "219-44-8812"), ("Social Security: {}", "404-55-1299"), ("SSN#{}", "301-22-4471"), ("CPF {}", "529.982.247-25"), ("passport number {}", "C01X00T47"),
        ("+49 (0)30 901820", "901820"), ("Phone: +33 1 42 68 53 00", "42 68 53 00"), ("call 0412 345 678", "0412 345 678"), ("WhatsApp +55 11 91234-5678", "91234-5678"),
        ("my cell is 917 555 0143", "917 555 0143"), ("(212)555-0187", "555-0187"), ("text me on 07700 900123", "07700 900123"), ("Tel.: 030/12345678", "12345678"),
        ("Handy: 0151 23456789", "23456789"), ("03-1234-5678 is my number", "1234-5678"), ("numéro 01 42 68 53 00", "42 68 53 00"),
        ("{}", "o.brien@mail.example.net"), ("{}", "3782 822463 10005"), ("{}", "GB29NWBK60161331926819"), ("{}", "6011111111111117"), ("{}", "FR1420041010050500013M02606"),
        ("redis://:{}@cache:6379/0", k(12)), ("Authorization: Bearer {}", k(40)), ("{}", "mailto:ann@corp.example"),
    ]  # fmt: skip
    return _framed(tokens) + [(frame.format(value) if "{}" in frame else frame, value) for frame, value in lines]


HELD_OUT_ORDINARY = [
    "motel 7654321", "your order number is 123-4567890-1234567", "reservation number 5551234567", "room: 20212223", "confirmation 0171 code", "bearer token required",
    "bearer bonds", "basic plan", "Basic authentication failed", "please reset your password now", "the password is expired", "password must be at least 8 characters",
    "password: null", "api_key: str", "secret: true", "token: <token>", "password=***", "use ${API_KEY} here", "completion_tokens: 1234567", "next_page_token: none",
    "msg_01XFDUDYJgAACzvnptvVoYEL", "run-20240520-153000", "thread_abc123DEF456ghi789JKL012", "req_8f7s6d5f4g3h2j1k", "resp_68af4030592c81938ec0a5fbab4a3e9f", "cus_NffrFeUfNV2Hib",
    "commit 3f2c1b7d9e8a4f6b5c0d1e2f3a4b5c6d7e8f9a0b", "span 8b1f3c2d4e5f6a7b", "flight LH 0400 at 20:15", "IMDB tt0111161", "population 8 419 000", "between 1914 and 1918",
    "12 345 678 EUR", "case 20-1234567", "SKU 4006381333931", "model gpt-4o-2024-08-06", "lat 52.520008, lon 13.404954", "0.1234567890123", "pages 100-200-3000",
    "phone order 66", "cellular network", "telegram channel", "fax it to us", "the mobile menu has 7 items", "pin the message", "pinned 12345 times", "cookie policy",
    "session: ended", "key points: 1, 2, 3", "code: 404", "error code 500123", "status code: 200", "zip code 94103", "area code 415", "dial-up modem 56000",
    "I'm Happy with it", "I am Very sorry about this", "This is Great news", "I'm Using Python", "My name is not important", "UUID 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "timestamp 2024-08-06T12:00:00.000000Z", "ratio 1:1000000000", "user_id: 100200300", "account 12345678 balance 100", "tokens_used 1234567", "serial 1234-5678-9012-3456",
    "loyalty number 992003178842", "gift_card_7746398", "ssn field is optional", "tax id required", "passport control", "Q3 2024 - Q4 2025", "+10 points", "-1234567",
    "+1,234,567 views", "x = 1234567890", "id=9876543210", "pos 415-555", "Windows 10.0.19045.3803", "chr7:140453136", "AB12 3456 7890", "v2.0.0-beta.11", "tel aviv 1909",
]  # fmt: skip
