"""A theme's life in a real browser: written, tried on a sample, run twice, and its runs compared."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_a_theme_is_made_tried_run_twice_and_its_runs_compared(look, demo):
    from insights_core.client import InsightsClient

    client, experiment_id = InsightsClient(demo["uri"]), demo["experiment_id"]
    view = look()
    view.open(f"edit_theme?experiment={experiment_id}")
    view.page.get_by_label("Name", exact=True).fill("What errors")
    view.page.keyboard.press("Tab")
    view.settle()
    view.click(view.page.get_by_role("button", name="Add a condition").last)
    view.click(view.page.get_by_role("button", name="Add condition", exact=True).first)
    view.page.keyboard.press("Escape")
    failing = client.count_traces(_errors(experiment_id))
    view.page.get_by_text(f"{failing} traces of 80").first.wait_for()

    summaries = _summaries(client, experiment_id)
    view.click(view.page.get_by_role("button", name="Test on a sample of 10"))
    view.page.get_by_text("of 10 traces concern it").wait_for()
    assert view.main().count("Concerns it") == 10
    assert _summaries(client, experiment_id) == summaries  # nothing was written
    assert "what_errors" not in [one.theme_id for one in client.list_themes(experiment_id)]

    view.click(view.page.get_by_role("button", name="Create theme"))
    view.page.get_by_role("heading", name="What errors").wait_for()
    assert "theme=what_errors" in view.page.url
    _run(view, 1)
    _run(view, 2)

    view.click(view.page.get_by_role("button", name="Compare"))
    dialog = view.page.get_by_role("dialog")
    dialog.get_by_text(f"Both insights have {failing} traces in common").wait_for()
    view.page.keyboard.press("Escape")
    view.click(view.page.get_by_text("What changed", exact=True))
    assert "Against the run of" in view.main()


def _run(view, number: int) -> None:
    """Run it now, and wait until the page shows the result by itself."""
    view.page.get_by_role("button", name="Run now").first.click(delay=50)
    view.page.get_by_text(f"{number} run{'s' if number > 1 else ''}, no cost so far").wait_for()
    view.page.get_by_text("Under way").wait_for(state="detached", timeout=90_000)
    view.page.get_by_test_id("stRadioOption").first.wait_for()
    view.settle()


def _errors(experiment_id: str):
    from insights_core.entities import TraceScope

    return TraceScope(experiment_id=experiment_id, filter_string="trace.status = 'ERROR'")


def _summaries(client, experiment_id: str) -> int:
    found = client.search_traces(_errors(experiment_id))
    return sum(one.name.startswith("mlflow.insights.summary") for info in found for one in info.assessments or ())


def test_narrow_screens_need_no_horizontal_scroll(look):
    view = look(width=390)
    for path in ("themes", "edit_theme", "themes?view=across", "theme?theme=error_analysis"):
        view.open(path)
        assert view.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert view.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
