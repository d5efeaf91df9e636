"""Foreign text (of traces, people and models) made safe for Markdown, trackers and spreadsheets, as it reads."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+|~$!&])")
_JOINER = "\u2060"
"""A word joiner: without width, and enough to break what would act."""
# What calls people, names other issues or becomes a link by itself, in GitHub, Linear, Slack and most Markdown.
_ACTING = re.compile(r"@(?=\w)|#(?=\d)|(?i:\b(?:https?|ftps?|mailto|file|data|javascript))(?=:)|(?i:\bwww)(?=\.)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?%?")


_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Text with its lines, in which a sign stands for each control character, turn of direction and half character."""
    return _UNSEEN.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Text on one line, without the control characters that titles and file names do not bear."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escape_markdown(text: str) -> str:
    """Text as it stands, on one line: no emphasis, link, image, HTML or formula comes of it."""
    return _MARKUP.sub(r"\\\1", one_line(text))


def without_effect(text: str) -> str:
    """Text on one line that calls nobody and links to nothing where it is shown as it is."""
    return _ACTING.sub(lambda found: found.group() + _JOINER, one_line(text))


def for_cell(value: object) -> object:
    """A value for a table that may be downloaded: what a spreadsheet would take for a formula begins with a word joiner.

    It reads the same on the page. Numbers, signed ones too, and everything that is no text stay as they are.
    """
    if not isinstance(value, str):
        return value
    clean = "".join(char if char.isprintable() or char in "\n\t\r" else " " for char in value)
    acts = clean.lstrip(" \n").startswith(_FORMULA) and not _NUMBER.fullmatch(clean.strip())
    return f"{_JOINER}{clean}" if acts else clean


def for_plotly(text: str) -> str:
    """Text for a label of Plotly, which reads some tags (`<a href>` and `<b>` among them), entities and `%{…}`."""
    words = one_line(text)
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "% {")):
        words = words.replace(sign, instead)
    return words
