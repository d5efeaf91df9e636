from datetime import UTC, datetime, timedelta

import pytest

from pages._ui.look import formats
from pages._ui.look.formats import escape_markdown

NOW = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("sign", list("\\`*_[](){}#$~<>|!^&"))
def test_every_sign_of_markup_is_escaped(sign):
    assert escape_markdown(f"a{sign}b") == f"a\\{sign}b"


@pytest.mark.parametrize(
    "hostile",
    [
        ":red[x]",
        ":material/home:",
        ":tada:",
        ":streamlit:",
        "https://evil.example",
        "www.evil.example",
        "me@evil.example",
    ],
)
def test_what_acts_after_parsing_is_broken_by_a_joiner_without_width(hostile):
    escaped = escape_markdown(hostile)

    assert "\u2060" in escaped
    assert escaped.replace("\u2060", "").replace("\\", "") == hostile


@pytest.mark.parametrize("start", ["- item", "+ item", "1. item", "2) item", "=== x"])
def test_a_beginning_that_would_be_a_block_is_text(start):
    assert escape_markdown(start).startswith("\u2060")


def test_lines_are_joined_and_long_text_is_cut_before_escaping():
    assert escape_markdown("a\n\n# b\tc") == "a \\# b c"
    assert escape_markdown("*" * 50, 10) == "\\*" * 9 + "…"


def test_plain_words_stay_as_they_are():
    assert escape_markdown("Card refused: 142.00 USD, see above.") == "Card refused: 142.00 USD, see above."


def test_html_is_escaped_with_quotes():
    assert formats.escape_html("<a href=\"x\" on='y'>") == "&lt;a href=&quot;x&quot; on=&#x27;y&#x27;&gt;"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "–"),
        (0, "0 ms"),
        (820, "820 ms"),
        (999.6, "1.0 s"),
        (6400, "6.4 s"),
        (185_000, "3 min"),
        (4_320_000, "1 h 12 min"),
    ],
)
def test_durations(given, shown):
    assert formats.duration(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "–"), (0, "$0.00"), (0.004, "under $0.01"), (2.914, "$2.91"), (1240, "$1,240.00")]
)
def test_money(given, shown):
    assert formats.money(given) == shown


def test_shares_and_changes():
    assert formats.share(577, 4812) == "12.0%"
    assert formats.share(1, 0) == "–"
    assert formats.points(0.018) == "+1.8 pt"
    assert formats.percent_change(96, 100) == "\u22124%"
    assert formats.percent_change(5, 0) is None


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=2), "today 13:00"),
        (timedelta(hours=20), "yesterday"),
        (timedelta(days=10), "4 Mar"),
        (timedelta(days=400), "7 Feb 2025"),
    ],
)
def test_moments_get_coarser_with_age(age, shown):
    assert formats.moment(NOW - age, NOW) == shown


def test_a_period_names_the_month_once():
    first = datetime(datetime.now(UTC).year, 11, 13, 9, tzinfo=UTC)
    assert formats.period(first, first + timedelta(days=7)) == "13 to 20 November"
    assert formats.period(first, first + timedelta(hours=3)) == "13 November, 09:00 to 12:00"
    assert formats.period(first - timedelta(days=20), first) == "24 October to 13 November"


def test_what_the_core_has_escaped_shows_no_backslash():
    from insights_core.markdown import escape_markdown as core_escape

    shown = formats.emphasised(f"Most: **{core_escape('Card: C# [x](y) *now*')}** (3)")
    assert shown.count("**") == 2
    assert "\\\\" not in shown
    assert "[x](y)" not in shown and "*now*" not in shown.replace("\\*", "")
