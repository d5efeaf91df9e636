"""Traces become events: tools' calls and guardrails' verdicts, the same ones every time, and no payload in them."""

from __future__ import annotations

import json

import pytest

from insights_core.cards.derive import derive_events
from insights_core.cards.queueing import queue_events
from insights_core.cards.reading import Cards
from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope


@pytest.fixture
def traced(experiment_id, tracking_uri):
    """A trace of an agent with four calls of tools, two of them judged, and a verdict on its answer."""
    import mlflow
    from mlflow.entities import AssessmentSource, SpanType

    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_experiment(experiment_id=experiment_id)
    spans = {}
    with mlflow.start_span("refund-agent", span_type=SpanType.AGENT) as root:
        root.set_outputs("Here is the card number 4111 1111 1111 1111.")
        for name in ("get_order", "run_sql", "pay", "shell"):
            with mlflow.start_span(name, span_type=SpanType.TOOL) as span:
                span.set_inputs({"query": "DELETE FROM users", "pin": 815})
                spans[name] = span.span_id
                if name == "shell":
                    span.set_status("ERROR")
                    span.set_outputs("Permission denied: /etc/shadow")
    trace_id = root.trace_id
    mlflow.flush_trace_async_logging()
    code, judge = AssessmentSource("CODE", "rules"), AssessmentSource("LLM_JUDGE", "judge")
    for name, value, source, span_id in (
        ("sql_policy", False, code, spans["run_sql"]),
        ("safety", "review", judge, spans["pay"]),
        ("pii_detected", True, judge, None),
        ("helpfulness", False, judge, None),
        ("toxicity", 0.2, judge, None),
    ):
        mlflow.log_feedback(trace_id=trace_id, name=name, value=value, source=source, span_id=span_id)
    return trace_id


def derived(tracking_uri, experiment_id, **options):
    return list(derive_events(Connection(tracking_uri), TraceScope(experiment_id=experiment_id), "acme", **options))


def test_calls_and_verdicts_become_events(tracking_uri, experiment_id, traced):
    found = {event.tool_name: event for event in derived(tracking_uri, experiment_id)}
    assert {name: (event.decision.value, event.findings) for name, event in found.items()} == {
        "get_order": ("allow", []),
        "run_sql": ("deny", ["sql_policy"]),
        "pay": ("escalate", ["safety"]),
        "shell": ("deny", ["permission_denied"]),
        "answer": ("escalate", ["pii_detected"]),
    }
    assert {event.agent_id for event in found.values()} == {"refund-agent"}
    assert {event.trace_id for event in found.values()} == {traced}
    assert found["run_sql"].payload_shape["fields"]["query"] == {"type": "string", "length": 17}
    text = json.dumps([event.model_dump(mode="json") for event in found.values()])
    assert not any(word in text for word in ("DELETE", "815,", "shadow", "4111"))

    more = derived(tracking_uri, experiment_id, guardrails=["helpfulness"])
    assert ["helpfulness"] in [event.findings for event in more if event.tool_name == "answer"]


def test_deriving_twice_queues_nothing_twice(tracking_uri, experiment_id, traced, client):
    first, second = derived(tracking_uri, experiment_id), derived(tracking_uri, experiment_id)
    assert first == second
    assert queue_events(client, first) == {"queued": 5, "known": 0, "full": 0}
    assert queue_events(client, second) == {"queued": 0, "known": 5, "full": 0}
    assert len(Cards("acme", client).recent()) == 5


def test_the_demo_has_events_of_all_its_agents(tracking_uri, monkeypatch, tmp_path):
    from insights_core.demo import load_demo

    connection = Connection(tracking_uri)
    experiment_id = load_demo(connection, "Demo", traces=40)
    found = derived(tracking_uri, experiment_id, guardrails=["grounded"])
    assert len({event.agent_id for event in found}) == 4
    assert len({event.event_id for event in found}) == len(found) > 40
    assert {event.decision.value for event in found} >= {"allow", "escalate"}
    assert len(derived(tracking_uri, experiment_id, max_traces=3)) < len(found)
