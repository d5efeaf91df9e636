"""Answers are read out of what models really write, and only whole ones count."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from insights_core.llm.answers import MisfitError, read_answer, strict_schema


class Point(BaseModel):
    text: str = ""
    lines: list[int] = Field(default_factory=list, max_length=3)


class Report(BaseModel):
    title: str = Field("", description="Short.")
    kind: Literal["good", "bad"] = "good"
    points: list[Point] = Field(default_factory=list)
    default: str | None = None


GOOD = '{"title": "A {brace} in \\"text\\"", "kind": "bad", "points": [{"text": "x", "lines": [1]}], "default": null}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here {{it}} is:\n{GOOD}\nBye {{you}}.",
        f'<think>{{"title": "not yet", "kind": "good"}}</think>\n{GOOD}',
        f"\ufeff  {GOOD}  ".replace("\ufeff", ""),
    ],
)
def test_the_object_is_found(text):
    assert read_answer(text, Report).kind == "bad"


@pytest.mark.parametrize("text", ["", "nothing", "[1, 2]", GOOD[:-30], '{"other": 1}', '{"kind": "ugly"}', "{" * 5000])
def test_what_does_not_fit_is_said(text):
    with pytest.raises(MisfitError):
        read_answer(text, Report)


def test_the_schema_is_strict_at_every_depth():
    schema = strict_schema(Report)
    assert schema["additionalProperties"] is False
    # A field may be called like a keyword.
    assert schema["required"] == ["title", "kind", "points", "default"]
    point = schema["$defs"]["Point"]
    assert point["additionalProperties"] is False and point["required"] == ["text", "lines"]
    assert "maxItems" not in str(schema) and schema["properties"]["title"]["description"] == "Short."
