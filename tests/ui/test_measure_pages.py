"""The pages under Measure: their figures are the engine's, a click leads on, and nothing from a trace breaks them."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from page_text import said

from pages._ui.look.formats import duration, escape_markdown, money, number, share
from pages._ui.measures import measure, measure_slices

PAGES = ("traffic", "quality", "tools", "tags", "correlations")
NOBODY = "http://127.0.0.1:9"
HOSTILE = "<script>alert(1)</script> [x](https://evil.example) :red[y] **z** it's"
UNQUOTABLE = 'it\'s "quoted"'


def links(app) -> list[str]:
    """Addresses of all page links, readable."""
    return [unquote(one.proto.query_string.replace("+", " ")) for one in app.get("page_link")]


@pytest.fixture
def analytics(demo_store):
    from insights_core.client import InsightsClient

    return InsightsClient(demo_store.uri).analytics


@pytest.fixture
def store(_template_store: Path, tmp_path: Path):
    """Writes drafts into a fresh store; gives its tracking URI."""
    from insights_core.connection import Connection
    from insights_core.traces.writing import find_or_create_experiment, write_traces

    def write(drafts) -> str:
        shutil.copy(_template_store, tmp_path / "measure.db")
        connection = Connection(f"sqlite:///{tmp_path}/measure.db")
        with contextlib.chdir(tmp_path):
            write_traces(connection, find_or_create_experiment(connection, "Odd"), drafts)
        return connection.tracking_uri

    return write


def draft(position: int, *, state="OK", tags=None, assessments=(), tool=None, age_days=1.0, session=None):
    from insights_core.traces.drafts import SpanDraft, TraceDraft, span_id_of, trace_id_of

    trace_id = trace_id_of("measure", position)
    start = int(time.time() * 1000 - age_days * measure.DAY_MS) + position
    spans = [SpanDraft(span_id_of(trace_id, 0), "agent", "AGENT", start * 10**6, (start + 900) * 10**6)]
    if tool:
        root = spans[0].span_id
        status = "ERROR" if state == "ERROR" else "OK"
        spans.append(
            SpanDraft(span_id_of(trace_id, 1), tool, "TOOL", start * 10**6, (start + 400) * 10**6, root, status)
        )
    return TraceDraft(
        trace_id, "agent", start, 900, spans, state, tags or {}, session_id=session, assessments=list(assessments)
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_data_shows_no_error(open_page, demo_store, page):
    app = open_page(demo_store.uri, page, range="all")

    assert not app.exception
    assert not app.error
    assert len(app.title) == 1
    assert "by day · as of" in app.caption[0].value


@pytest.mark.parametrize("page", PAGES)
def test_an_experiment_without_traces_leads_to_the_first_steps(open_page, _template_store, tmp_path, page):
    shutil.copy(_template_store, tmp_path / "empty.db")

    app = open_page(f"sqlite:///{tmp_path}/empty.db", page)

    assert not app.exception
    assert not app.error
    assert "No traces yet" in said(app)
    assert "Look at the first steps" in [button.label for button in app.button]


def test_an_experiment_without_traces_leads_to_one_that_has_some(open_page, demo_store):
    app = open_page(demo_store.uri, "tools", experiment="0")

    next(button for button in app.button if button.label.startswith("Show Demo")).click().run()

    assert app.query_params["experiment"] in (demo_store.experiment_id, [demo_store.experiment_id])
    assert "No traces yet" not in said(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_server_that_does_not_answer_is_one_sentence_and_try_again(open_page, page):
    app = open_page(NOBODY, page)

    assert not app.exception
    assert "did not answer" in app.error[0].value
    assert [button.label for button in app.button] == ["Try again"]


def test_a_quiet_time_offers_thirty_days(open_page, demo_store):
    app = open_page(demo_store.uri, "traffic", range="custom", **{"from": "2001-01-01", "to": "2001-01-02"})
    assert "No traces in this time" in said(app)

    next(button for button in app.button if button.label == "Show 30 days").click().run()

    assert not app.exception
    assert app.query_params["range"] in ("30d", ["30d"])
    assert "Error rate" in [head.value for head in app.subheader]


def test_old_traces_offer_all_time(open_page, store):
    uri = store([draft(at, age_days=300) for at in range(3)])

    app = open_page(uri, "traffic", range="7d")

    assert "Show all time" in [button.label for button in app.button]


@pytest.mark.parametrize(("days", "bucket"), [(1, "hour"), (7, "hour"), (7.01, "day"), (90, "day"), (90.01, "week")])
def test_the_range_decides_the_bucket(days, bucket):
    assert measure.bucket_of(int(days * measure.DAY_MS)) == bucket


def test_hours_with_hardly_a_trace_become_days_where_there_are_enough_days():
    week, day = 7 * measure.DAY_MS, measure.DAY_MS

    assert measure.bucket_of(week, traces=100_000) == "hour"
    assert measure.bucket_of(week, traces=300) == "day"
    assert measure.bucket_of(day, traces=10) == "hour"


def test_traffic_shows_the_figures_of_the_engine(open_page, demo_store, analytics):
    asked = [demo_store.experiment_id]
    volume, latency = analytics.volume(asked).summary, analytics.latency(asked).summary
    cost = analytics.cost_and_tokens(asked).summary

    app = open_page(demo_store.uri, "traffic", range="all")

    text = said(app)
    assert f"{number(volume.count)} · {number(volume.error_count)} with errors" in text
    assert (
        f"p50 {duration(latency.p50_latency)} · p90 {duration(latency.p90_latency)} · p99 {duration(latency.p99_latency)}"
        in text
    )
    assert share(volume.error_count, volume.count) in text
    assert money(cost.total_cost_usd) in text
    assert len(app.get("plotly_chart")) == 5


def test_links_of_errors_and_slow_traces_find_as_many_as_the_page_says(open_page, demo_store, analytics):
    from insights_core.client import InsightsClient
    from insights_core.entities import TraceScope

    app = open_page(demo_store.uri, "traffic", range="all")

    filters = [link.split("filter=")[1].split("&")[0] for link in links(app) if "filter=" in link]
    errors = analytics.errors([demo_store.experiment_id]).summary.error_count
    client = InsightsClient(demo_store.uri)
    counts = [
        client.count_traces(TraceScope(experiment_id=demo_store.experiment_id, filter_string=one)) for one in filters
    ]
    assert errors in counts
    assert all(counts)  # each link, also those of combined conditions and of ids, finds traces
    p90 = analytics.latency([demo_store.experiment_id]).summary.p90_latency
    assert any(f"execution_time_ms > {int(p90)}" in one for one in filters)


@pytest.mark.parametrize("page", ["quality", "tools", "tags", "correlations"])
def test_every_link_to_traces_finds_some(open_page, demo_store, page):
    from insights_core.client import InsightsClient
    from insights_core.entities import TraceScope

    app = open_page(demo_store.uri, page, range="all")

    filters = {link.split("filter=")[1].split("&")[0] for link in links(app) if "filter=" in link}
    client = InsightsClient(demo_store.uri)
    assert filters
    for one in filters:
        assert client.count_traces(TraceScope(experiment_id=demo_store.experiment_id, filter_string=one)), one


def _rows(wanted, part):
    return [measure_slices.row_of(wanted, part, one) for one in measure_slices.found(wanted, part)]


def test_a_link_below_a_card_opens_the_traces_it_counts(open_page, demo_store):
    from insights_core.client import InsightsClient
    from insights_core.entities import TraceScope

    open_page(demo_store.uri, "traffic", range="all")
    wanted = measure.Range(demo_store.uri, demo_store.experiment_id, None, int(time.time() * 1000), "day", 1, 120)
    client = InsightsClient(demo_store.uri)

    failing = next(one.tool_name for one in client.analytics.tools([demo_store.experiment_id]).data if one.error_count)
    parts = [measure_slices.filtered("errors", measure_slices.ERRORS), measure_slices.tool(wanted, failing, "error")]
    rows = [row for part in parts for row in _rows(wanted, part)]

    assert rows
    for row in rows:
        scope = TraceScope(experiment_id=demo_store.experiment_id, filter_string=row.params["filter"])
        assert client.count_traces(scope) == min(row.traces, measure_slices.MOST_IDS), row.label


def test_conditions_on_two_spans_are_never_joined_into_one_filter():
    one, other = "span.name = 'a' AND span.type = 'TOOL'", "span.name = 'b' AND span.type = 'TOOL'"

    assert measure_slices.together(one, other) is None
    assert measure_slices.together(one, "trace.status = 'OK'") == f"{one} AND trace.status = 'OK'"


def test_traces_without_tokens_or_cost_get_one_honest_sentence(open_page, store):
    uri = store([draft(at) for at in range(3)])

    app = open_page(uri, "traffic", range="7d")

    assert "neither tokens nor cost" in said(app)
    assert [head.value for head in app.subheader] == ["Traces", "Latency", "Error rate"]


def test_quality_has_a_card_for_each_assessment_by_its_type(open_page, demo_store, analytics):
    known = {one.assessment_name: one for one in analytics.assessments([demo_store.experiment_id]).data}

    app = open_page(demo_store.uri, "quality", range="all")

    assert {head.value for head in app.subheader} == {escape_markdown(name) for name in known}
    assert ("values of several types, shown as text" in said(app)) == any(one.mixed for one in known.values())
    numeric = next(one for one in known.values() if one.assessment_type == "numeric")
    p50 = analytics.assessment([demo_store.experiment_id], numeric.assessment_name).summary.p50_value
    assert f"p50 {p50:.3g}" in said(app)


def test_a_boolean_assessment_shows_its_failure_rate_first(open_page, store):
    from insights_core.traces.drafts import AssessmentDraft

    drafts = [
        draft(at, assessments=[AssessmentDraft("resolved", at % 4 != 0), AssessmentDraft("score", at / 10)])
        for at in range(16)
    ]

    app = open_page(store(drafts), "quality", range="7d")

    assert [head.value for head in app.subheader] == ["resolved", "score"]
    assert "25.0% fail · 4 of 16" in said(app)
    assert any("feedback.resolved" in link for link in links(app))


def test_the_distribution_of_a_numeric_assessment_counts_every_value(store, open_page):
    from insights_core.traces.drafts import AssessmentDraft
    from pages._ui.measures import quality_cards

    uri = store(
        [
            draft(at, assessments=[AssessmentDraft("score", at / 10), AssessmentDraft("stars", at % 3)])
            for at in range(60)
        ]
    )
    open_page(uri, "quality", range="7d")
    wanted = measure.Range(uri, "1", None, int(time.time() * 1000), "day", 2, 60)

    counts, edges = quality_cards.distribution(wanted, "score")
    assert (sum(counts), len(edges), edges[0], edges[-1]) == (60, len(counts) + 1, 0.0, 5.9)
    assert quality_cards.distribution(wanted, "stars") == ([20, 20, 20], [0.0, 1.0, 2.0])


def test_without_assessments_tools_or_tags_the_page_shows_how_to_make_them(open_page, store):
    uri = store([draft(at) for at in range(3)])

    for page, call in (
        ("quality", "mlflow.log_feedback"),
        ("tools", 'span_type="TOOL"'),
        ("tags", "update_current_trace"),
    ):
        app = open_page(uri, page, range="7d")
        assert not app.exception
        assert call in app.code[0].value


def test_tools_begin_with_the_failing_and_can_be_found_by_name(open_page, demo_store, analytics):
    tools = analytics.tools([demo_store.experiment_id]).data
    worst = max((one for one in tools if one.invocation_count >= 5), key=lambda one: (one.error_rate, one.error_count))

    app = open_page(demo_store.uri, "tools", range="all")
    cards = [head.value for head in app.subheader if head.value.startswith("`")]
    assert cards[0] == f"`{worst.tool_name}`"
    assert len(cards) == min(5, len(tools))
    assert f"{worst.error_rate:.1f}% fail" in said(app)

    app.text_input(key="tools-find").set_value(tools[-1].tool_name).run()
    assert f"`{tools[-1].tool_name}`" in [head.value for head in app.subheader]


def test_a_tool_whose_calls_never_ended_has_no_latency(open_page, store):
    from insights_core.client import InsightsClient

    drafts = [draft(at, tool="hangs") for at in range(3)]
    for one in drafts:
        one.spans[1].end_ns = None
    uri = store(drafts)
    experiment = next(one.experiment_id for one in InsightsClient(uri).list_experiments() if one.name == "Odd")

    found = InsightsClient(uri).analytics.tool([experiment], "hangs").data
    assert (found.invocation_count, found.error_rate) == (3, 0.0)
    assert (found.p50_latency, found.p90_latency, found.p99_latency) == (None, None, None)
    app = open_page(uri, "tools", range="7d")
    assert not app.exception
    assert "p90 –" in said(app) and "0 ms" not in said(app)


def test_a_click_on_a_tag_is_followed_by_every_card_until_it_is_cleared(open_page, demo_store, analytics):
    tag = analytics.tag([demo_store.experiment_id], "channel").data.top_values[0]
    app = open_page(demo_store.uri, "tags", range="all")
    follows = f"**Goes with channel = {escape_markdown(tag.value)}**"
    before = said(app).count(follows)

    radio = next(one for one in app.radio if one.label == "Values of channel")
    radio.set_value(f"channel={tag.value}").run()

    cards = len(app.radio)
    assert said(app).count(follows) == cards > before
    assert app.query_params["tag"] in (f"channel={tag.value}", [f"channel={tag.value}"])
    assert f"{number(tag.count)} traces" in said(app)

    app.button(key="clear-tag").click().run()
    assert "tag" not in app.query_params
    assert said(app).count(follows) == before


def test_a_key_that_holds_the_sign_can_be_followed(open_page, store):
    uri = store([draft(at, tags={"a": "b", "a=b": "c" if at % 3 else "d"}) for at in range(6)])

    app = open_page(uri, "tags", range="7d", tag="a=b=c")

    assert not app.error
    assert "**a=b = c** :gray[4 traces" in said(app)


def test_a_tag_in_the_address_shows_its_share_of_the_others(open_page, demo_store, analytics):
    part = {"name": "tags.channel", "parameters": {"value": "web"}}
    inside = analytics.tag([demo_store.experiment_id], "locale", slice={"dimension": part}).data.top_values[0]

    app = open_page(demo_store.uri, "tags", range="all", tag="channel=web")

    captions = [text for one in app.radio if one.label == "Values of locale" for text in one.proto.captions]
    assert any(text.startswith(f"{inside.count} · **{inside.percentage:.1f}%**") for text in captions)


def test_a_pair_shows_the_counts_and_the_interval_of_the_engine(open_page, demo_store, analytics):
    sides = (
        {"name": "status", "parameters": {"value": "ERROR"}},
        {"name": "tags.channel", "parameters": {"value": "mobile-app"}},
    )
    found = analytics.npmi([demo_store.experiment_id], *sides)

    app = open_page(
        demo_store.uri, "correlations", range="all",
        **{"a": "status", "a-value": "ERROR", "b": "tags.channel", "b-value": "mobile-app"},
    )  # fmt: skip

    text = said(app).replace("\u2212", "-")
    for count in (found.dimension1.count, found.dimension2.count, found.intersection.count):
        assert f"<b>{count}</b>" in text
    score = found.correlation
    assert f"NPMI {score.npmi_score:.2f}, 95% interval {score.npmi_lower:.2f} to {score.npmi_upper:.2f}" in text


def test_a_threshold_comes_from_the_address_and_goes_into_the_filter(open_page, demo_store, analytics):
    app = open_page(
        demo_store.uri, "correlations", range="all",
        **{"a": "latency", "a-threshold": "2500", "a-operator": ">=", "b": "status", "b-value": "ERROR"},
    )  # fmt: skip

    slow = analytics.slice_trace_ids([demo_store.experiment_id], "trace.execution_time_ms >= 2500").total_count
    assert f"<b>{slow}</b>" in said(app)
    assert app.number_input[0].value == 2500


@pytest.mark.parametrize("never", ["tags.nothing", "", "latency"])
def test_a_dimension_that_is_not_there_falls_back_to_one_that_is(open_page, demo_store, never):
    app = open_page(demo_store.uri, "correlations", range="all", a=never, **{"a-threshold": "not a number"})

    assert not app.exception
    assert not app.error


def test_a_slice_lists_what_the_engine_finds_beyond_chance(open_page, demo_store, analytics):
    answer = analytics.correlations([demo_store.experiment_id], "tags.agent = 'hotel-concierge'", limit=None)
    passed = [one for one in answer.data if one.q_value <= 0.05]

    app = open_page(demo_store.uri, "correlations", range="all", mode="slice", filter="tags.agent = 'hotel-concierge'")

    assert 0 < len(passed) < len(answer.data)
    assert f"<b>{passed[0].npmi_score:.2f}</b>" in said(app)
    assert f"<b>{passed[0].percentage_of_slice:.0f}%</b>" in said(app)
    assert f"of {answer.looked_at} values looked at" in said(app)


def test_a_card_over_chance_alone_says_that_nothing_stands_out(open_page, store):
    random = np.random.default_rng(0)
    uri = store(
        draft(i, state="ERROR" if random.random() < 0.2 else "OK", tags={"user": f"u{random.integers(0, 12)}"})
        for i in range(240)
    )

    app = open_page(uri, "correlations", range="all", mode="slice", filter="trace.status = 'ERROR'")

    assert "Nothing stands out, of 12 values looked at; a doubled share would need more traces" in said(app)


def test_a_card_over_a_few_sessions_says_that_they_are_too_few(open_page, store):
    random = np.random.default_rng(0)
    failing = random.random(12) < 0.4
    uri = store(
        draft(i, state="ERROR" if failing[i // 10] else "OK", tags={"user": f"u{i // 20}"}, session=f"s{i // 10}")
        for i in range(120)
    )

    app = open_page(uri, "correlations", range="all", mode="slice", filter="trace.status = 'ERROR'")

    assert "Too few sessions to tell: 12, for 6 values looked at" in said(app)


def test_a_filter_that_mlflow_cannot_read_is_said_below_it(open_page, demo_store):
    app = open_page(demo_store.uri, "correlations", range="all", mode="slice", filter="status is bad")

    assert not app.exception
    assert app.error
    assert app.text_input(key="slice-filter").value == "status is bad"


def test_a_topic_in_the_address_is_a_slice(open_page, demo_store):
    app = open_page(demo_store.uri, "correlations", range="all", mode="slice", insight=demo_store.run_id, cluster="c3")

    assert not app.exception
    assert not app.error
    assert "Topic **" in said(app)


def test_a_part_opens_the_insight_dialog_with_its_filter(open_page, demo_store):
    app = open_page(demo_store.uri, "traffic", range="all")

    app.button(key="insight-errors").click().run()

    assert not app.exception
    assert app.text_input(key="new-insight-filter").value == measure_slices.ERRORS


def test_hostile_names_and_values_are_shown_and_break_nothing(open_page, store):
    from insights_core.traces.drafts import AssessmentDraft

    def odd(at: int):
        bad = at % 2 == 0
        judged = [AssessmentDraft(HOSTILE, HOSTILE if bad else UNQUOTABLE), AssessmentDraft("a=b", not bad)]
        tags = {
            "plain": HOSTILE if bad else UNQUOTABLE,
            "key `with` signs": "x" if bad else "y",
            "a=b": "c" if bad else "d",
        }
        return draft(at, state="ERROR" if bad else "OK", tags=tags, assessments=judged, tool=HOSTILE if bad else "t")

    uri = store([odd(at) for at in range(12)])

    for page, more in [(one, {}) for one in PAGES] + [
        ("correlations", {"mode": "slice"}), ("tags", {"tag": f"plain={UNQUOTABLE}"}), ("tags", {"tag": "a=b=c"}),
    ]:  # fmt: skip
        app = open_page(uri, page, range="7d", **more)
        assert not app.exception, page
        assert not app.error, (page, more, app.error[0].value if app.error else "")
        assert "<script>alert" not in "".join(one.proto.body for one in app.get("html"))
        assert "](https" not in "".join(one.value for one in app.markdown)


def test_what_did_not_change_is_not_computed_again(open_page, demo_store, monkeypatch):
    from insights_core.analytics.client import Analytics

    app = open_page(demo_store.uri, "tools", range="custom", **{"from": "2001-01-01", "to": "2090-01-01"})
    calls = []
    for name in ("tools", "correlations", "volume"):
        monkeypatch.setattr(Analytics, name, lambda *_, name=name, **__: calls.append(name))

    app.button(key="refresh").click().run()

    assert not app.exception
    assert app.get("plotly_chart")
    assert calls == []
