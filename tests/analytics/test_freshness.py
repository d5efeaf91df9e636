"""Changes show: new traces, new spans, tags and assessments of old traces, deletions; and nothing is read twice."""

from __future__ import annotations

import threading
import time
import uuid

import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback

from insights_core.analytics.client import Analytics
from insights_core.analytics.models import Slice

OLD = "tr-00000000000000000000000000000003"
DAY_MS = 86_400_000


@pytest.fixture
def live(fresh_uri):
    """Analytics that have already answered everything once, and MLflow's own client to change things with."""
    analytics = Analytics(fresh_uri)
    analytics.tools("1")
    return analytics, MlflowClient(fresh_uri)


def clusters(analytics: Analytics, key: str) -> dict[str, int]:
    return {one.value: one.count for one in analytics.tag("1", key, limit=None).data.top_values}


def test_a_new_and_an_edited_tag_of_an_old_trace_show(live):
    analytics, client = live
    client.set_trace_tag(OLD, "fresh", "one")
    analytics.refresh()
    assert clusters(analytics, "fresh") == {"one": 1}
    client.set_trace_tag(OLD, "fresh", "two")
    analytics.refresh()
    assert clusters(analytics, "fresh") == {"two": 1}
    client.delete_trace_tag(OLD, "fresh")
    analytics.refresh()
    assert clusters(analytics, "fresh") == {}


def test_an_assessment_that_is_logged_edited_overridden_and_deleted_shows(live):
    analytics, client = live
    store = client._tracing_client.store
    count = lambda: analytics.assessment("1", "new one").summary.model_dump()  # noqa: E731
    source = AssessmentSource(source_type="HUMAN", source_id="me")
    made = store.create_assessment(Feedback(name="new one", value=True, source=source, trace_id=OLD))
    analytics.refresh()
    assert count() == {"total_count": 1, "failure_count": 0, "failure_rate": 0.0}
    time.sleep(0.002)  # MLflow's time of the last update counts milliseconds
    store.update_assessment(OLD, made.assessment_id, feedback=Feedback(name="new one", value=False).feedback)
    analytics.refresh()
    assert count() == {"total_count": 1, "failure_count": 1, "failure_rate": 100.0}
    override = Feedback(name="new one", value=True, source=source, trace_id=OLD, overrides=made.assessment_id)
    override = store.create_assessment(override)
    analytics.refresh()
    assert count() == {"total_count": 1, "failure_count": 0, "failure_rate": 0.0}
    store.delete_assessment(OLD, override.assessment_id)
    analytics.refresh()
    assert count() == {"total_count": 1, "failure_count": 1, "failure_rate": 100.0}


def test_deleted_traces_are_gone(live):
    analytics, client = live
    before = analytics.tools("1").data
    client.delete_traces("1", trace_ids=[OLD])
    analytics.refresh()
    assert analytics.volume("1").summary.count == 399
    assert {tool.tool_name for tool in before} - {tool.tool_name for tool in analytics.tools("1").data} == {"rare"}


def test_new_spans_of_a_trace_show(live, rows):
    import mlflow

    analytics, client = live
    mlflow.set_tracking_uri(analytics.tracking_uri)
    try:
        root = client.start_trace("agent", experiment_id="1")
        call = client.start_span("brand new", trace_id=root.trace_id, parent_id=root.span_id, span_type="TOOL")
        client.end_span(root.trace_id, call.span_id, status="ERROR")
        client.end_trace(root.trace_id)
        mlflow.flush_trace_async_logging()
    finally:
        mlflow.set_tracking_uri(None)
    analytics.refresh()
    tool = analytics.tool("1", "brand new").data
    assert (tool.trace_count, tool.error_count) == (1, 1)
    assert analytics.volume("1").summary.count == 401


def test_a_span_that_is_added_later_shows_though_the_trace_looks_the_same(live, rows):
    from mlflow.entities import Span

    analytics, client = live
    store = client._tracing_client.store
    known = store.get_trace(OLD).data.spans[0].to_dict()
    known |= {"span_id": "AAAAAAAA/wA=", "name": "late", "parent_span_id": known["span_id"]}
    known["attributes"] = {**known["attributes"], "mlflow.spanType": '"TOOL"'}
    store.log_spans("1", [Span.from_dict(known)])
    analytics.refresh()
    assert analytics.tool("1", "late").data.invocation_count == 1


def test_an_answer_is_no_older_than_allowed(live):
    analytics, client = live
    analytics.facts.source.max_age_s = 0.3
    client.set_trace_tag(OLD, "bounded", "yes")
    began = time.monotonic()
    while not clusters(analytics, "bounded"):
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    assert abs(analytics.freshness("1").as_of / 1000 - time.time()) < 5


