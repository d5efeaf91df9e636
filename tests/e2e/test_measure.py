"""The pages under Measure in a real browser: figures, clicks, addresses, tables, narrow screens."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

pytestmark = pytest.mark.browser

PAGES = ("traffic", "quality", "tools", "tags", "correlations", "correlations?mode=slice")


@pytest.fixture(scope="module")
def engine(demo):
    from insights_core.client import InsightsClient

    return InsightsClient(demo["uri"]).analytics


def with_range(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}range=all"


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_screen_needs_no_horizontal_scroll(look, path):
    view = look(width=390)
    view.open(with_range(path))

    assert view.page.get_by_test_id("stAlert").count() == 0
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert view.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_figures_equal_the_engine_and_each_chart_has_words(look, demo, engine):
    volume = engine.volume([demo["experiment_id"]]).summary
    view = look()
    view.open("traffic?range=all")

    assert f"{volume.count} · {volume.error_count} with errors" in view.main()
    charts = view.page.locator(".js-plotly-plot")
    charts.first.wait_for()
    words = view.page.evaluate(
        "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].map(e => e.outerHTML.includes('aria-label') || e.innerText)"
    )
    assert len(words) == charts.count() == 5
    assert all(words)


def test_view_traces_opens_as_many_as_the_card_says(look, demo, engine):
    errors = engine.volume([demo["experiment_id"]]).summary.error_count
    view = look()
    view.open("traffic?range=all")

    card = view.page.get_by_test_id("stPageLink-NavLink").filter(has_text="View traces", visible=True)
    view.click(card.nth(2))
    view.page.wait_for_url("**/traces?**")
    view.settle()

    query = parse_qs(urlsplit(view.page.url).query)
    assert query["filter"] == ["trace.status = 'ERROR'"]
    assert query["range"] == ["all"]
    view.page.get_by_text(f"{errors} traces").first.wait_for()


def test_the_table_behind_a_chart_opens(look):
    view = look()
    view.open("traffic?range=all")

    view.click(view.page.get_by_role("button", name="Table").first)

    view.page.get_by_test_id("stDataFrame").wait_for()


def test_a_click_on_a_tag_changes_what_every_card_says_and_the_address(look, demo, engine):
    count = next(
        one.count for one in engine.tag([demo["experiment_id"]], "channel").data.top_values if one.value == "web"
    )
    view = look()
    view.open("tags?range=all")
    cards = view.page.locator('[class*="st-key-pick-value"]').count()

    view.click(view.page.locator("label").filter(has_text="web").first)

    view.page.get_by_text("Goes with channel = web").nth(cards - 1).wait_for()
    assert f"{count} traces" in view.main()
    assert "tag=channel=web" in unquote(view.page.url)
    view.click(view.page.get_by_role("button", name="Clear selection"))
    assert "tag=" not in view.page.url


def test_an_address_restores_range_and_selection(look):
    first = look()
    first.open("tags?range=all")
    first.click(first.page.locator("label").filter(has_text="mobile-app").first)
    first.click(
        first.page.locator('[data-testid="stButtonGroup"] button, [data-testid="stButtonGroup"] label')
        .filter(has_text="30 d")
        .first
    )
    first.page.wait_for_url("**range=30d**")

    second = look(dark=True)
    second.open(first.page.url.split("/", 3)[3])

    chosen = second.page.locator('[class*="st-key-pick-value"] [role=radiogroup] > div[data-selected]')
    assert chosen.count() == 1
    assert "mobile-app" in chosen.inner_text()
    assert "30 d" in second.page.locator('[data-testid="stButtonGroup"] [data-selected]').first.inner_text()


def test_a_choice_of_dimensions_is_in_the_address(look):
    view = look()
    view.open("correlations?range=all&a=latency&a-threshold=3000&a-operator=%3E")
    assert "latency > 3000 ms" in view.main().lower()

    box = view.page.get_by_role("spinbutton", name="Threshold")
    box.fill("5000")
    box.press("Enter")
    view.settle()
    view.page.get_by_text("latency > 5000 ms").first.wait_for()

    assert "a-threshold=5000" in view.page.url
