# ruff: noqa: F811 - fixtures come by import, as the tests' arguments
"""The Issues page: list, filters, drawer, decisions, export, assessments, and bulk changes."""

from __future__ import annotations

import pytest
from investigation_store import HOSTILE, button, investigation, said, store, traces  # noqa: F401

from pages._ui.investigation.issue_actions import assessment_name


@pytest.fixture
def issues(investigation) -> dict[str, str]:
    """Title -> id of four issues with 8, 5, 3 and no traces."""
    client, run = investigation.client, investigation.run_id

    def evidence(count: int) -> list[dict]:
        return [{"trace_id": one, "rationale": "Seen here"} for one in investigation.trace_ids[:count]]

    made = {
        "Small": client.create_issue(run, "Small", "", "CRITICAL", evidence=evidence(3)),
        "Large": client.create_issue(run, "Large", "", "LOW", hypothesis_id=investigation.hypotheses[0]),
        "Middle": client.create_issue(run, "Middle", "", "HIGH", evidence=evidence(5)),
        HOSTILE: client.create_issue(run, HOSTILE, HOSTILE, "MEDIUM"),
    }
    client.update_issue(issue_id=made["Middle"], status="RESOLVED", resolution="Fixed in 41")
    return made


def titles(app) -> list[str]:
    return list(app.dataframe[0].value["Title"])


def test_an_experiment_without_issues_says_where_they_come_from(open_page, store):
    app = open_page(store.uri, "issues")

    assert not app.exception and not app.error
    assert "No issues yet" in said(app)
    assert "Look at the runs" in [one.label for one in app.button]


def test_issues_stand_by_the_number_of_their_traces(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues")

    assert titles(app) == ["Large", "Middle", "Small", HOSTILE]
    assert list(app.dataframe[0].value["Traces"]) == [8, 5, 3, 0]
    assert set(app.dataframe[0].value["Source"]) == {"Payment failures"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"sort": "severity"}, ["Small", "Middle", HOSTILE, "Large"]),
        ({"sort": "status"}, ["Large", "Small", HOSTILE, "Middle"]),
        ({"sort": "created"}, [HOSTILE, "Middle", "Large", "Small"]),
        ({"group": "closed"}, ["Middle"]),
        ({"status": "OPEN"}, ["Large", "Small", HOSTILE]),
    ],
)
def test_an_address_holds_order_and_filters(open_page, investigation, issues, params, expected):
    assert titles(open_page(investigation.uri, "issues", **params)) == expected