def test_nothing_is_read_again_while_nothing_changes(live, monkeypatch):
    analytics, _ = live
    for name in ("check", "traces", "tags", "assessments", "spans"):
        monkeypatch.setattr(analytics.facts.source, name, lambda *_, name=name: pytest.fail(f"read {name} again"))
    first = analytics.freshness("1").as_of
    time.sleep(0.01)
    analytics.refresh()
    assert analytics.tools("1").data
    assert analytics.freshness("1").as_of > first


def reads(source, monkeypatch) -> list[tuple[str, int, int]]:
    """Which ranges of traces are read from now on, in days since the first trace."""
    seen = []
    for name in ("traces", "tags", "assessments", "spans"):
        real = getattr(source, name)

        def counted(experiment, start, end, *rest, name=name, real=real):
            seen.append((name, start, end))
            return real(experiment, start, end, *rest)

        monkeypatch.setattr(source, name, counted)
    return seen


def test_a_change_reads_only_its_day_and_its_table(live, rows, monkeypatch):
    analytics, client = live
    seen = reads(analytics.facts.source, monkeypatch)
    client.set_trace_tag(OLD, "small", "change")
    analytics.refresh()
    assert clusters(analytics, "small") == {"change": 1}
    day = next(info["timestamp_ms"] for info in rows.infos if info["request_id"] == OLD) // DAY_MS * DAY_MS
    assert seen == [("tags", day, day + DAY_MS)]


def test_a_range_reads_only_its_days(fresh_uri, rows, monkeypatch):
    analytics = Analytics(fresh_uri)
    seen = reads(analytics.facts.source, monkeypatch)
    start = 1_768_000_000_000
    analytics.volume("1", start, start + 1)
    day = start // DAY_MS * DAY_MS
    assert {name for name, *_ in seen} == {"traces", "tags", "assessments"}
    assert {(low, high) for _, low, high in seen} == {(day, day + DAY_MS)}


def test_a_day_with_many_traces_is_kept_by_the_hour(fresh_uri, monkeypatch):
    from insights_core.analytics import store

    whole = Analytics(fresh_uri).tools("1")
    monkeypatch.setattr(store, "_LARGE_DAY", 1)
    monkeypatch.setattr(store, "_stores", {})
    by_hour = Analytics(fresh_uri)
    assert by_hour.tools("1") == whole
    assert all(end - start == 3_600_000 for _, start, end in by_hour.facts._blocks)


