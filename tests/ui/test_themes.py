"""The pages of themes: what each found, editing with live counts, across themes, and what a link opens."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from insights import HOSTILE, finished_insight
from page_text import said

from insights_core.client import InsightsClient
from insights_core.connection import Connection
from insights_core.demo import load_demo, planted_labels
from insights_core.entities import GoneTopic, SkippedTrace, Theme, ThemeRun
from insights_core.themes.files import builtin_themes

OWN = Theme(theme_id="gift_cards", name=f"Gift cards {HOSTILE}", description=HOSTILE, prompt="Look for gift cards.")


@dataclass(frozen=True)
class Themed:
    """An MLflow in which two built-in themes and one of its own have run."""

    uri: str
    experiment_id: str
    runs: dict[str, str]
    trace_ids: list[str]

    @property
    def client(self) -> InsightsClient:
        return InsightsClient(self.uri)


def irrelevant_half(details) -> None:
    apart = details.traces[::2]
    details.irrelevant = [SkippedTrace(trace_id=row.trace_id, reason="nobody struggled") for row in apart]
    details.traces = details.traces[1::2]


def continued(details) -> None:
    first, second = [one for one in details.clusters if one.level == 0][:2]
    details.continues = "earlier"
    first.fate, first.reason, first.previous_size, first.overlap_low, first.overlap_high = (
        "grown",
        "more of it",
        3,
        0.7,
        0.9,
    )
    second.fate, second.reason = "born", "no earlier topic is like it"
    details.gone = [GoneTopic(cluster_id="x", title="Fax is broken", size=7, reason="none of its traces came again")]


@pytest.fixture(scope="module")
def themed(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Themed:
    folder = tmp_path_factory.mktemp("themed")
    shutil.copy(_template_store, folder / "mlflow.db")
    connection = Connection(f"sqlite:///{folder}/mlflow.db")
    with contextlib.chdir(folder):
        experiment_id = load_demo(connection, traces=60)
    # Four topics, so that 60 traces are enough to tell which of them meet.
    planted = sorted(planted_labels(connection, experiment_id))
    labels = {trace_id: f"topic {number % 4}" for number, trace_id in enumerate(planted)}
    client = InsightsClient(connection.tracking_uri)
    client.create_theme(OWN, experiment_id)
    errors, ux = builtin_themes()["error_analysis"], builtin_themes()["ux_issues"]
    finished_insight(connection, experiment_id, labels, name="First", theme=errors)
    runs = {
        "error_analysis": finished_insight(connection, experiment_id, labels, name="E", theme=errors, change=continued),
        "ux_issues": finished_insight(connection, experiment_id, labels, name="U", theme=ux, change=irrelevant_half),
        "gift_cards": finished_insight(connection, experiment_id, labels, name="G", theme=OWN, hostile=HOSTILE),
    }
    return Themed(connection.tracking_uri, experiment_id, runs, list(labels))


@pytest.fixture
def page(open_page, themed):
    """`page("theme", theme=…)` opens a page on the store and says that nothing failed on it."""

    def open_it(name: str, **params: str):
        app = open_page(themed.uri, name, experiment=themed.experiment_id, **params)
        assert not app.exception
        assert not app.error
        return app

    return open_it


def press(app, label: str):
    next(one for one in app.button if one.label == label).click().run()
    assert not app.exception


def test_the_list_says_of_each_theme_what_it_found_last(page):
    text = said(page("themes"))

    assert "6 themes, 6 on" in text
    assert "Error analysis" in "".join(link.proto.label for link in page("themes").get("page_link"))
    assert text.count("Finished") == 3
    assert "Not run yet" in text
    assert "2 runs, no cost so far" in text
    assert "30 of 60 traces concern it (50.0%)" in text.replace("\\", "")


def test_a_switch_is_kept_at_once(page, themed):
    app = page("themes")
    app.toggle(key="on-success_patterns").set_value(False).run()

    assert not themed.client.get_theme("success_patterns", themed.experiment_id).enabled
    assert not app.toggle(key="on-success_patterns").value
    assert "6 themes, 5 on" in said(app)
    app.toggle(key="on-success_patterns").set_value(True).run()
    assert themed.client.get_theme("success_patterns", themed.experiment_id).enabled


def test_a_theme_is_written_with_conditions_from_the_data_and_a_count_while_building(page, themed):
    app = page("edit_theme", **{"own": "status", "own-value": "ERROR"})
    assert "60 traces of 60" in said(app)
    failing = len(themed.client.search_traces(scope(themed, "trace.status = 'ERROR'")))

    app.text_input(key="edit-theme-name").set_value("Refunds")
    app.button(key="add-dimension-theme_filters").click().run()
    text = said(app)
    assert app.text_input(key="edit-theme-theme_filters-1").value == "attribute.status = 'ERROR'"
    assert f"{failing} traces of 60" in text

    app.text_input(key="edit-theme-base_filters-written").set_value("trace.execution_time_ms > 1").run()
    app.button(key="add-written-base_filters").click().run()
    app.button(key="save-theme").click().run()
    made = themed.client.get_theme("refunds", themed.experiment_id)
    assert made.conditions == ["trace.execution_time_ms > 1", "attribute.status = 'ERROR'"]
    assert app.query_params["theme"] in ("refunds", ["refunds"])
    assert not made.tag_traces
    themed.client.delete_theme("refunds", themed.experiment_id)


def scope(themed: Themed, filter_string: str):
    from insights_core.entities import TraceScope

    return TraceScope(experiment_id=themed.experiment_id, filter_string=filter_string)


def test_what_is_wrong_stands_at_its_field_with_the_place_and_cannot_be_saved(page):
    app = page("edit_theme")
    app.text_input(key="edit-theme-name").set_value("Refunds")
    app.text_area(key="edit-theme-prompt").set_value("Look at\n{trase} of {name}").run()
    assert "{trase} at position 9 (line 2, column 1)" in said(app).replace("\\", "")
    assert app.button(key="save-theme").disabled

    app.text_area(key="edit-theme-prompt").set_value("Look at {name}").run()
    app.text_input(key="edit-theme-base_filters-written").set_value("trace.colour = 'red'").run()
    assert app.button(key="add-written-base_filters").disabled
    assert not app.button(key="save-theme").disabled


def test_a_theme_without_a_name_is_not_saved(page, themed):
    app = page("edit_theme")
    app.button(key="save-theme").click().run()
    assert "Give it a name" in said(app)
    assert len(themed.client.list_themes(themed.experiment_id)) == 6


def test_of_a_built_in_theme_only_its_running_here_is_set_and_a_copy_begins_as_it(page, themed):
    app = page("edit_theme", theme="performance_issues")
    assert not [one for one in app.text_area if one.key == "edit-theme-prompt"]
    app.number_input(key="edit-theme-most").set_value(7).run()
    app.button(key="save-theme").click().run()
    kept = themed.client.get_theme("performance_issues", themed.experiment_id)
    assert kept.max_traces == 7
    assert kept.prompt == builtin_themes()["performance_issues"].prompt
    themed.client.delete_theme("performance_issues", themed.experiment_id)

    copy = page("edit_theme", **{"from": "performance_issues"})
    assert copy.text_input(key="edit-theme-name").value == "Performance issues (copy)"
    assert copy.text_area(key="edit-theme-prompt").value == kept.prompt


@pytest.mark.parametrize("view", ["topics", "changes", "trend", "map", "alerts", "runs", "definition"])
def test_a_theme_shows_its_latest_run_from_every_side(page, themed, view):
    app = page("theme", theme="error_analysis", view=view)
    assert "60 traces read" in said(app)
    assert app.selectbox(key="theme-run").value == themed.runs["error_analysis"]


def test_what_became_of_topics_is_told_with_the_reason(page):
    text = said(page("theme", theme="error_analysis", view="changes"))
    assert "Grown" in text
    assert "more of it; 70.0% to 90.0% of its traces are the same" in text
    assert "Fax is broken" in text
    assert "none of its traces came again" in text


def test_a_link_opens_its_run_and_topic(page, themed):
    app = page("theme", theme="ux_issues", run=themed.runs["ux_issues"], cluster="c3")
    assert app.radio(key="pick-tree").value == "c3"


def test_run_now_runs_that_theme_and_run_all_those_that_are_on(page, themed, monkeypatch):
    asked = []

    def run_themes(self, experiment_id, theme_ids, background):
        asked.append((experiment_id, list(theme_ids), background))
        return [ThemeRun(theme_id=one, status="SKIPPED", message="no trace matches") for one in theme_ids]

    monkeypatch.setattr(InsightsClient, "run_themes", run_themes)
    app = page("themes")
    app.button(key="run-success_patterns").click().run()
    assert asked == [(themed.experiment_id, ["success_patterns"], True)]
    assert "Success patterns: no trace matches" in app.error[0].value

    app.toggle(key="on-ux_issues").set_value(False).run()
    app.button(key="run-all-themes").click().run()
    app.toggle(key="on-ux_issues").set_value(True).run()
    assert len(asked[1][1]) == 5
    assert "ux_issues" not in asked[1][1]


def test_a_theme_is_tried_on_ten_traces_and_nothing_is_written(page, themed):
    app = page("edit_theme", **{"from": "error_analysis"})
    app.button(key="test-theme").click().run()
    text = said(app)

    assert not app.exception
    assert "of 10 traces concern it" in text
    assert text.count("Concerns it") + text.count("Does not concern it") == 10
    assert "Test it again" not in text
    app.multiselect(key="edit-theme-signals").set_value(["slow"]).run()
    assert "Test it again" in said(app)
    assert len(themed.client.list_insights(themed.experiment_id)) == 4
    assert len(themed.client.list_themes(themed.experiment_id)) == 6


def test_alert_rules_are_added_tried_on_the_past_and_removed(page, themed):
    app = page("theme", theme="error_analysis", view="alerts")
    app.selectbox(key="rule-kind").set_value("exceeds")
    app.number_input(key="rule-threshold").set_value(3.0)
    press(app, "Add rule")
    [rule] = themed.client.get_theme("error_analysis", themed.experiment_id).alert_rules
    assert (rule.kind, rule.threshold, rule.window_days) == ("exceeds", 3, 7)
    assert "more than 3 traces in a week" in said(app)

    app.button(key="try-alerts").click().run()
    assert not app.exception
    expected = themed.client.test_alerts("error_analysis", themed.experiment_id)
    assert f"would have raised {len(expected)} alert" in said(app)
    assert not themed.client.list_alerts(themed.experiment_id)

    app.button(key="remove-rule-0").click().run()
    assert not themed.client.get_theme("error_analysis", themed.experiment_id).alert_rules
    themed.client.delete_theme("error_analysis", themed.experiment_id)


def test_across_themes_one_sees_how_topics_meet_and_reads_a_cell(page, themed):
    app = page("themes", view="across", first="error_analysis", second="gift_cards")
    app.button(key="meets-read-0").click().run()
    assert not app.exception
    assert app.query_params["row"] and app.query_params["column"]
    assert "15 traces of 15" in said(app)
    assert "more often than by chance" in said(app)
    assert "of the chosen cell" in said(app)


def test_a_trace_says_what_every_theme_says_of_it(page, themed):
    details = themed.client.get_insight_details(themed.runs["ux_issues"])
    apart = details.irrelevant[0]
    text = said(page("themes", view="across", trace=apart.trace_id))
    assert "Does not concern it" in text
    assert "nobody struggled" in text
    assert text.count("Concerns it") == 2


def test_one_theme_alone_has_nothing_to_cross(open_page, demo_store):
    app = open_page(demo_store.uri, "themes", view="across")
    assert not app.exception
    assert "Two themes are needed" in said(app)


def test_deleting_says_what_stays_and_leaves_the_insights(open_page, themed):
    client = themed.client
    copy = client.copy_theme("gift_cards", "short_lived", "Short lived", themed.experiment_id)
    app = open_page(themed.uri, "themes", experiment=themed.experiment_id)
    app.session_state["asked-dialog"] = ("delete-theme", {"theme_id": copy})
    app.run()
    assert "goes for good" in said(app)
    app.button(key="delete-theme-now").click().run()
    assert copy not in [one.theme_id for one in client.list_themes(themed.experiment_id)]


def test_a_yaml_text_becomes_a_theme_and_a_wrong_one_is_refused_with_the_field(open_page, themed):
    app = open_page(themed.uri, "themes", experiment=themed.experiment_id)
    press(app, "Import")
    app.text_area(key="import-theme-text").set_value("theme_id: late\nname: Late\nbase_filter: x").run()
    press(app, "Import theme")
    assert "no field 'base_filter'" in app.error[0].value.replace("\\", "")

    app.text_area(key="import-theme-text").set_value("theme_id: late\nname: Late").run()
    press(app, "Import theme")
    assert themed.client.get_theme("late", themed.experiment_id).name == "Late"
    themed.client.delete_theme("late", themed.experiment_id)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("themes", {}),
        ("themes", {"view": "across", "first": "gift_cards"}),
        ("theme", {"theme": "gift_cards"}),
        ("theme", {"theme": "gift_cards", "view": "trend"}),
        ("theme", {"theme": "gift_cards", "view": "definition"}),
        ("edit_theme", {"theme": "gift_cards"}),
        ("insights", {}),
    ],
)
def test_hostile_names_and_titles_are_only_text(page, name, params):
    app = page(name, **params)
    labels = [link.proto.label for link in app.get("page_link")]
    texts = [one.value for kind in ("markdown", "caption", "title", "html") for one in app.get(kind)] + labels
    for text in map(str, texts):
        assert "<script>document" not in text
        assert "[link](https://evil" not in text
        assert ":red[x]" not in text


def test_insights_carry_the_badge_of_their_theme(page, themed):
    frame = page("insights").dataframe[0].value
    assert ["Error analysis"] in frame["Theme"].tolist()
    app = page("insight", run=themed.runs["error_analysis"])
    assert any("Error analysis" in link.proto.label for link in app.get("page_link"))
