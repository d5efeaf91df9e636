"""Text from traces in Markdown, without becoming markup."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+|~$!&])")


def escape_markdown(text: str) -> str:
    """Text as it stands, on one line: no emphasis, link, image, HTML or formula comes of it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
