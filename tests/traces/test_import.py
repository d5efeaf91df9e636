"""Files of conversations become real traces, once, completely, or not at all."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError, UnavailableError
from insights_core.traces.client import Traces
from insights_core.traces.fetching import iter_traces
from insights_core.traces.importing.fields import epoch_ms
from insights_core.traces.importing.tool_results import error_of


def call(call_id: str, name: str, **arguments) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


CONVERSATION = [
    {"role": "system", "content": "You sell tickets."},
    {"role": "user", "content": "Two tickets to Oslo, please."},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("c1", "find_train", to="Oslo"), call("c2", "charge", amount=80)],
    },
    {"role": "tool", "tool_call_id": "c2", "name": "charge", "content": "Error: card declined"},
    {"role": "tool", "tool_call_id": "c1", "name": "find_train", "content": '{"trains": [1, 2]}'},
    {"role": "assistant", "content": "Your card was declined."},
    {"role": "user", "content": "Then no."},
    {"role": "assistant", "content": "As you wish."},
]
RECORD = {
    "task_id": 7,
    "trial": 0,
    "reward": 0.0,
    "info": {"task": {"user_id": "mia", "instruction": "long " * 100}, "solved": False},
    "traj": CONVERSATION,
}


@pytest.fixture
def client(tracking_uri: str) -> Traces:
    return Traces(tracking_uri)


@pytest.fixture
def experiment() -> str:
    return f"Imported {uuid4().hex}"


def saved(folder: Path, content: object, name: str = "file.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_conversation_becomes_a_tree_of_spans(client: Traces, tmp_path: Path, experiment: str):
    (trace_id,) = client.import_traces(saved(tmp_path, [RECORD]), "openai-messages", experiment)
    trace = client.get_trace(trace_id)
    root = next(span for span in trace.data.spans if span.parent_id is None)
    assert (root.span_type, trace.info.state) == ("AGENT", "OK"), "an agent that recovers from an error has not failed"
    below = [span for span in trace.data.spans if span.parent_id == root.span_id]
    assert [(span.span_type, span.name) for span in below] == [
        ("CHAT_MODEL", "chat"),
        ("TOOL", "find_train"),
        ("TOOL", "charge"),
        ("CHAT_MODEL", "chat"),
        ("CHAT_MODEL", "chat"),
    ]
    first, train, charge, second, last = below
    assert (train.inputs, train.outputs, train.status.status_code) == ({"to": "Oslo"}, {"trains": [1, 2]}, "OK")
    assert (charge.inputs, charge.outputs, charge.status.status_code, charge.status.description) == (
        {"amount": 80},
        "Error: card declined",
        "ERROR",
        "Error: card declined",
    )
    assert first.inputs["messages"] == CONVERSATION[:2]
    assert second.outputs["choices"][0]["message"] == CONVERSATION[5]
    assert last.inputs["messages"] == CONVERSATION[:7], "a model call shows the whole history, as autologging stores it"
    assert (trace.info.request_preview, trace.info.response_preview) == ("Two tickets to Oslo, please.", "As you wish.")


def test_scalar_fields_become_tags_and_what_is_made_up_is_marked(client: Traces, tmp_path: Path, experiment: str):
    (trace_id,) = client.import_traces(saved(tmp_path, [RECORD]), "openai-messages", experiment)
    info = client.get_trace(trace_id).info
    expected = {"task_id": "7", "trial": "0", "reward": "0.0", "info.task.user_id": "mia", "info.solved": "false"}
    assert expected.items() <= info.tags.items()
    assert len(info.tags["info.task.instruction"]) == 250
    assert {key for key, value in info.tags.items() if "made up" in value} == {
        f"mlflow.insights.import.{what}" for what in ("times", "durations", "tokens")
    }
    assert info.trace_metadata["mlflow.trace.user"] == "mia"
    assert info.trace_metadata["mlflow.trace.session"]
    assert info.token_usage["input_tokens"] > 0


def test_times_tokens_session_and_model_of_the_file_are_taken(client: Traces, tmp_path: Path, experiment: str):
    record = {
        "session_id": "abc",
        "model": "house-model",
        "messages": [
            {"role": "user", "content": "hi", "timestamp": "2026-03-01T10:00:00Z"},
            {
                "role": "assistant",
                "content": "hello",
                "timestamp": "2026-03-01T10:00:07Z",
                "usage": {"prompt_tokens": 11, "completion_tokens": 3},
            },
        ],
    }
    (trace_id,) = client.import_traces(saved(tmp_path, record), "openai-messages", experiment)
    trace = client.get_trace(trace_id)
    assert trace.info.request_time == epoch_ms("2026-03-01T10:00:00+00:00")
    assert trace.info.execution_duration == 7000
    assert trace.info.token_usage == {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    assert trace.info.trace_metadata["mlflow.trace.session"] == "abc"
    assert trace.data.spans[1].model_name == "house-model"
    assert not {"mlflow.insights.import.times", "mlflow.insights.import.tokens"} & trace.info.tags.keys()


def test_importing_twice_or_a_grown_file_makes_no_duplicates(client: Traces, tmp_path: Path, experiment: str):
    records = [{"n": number % 3, "messages": CONVERSATION} for number in range(6)]
    first = client.import_traces(saved(tmp_path, records), "openai-messages", experiment)
    assert len(set(first)) == 6, "the same conversation twice in a file is two traces"
    assert client.import_traces(saved(tmp_path, records), "openai-messages", experiment) == first
    jsonl = "\n".join(json.dumps(record) for record in [*records, {"n": 9, "messages": CONVERSATION}])
    assert client.import_traces(saved(tmp_path, jsonl), "openai-messages", experiment)[:6] == first
    experiment_id = client.mlflow.get_experiment_by_name(experiment).experiment_id
    assert client.count_traces(TraceScope(experiment_id=experiment_id)) == 7
    assert (
        len(set(client.import_traces(saved(tmp_path, records), "openai-messages", experiment + " 2")) - set(first)) == 6
    )


def test_an_interrupted_import_is_completed(
    client: Traces, tmp_path: Path, experiment: str, monkeypatch: pytest.MonkeyPatch
):
    from insights_core.traces import writing

    monkeypatch.setattr(writing, "_TRACES_A_BATCH", 3)
    path = saved(tmp_path, [{"n": number, "messages": CONVERSATION} for number in range(8)])
    store, calls = client.mlflow._tracing_client.store, []
    log_spans = type(store).log_spans

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return log_spans(*args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "log_spans", dying)
        with pytest.raises(KeyboardInterrupt):
            client.import_traces(path, "openai-messages", experiment)
    ids = client.import_traces(path, "openai-messages", experiment)
    assert [len(trace.data.spans) for trace in iter_traces(client, ids)] == [6] * 8
    experiment_id = client.mlflow.get_experiment_by_name(experiment).experiment_id
    assert client.count_traces(TraceScope(experiment_id=experiment_id)) == 8


SHAPES = {
    "one list of messages": CONVERSATION,
    "one object": RECORD,
    "list of lists": [CONVERSATION, CONVERSATION],
    "wrapped": {"data": [RECORD, {"conversation": CONVERSATION}]},
    "other names": [{"trajectory": CONVERSATION}, {"history": CONVERSATION}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_usual_shape_is_read(client: Traces, tmp_path: Path, experiment: str, shape: str):
    expected = 1 if shape.startswith("one") else 2
    assert len(client.import_traces(saved(tmp_path, SHAPES[shape]), "openai-messages", experiment)) == expected
    pretty = json.dumps(SHAPES[shape], indent=2)
    assert len(client.import_traces(saved(tmp_path, pretty), "openai-messages", experiment)) == expected


def test_windows_files_and_lines_of_lists_are_read(client: Traces, tmp_path: Path, experiment: str):
    lines = "\r\n".join(
        [
            json.dumps(RECORD),
            "",
            json.dumps(CONVERSATION),
            json.dumps({"messages": [{"role": "user", "content": "größer"}]}, ensure_ascii=False),
            "",
        ]
    )
    ids = []
    for name, content in {"bom": codecs.BOM_UTF8 + lines.encode(), "utf16": lines.encode("utf-16")}.items():
        (tmp_path / name).write_bytes(content)
        ids.append(client.import_traces(tmp_path / name, "openai-messages", experiment))
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3
    assert client.get_trace(ids[0][2]).info.request_preview == "größer"


BROKEN = {
    "broken line": ('{"messages": [{"role": "user"}]}\n{"messages": [\n', "line 2"),
    "broken first line": ('{"messages": [}\n{"messages": [{"role": "user"}]}\n', "line 1"),
    "cut off document": ('[\n{"messages":\n [{"role": "user"', "line 3"),
    "text": ("hello world", "line 1"),
    "empty": ("", "empty"),
    "no conversation": ([RECORD, {"text": "hi"}], "record 1"),
    "a number": ([RECORD, 5], "record 1"),
    "unknown role": ([RECORD, RECORD, {"messages": [{"role": "user"}, {"role": "robot"}]}], "record 2, message 1"),
    "no role": ([{"messages": [{"role": "user"}, {"text": "x"}]}], "message 1"),
    "empty list": ([], "no conversation"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_wrong_file_is_refused_before_anything_is_written(client: Traces, tmp_path: Path, experiment: str, case: str):
    content, named = BROKEN[case]
    with pytest.raises(InvalidParameterError) as caught:
        client.import_traces(saved(tmp_path, content), "openai-messages", experiment)
    assert named in caught.value.message
    assert "\n" not in caught.value.message
    assert client.mlflow.get_experiment_by_name(experiment) is None


def test_wrong_bytes_formats_and_paths_are_refused(client: Traces, tmp_path: Path, experiment: str):
    (tmp_path / "latin").write_bytes(b'[{"messages": [{"role": "user", "content": "\xe9\xff"}]}]')
    with pytest.raises(InvalidParameterError, match="UTF-8"):
        client.import_traces(tmp_path / "latin", "openai-messages", experiment)
    with pytest.raises(InvalidParameterError, match="openai-messages and posthog"):
        client.import_traces(tmp_path / "latin", "csv", experiment)
    with pytest.raises(InvalidParameterError, match="no file"):
        client.import_traces(tmp_path / "absent", "openai-messages", experiment)


@pytest.mark.parametrize(
    ("content", "is_error"),
    [
        ("Error: flight not available", True),
        ("Traceback (most recent call last):\n  ...", True),
        ("ValueError: bad date", True),
        ("requests.exceptions.ReadTimeout: too slow", True),
        ("HTTP 503: try later", True),
        ("404 Not Found", True),
        ('{"error": "no such user"}', True),
        ('{"error": true, "message": "no"}', True),
        ('{"status": "failed", "reason": "x"}', True),
        ('{"success": false}', True),
        ('{"error": null, "rows": []}', False),
        ('{"status": "ok", "errors": []}', False),
        ("0 errors found in the log", False),
        ("No error occurred.", False),
        ("Error codes are listed in chapter 4", False),
        ("[]", False),
        ("", False),
        ("404 rooms are free", False),
        (None, False),
        ([{"type": "text", "text": "fine"}], False),
    ],
)
def test_errors_are_told_from_text_that_mentions_them(content, is_error):
    assert (error_of({"content": content}) is not None) is is_error


def test_a_conversation_that_ends_in_an_error_has_failed(client: Traces, tmp_path: Path, experiment: str):
    ended, told = {"messages": CONVERSATION[:4]}, {"messages": CONVERSATION, "error": "agent crashed"}
    ids = client.import_traces(
        saved(tmp_path, [ended, told, {"messages": CONVERSATION}]), "openai-messages", experiment
    )
    traces = list(iter_traces(client, ids))
    assert [str(trace.info.state) for trace in traces] == ["ERROR", "ERROR", "OK"]
    unanswered = next(span for span in traces[0].data.spans if span.name == "find_train")
    assert (unanswered.status.status_code, unanswered.outputs) == ("UNSET", None)


def test_old_function_calls_and_repeated_ids_are_matched(client: Traces, tmp_path: Path, experiment: str):
    messages = [{"role": "user", "content": "x"}]
    for number in range(2):
        messages += [
            {"role": "assistant", "tool_calls": [call("same", "look", n=number)]},
            {"role": "tool", "tool_call_id": "same", "content": f"found {number}"},
        ]
    messages += [
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "no json"}},
        {"role": "function", "name": "old", "content": "done"},
        {"role": "tool", "content": "orphan"},
    ]
    (trace_id,) = client.import_traces(saved(tmp_path, messages), "openai-messages", experiment)
    tools = [
        (span.name, span.inputs, span.outputs)
        for span in client.get_trace(trace_id).data.spans
        if span.span_type == "TOOL"
    ]
    assert tools == [
        ("look", {"n": 0}, "found 0"),
        ("look", {"n": 1}, "found 1"),
        ("old", "no json", "done"),
        ("tool", None, "orphan"),
    ]


def test_a_very_long_conversation_is_stored_in_linear_space(client: Traces, tmp_path: Path, experiment: str):
    messages = [
        {"role": role, "content": f"{number} " + "word " * 200}
        for number in range(60)
        for role in ("user", "assistant")
    ]
    (trace_id,) = client.import_traces(saved(tmp_path, messages), "openai-messages", experiment)
    trace = client.get_trace(trace_id)
    assert "only what is new" in trace.info.tags["mlflow.insights.import.history"]
    calls = [span for span in trace.data.spans if span.span_type == "CHAT_MODEL"]
    assert sum(len(json.dumps(span.inputs)) for span in calls) < 3 * len(json.dumps(messages))
    assert [*trace.data.spans[0].inputs["messages"], *trace.data.spans[0].outputs["messages"]] == messages


def posthog_events() -> list[dict]:
    def event(kind: str, second: int, **properties) -> dict:
        return {
            "event": kind,
            "timestamp": f"2026-05-02T08:00:{second:02d}.000Z",
            "distinct_id": "user-1",
            "properties": {f"$ai_{name}": value for name, value in properties.items()} | {"plan": "pro"},
        }

    return [
        event(
            "$ai_generation",
            4,
            trace_id="t1",
            span_id="g1",
            parent_id="s1",
            model="m",
            input=[{"role": "user", "content": "hi"}],
            output_choices=[{"role": "assistant", "content": "hello"}],
            latency=1.5,
            input_tokens=10,
            output_tokens=4,
            session_id="sess",
        ),
        event(
            "$ai_span",
            5,
            trace_id="t1",
            span_id="s1",
            parent_id="t1",
            span_name="plan",
            input_state={"q": 1},
            output_state={"a": 2},
            latency=3,
        ),
        {"event": "$pageview", "timestamp": "2026-05-02T08:00:00Z", "properties": {}},
        event("$ai_trace", 6, trace_id="t1", span_name="support", input_state="hi", output_state="hello", latency=5),
        event(
            "$ai_generation",
            30,
            trace_id="t2",
            span_id="g2",
            is_error=True,
            error="429 overloaded",
            latency=0.5,
            input="just text",
            model="m",
        ),
        event("$ai_metric", 40, trace_id="t1", metric_name="accuracy", metric_value=0.5),
        event("$ai_span", 41, trace_id="t3", span_id="a", parent_id="b", span_name="a"),
        event("$ai_span", 42, trace_id="t3", span_id="b", parent_id="a", span_name="b"),
    ]


@pytest.mark.parametrize("shape", ["list", "lines", "results", "text properties"])
def test_posthog_events_become_traces(client: Traces, tmp_path: Path, experiment: str, shape: str):
    events = posthog_events()
    if shape == "text properties":
        events = [item | {"properties": json.dumps(item["properties"])} for item in events]
    content = {
        "list": events,
        "results": {"results": events},
        "text properties": events,
        "lines": "\n".join(map(json.dumps, events)),
    }[shape]
    ids = client.import_traces(saved(tmp_path, content), "posthog", experiment)
    assert client.import_traces(saved(tmp_path, content), "posthog", experiment) == ids
    whole, failed, circle = iter_traces(client, ids)
    root, plan, chat = whole.data.spans
    assert [root.name, plan.name, chat.name] == ["support", "plan", "m"]
    assert (plan.parent_id, chat.parent_id, chat.span_type) == (root.span_id, plan.span_id, "CHAT_MODEL")
    assert (whole.info.request_time, whole.info.execution_duration) == (epoch_ms("2026-05-02T08:00:01Z"), 5000)
    assert (chat.start_time_ns, chat.inputs["messages"][0]["content"]) == (
        epoch_ms("2026-05-02T08:00:02.5Z") * 1_000_000,
        "hi",
    )
    assert whole.info.token_usage["total_tokens"] == 14
    assert whole.info.trace_metadata["mlflow.trace.session"] == "sess"
    assert (whole.info.tags["plan"], whole.info.assessments[0].feedback.value) == ("pro", 0.5)
    assert (failed.info.state, failed.data.spans[1].status.description) == ("ERROR", "429 overloaded")
    assert len(circle.data.spans) == 3


def test_wrong_posthog_events_are_refused(client: Traces, tmp_path: Path, experiment: str):
    for content, named in [
        ([*posthog_events(), {"x": 1}], "record 8"),
        ([{"event": "$ai_span", "properties": {}}], "trace_id"),
        ([{"event": "$pageview"}], "no conversation"),
        ([RECORD], "record 0"),
    ]:
        with pytest.raises(InvalidParameterError, match=named):
            client.import_traces(saved(tmp_path, content), "posthog", experiment)
    assert client.mlflow.get_experiment_by_name(experiment) is None


def test_imported_traces_open_in_mlflows_own_viewer(mlflow_server: str, tmp_path: Path, experiment: str):
    client = Traces(mlflow_server)
    path = saved(tmp_path, [RECORD, CONVERSATION])
    ids = client.import_traces(path, "openai-messages", experiment)
    assert client.import_traces(path, "openai-messages", experiment) == ids
    for trace_id in ids:
        # What the viewer in the browser asks for.
        answer = httpx.get(f"{mlflow_server}/ajax-api/3.0/mlflow/get-trace-artifact", params={"request_id": trace_id})
        assert answer.status_code == 200
        assert len(answer.json()["spans"]) == 6


def test_a_server_that_is_down_is_one_sentence(tmp_path: Path, experiment: str):
    with pytest.raises(UnavailableError):
        Traces("http://127.0.0.1:9").import_traces(saved(tmp_path, [RECORD]), "openai-messages", experiment)
