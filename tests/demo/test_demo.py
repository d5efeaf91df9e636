"""The demo is varied, hostile, honest about its truth, and loads once."""

from __future__ import annotations

import collections
import json
import re
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest

from insights_core.connection import Connection
from insights_core.demo import demo_traces, load_demo, planted_labels
from insights_core.demo.conversation import scenarios
from insights_core.demo.plan import plan_traces
from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError
from insights_core.traces.drafts import TraceDraft
from insights_core.traces.fetching import iter_traces
from insights_core.traces.search import count_traces, iter_trace_infos

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def drafts() -> list[TraceDraft]:
    return list(demo_traces("1", 600, 0, NOW_MS))


@pytest.fixture(scope="module")
def labels() -> dict[str, str]:
    return {item.trace_id: item.label for item in plan_traces("1", 600, 0, NOW_MS)}


def text_of(draft: TraceDraft) -> str:
    """Everything that a reader of the trace can see."""
    spans = [
        [
            span.name,
            span.inputs,
            span.outputs,
            span.attributes,
            span.status_message,
            [event.attributes for event in span.events],
        ]
        for span in draft.spans
    ]
    assessments = [[item.name, item.value, item.rationale, item.error] for item in draft.assessments]
    return json.dumps(
        [draft.name, draft.tags, draft.metadata, draft.request_preview, draft.response_preview, assessments, spans],
        default=str,
        ensure_ascii=False,
    )


def test_enough_traces_of_enough_planted_problems(drafts, labels):
    assert len(drafts) == len({draft.trace_id for draft in drafts}) == 600
    problems = collections.Counter(label for label in labels.values() if scenarios()[label]["problem"])
    assert len(problems) >= 8
    assert min(problems.values()) >= 15, "each kind is large enough to be a group"


def test_the_same_seed_gives_the_same_traces_and_another_seed_others(drafts):
    assert list(map(text_of, demo_traces("1", 600, 0, NOW_MS))) == list(map(text_of, drafts))
    other = list(demo_traces("1", 600, 1, NOW_MS))
    assert len({draft.request_preview for draft in other} & {draft.request_preview for draft in drafts}) < 60


def test_the_truth_cannot_be_read_from_the_traces(drafts, labels):
    for draft in drafts:
        assert labels[draft.trace_id].lower() not in text_of(draft).lower()
        assert set(draft.tags) == {"agent", "channel", "locale", "customer_tier", "agent_version"}


def test_traces_of_one_kind_are_not_copies(drafts, labels):
    first = collections.defaultdict(list)
    for draft in drafts:
        first[labels[draft.trace_id]].append(re.sub(r"[^a-z ]", "", (draft.request_preview or "").lower()))
    for label, texts in first.items():
        assert len(set(texts)) >= 0.85 * len(texts), label


def test_no_slot_or_choice_is_left_unfilled(drafts):
    slots = "|".join(
        ["first", "last", "city", "flight", "pnr", "order", "item", "amount", "hotel", "machine", "employee", "loyalty"]
    )
    for draft in drafts:
        assert not re.search(rf"\{{(?:{slots})(?:_\d)?\}}", text_of(draft))
        assert not re.search(r"\[\w[\w ]*\|[\w |]*\]", draft.response_preview or "")


def test_message_formats_sizes_and_troubles_are_mixed(drafts):
    planned = collections.Counter(item.format for item in plan_traces("1", 600, 0, NOW_MS))
    assert set(planned) == {"openai", "responses", "anthropic", "langgraph", "plain"}
    assert max(len(draft.spans) for draft in drafts) > 50
    assert max(len(text_of(draft)) for draft in drafts) > 100_000
    assert any(not draft.spans for draft in drafts)
    assert {draft.state for draft in drafts} == {"OK", "ERROR", "IN_PROGRESS"}
    kinds = {span.type for draft in drafts for span in draft.spans}
    assert {"AGENT", "CHAT_MODEL", "LLM", "TOOL", "RETRIEVER", "CHAIN"} <= kinds
    everything = "".join(map(text_of, drafts))
    for hostile in ("<script>", "=HYPERLINK(", "Ignore all previous instructions", "DROP TABLE", "{{7*7}}"):
        assert hostile in everything


def test_assessments_have_every_type_and_some_are_overruled_or_failed(drafts):
    given = [item for draft in drafts for item in draft.assessments]
    types = collections.defaultdict(set)
    for item in given:
        types[item.name].add(type(item.value))
    assert types["grounded"] == {bool, type(None), str}
    assert types["helpfulness"] == {float}
    assert types["tone"] == {str}
    assert any(item.overrides is not None for item in given)
    assert any(item.error for item in given)


