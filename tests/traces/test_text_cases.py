"""Every shape of message that a producer writes reads as words: who said what, which tool was called, what it gave.

Each folder of `cases` holds a trace (`trace.json`) and the lines that must stand in its text (`wanted.json`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from insights_core.traces.text import TraceView, read_trace, render

_CASES = sorted(folder for folder in (Path(__file__).parent / "cases").iterdir() if folder.is_dir())
_SPOKEN = re.compile(r"^L\d+ +((?:system|user|assistant|tool|found|in|out)\b.*)$")
_NO_WORDS = re.compile(r'"(?:type|role|parts|content|toolUseId|text)":|\w+\(\w+=|[A-Za-z0-9+/]{120}|NOT_GIVEN')


def _read(folder: Path) -> tuple[TraceView, list[str], dict[str, Any]]:
    view = read_trace(json.loads((folder / "trace.json").read_text()))
    lines = [found[1] for line in render(view).split("\n") if (found := _SPOKEN.match(line))]
    return view, lines, json.loads((folder / "wanted.json").read_text())


@pytest.mark.parametrize("folder", _CASES, ids=lambda folder: folder.name)
def test_a_shape_reads_as_the_words_that_were_said(folder: Path) -> None:
    view, lines, wanted = _read(folder)
    assert lines == wanted["lines"]
    assert view.unknown_spans == wanted["unknown_spans"]


@pytest.mark.parametrize("folder", _CASES, ids=lambda folder: folder.name)
def test_a_short_exchange_is_a_short_text_without_json_reprs_or_data(folder: Path) -> None:
    view, lines, _ = _read(folder)
    assert len(render(view)) < 1200
    spoken = [line for line in lines if not line.startswith(("in: ", "out: "))]
    assert not [line for line in spoken if _NO_WORDS.search(line)]


@pytest.mark.parametrize("folder", _CASES, ids=lambda folder: folder.name)
def test_each_call_is_told_once_with_its_result_and_no_word_twice(folder: Path) -> None:
    view, lines, _ = _read(folder)
    calls = [call.id for message in view.messages for call in message.tool_calls]
    results = [message.tool_call_id for message in view.messages if message.role == "tool" and message.tool_call_id]
    assert max(Counter(calls).values(), default=1) == 1
    assert max(Counter(results).values(), default=1) == 1
    said = Counter(line for line in lines if line.startswith(("user: ", "assistant: ")))
    assert max(said.values()) == 1 if said else lines
