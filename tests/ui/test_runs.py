# ruff: noqa: F811 - fixtures come by import, as the tests' arguments
"""The pages of investigations: list, live dashboard, decisions, and what a reader sees who may not write."""

from __future__ import annotations

from investigation_store import HOSTILE, button, investigation, said, store, traces  # noqa: F401

from pages._ui.investigation import live
from pages._ui.look.formats import escape_markdown


def test_an_experiment_without_investigations_says_how_to_start_one(open_page, store):
    app = open_page(store.uri, "runs")

    assert not app.exception and not app.error
    assert "No investigations yet" in said(app)
    assert f"--experiment-id {store.experiment_id}" in app.code[0].value


def test_the_list_tells_what_runs_and_how_far_it_is(open_page, investigation):
    done = investigation.client.create_analysis(investigation.experiment_id, "slow", "Slow answers")
    investigation.client.update_hypothesis(
        investigation.run_id, investigation.hypotheses[0], status="VALIDATED", reason="sure"
    )
    investigation.client.update_analysis(done, status="COMPLETED")

    table = open_page(investigation.uri, "runs").dataframe[0].value

    rows = {row["Name"]: row for _, row in table.iterrows()}
    assert list(rows["Payment failures"][["Hypotheses", "Validated"]]) == [2, 1]
    assert list(rows["Payment failures"]["Status"]) == ["RUNNING"]
    assert list(rows["Slow answers"]["Status"]) == ["COMPLETED"]


def test_an_active_analysis_without_news_is_paused():
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    assert live.phase("ACTIVE", now) == "RUNNING"
    assert live.phase("ACTIVE", now - timedelta(minutes=5)) == "PAUSED"
    assert live.phase("ARCHIVED", now) == "ARCHIVED"


def test_a_started_investigation_opens_on_its_page(open_page, store):
    app = open_page(store.uri, "runs")
    app.button(key="new-analysis-first").click().run()

    app.text_input(key="new-analysis-name").set_value("Why so slow")
    button(app, "Start investigation").click().run()

    assert [one.title for one in store.client.summarize_analyses(store.experiment_id)] == ["Why so slow"]
    assert app.title[0].value == "Why so slow"


def test_a_link_of_home_opens_the_investigation(open_page, investigation):
    app = open_page(investigation.uri, "runs", run=investigation.run_id)
    assert app.title[0].value == "Payment failures"


def test_home_tells_of_a_validated_hypothesis_and_of_live_work(open_page, investigation):
    investigation.client.update_hypothesis(
        investigation.run_id, investigation.hypotheses[0], status="VALIDATED", reason="sure"
    )

    text = said(open_page(investigation.uri, "home", range="all"))

    assert "Hypothesis validated: Refused cards leave debits" in text.replace("\u2060", "")
    assert "8 pieces of evidence for it, 2 against" in text
    assert "**Payment failures**" in text


def test_closed_cards_read_no_evidence(open_page, investigation, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("evidence was read")

    monkeypatch.setattr("insights_core.artifacts.hypotheses.Hypotheses.get_hypothesis", refuse)
    app = open_page(investigation.uri, "run", run=investigation.run_id)

    assert not app.error
    assert "80% in favour" in said(app)


def test_an_open_card_shows_three_pieces_a_side_then_all(open_page, investigation):
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=investigation.hypotheses[0])
    assert sum(one.label == "Trace" for one in app.button) == 5
    assert "Find refused cards" in said(app)

    button(app, "Show all").click().run()

    assert sum(one.label == "Trace" for one in app.button) == 10


def test_one_side_can_be_seen_alone(open_page, investigation):
    chosen = investigation.hypotheses[0]
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=chosen)

    app.get("button_group")[0].set_value("refutes").run()

    assert sum(one.label == "Trace" for one in app.button) == 2
    assert "Seen in trace 0" not in said(app)


def test_what_happens_elsewhere_is_told_once(open_page, investigation):
    app = open_page(investigation.uri, "run", run=investigation.run_id)
    investigation.client.create_hypothesis(investigation.run_id, "Something new", author="agent")
    investigation.client.update_hypothesis(
        investigation.run_id, investigation.hypotheses[1], evidence=investigation.evidence(3, 0)
    )

    app.run()
    told = [one.value for one in app.toast]
    app.run()

    assert any("New hypothesis" in one and "Something new" in one for one in told)
    assert any("3 pieces of evidence more" in one for one in told)
    assert not app.toast
    assert "**3** :gray[hypotheses]" in said(app)