def test_planted_correlations_are_there(drafts, labels):
    def share(label: str, key: str, values: set[str], inside: bool) -> float:
        chosen = [draft for draft in drafts if (labels[draft.trace_id] == label) is inside]
        return sum(draft.tags[key] in values for draft in chosen) / len(chosen)

    for label, key, values in [
        ("refused card leaves gift cards debited", "channel", {"mobile-app"}),
        ("loyalty number not found", "customer_tier", {"gold"}),
        ("invoice in the wrong language", "locale", {"de-DE", "fr-FR", "es-ES"}),
        ("availability check times out", "agent_version", {"2.4.0"}),
    ]:
        assert share(label, key, values, True) > 1.5 * share(label, key, values, False), label


def test_times_have_a_rhythm_an_incident_and_no_future(drafts, labels):
    starts = [draft.start_ms for draft in drafts]
    assert min(starts) >= NOW_MS - 14 * DAY_MS - 1
    assert max(draft.start_ms + (draft.duration_ms or 0) for draft in drafts) <= NOW_MS
    hours = collections.Counter(datetime.fromtimestamp(start / 1000, UTC).hour for start in starts)
    assert sum(hours[hour] for hour in range(9, 20)) > 3 * sum(hours[hour] for hour in (22, 23, 0, 1, 2, 3, 4, 5))
    timeouts = [draft.start_ms for draft in drafts if labels[draft.trace_id] == "availability check times out"]
    assert sum(NOW_MS - 3 * DAY_MS - DAY_MS / 8 <= start <= NOW_MS - 3 * DAY_MS for start in timeouts) > 0.35 * len(
        timeouts
    )


def test_sessions_hold_several_traces_of_one_user(drafts):
    sessions = collections.defaultdict(set)
    for draft in drafts:
        sessions[draft.session_id].add(draft.user_id)
    assert all(len(users) == 1 for users in sessions.values())
    assert 600 - len(sessions) > 50


def test_nothing_that_looks_like_a_secret_is_in_the_files():
    pattern = re.compile(r"sk-\w{16,}|\b(?:\d[ -]?){15,16}\b|AKIA\w{16}|-----BEGIN")
    for file in Path(str(files("insights_core.demo"))).rglob("*"):
        if file.suffix in (".py", ".yaml"):
            assert not pattern.search(file.read_text(encoding="utf-8")), file.name


def test_loading_twice_reuses_and_the_truth_is_known(tracking_uri: str):
    connection = Connection(tracking_uri)
    before = int(time.time() * 1000)
    experiment_id = load_demo(connection, traces=80)
    scope = TraceScope(experiment_id=experiment_id)
    first = {info.trace_id: info.request_time for info in iter_trace_infos(connection, scope)}
    assert len(first) == 80
    assert all(before - 15 * DAY_MS < moment <= int(time.time() * 1000) for moment in first.values())
    assert load_demo(connection, traces=80) == experiment_id
    assert {info.trace_id: info.request_time for info in iter_trace_infos(connection, scope)} == first
    assert planted_labels(connection, experiment_id).keys() == first.keys()


def test_an_interrupted_load_goes_on_with_the_same_traces(tracking_uri: str, monkeypatch: pytest.MonkeyPatch):
    from insights_core.traces import writing

    connection = Connection(tracking_uri)
    store, calls = connection.mlflow._tracing_client.store, []
    start_trace = type(store).start_trace

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return start_trace(*args, **kwargs)

    monkeypatch.setattr(writing, "_TRACES_A_BATCH", 20)
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "start_trace", dying)
        with pytest.raises(KeyboardInterrupt):
            load_demo(connection, traces=60)
    experiment_id = load_demo(connection, traces=60)
    truth = planted_labels(connection, experiment_id)
    traces = {trace.info.trace_id: trace for trace in iter_traces(connection, list(truth))}
    assert traces.keys() == truth.keys()
    assert sum(bool(trace.data.spans) for trace in traces.values()) >= 57


def test_another_demo_or_experiment_of_that_name_is_refused(tracking_uri: str, experiment_id: str):
    connection = Connection(tracking_uri)
    with pytest.raises(InvalidParameterError, match="holds no demo"):
        load_demo(connection, "Tests", traces=5)
    load_demo(connection, traces=5)
    with pytest.raises(InvalidParameterError, match="5 traces with seed 0"):
        load_demo(connection, traces=6)
    with pytest.raises(InvalidParameterError, match="no demo"):
        planted_labels(connection, experiment_id)
    with pytest.raises(InvalidParameterError, match="at least 1"):
        load_demo(connection, "None", traces=0)


def test_the_demo_loads_over_http(mlflow_server: str):
    connection = Connection(mlflow_server)
    experiment_id = load_demo(connection, f"Demo {uuid4().hex}", traces=60)
    assert count_traces(connection, TraceScope(experiment_id=experiment_id)) == 60
    assert (
        sum(
            bool(trace.data.spans) for trace in iter_traces(connection, list(planted_labels(connection, experiment_id)))
        )
        >= 57
    )
