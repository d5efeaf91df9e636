"""YAML that a person can read and edit, and that no file can turn against us."""

from __future__ import annotations

import random
import time

import pytest

from insights_core.artifacts.documents import DocumentError, parse, render, revision_of
from insights_core.entities.common import now

DIGEST = "0123456789abcdef"


def test_text_of_several_lines_is_a_block_and_times_are_iso():
    text = render({"statement": "short", "plan": "one\n  two: 'x'\n", "created_at": now()}, DIGEST)
    assert "plan: |\n  one\n    two: 'x'\n" in text
    assert f"created_at: {now():%Y-%m-%dT%H:}" in text
    assert parse(text)["created_at"].tzinfo is not None


def test_any_text_comes_back_as_it_was():
    chance = random.Random(7)
    pieces = [
        "a",
        " ",
        "\n",
        "\t",
        "\r",
        ":",
        "#",
        "- ",
        "'",
        '"',
        "|",
        ">",
        "{",
        "]",
        "*x",
        "&y",
        "!",
        "%",
        "é",
        "中",
        "🔥",
    ]
    pieces += [
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
        "2026-01-01",
        "no",
        "null",
        "1e3",
        "~",
        "\\",
        "<<",
        "---",
        "...",
        "\x1b[0m",
    ]
    values = {f"k{n}": "".join(chance.choices(pieces, k=chance.randint(0, 12))) for n in range(3000)}
    assert parse(render(values, DIGEST)) == values


def test_a_document_says_whether_a_hand_edited_it():
    text = render({"a": "b"}, DIGEST)
    assert revision_of(text) == (DIGEST, True)
    assert revision_of(text.replace("a: b", "a: c")) == (DIGEST, False)
    assert revision_of(text + "extra: 1\n") == (DIGEST, False)
    assert revision_of("a: b\n") == (None, False)


_BOMB = "a: &a [x, x]\n" + "".join(
    f"{k}: &{k} [*{p}, *{p}, *{p}, *{p}]\n" for p, k in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        _BOMB,
        "a: " + "[" * 100_000,
        "- " * 100_000,
        "{" * 50_000,
        "a: !!python/object/apply:os.system ['touch owned']",
        "just text",
        "- a\n- b",
        "a: [",
        "1: x",
        "a: \x01",
        "",
    ],
    ids=range(11),
)
def test_what_is_no_plain_mapping_is_refused_at_once(text, tmp_path):
    began = time.monotonic()
    with pytest.raises(DocumentError):
        parse(text)
    assert time.monotonic() - began < 2
    assert not (tmp_path / "owned").exists()