def test_while_mlflow_is_away_the_cards_stay_and_their_age_is_told(open_page, investigation, monkeypatch):
    from insights_core.artifacts.watching import Watcher
    from insights_core.errors import UnavailableError

    app = open_page(investigation.uri, "run", run=investigation.run_id)

    def away(_: object) -> None:
        raise UnavailableError("MLflow's store did not answer.")

    monkeypatch.setattr(Watcher, "poll", away)
    app.run()

    assert "did not answer. What you see is from" in app.error[0].value
    assert "80% in favour" in said(app)


def test_a_hypothesis_is_validated_with_a_reason_and_not_without(open_page, investigation):
    chosen = investigation.hypotheses[0]
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=chosen)

    button(app, "Validate hypothesis").click().run()
    assert investigation.client.get_hypothesis(investigation.run_id, chosen).status == "TESTING"
    assert "Give a reason" in said(app)

    app.text_area(key=f"reason-validated-{chosen}").set_value("8 of 10")
    button(app, "Validate hypothesis").click().run()

    found = investigation.client.get_hypothesis(investigation.run_id, chosen)
    assert (found.status, found.history[-1].why) == ("VALIDATED", "8 of 10")
    assert not app.toast  # what one did oneself is no news
    assert "Test again" in [one.label for one in app.button]


def test_an_issue_takes_the_supporting_evidence_along(open_page, investigation):
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=investigation.hypotheses[0])
    button(app, "Create issue").click().run()
    assert "8 traces that support it are carried over" in said(app)

    [one for one in app.button if one.label == "Create issue"][-1].click().run()

    issue = investigation.client.list_issues(investigation.experiment_id)[0]
    assert (issue.hypothesis_id, issue.trace_count) == (investigation.hypotheses[0], 8)
    assert app.title[0].value == "Issues"


def test_evidence_is_added_from_a_search(open_page, investigation):
    chosen = investigation.hypotheses[1]
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=chosen)
    button(app, "Add evidence").click().run()
    wanted = app.radio(key="pick-add-evidence").value

    app.text_area(key="add-evidence-rationale").set_value("It says so")
    [one for one in app.button if one.label == "Add evidence"][-1].click().run()

    evidence = investigation.client.get_hypothesis(investigation.run_id, chosen).evidence
    assert [(one.trace_id, one.rationale, one.supports) for one in evidence] == [(wanted, "It says so", True)]


def test_a_new_hypothesis_opens_its_card(open_page, investigation):
    app = open_page(investigation.uri, "run", run=investigation.run_id)
    button(app, "New hypothesis").click().run()

    app.text_area(key="new-hypothesis-statement").set_value("Long sessions lose context")
    button(app, "Add hypothesis").click().run()

    assert not app.exception
    lines = investigation.client.summarize_hypotheses(investigation.run_id)
    assert lines[-1].title == "Long sessions lose context"
    assert app.query_params["hypothesis"] in (lines[-1].id, [lines[-1].id])


def test_the_trace_of_the_address_opens_beside_its_evidence(open_page, investigation):
    trace_id = investigation.trace_ids[0]
    app = open_page(
        investigation.uri, "run", run=investigation.run_id, hypothesis=investigation.hypotheses[0], trace=trace_id
    )

    assert not app.exception and not app.error
    assert "Seen in trace 0" in said(app)
    assert "Next" in [one.label for one in app.button]


def test_completing_ends_new_hypotheses_and_offers_to_reopen(open_page, investigation):
    investigation.client.update_analysis(investigation.run_id, status="COMPLETED")
    app = open_page(investigation.uri, "run", run=investigation.run_id)

    assert "New hypothesis" not in [one.label for one in app.button]
    assert "Completed · updated" in said(app)


def test_hostile_statements_are_only_text(open_page, investigation):
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=investigation.hypotheses[1])

    assert escape_markdown(HOSTILE, 240) in said(app)
    assert "<script>" not in "".join(one.value for one in app.get("html"))


def test_a_reader_sees_no_button_that_would_fail(open_page, investigation, monkeypatch):
    monkeypatch.setattr("pages._ui.shell.permissions._probe", lambda *_: False)
    app = open_page(investigation.uri, "run", run=investigation.run_id, hypothesis=investigation.hypotheses[0])

    offered = {one.label for one in app.button}
    assert not offered & {"New hypothesis", "Create issue", "Add evidence", "Validate hypothesis", "Reject hypothesis"}
    assert "Trace" in offered

    assert "New investigation" not in {one.label for one in open_page(investigation.uri, "runs").button}


def test_an_investigation_that_does_not_exist_is_one_sentence(open_page, investigation):
    app = open_page(investigation.uri, "run", run="0" * 32)

    assert not app.exception
    assert "0" * 32 in app.error[0].value
