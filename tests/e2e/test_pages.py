"""What only a browser shows: clicks, addresses, hostile content, narrow screens, the keyboard."""

import pytest
from insights import HOSTILE

pytestmark = pytest.mark.browser


def test_from_home_to_a_trace_of_a_topic_in_three_clicks(look, demo):
    view = look()
    view.open("?range=all")

    view.click(view.page.get_by_test_id("stPageLink-NavLink").filter(has_text="Open").first)
    assert "/insight?" in view.page.url
    assert f"run={demo['run_id']}" in view.page.url
    rows = view.page.locator('[class*="st-key-pick-tree"] [role=radiogroup] label')
    view.click(rows.nth(3))
    assert "cluster=" in view.page.url
    traces = view.page.locator('[class*="st-key-pick-traces"] [role=radiogroup] label')
    view.click(traces.nth(1))

    shown = view.page.url.split("trace=")[1].split("&")[0]
    assert shown[:11] in view.page.locator(".st-key-pane-viewer").inner_text()


def test_a_deep_link_opens_what_its_sender_saw(look, demo):
    first = look()
    first.open(f"insight?run={demo['run_id']}")
    first.click(first.page.locator('[class*="st-key-pick-tree"] [role=radiogroup] label').nth(4))
    first.click(first.page.locator('[class*="st-key-pick-traces"] [role=radiogroup] label').nth(1))
    chosen = first.page.locator('[class*="st-key-pick"] [data-selected]').all_inner_texts()

    second = look()
    second.open(first.page.url.split("/", 3)[3])

    assert second.page.locator('[class*="st-key-pick"] [data-selected]').all_inner_texts() == chosen


@pytest.mark.parametrize("path", ["insights?range=all", "traces?range=all", "map"])
def test_pages_open_by_their_address_with_navigation_and_theme(look, path):
    view = look()
    view.open(path)

    assert view.page.locator(".st-key-to-map a:visible").count() == 1
    assert view.page.get_by_test_id("stAlert").count() == 0


def test_hostile_content_is_shown_and_not_run(look, demo):
    view = look()
    view.open(f"insight?run={demo['run_id']}&cluster=c0")

    assert view.page.title() != "owned"
    shown = view.page.locator(".st-key-pane-topics").inner_text().replace("\u2060", "")
    assert HOSTILE[:60] in shown
    panes = view.page.locator(".st-key-pane-topics, .st-key-pane-traces, .st-key-pane-viewer")
    assert panes.locator("a[href*='evil']").count() == 0
    assert panes.locator("script, [onerror]").count() == 0
    assert HOSTILE in view.page.locator(".st-key-pane-traces").inner_text().replace("\u2060", "").replace(
        "…", HOSTILE[149:]
    )


@pytest.mark.parametrize(
    "path", ["?range=all", "insights", "insight?run={run_id}", "map?run={run_id}", "traces?range=all"]
)
def test_a_narrow_screen_needs_no_horizontal_scroll(look, demo, path):
    view = look(width=390)
    view.open(path.format(**demo))

    assert view.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert view.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_arrow_keys_walk_the_traces(look, demo):
    view = look()
    view.open(f"insight?run={demo['run_id']}")
    view.click(view.page.locator('[class*="st-key-pick-traces"] [role=radiogroup] label').first)

    view.page.keyboard.press("ArrowDown")
    view.settle()

    rows = view.page.locator('[class*="st-key-pick-traces"] [role=radiogroup] > div')
    assert rows.nth(1).get_attribute("data-selected") is not None


def test_a_span_opens_its_input_without_a_rerun(look, demo):
    view = look(dark=True)
    view.open(f"insight?run={demo['run_id']}")
    closed = view.page.locator(".mi-spans details:not([open])").first

    closed.locator("summary").click()

    assert view.page.locator(".mi-spans details[open]").count() >= 1
    assert view.page.get_by_test_id("stApp").get_attribute("data-test-script-state") == "notRunning"


def test_a_lasso_on_the_map_offers_an_insight_from_it(look, demo):
    view = look()
    view.open(f"map?run={demo['run_id']}")
    box = view.page.locator(".js-plotly-plot").bounding_box()
    left, top, width, height = box["x"], box["y"], box["width"], box["height"]

    view.page.mouse.move(left + 20, top + 60)
    view.page.mouse.down()
    for across, down in ((0.9, 0.1), (0.9, 0.85), (0.05, 0.85), (0.03, 0.1)):
        view.page.mouse.move(left + width * across, top + height * down, steps=5)
    view.page.mouse.up()
    view.settle()
    view.page.get_by_text("traces selected").wait_for()

    view.click(view.page.get_by_role("button", name="New insight from these"))
    assert "selected traces" in view.page.get_by_role("dialog").inner_text()


def test_back_returns_to_the_page_before(look, demo):
    view = look()
    view.open("insights?range=all")
    view.click(view.page.locator(".st-key-to-traces a:visible"))
    assert view.page.locator("h1").inner_text() == "Traces"

    view.page.go_back()
    view.page.wait_for_function("document.querySelector('h1')?.innerText === 'Insights'")

    assert "/insights" in view.page.url


def test_what_was_chosen_survives_the_sidebar_and_stands_in_the_address(look, demo):
    view = look()
    view.open(f"traces?range=all&experiment={demo['experiment_id']}&status=ERROR")
    shown = view.page.locator(".st-key-bulk").inner_text()

    for name in ("issues", "tools", "runs", "traces"):
        view.click(view.page.locator(f".st-key-to-{name} a:visible"))
        view.page.wait_for_url(f"**/{name}?**")
        view.settle()
        assert "range=all" in view.page.url
        assert f"experiment={demo['experiment_id']}" in view.page.url
    assert view.page.locator(".st-key-bulk").inner_text() == shown

    other = look()
    other.open(view.page.url.split("/", 3)[3])
    assert other.page.locator(".st-key-bulk").inner_text() == shown


@pytest.mark.parametrize("page", ["", "insights", "traces", "runs", "issues", "traffic", "correlations"])
def test_the_address_of_a_page_says_what_it_shows(look, demo, page):
    view = look()
    view.open(page)

    assert f"experiment={demo['experiment_id']}" in view.page.url
    assert "range=7d" in view.page.url
