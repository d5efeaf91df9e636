"""Insight cards in a real browser: a decision is sent to the dashboard's own API and turns up on the open page."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.browser


def test_a_decision_turns_up_explained_on_the_open_page_and_leads_to_its_trace(look, dashboard, demo):
    from insights_core.connection import Connection

    [newest] = Connection(demo["uri"]).mlflow.search_traces(locations=[demo["experiment_id"]], max_results=1)
    view = look()
    view.open("cards")
    view.page.get_by_text("kept in this dashboard's memory").wait_for()
    view.page.get_by_text("Generated, not authoritative ·").wait_for()  # the demo's own events
    before = view.page.get_by_test_id("stCode").inner_text()

    event = {
        "event_id": "e2e-1",
        "agent_id": "billing-agent",
        "tool_name": "drop_everything",
        "decision": "deny",
        "findings": ["destructive_sql"],
        "payload_shape": {"query": "string[54]"},
        "trace_id": newest.info.trace_id,
    }
    assert httpx.post(f"{dashboard}/insights/events", json=event).status_code == 202

    view.page.get_by_text("drop_everything").first.wait_for(timeout=8_000)
    view.settle()
    assert view.page.get_by_test_id("stCode").inner_text() == before  # what was being read stays
    card = httpx.get(f"{dashboard}/insights/e2e-1").json()["data"]
    assert "<html" in httpx.get(f"{dashboard}/insights").text  # the page of insights lies beside the API
    assert (card["status"], card["label"]) == ("explained", "Generated, not authoritative")

    view.click(view.page.get_by_test_id("stRadioOption").filter(has_text="drop_everything"))
    assert "card=e2e-1" in view.page.url
    assert card["summary"] in view.main()
    view.click(view.page.get_by_text("Look at the trace").filter(visible=True))
    view.page.get_by_text(newest.info.trace_id[:11]).first.wait_for()


def test_a_narrow_screen_needs_no_horizontal_scroll(look):
    view = look(width=390)
    view.open("cards")
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert view.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
