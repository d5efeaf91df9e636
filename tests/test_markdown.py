"""Foreign text reads as it stands and does nothing, wherever it is put."""

from __future__ import annotations

import pytest

from insights_core.markdown import escape_markdown, for_cell, for_plotly, one_line, visible, without_effect


@pytest.mark.parametrize(
    "formula", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1"]
)
def test_no_cell_begins_a_formula_and_reads_the_same(formula: str) -> None:
    cell = for_cell(formula)
    assert isinstance(cell, str)
    assert cell[0] not in "=+-@\t\r ＝"
    assert cell[1:] == formula


@pytest.mark.parametrize("value", ["-5", "+9%", "-1,234.5", "3e-4", 7, None, ["ERROR"], "plain", "a=b"])
def test_numbers_and_what_is_no_text_stay_in_cells(value: object) -> None:
    assert for_cell(value) == value


def test_control_characters_leave_titles_and_cells() -> None:
    assert one_line("a\x00b\nc\x1b[31m") == "a b c [31m"
    assert "\x00" not in str(for_cell("a\x00b"))
    assert escape_markdown("a\x00\nb") == "a b"


@pytest.mark.parametrize(
    "acting",
    ["@team", "https://x.example", "HTTP://x.example", "www.x.example", "mailto:a@b.example", "#12", "javascript:x"],
)
def test_text_for_trackers_calls_and_links_nothing_and_reads_the_same(acting: str) -> None:
    text = without_effect(f"see {acting} now")
    assert acting not in text
    assert text.replace("\u2060", "") == f"see {acting} now"


def test_a_label_of_plotly_has_no_tag_and_no_template() -> None:
    assert for_plotly("<a href='https://x'>%{x}</a> & b") == "&lt;a href='https://x'&gt;% {x}&lt;/a&gt; &amp; b"


def test_what_cannot_be_seen_is_shown_by_a_sign():
    assert visible("a\x00b\x1b[31m \u202ec\ud800\n\td\r\n") == "a\ufffdb\ufffd[31m \ufffdc\ufffd\n\td\r\n"
