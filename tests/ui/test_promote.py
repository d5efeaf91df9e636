# ruff: noqa: F811 - fixtures come by import, as the tests' arguments
"""Traces of a topic or a selection become a hypothesis, or evidence of one."""

from __future__ import annotations

import pytest
from insights import finished_insight
from investigation_store import button, investigation, said, store, traces  # noqa: F401
from streamlit.testing.v1 import AppTest


def _script(experiment_id: str, trace_ids: list[str], statement: str, rationales: dict[str, str]) -> None:
    from pages._ui.actions import promote

    promote._inside(experiment_id, trace_ids, statement, "", rationales)


@pytest.fixture
def dialog(monkeypatch: pytest.MonkeyPatch):
    """The inside of the dialog alone, since a test's reruns do not keep dialogs; and where it led to."""
    left: list[tuple[str, dict]] = []
    monkeypatch.setattr("pages._ui.shell.navigation.go_to", lambda page, params: left.append((page, params)))

    def open_it(where, statement: str = "", rationales: dict[str, str] | None = None, count: int = 5) -> AppTest:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", where.uri)
        arguments = (where.experiment_id, where.trace_ids[:count], statement, rationales or {})
        return AppTest.from_function(_script, args=arguments, default_timeout=60).run()

    open_it.left = left
    return open_it


def test_traces_become_a_hypothesis_with_their_summaries_as_reasons(dialog, investigation):
    summaries = {one: f"Summary of {one}" for one in investigation.trace_ids[:5]}
    app = dialog(investigation, "Parcels are late", summaries)

    button(app, "Create hypothesis").click().run()

    assert not app.exception and not app.error
    made = next(
        one for one in investigation.client.list_hypotheses(investigation.run_id) if one.statement == "Parcels are late"
    )
    assert {one.trace_id: one.rationale for one in made.evidence} == summaries
    assert dialog.left == [("run", {"run": investigation.run_id, "hypothesis": made.hypothesis_id})]


def test_traces_become_evidence_against_a_hypothesis(dialog, investigation):
    chosen = investigation.hypotheses[1]
    app = dialog(investigation)

    app.selectbox(key=f"promote-hypothesis-{investigation.run_id}").set_value(chosen).run()
    app.get("button_group")[-1].set_value("refutes")
    app.text_input(key="promote-rationale").set_value("They went well")
    button(app, "Add evidence").click().run()

    found = investigation.client.get_hypothesis(investigation.run_id, chosen)
    assert (found.supports_count, found.refutes_count) == (0, 5)
    assert {one.rationale for one in found.evidence} == {"They went well"}


def test_without_an_investigation_one_is_started(dialog, store):
    app = dialog(store, "Parcels are late", {one: "Late" for one in store.trace_ids})
    button(app, "Create hypothesis").click().run()
    assert "Give the investigation a name" in said(app)

    app.text_input(key="promote-name").set_value("Parcels")
    button(app, "Create hypothesis").click().run()

    (made,) = store.client.summarize_analyses(store.experiment_id)
    assert (made.title, made.hypothesis_count) == ("Parcels", 1)


def test_evidence_needs_a_reason(dialog, investigation):
    app = dialog(investigation, "Parcels are late")
    button(app, "Create hypothesis").click().run()

    assert "Say why these traces count" in said(app)
    assert len(investigation.client.summarize_hypotheses(investigation.run_id)) == 2


@pytest.fixture
def insight(investigation) -> str:
    labels = {one: f"topic {place % 2}" for place, one in enumerate(investigation.trace_ids)}
    return finished_insight(investigation.client, investigation.experiment_id, labels)


def test_a_topic_offers_to_investigate_it(open_page, investigation, insight):
    app = open_page(investigation.uri, "insight", run=insight, cluster="c0")
    app.button(key="investigate-topic").click().run()

    assert not app.exception and not app.error
    assert app.text_area(key="promote-statement").value == "Topic 0"
    assert "**13 traces**" in said(app)


def test_a_reader_is_not_offered_to_investigate(open_page, investigation, insight, monkeypatch):
    monkeypatch.setattr("pages._ui.shell.permissions._probe", lambda *_: False)
    app = open_page(investigation.uri, "insight", run=insight, cluster="c0")
    assert "Investigate" not in [one.label for one in app.button]
