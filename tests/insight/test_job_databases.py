"""The same job on the databases that teams run MLflow on."""

import time

import pytest

from insights_core import InsightsClient
from insights_core.entities import InsightSpec, InsightStatus, TraceScope


@pytest.mark.parametrize("database", ["postgresql_uri", "mariadb_uri"])
def test_a_job_finds_the_topics_and_marks_the_traces(database, request, write_conversations, tmp_path):
    client = InsightsClient(request.getfixturevalue(database))
    experiment_id = client.mlflow.create_experiment(f"Job on {database}", artifact_location=str(tmp_path / "artifacts"))
    trace_ids = write_conversations(client, experiment_id, 24)
    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="What do users ask for?")
    run_id = client.create_insight(spec)
    until = time.monotonic() + 120
    while client.get_insight(run_id).status == InsightStatus.RUNNING and time.monotonic() < until:
        time.sleep(0.5)
    insight = client.get_insight(run_id)
    assert insight.status == InsightStatus.FINISHED, insight.progress.message
    details = client.get_insight_details(run_id)
    assert {row.trace_id for row in details.traces} == set(trace_ids)
    assert len([cluster for cluster in details.clusters if cluster.level == 0]) == 3
    trace = client.get_trace(trace_ids[0])
    assert trace.info.tags["mlflow.insights.cluster_id"]
    assert any(item.name == "mlflow.insights.summary" for item in trace.info.assessments)
