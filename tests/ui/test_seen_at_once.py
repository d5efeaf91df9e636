# ruff: noqa: F811 - fixtures come by import, as the tests' arguments
"""What is changed on a page is seen there at once, and what opens a row opens it."""

from __future__ import annotations

import pytest
from investigation_store import button, investigation, said, store, traces  # noqa: F401


def column(app, name: str) -> list:
    return [one[0] if isinstance(one, list | tuple) else one for one in app.dataframe[0].value[name]]


@pytest.fixture
def issues(investigation) -> list[str]:
    return [investigation.client.create_issue(investigation.run_id, f"Issue {place}") for place in range(3)]


def test_issues_that_are_closed_together_are_seen_at_once(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues")
    app.session_state["asked-dialog"] = ("bulk-close", {"issue_ids": issues, "status": "RESOLVED"})
    app.run()

    app.text_area(key="bulk-text").set_value("Release 42")
    button(app, "Resolve 3 issues").click().run()

    assert column(app, "Status") == ["RESOLVED"] * 3
    assert "3 issues changed" in [one.value for one in app.toast]


def test_a_change_in_the_drawer_is_seen_in_the_list(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues[0])

    button(app, "Accept").click().run()

    assert sorted(column(app, "Status")) == ["IN_PROGRESS", "OPEN", "OPEN"]


def test_a_decision_is_seen_on_the_card_and_in_the_list_of_runs(open_page, investigation):
    chosen = investigation.hypotheses[0]
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=chosen)

    app.text_area(key=f"reason-validated-{chosen}").set_value("8 of 10")
    button(app, "Validate hypothesis").click().run()
    assert "Validated" in said(app) and "**1** :gray[validated]" in said(app)

    app.switch_page("../../runs.py")
    app.query_params.clear()
    app.run()
    assert column(app, "Validated") == [1]


def test_a_logged_assessment_is_seen_on_the_trace_at_once(open_page, investigation):
    trace_id = investigation.trace_ids[0]
    evidence = [{"trace_id": trace_id, "rationale": "Seen here"}]
    issue = investigation.client.create_issue(investigation.run_id, "One", evidence=evidence)
    app = open_page(investigation.uri, "issues", issue=issue, trace=trace_id)
    before = next(tab.label for tab in app.tabs if tab.label.startswith("Assessments"))

    app.session_state["asked-dialog"] = ("log-assessments", {"issue_ids": [issue]})
    app.run()
    button(app, "Log on 1 trace").click().run()
    del app.session_state["asked-dialog"]
    app.run()

    after = next(tab.label for tab in app.tabs if tab.label.startswith("Assessments"))
    assert int(after.split()[1]) == int(before.split()[1]) + 1


@pytest.mark.parametrize("page", ["issues", "runs", "traces"])
def test_a_row_opens_without_a_mouse(open_page, investigation, issues, page):
    app = open_page(investigation.uri, page, range="all")
    box = next(one for one in app.selectbox if str(one.key).endswith("-box"))

    box.set_value({"issues": issues[1], "runs": investigation.run_id, "traces": investigation.trace_ids[3]}[page]).run()

    assert not app.exception
    name, wanted = {
        "issues": ("issue", issues[1]),
        "runs": ("run", investigation.run_id),
        "traces": ("trace", investigation.trace_ids[3]),
    }[page]
    assert app.query_params[name] in (wanted, [wanted])
