"""Every page with data, without, and with a server that does not answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from insights import HOSTILE, INSTRUCTION
from page_text import said

from pages._ui.look.formats import escape_markdown

PAGES = ("home", "insights", "insight", "map", "traces", "themes", "theme", "edit_theme")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def empty_uri(_template_store: Path, tmp_path: Path) -> str:
    shutil.copy(_template_store, tmp_path / "empty.db")
    return f"sqlite:///{tmp_path}/empty.db"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_data_shows_no_error(open_page, demo_store, page):
    wanted = {"insight": {"run": demo_store.run_id}, "map": {"run": demo_store.run_id}, "theme": {"theme": "ux_issues"}}
    app = open_page(demo_store.uri, page, range="all", **wanted.get(page, {}))

    assert not app.exception
    assert not app.error
    assert len(app.title) == 1


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_server_says_what_to_do_next(open_page, empty_uri, page):
    app = open_page(empty_uri, page)

    assert not app.exception
    assert not app.error
    assert app.button or app.get("page_link")


@pytest.mark.parametrize("page", PAGES)
def test_a_server_that_does_not_answer_is_one_sentence_and_try_again(open_page, page):
    app = open_page(NOBODY, page, run="0" * 32)

    assert not app.exception
    assert "did not answer" in app.error[0].value
    assert "Traceback" not in said(app)
    assert [button.label for button in app.button] == ["Try again"]
    assert len(app.title) == 1


def test_home_begins_with_figures_against_the_period_before(open_page, demo_store):
    app = open_page(demo_store.uri, "home", range="all")

    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Traces"] == "120"
    assert set(shown) == {"Traces", "Error rate", "Latency p90", "Cost of model calls", "Open issues"}


def test_home_of_a_quiet_time_offers_all_time(open_page, demo_store):
    app = open_page(demo_store.uri, "home", range="custom", **{"from": "2001-01-01", "to": "2001-01-02"})
    assert "No traces in this time" in said(app)

    next(button for button in app.button if button.label == "Show all time").click().run()

    assert app.metric[0].value == "120"


def test_first_steps_load_the_demo(open_page, empty_uri, monkeypatch):
    monkeypatch.setattr("pages._ui.home.first_steps._DEMO_TRACES", 25)
    app = open_page(empty_uri)

    next(button for button in app.button if button.label == "Load the demo").click().run()

    assert not app.exception
    assert app.metric[0].value == "25"


def test_an_insight_opens_on_its_worst_topic_with_a_trace_beside_it(open_page, demo_store):
    app = open_page(demo_store.uri, "insight", run=demo_store.run_id)

    text = said(app)
    assert escape_markdown(INSTRUCTION) in text
    assert "0.86" in text
    assert "41 of 44" in text
    tree = app.radio(key="pick-tree")
    assert tree.options[0].startswith("**Things that go wrong**")
    assert tree.options[-1] == "Outliers"
    assert tree.value != "p1"  # the first topic with traces of its own
    assert app.radio(key="pick-traces").value in demo_store.labels


def test_a_link_to_a_trace_of_an_insight_opens_it(open_page, demo_store):
    label = "order status answered"
    trace_id = next(one for one, what in sorted(demo_store.labels.items()) if what == label)
    names = sorted(set(demo_store.labels.values()) - {"one-off questions"})

    app = open_page(demo_store.uri, "insight", run=demo_store.run_id, cluster=f"c{names.index(label)}", trace=trace_id)

    assert app.radio(key="pick-traces").value == trace_id
    assert trace_id[:11] in said(app)


def test_choosing_another_topic_shows_its_traces(open_page, demo_store):
    app = open_page(demo_store.uri, "insight", run=demo_store.run_id)

    app.radio(key="pick-tree").set_value("outliers").run()

    shown = app.radio(key="pick-traces").value
    assert demo_store.labels[shown] == "one-off questions"
    assert app.query_params["cluster"] in ("outliers", ["outliers"])


def test_hostile_titles_and_summaries_are_only_text(open_page, demo_store):
    app = open_page(demo_store.uri, "insight", run=demo_store.run_id, cluster="c0")

    assert escape_markdown(HOSTILE, 80) in app.radio(key="pick-tree").options
    assert "<script>" not in "".join(one.value for one in app.get("html"))
    assert "onerror" not in "".join(
        one.value for one in app.get("html") if "mi-" in one.value and "<style>" not in one.value
    ).replace("onerror=&quot;", "")


def test_an_insight_that_does_not_exist_is_one_sentence(open_page, demo_store):
    app = open_page(demo_store.uri, "insight", run="0" * 32)

    assert not app.exception
    assert "0" * 32 in app.error[0].value


def test_a_wrong_filter_is_one_sentence(open_page, demo_store):
    app = open_page(demo_store.uri, "traces", range="all", filter="status is bad")

    assert not app.exception
    assert app.error


def test_simple_controls_find_the_failed_traces(open_page, demo_store):
    app = open_page(demo_store.uri, "traces", range="all", status="ERROR")

    table = app.dataframe[0].value
    assert 0 < len(table) < 120
    assert set(table["Status"].map(lambda value: value[0])) == {"ERROR"}


def test_a_search_that_finds_nothing_can_be_cleared(open_page, demo_store):
    app = open_page(demo_store.uri, "traces", range="all", text="no trace has these words")
    assert "No trace matches" in said(app)

    next(button for button in app.button if button.label == "Clear the filter").click().run()

    assert len(app.dataframe[0].value) == 120


def test_a_trace_in_the_address_opens_in_the_drawer(open_page, demo_store):
    trace_id = next(iter(demo_store.labels))

    app = open_page(demo_store.uri, "traces", range="all", trace=trace_id)

    assert not app.exception
    assert trace_id[:11] in said(app)
    assert {tab.label.split()[0] for tab in app.tabs} == {"Trace", "Attributes", "Assessments"}


@pytest.mark.parametrize("colour", ["Topic", "Status", "Latency", "Tag", "Assessment"])
def test_the_map_can_be_coloured(open_page, demo_store, colour):
    app = open_page(demo_store.uri, "map", run=demo_store.run_id, colour=colour)

    assert not app.exception
    assert not app.error
    assert len(app.get("plotly_chart")) == 1


def test_the_map_shows_a_topic_that_the_address_names(open_page, demo_store):
    app = open_page(demo_store.uri, "map", run=demo_store.run_id, cluster="outliers")

    count = sum(label == "one-off questions" for label in demo_store.labels.values())
    assert f"{count} traces selected" in said(app) or count == 1


def test_the_create_dialog_says_first_what_it_will_take(open_page, demo_store):
    app = open_page(demo_store.uri, "insights")

    app.button(key="create-insight").click().run()

    text = said(app)
    assert not app.exception
    assert "**120** :gray[traces]" in text
    assert "Say what you want to know." in text
    assert [button.disabled for button in app.button if button.label == "Create insight"] == [False, True]


def test_links_into_mlflow_appear_only_where_a_browser_reaches_it(open_page, demo_store, monkeypatch):
    trace_id = next(iter(demo_store.labels))
    assert not open_page(demo_store.uri, "traces", range="all", trace=trace_id).get("link_button")

    monkeypatch.setenv("MLFLOW_PUBLIC_URL", "https://mlflow.example/")
    app = open_page(demo_store.uri, "traces", range="all", trace=trace_id)

    assert (
        app.get("link_button")[0].proto.url
        == f"https://mlflow.example/#/experiments/{demo_store.experiment_id}/traces/{trace_id}"
    )


@pytest.fixture
def unfinished(demo_store):
    """Make an insight run in the given state; gives its run id. All are gone afterwards."""
    from insights_core.connection import Connection
    from insights_core.entities import InsightProgress, InsightSpec, TraceScope
    from insights_core.entities.common import now
    from insights_core.insight.jobs import persist

    connection, made = Connection(demo_store.uri), []

    def make(status: str, **progress) -> str:
        spec = InsightSpec(scope=TraceScope(experiment_id=demo_store.experiment_id), instruction="What is slow?")
        run_id = persist.create_insight_run(connection, spec, "offline", {})
        persist.write_spec(connection, run_id, spec, "offline", "", "")
        said = InsightProgress(updated_at=now(), **progress).model_dump_json()
        connection.mlflow.set_tag(run_id, "mlflow.insights.progress", said)
        if status != "RUNNING":
            connection.mlflow.set_terminated(run_id, status)
        made.append(run_id)
        return run_id

    yield make
    for run_id in made:
        connection.mlflow.delete_run(run_id)


def test_a_running_insight_shows_its_stage_and_can_be_stopped(open_page, demo_store, unfinished):
    run_id = unfinished("RUNNING", stage="summarize", done=30, total=120)

    app = open_page(demo_store.uri, "insight", run=run_id)
    assert "Reading and summarising · 30 of 120" in app.get("progress")[0].proto.text

    next(button for button in app.button if button.label == "Stop").click().run()
    assert not app.exception
    assert "Stopping" in said(app)


def test_a_failed_insight_says_why_and_how_to_go_on(open_page, demo_store, unfinished):
    run_id = unfinished(
        "FAILED", stage="summarize", message="The model endpoint refuses the key. Check OPENAI_API_KEY."
    )

    app = open_page(demo_store.uri, "insight", run=run_id)

    assert app.error[0].value == escape_markdown("The model endpoint refuses the key. Check OPENAI_API_KEY.")
    assert "Go on" in [button.label for button in app.button]
    assert "Run again" in [button.label for button in app.button]


def test_the_table_of_insights_filters_by_status(open_page, demo_store, unfinished):
    unfinished("FAILED", message="The server is down.")
    assert len(open_page(demo_store.uri, "insights").dataframe[0].value) == 2

    app = open_page(demo_store.uri, "insights", status="failed")

    assert app.dataframe[0].value["Instruction"].tolist() == ["What is slow?"]


def test_a_search_can_become_an_insight_with_its_filter(open_page, demo_store):
    app = open_page(demo_store.uri, "traces", range="all", status="ERROR")

    app.button(key="from-search").click().run()

    assert app.session_state["new-insight-filter"] == "trace.status = 'ERROR'"
    assert not app.exception


def test_home_names_the_topics_in_which_most_goes_wrong(open_page, demo_store):
    app = open_page(demo_store.uri, "home")
    assert "Where it goes wrong" in [one.value for one in app.subheader]
    rows = [one.value for one in app.markdown if "% errors]" in one.value]
    assert rows and ":red[" in rows[0]


def test_a_box_over_bars_takes_the_days_whose_bars_it_touches():
    from pages._ui.home.home_topics import days_between

    assert [str(day) for day in days_between(["2026-11-23 15:00", "2026-11-24 09:00"])] == ["2026-11-24", "2026-11-24"]
    assert [str(day) for day in days_between(["2026-11-25 03:00", "2026-11-23 20:00"])] == ["2026-11-24", "2026-11-25"]


@pytest.mark.parametrize("page", ["insight", "run"])
def test_a_page_of_one_entity_without_its_id_has_a_heading_and_a_way_on(open_page, demo_store, page):
    app = open_page(demo_store.uri, page)

    assert [one.value for one in app.title] == [page.capitalize()]
    assert app.get("page_link")