def test_severities_and_words_narrow_the_list(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues")

    app.get("button_group")[0].set_value(["CRITICAL", "LOW"]).run()
    assert titles(app) == ["Large", "Small"]
    app.text_input(key="issues-search").set_value("sma").run()
    assert titles(app) == ["Small"]


def test_days_narrow_the_list(open_page, investigation, issues):
    from datetime import date, timedelta

    app = open_page(investigation.uri, "issues")
    past = (date.today() - timedelta(days=9), date.today() - timedelta(days=8))

    app.date_input(key="issues-created").set_value(past).run()
    assert "No issue matches" in said(app)

    button(app, "Clear the filters").click().run()
    assert len(titles(app)) == 4


def test_the_drawer_of_the_address_shows_what_one_decides_with(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues["Large"])

    text = said(app)
    assert not app.exception and not app.error
    assert "80% in favour" in text  # of its hypothesis
    assert "**Evidence** :gray[8 traces]" in text
    assert app.radio(key="pick-issue-evidence").value == investigation.trace_ids[0]
    assert app.get("page_link")


def test_accepting_an_issue_is_one_click(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues["Small"])

    button(app, "Accept").click().run()

    assert investigation.client.get_issue(issues["Small"]).status == "IN_PROGRESS"
    assert "Accept" not in [one.label for one in app.button]


def test_severity_and_status_change_where_they_stand(open_page, investigation, issues):
    issue_id = issues["Small"]
    app = open_page(investigation.uri, "issues", issue=issue_id)

    app.selectbox(key=f"issue-severity-{issue_id}").set_value("MEDIUM").run()
    app.selectbox(key=f"issue-status-{issue_id}").set_value("IN_PROGRESS").run()

    issue = investigation.client.get_issue(issue_id)
    assert (issue.severity, issue.status) == ("MEDIUM", "IN_PROGRESS")


def test_only_statuses_that_can_follow_are_offered(open_page, investigation, issues):
    issue_id = issues["Middle"]
    app = open_page(investigation.uri, "issues", issue=issue_id)

    assert app.selectbox(key=f"issue-status-{issue_id}").options == ["Resolved", "Open", "In progress"]
    assert "Fixed in 41" in said(app)


def test_resolving_asks_for_the_resolution(open_page, investigation, issues):
    issue_id = issues["Small"]
    app = open_page(investigation.uri, "issues", issue=issue_id)

    button(app, "Resolve issue").click().run()
    assert investigation.client.get_issue(issue_id).status == "OPEN"
    app.text_area(key=f"text-resolved-{issue_id}").set_value("Release 42")
    button(app, "Resolve issue").click().run()

    issue = investigation.client.get_issue(issue_id)
    assert (issue.status, issue.resolution) == ("RESOLVED", "Release 42")


def test_rejecting_keeps_the_reason(open_page, investigation, issues):
    issue_id = issues["Small"]
    app = open_page(investigation.uri, "issues", issue=issue_id)

    app.text_area(key=f"text-rejected-{issue_id}").set_value("Works as intended")
    button(app, "Reject issue").click().run()

    issue = investigation.client.get_issue(issue_id)
    assert (issue.status, issue.history[-1].why) == ("REJECTED", "Works as intended")


def test_assessments_are_logged_on_each_trace_once(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues["Small"])

    button(app, "Log on 3 traces").click().run()
    assert "3 traces assessed" in app.success[0].value
    button(app, "Log on 3 traces").click().run()
    assert "3 had it already" in app.success[0].value

    for trace_id in investigation.trace_ids[:3]:
        found = investigation.client.get_trace(trace_id).info.assessments
        assert [(one.value, one.rationale) for one in found if one.name == "small"] == [(True, "Seen here")]


def test_an_export_without_its_settings_is_off_and_names_them(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues["Small"])

    systems = {one.label: one for one in app.button if one.label in ("GitHub", "Jira", "Linear", "Slack")}
    assert len(systems) == 4
    assert all(one.disabled for one in systems.values())
    assert "GitHub needs GITHUB_TOKEN, GITHUB_REPOSITORY" in said(app)


def test_an_exported_issue_links_to_where_it_is(open_page, investigation, issues):
    exports = {"github": {"key": "#7", "url": "https://github.example/o/r/issues/7", "at": "2026-01-01T00:00:00Z"}}
    investigation.client.update_issue(issue_id=issues["Small"], metadata={"exports": exports})

    app = open_page(investigation.uri, "issues", issue=issues["Small"])

    assert app.get("link_button")[0].proto.url == "https://github.example/o/r/issues/7"
    assert "GitHub" not in [one.label for one in app.button]


def test_a_hostile_address_of_an_export_is_no_link(open_page, investigation, issues):
    exports = {"jira": {"key": "X-1", "url": "javascript:alert(1)"}}
    investigation.client.update_issue(issue_id=issues["Small"], metadata={"exports": exports})

    app = open_page(investigation.uri, "issues", issue=issues["Small"])

    assert not app.get("link_button")
    assert "Jira X-1" in said(app)


def test_an_issue_is_written_by_hand(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues")
    app.button(key="new-issue").click().run()

    app.text_input(key="new-issue-title").set_value("Typed in")
    app.selectbox(key="new-issue-severity").set_value("CRITICAL")
    button(app, "Create issue").click().run()

    made = next(one for one in investigation.client.list_issues(investigation.experiment_id) if one.title == "Typed in")
    assert made.severity == "CRITICAL"
    assert investigation.client.get_analysis(made.source_run_id).name == "By hand"
    assert app.query_params["issue"] in (made.issue_id, [made.issue_id])


def test_a_selection_offers_changes_to_all_of_it(open_page, investigation, issues):
    from pages._ui.parts.tables import table_key

    app = open_page(investigation.uri, "issues")
    key = table_key("issue-table", [issues[title] for title in titles(app)])
    app.session_state[key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    assert "**2 selected** :gray[11 traces]" in said(app)
    assert len(app.get("menu_button")) == 2

    app.button(key="bulk-log").click().run()
    button(app, "Log on 11 traces").click().run()

    names = [set(investigation.client.get_issue(issues[title]).assessments) for title in ("Large", "Small", "Middle")]
    assert names == [{"large"}, {"small"}, set()]


def test_a_reader_sees_no_button_that_would_fail(open_page, investigation, issues, monkeypatch):
    monkeypatch.setattr("pages._ui.shell.permissions._probe", lambda *_: False)
    app = open_page(investigation.uri, "issues", issue=issues["Large"])

    assert not app.error
    assert {one.label for one in app.button} <= {"Compare traces"}
    assert [one.key for one in app.selectbox if "issue-s" in str(one.key)] == []


def test_an_issue_that_does_not_exist_is_one_sentence(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue="nothing")

    assert not app.exception
    assert "nothing" in app.error[0].value


def test_hostile_issues_are_only_text(open_page, investigation, issues):
    app = open_page(investigation.uri, "issues", issue=issues[HOSTILE])

    assert not app.exception and not app.error
    assert "<script>" not in "".join(one.value for one in app.get("html"))
    assert "[link](https" not in said(app)


def test_the_name_of_an_assessment_comes_from_the_title():
    assert assessment_name("Gift cards stay debited (v2)!") == "gift_cards_stay_debited_v2"
    assert assessment_name("日本") == "issue"
