"""Search, count and sampling say the same on every store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from uuid import uuid4

import pytest

from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError, NotFoundError, TraceNotFoundError
from insights_core.traces import fetching, scopes, search, stores
from insights_core.traces.client import Traces
from insights_core.traces.drafts import AssessmentDraft, EventDraft, SpanDraft, TraceDraft, span_id_of, trace_id_of
from insights_core.traces.writing import find_or_create_experiment, write_traces

COUNT, START_MS = 40, 1_790_000_000_000


@dataclass
class World:
    """A store with known traces: one a second, every fourth an error, three to a session, even ones on the web."""

    connection: Connection
    experiment_id: str
    ids: list[str]
    run_id: str

    def scope(self, **conditions) -> TraceScope:
        return TraceScope(experiment_id=self.experiment_id, **conditions)


def draft(experiment_id: str, number: int) -> TraceDraft:
    trace_id, start_ms = trace_id_of(experiment_id, number), START_MS + 1000 * number
    start_ns, failed = start_ms * 1_000_000, number % 4 == 0
    root = SpanDraft(
        span_id_of(trace_id, 0),
        "agent",
        "AGENT",
        start_ns,
        start_ns + 500_000_000,
        inputs={"messages": [{"role": "user", "content": f"grüße {number}"}]},
        outputs="fine",
    )
    call = SpanDraft(
        span_id_of(trace_id, 1),
        "chat",
        "CHAT_MODEL",
        start_ns,
        start_ns + 9_000_000,
        root.span_id,
        model="in-house",
        input_tokens=7,
        output_tokens=3,
        cost_usd=(0.1, 0.2),
    )
    tool = SpanDraft(
        span_id_of(trace_id, 2),
        "charge_card",
        "TOOL",
        start_ns,
        start_ns + 5_000_000,
        root.span_id,
        inputs={"amount": 3},
        outputs={"deep": [1, None, True]},
    )
    if failed:
        root.status = tool.status = "ERROR"
        tool.status_message, tool.events = (
            "declined",
            [EventDraft("exception", start_ns, {"exception.message": "declined"})],
        )
    return TraceDraft(
        trace_id,
        "agent",
        start_ms,
        500,
        [root, call, tool],
        "ERROR" if failed else "OK",
        tags={"channel": "app" if number % 2 else "web"},
        session_id=f"s{number // 3}",
        user_id="u1",
        assessments=[
            AssessmentDraft("grounded", True),
            AssessmentDraft("grounded", False, "HUMAN", overrides=0),
            AssessmentDraft("tone", error="no answer"),
        ],
    )


@pytest.fixture(scope="module", params=["sqlite", "server", "postgresql", "mariadb"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("search")
        shutil.copy(request.getfixturevalue("_template_store"), folder / "mlflow.db")
        uri = f"sqlite:///{folder}/mlflow.db"
    else:
        uri = request.getfixturevalue(
            {"server": "mlflow_server", "postgresql": "postgresql_uri", "mariadb": "mariadb_uri"}[request.param]
        )
    connection = Connection(uri)
    experiment_id = connection.mlflow.create_experiment(
        f"Search {uuid4().hex}", artifact_location=str(tmp_path_factory.mktemp("artifacts"))
    )
    ids = write_traces(connection, experiment_id, (draft(experiment_id, number) for number in range(COUNT)))
    run_id = connection.mlflow.create_run(experiment_id).info.run_id
    connection.mlflow.link_traces_to_run(ids[:5], run_id)
    from mlflow.entities import AssessmentSource, Expectation

    for number, value in ((3, "a refund"), (9, "nothing"), (10, 7), (11, True)):
        expected = Expectation("answer", value, source=AssessmentSource("HUMAN", "me"))
        connection.mlflow._tracing_client.log_assessment(ids[number], expected)
    return World(connection, experiment_id, ids, run_id)


CONDITIONS = [
    ({}, range(COUNT)),
    ({"filter_string": "trace.status = 'ERROR'"}, range(0, COUNT, 4)),
    ({"filter_string": "tags.channel = 'web' AND span.name = 'charge_card'"}, range(0, COUNT, 2)),
    ({"filter_string": "trace.text LIKE '%grüße 7%'"}, [7]),
    ({"filter_string": "span.status = 'ERROR' AND span.type = 'TOOL'", "session_id": "s4"}, [12]),
    ({"start_time_ms": START_MS + 10_000, "end_time_ms": START_MS + 13_000}, [10, 11, 12]),
    ({"start_time_ms": START_MS + 30_000, "filter_string": "trace.status = 'ERROR'"}, [32, 36]),
    ({"session_id": "s4"}, [12, 13, 14]),
    ({"filter_string": scopes.words_condition("GRüße 7")}, [7]),
    ({"filter_string": scopes.words_condition("Charge_Card"), "start_time_ms": START_MS + 38_000}, [38, 39]),
    ({"filter_string": scopes.words_condition("charge_car_")}, []),
    ({"filter_string": scopes.words_condition("charge%card")}, []),
    ({"filter_string": scopes.words_condition("charge card")}, []),
    ({"filter_string": scopes.words_condition("it's \" both")}, []),
    ({"filter_string": "expectation.answer = 'a refund'"}, [3]),
    ({"filter_string": "expectation.answer LIKE '%refund%'"}, [3]),
    ({"filter_string": "expectation.answer > 5"}, [10]),
    ({"filter_string": "expectation.answer = 'true'"}, [11]),
    ({"filter_string": "expectation.answer IS NOT NULL AND trace.status = 'OK'"}, [3, 9, 10, 11]),
    ({"session_id": "it's \" both"}, None),
    ({"session_id": "it's"}, []),
]


@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS, ids=[str(item[0]) for item in CONDITIONS])
def test_every_condition_finds_the_same_traces_on_every_store(world: World, conditions, expected):
    scope = world.scope(**conditions)
    if expected is None:
        with pytest.raises(InvalidParameterError, match="both kinds of quotes"):
            search.count_traces(world.connection, scope)
        return
    wanted = {world.ids[number] for number in expected}
    assert search.count_traces(world.connection, scope) == len(wanted)
    found = [info.trace_id for info in search.iter_trace_infos(world.connection, scope)]
    assert found == sorted(wanted, key=world.ids.index, reverse=True), "newest first"
    assert {info.trace_id for info in search.sample_traces(world.connection, scope).infos} == wanted


def test_traces_linked_to_a_run_are_found(world: World):
    scope = world.scope(run_id=world.run_id)
    assert search.count_traces(world.connection, scope) == 5
    assert {info.trace_id for info in search.iter_trace_infos(world.connection, scope)} == set(world.ids[:5])


def test_explicit_ids_that_are_missing_are_reported_and_the_rest_is_found(world: World):
    scope = world.scope(
        trace_ids=[world.ids[3], "tr-nope", "it's", world.ids[1], world.ids[3]], filter_string="trace.status = 'ERROR'"
    )
    sample = search.sample_traces(world.connection, scope)
    assert [info.trace_id for info in sample.infos] == [world.ids[3], world.ids[1]]
    assert (sample.matching, sample.missing, search.count_traces(world.connection, scope)) == (
        2,
        ["tr-nope", "it's"],
        2,
    )


def test_ids_of_another_experiment_are_missing(world: World):
    other = world.connection.mlflow.create_experiment(f"Other {uuid4().hex}")
    sample = search.sample_traces(world.connection, TraceScope(experiment_id=other, trace_ids=[world.ids[0]]))
    assert (sample.infos, sample.missing) == ([], [world.ids[0]])


def test_a_sample_comes_from_everything_and_depends_on_the_seed_alone(world: World):
    def sampled(**sampling) -> list[str]:
        return [info.trace_id for info in search.sample_traces(world.connection, world.scope(**sampling)).infos]

    assert sampled(max_traces=8, seed=1) == sampled(max_traces=8, seed=1)
    assert set(sampled(max_traces=8, seed=1)) < set(sampled(max_traces=20, seed=1)), (
        "a larger sample contains the smaller"
    )
    assert sampled(max_traces=8, seed=1) != sampled(max_traces=8, seed=2)
    assert len(sampled(sample_rate=0.25)) == 10
    assert len(sampled(sample_rate=0.5, max_traces=7)) == 7
    drawn = {trace_id for seed in range(12) for trace_id in sampled(max_traces=8, seed=seed)}
    assert len(drawn & set(world.ids[:20])) >= 15, "old traces are drawn as well as new ones"
    assert search.sample_traces(world.connection, world.scope(max_traces=8)).matching == COUNT


def test_a_sample_is_the_same_whether_ids_or_pages_are_drawn_from(world: World, monkeypatch: pytest.MonkeyPatch):
    scopes = [
        world.scope(max_traces=9, seed=3),
        world.scope(sample_rate=0.3, seed=3, filter_string="tags.channel = 'web'"),
    ]
    by_ids = [[info.trace_id for info in search.sample_traces(world.connection, scope).infos] for scope in scopes]
    monkeypatch.setattr(stores, "matching_ids", lambda connection, scope: None)
    assert [
        [info.trace_id for info in search.sample_traces(world.connection, scope).infos] for scope in scopes
    ] == by_ids


def test_pages_lose_and_repeat_nothing(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stores, "PAGE", 7)
    found = [info.trace_id for info in search.iter_trace_infos(world.connection, world.scope())]
    assert found == world.ids[::-1]
    assert [
        info.trace_id for info in search.iter_trace_infos(world.connection, world.scope(), newest_first=False)
    ] == world.ids
    assert len(search.sample_traces(world.connection, world.scope(trace_ids=world.ids)).infos) == COUNT


@pytest.mark.parametrize(
    "bad",
    [
        "status =",
        "nonsense",
        "tags.x ~ 3",
        "status = 'OK",
        "trace.foo = 'x'",
        "status='OK' OR status='ERROR'",
        "feedback.x > 'a'",
        "span.foo = 'x'",
        "'",
    ],
)
def test_a_bad_filter_is_one_sentence_with_an_example(world: World, bad: str):
    for ask in (search.count_traces, search.sample_traces, lambda *given: list(search.iter_trace_infos(*given))):
        with pytest.raises(InvalidParameterError) as caught:
            ask(world.connection, world.scope(filter_string=bad, session_id="s1"))
        assert repr(bad) in caught.value.message
        assert "trace.status = 'ERROR'" in caught.value.message
        assert "\n" not in caught.value.message


def test_conditions_hold_beside_a_filter_with_a_loose_end(world: World):
    # MLflow accepts a trailing AND; the session must still be asked for.
    scope = world.scope(filter_string="trace.status = 'OK' AND ", session_id="s4")
    assert {info.trace_id for info in search.iter_trace_infos(world.connection, scope)} == {
        world.ids[13],
        world.ids[14],
    }
    assert search.count_traces(world.connection, scope) == 2


def test_an_unknown_experiment_or_run_is_named(world: World):
    for unknown in ("987654321", "no number"):
        with pytest.raises(NotFoundError, match=unknown):
            search.count_traces(world.connection, TraceScope(experiment_id=unknown))
    with pytest.raises(NotFoundError, match="no-such-run"):
        search.sample_traces(world.connection, world.scope(run_id="no-such-run"))


def test_written_traces_come_back_whole(world: World):
    trace = Traces(world.connection.tracking_uri).get_trace(world.ids[4])
    root, call, tool = sorted(trace.data.spans, key=lambda span: ["agent", "chat", "charge_card"].index(span.name))
    assert (trace.info.state, trace.info.request_time, trace.info.execution_duration) == ("ERROR", START_MS + 4000, 500)
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s1"
    assert trace.info.trace_metadata["mlflow.trace.user"] == "u1"
    assert trace.info.token_usage == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert trace.info.request_preview == "grüße 4"
    assert root.inputs == {"messages": [{"role": "user", "content": "grüße 4"}]}
    assert (call.parent_id, call.span_type, call.model_name) == (root.span_id, "CHAT_MODEL", "in-house")
    assert call.llm_cost["total_cost"] == pytest.approx(0.3)
    assert (tool.status.status_code, tool.status.description, tool.outputs) == (
        "ERROR",
        "declined",
        {"deep": [1, None, True]},
    )
    assert [event.attributes["exception.message"] for event in tool.events] == ["declined"]
    given = {(item.name, item.feedback.value, item.valid) for item in trace.info.assessments}
    assert given == {("grounded", True, False), ("grounded", False, True), ("tone", None, True)}


def test_traces_come_in_the_order_of_the_ids_and_missing_ones_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetching, "_TRACES_A_FETCH", 3)
    wanted = [world.ids[7], "tr-gone", world.ids[2], world.ids[30], world.ids[11]]
    traces = list(fetching.iter_traces(world.connection, wanted))
    assert [trace.info.trace_id for trace in traces] == [world.ids[7], world.ids[2], world.ids[30], world.ids[11]]
    assert all(len(trace.data.spans) == 3 for trace in traces)


def test_one_trace_without_spans_does_not_hide_the_others(world: World):
    bare = draft(world.experiment_id, 1000)
    other = world.connection.mlflow.create_experiment(f"Bare {uuid4().hex}")
    bare.spans, bare.trace_id = [], trace_id_of(other, "bare")
    write_traces(world.connection, other, [bare])
    traces = list(fetching.iter_traces(world.connection, [world.ids[0], bare.trace_id, world.ids[1]]))
    assert [len(trace.data.spans) for trace in traces] == [3, 0, 3]


def test_half_written_traces_are_completed_and_nothing_is_doubled(world: World, monkeypatch: pytest.MonkeyPatch):
    other = world.connection.mlflow.create_experiment(f"Resumed {uuid4().hex}")
    drafts = [draft(other, number) for number in range(4)]
    store = world.connection.mlflow._tracing_client.store
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "log_spans", lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            write_traces(world.connection, other, drafts)
    for _ in range(2):
        assert write_traces(world.connection, other, drafts) == [item.trace_id for item in drafts]
        traces = list(fetching.iter_traces(world.connection, [item.trace_id for item in drafts]))
        assert [(len(trace.data.spans), len(trace.info.assessments)) for trace in traces] == [(3, 3)] * 4


def test_hostile_values_are_written_on_every_store(world: World):
    other = world.connection.mlflow.create_experiment(f"Hostile {uuid4().hex}")
    deep: object = "bottom"
    for _ in range(60):
        deep = {"level": deep}
    item = draft(other, 0)
    item.spans[0].inputs = {
        "half": "\ud83d",
        "nul": "a\0b",
        "huge": 10**30,
        "nan": float("nan"),
        "deep": deep,
        5: object,
    }
    item.tags |= {"nul\0": "v\0", "long": "x" * 10_000}
    write_traces(world.connection, other, [item])
    trace = next(iter(fetching.iter_traces(world.connection, [item.trace_id])))
    root = next(span for span in trace.data.spans if span.name == "agent")
    assert root.inputs["huge"] == str(10**30)
    assert "bottom" in str(root.inputs["deep"])


def test_sqlite_looks_up_the_spans_of_a_trace_and_does_not_read_all_spans_for_each(
    tracking_uri: str, experiment_id: str
):
    import sqlalchemy

    connection, plans = Connection(tracking_uri), []

    def explain(database, cursor, statement, parameters, context, executemany):
        if "EXISTS" in statement and not plans:
            plans.extend(row[3] for row in database.connection.execute("EXPLAIN QUERY PLAN " + statement, parameters))

    engine = connection.mlflow._tracing_client.store.engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", explain)
    search.count_traces(connection, TraceScope(experiment_id=experiment_id, filter_string="span.name = 'charge_card'"))
    sqlalchemy.event.remove(engine, "before_cursor_execute", explain)
    assert any("spans USING" in plan and "trace_id=?" in plan for plan in plans), plans


def test_an_unknown_trace_is_named(world: World):
    with pytest.raises(TraceNotFoundError, match="tr-unknown"):
        Traces(world.connection.tracking_uri).get_trace("tr-unknown")


def test_the_client_limits_and_turns_the_order(world: World):
    client = Traces(world.connection.tracking_uri)
    assert [info.trace_id for info in client.search_traces(world.scope(), limit=2)] == [world.ids[-1], world.ids[-2]]
    assert [info.trace_id for info in client.search_traces(world.scope(), limit=1, newest_first=False)] == [
        world.ids[0]
    ]
    assert client.count_traces(world.scope()) == COUNT
    with pytest.raises(InvalidParameterError, match="limit"):
        client.search_traces(world.scope(), limit=0)
    assert world.experiment_id in {experiment.experiment_id for experiment in client.list_experiments()}


def test_an_experiment_is_created_once_and_a_deleted_one_is_refused(world: World):
    name = f"Named {uuid4().hex}"
    first = find_or_create_experiment(world.connection, name)
    assert find_or_create_experiment(world.connection, name) == first
    world.connection.mlflow.delete_experiment(first)
    with pytest.raises(InvalidParameterError, match="deleted"):
        find_or_create_experiment(world.connection, name)
    with pytest.raises(InvalidParameterError, match="needs a name"):
        find_or_create_experiment(world.connection, " ")


def test_a_pasted_trace_id_is_told_from_words():
    assert scopes.trace_id_in(f" TR-{'0A' * 16}\n") == scopes.trace_id_in("0a" * 16) == "tr-" + "0a" * 16
    assert scopes.trace_id_in("tr-1234") is None and scopes.trace_id_in("refund " + "a" * 32) is None


def test_words_are_looked_for_as_they_were_typed():
    condition = scopes.words_condition("100%_of it's")
    loose, words = scopes.loose_filter(f"{condition} AND trace.status = 'OK'")
    assert loose == "trace.text ILIKE '%100%_of it%s%' AND trace.status = 'OK'"
    assert scopes.holds("paid 100%_OF it's price", words[0]) and not scopes.holds("paid 100 of it's price", words[0])
    assert scopes.loose_filter("trace.text ILIKE '%plain%'") == ("trace.text ILIKE '%plain%'", [])
