"""Assessments and tags on many traces, in a database and over HTTP."""

from __future__ import annotations

import time

import pytest

from insights_core.connection import Connection
from insights_core.entities.insight import Claim, TraceScope, TraceSummary
from insights_core.insight.reading.records import SummaryKey, SummaryRecord, stored_record, to_feedback
from insights_core.traces.search import iter_trace_infos
from insights_core.traces.writeback import SummaryLog, TraceWriter

KEY = SummaryKey("mlflow.insights.summary", "gpt-4o-mini", "prompt")
RUN = "0" * 32


@pytest.fixture(params=["sqlite", "http"])
def store(request) -> tuple[Connection, str]:
    if request.param == "sqlite":
        return Connection(request.getfixturevalue("tracking_uri")), request.getfixturevalue("experiment_id")
    connection = Connection(request.getfixturevalue("mlflow_server"))
    return connection, connection.mlflow.create_experiment(f"Writeback {time.time_ns()}")


def record(title: str) -> SummaryRecord:
    claims = [Claim(text="It failed.", lines=[3, 4], quote="no such user")]
    return SummaryRecord(
        TraceSummary(title=title, summary="…", claims=claims), "hash", "key", "first error", 2, 1, {"email": 3}
    )


def read(connection: Connection, experiment_id: str) -> dict[str, list]:
    return {
        info.trace_id: info.assessments
        for info in iter_trace_infos(connection, TraceScope(experiment_id=experiment_id))
    }


def test_a_summary_comes_back_as_it_was_and_is_replaced_not_added(store, write_conversations):
    connection, experiment_id = store
    trace_ids = write_conversations(connection, experiment_id, 5)
    writer = TraceWriter(connection)
    first = [to_feedback(trace_id, record("First"), KEY, RUN) for trace_id in trace_ids]
    gone = to_feedback("tr-" + "f" * 32, record("Gone"), KEY, RUN)
    assert writer.log_feedback([*first, gone]) == [gone.trace_id]
    again = [to_feedback(trace_id, record("Second"), KEY, RUN) for trace_id in trace_ids]
    writer.log_feedback(again[:4], known={str(item.assessment_id) for item in again[:4]})
    # Another job was quicker: its assessment is there, but this one did not know.
    writer.log_feedback(again[4:])
    for found in read(connection, experiment_id).values():
        (item,) = found
        assert (item.valid, item.source.source_type, item.source.source_id) == (True, "LLM_JUDGE", "gpt-4o-mini")
        assert item.metadata["run_id"] == RUN
    for info in iter_trace_infos(connection, TraceScope(experiment_id=experiment_id)):
        stored = stored_record(info, KEY)
        assert stored is not None
        assert stored.summary == record("Second").summary
        assert (stored.text_hash, stored.text_key, stored.error) == ("hash", "key", "first error")
        assert (stored.claims_checked, stored.claims_confirmed, stored.redactions) == (2, 1, {"email": 3})
        assert stored_record(info, SummaryKey(KEY.assessment, KEY.model, "another prompt")) is None


def test_tags_and_links_are_written_on_all_traces(store, write_conversations):
    connection, experiment_id = store
    trace_ids = write_conversations(connection, experiment_id, 5)
    run_id = connection.mlflow.create_run(experiment_id).info.run_id
    writer = TraceWriter(connection)
    for value in ("one", "two"):
        gone = writer.set_tags(
            "mlflow.insights.cluster_id", [*((item, value) for item in trace_ids), ("tr-gone", value)]
        )
        assert gone == ["tr-gone"]
    writer.link(trace_ids, run_id)
    writer.link(trace_ids, run_id)
    infos = list(iter_trace_infos(connection, TraceScope(experiment_id=experiment_id, run_id=run_id)))
    assert {info.tags["mlflow.insights.cluster_id"] for info in infos} == {"two"}
    assert len(infos) == 5


def test_summaries_are_stored_while_others_are_made(connection, experiment_id, write_conversations):
    trace_ids = write_conversations(connection, experiment_id, 4)
    with SummaryLog(TraceWriter(connection)) as log:
        for trace_id in trace_ids[:3]:
            log.add(to_feedback(trace_id, record("Early"), KEY, RUN))
        until = time.monotonic() + 10
        while sum(map(len, read(connection, experiment_id).values())) < 3 and time.monotonic() < until:
            time.sleep(0.1)
        assert sum(map(len, read(connection, experiment_id).values())) == 3
        log.add(to_feedback(trace_ids[3], record("Last"), KEY, RUN))
    assert sum(map(len, read(connection, experiment_id).values())) == 4