def test_threads_share_facts_and_get_the_same_answer(fresh_uri):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(Analytics(fresh_uri).tools("1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(answer == answers[0] for answer in answers)
    assert Analytics(fresh_uri).facts is Analytics(fresh_uri).facts


def test_over_http_a_new_tag_shows_after_a_refresh_and_new_traces_without(mlflow_server):
    client = MlflowClient(mlflow_server)
    experiment = client.create_experiment(f"Fresh {time.time()}")
    first = f"tr-{uuid.uuid4().hex}"
    write(client, experiment, first)
    analytics = Analytics(mlflow_server)
    analytics.facts.source.max_age_s = 0.0
    assert analytics.volume(experiment).summary.count == 1
    write(client, experiment, f"tr-{uuid.uuid4().hex}")
    assert analytics.volume(experiment).summary.count == 2
    client.set_trace_tag(first, "colour", "red")
    analytics.refresh()
    assert [tag.tag_key for tag in analytics.tags(experiment).data] == ["colour"]
    assert analytics.freshness(experiment).note


def write(client: MlflowClient, experiment: str, trace_id: str) -> None:
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    location, now = TraceLocation.from_experiment_id(experiment), int(time.time() * 1000)
    info = TraceInfo(
        trace_id=trace_id, trace_location=location, request_time=now, execution_duration=5, state=TraceState.OK
    )
    client._tracing_client.store.start_trace(info)


def test_over_http_hours_beyond_the_servers_limit_are_asked_for_again(facts_server, monkeypatch):
    from insights_core.analytics import rest

    monkeypatch.setattr(rest, "_RELIST_S", 1e12)  # what is due for listing changes with the clock
    whole = rest.RestSource(facts_server).check(["1"], None, None)
    monkeypatch.setattr(rest, "_POINTS", 7)
    assert rest.RestSource(facts_server).check(["1"], None, None) == whole


def test_a_selection_of_traces_is_a_slice(live):
    analytics, _ = live
    assert analytics.volume("1", slice=Slice(trace_ids=(OLD, "tr-unknown"))).summary.count == 1


def test_rows_that_come_in_many_chunks_all_arrive(facts_uri, analytics, monkeypatch):
    from insights_core.analytics import sql, store, tables

    if facts_uri.startswith("http"):
        pytest.skip("pages, not chunks; see the test of the page size")
    monkeypatch.setattr(tables, "_CHUNK", 7)
    by_chunks = store.FactStore(sql.SqlSource(facts_uri)).view(["1"], spans=True)
    whole = analytics.facts.view(["1"], spans=True)
    for table in ("traces", "tags", "assessments", "spans"):
        assert {name: len(values) for name, values in getattr(by_chunks, table).items()} == {
            name: len(values) for name, values in getattr(whole, table).items()
        }


def test_over_http_traces_that_come_in_many_pages_all_arrive(facts_server, monkeypatch):
    from insights_core.analytics import rest, store

    whole = store.FactStore(rest.RestSource(facts_server)).view(["1"], spans=True)
    monkeypatch.setattr(rest, "_PAGE", 30)
    monkeypatch.setattr(rest, "_BATCH", 11)
    monkeypatch.setattr(rest.RestSource, "traces_a_load", 60)
    paged = store.FactStore(rest.RestSource(facts_server)).view(["1"], spans=True)
    assert (paged.traces["trace_id"] == whole.traces["trace_id"]).all()
    assert len(paged.spans["trace"]) == len(whole.spans["trace"])


@pytest.fixture
def broken_trace(facts_server_folder):
    """Until the test is over, the server cannot read the spans of one trace."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels.models import SqlSpan

    engine = sqlalchemy.create_engine(f"sqlite:///{facts_server_folder}/mlflow.db")
    mine = SqlSpan.trace_id == OLD
    with engine.begin() as connection:
        before = connection.execute(sqlalchemy.select(SqlSpan.span_id, SqlSpan.content).where(mine)).all()
        connection.execute(SqlSpan.__table__.update().where(mine).values(content="{broken"))
    yield
    with engine.begin() as connection:
        for span_id, content in before:
            connection.execute(
                SqlSpan.__table__.update().where(mine, SqlSpan.span_id == span_id).values(content=content)
            )
    engine.dispose()


@pytest.mark.usefixtures("broken_trace")
def test_over_http_a_trace_that_the_server_cannot_read_has_no_spans_and_spoils_no_other(
    facts_server, sqlite_facts, monkeypatch
):
    from insights_core.analytics import store

    monkeypatch.setattr(store, "_stores", {})
    whole = {tool.tool_name: tool for tool in Analytics(f"sqlite:///{sqlite_facts}").tools("1").data}
    found = {tool.tool_name: tool for tool in Analytics(facts_server).tools("1").data}
    assert set(whole) - set(found) == {"rare"}
    assert sum(tool.trace_count for tool in found.values()) > 0.9 * sum(tool.trace_count for tool in whole.values())


def test_the_same_question_is_computed_once_until_something_changes(live, monkeypatch):
    from insights_core.analytics import tools

    analytics, client = live
    computed, real = [], tools._metrics
    monkeypatch.setattr(tools, "_metrics", lambda *arguments: computed.append(1) or real(*arguments))
    analytics.facts.answers.clear()
    for part in (None, "status = 'ERROR'"):
        first = analytics.tools("1", slice=part)
        analytics.refresh()
        assert analytics.tools("1", slice=part) is first
    assert len(computed) == 2
    client.delete_traces("1", trace_ids=[OLD])
    analytics.refresh()
    assert "rare" not in {tool.tool_name for tool in analytics.tools("1").data}


def test_the_latest_answers_are_kept_within_a_bound(live, monkeypatch):
    from insights_core.analytics import answers as keeping

    analytics, _ = live
    monkeypatch.setattr(keeping, "_KEPT_POINTS", 500)
    for hour in range(100):
        analytics.volume("1", 0, 1_768_000_000_000 + hour * 3_600_000)
    answers = analytics.facts.answers
    assert 0 < sum(size for size, _ in answers._known.values()) == answers._points <= 500


def test_who_asks_while_a_check_runs_waits_for_nothing(live, monkeypatch):
    analytics, client = live
    source, running, go_on = analytics.facts.source, threading.Event(), threading.Event()
    real = source.check

    def slow(*arguments):
        running.set()
        assert go_on.wait(20)
        return real(*arguments)

    monkeypatch.setattr(source, "check", slow)
    source.max_age_s = 4.0
    analytics.refresh()
    time.sleep(0.01)
    go_on.set()
    analytics.volume("1")
    go_on.clear(), running.clear()
    client.set_trace_tag(OLD, "ahead", "yes")
    time.sleep(2.5)
    before = analytics.freshness("1").as_of  # old enough to be checked, young enough to be told
    assert running.wait(5)
    assert clusters(analytics, "ahead") == {} and analytics.freshness("1").as_of == before
    go_on.set()
    until = time.monotonic() + 5
    while not clusters(analytics, "ahead"):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_server_that_is_gone_is_an_error_and_never_an_answer():
    from insights_core.errors import UnavailableError

    with pytest.raises(UnavailableError):
        Analytics("http://127.0.0.1:9").volume("1")
