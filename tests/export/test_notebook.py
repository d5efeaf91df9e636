"""The notebook of an insight: valid, without markup or code of traces in it, and its cells run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from insights_core.client import InsightsClient
from insights_core.export.notebook import insight_notebook

sys.path.append(str(Path(__file__).parents[1] / "ui"))
HOSTILE = '"""; raise SystemExit  # <script>x</script> [a](javascript:1) anna.kowalska@example.com'


@pytest.fixture
def insight(mlflow_client, tracking_uri, experiment_id, monkeypatch):
    import mlflow
    from insights import finished_insight

    client = InsightsClient(tracking_uri)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_experiment(experiment_id=experiment_id)
    labels = {}
    for number in range(6):
        with mlflow.start_span(f"ask {number}") as span:
            span.set_inputs({"question": "Where is my parcel?"})
        labels[span.trace_id] = f"parcels {number % 2}"
    mlflow.flush_trace_async_logging()
    run_id = finished_insight(client, experiment_id, labels, hostile=HOSTILE, name=HOSTILE)
    return client, client.get_insight(run_id)


def test_its_cells_run_and_show_topics_and_trend(insight, capsys):
    client, one = insight
    made = json.loads(insight_notebook(one, client.get_insight_details(one.run_id)))

    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    seen: dict = {}
    for cell in made["cells"]:
        assert (cell["cell_type"] == "code") == ("outputs" in cell)
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], cell["id"], "exec"), seen)
    assert seen["traces"]["trace_id"].nunique() == 6
    assert seen["trend"].to_numpy().sum() == 6
    assert set(seen["traces"]["topic"]) == {one.title for one in seen["details"].clusters if one.level == 0}


def test_text_of_traces_is_neither_code_nor_markup_and_names_nobody(insight):
    client, one = insight
    made = json.loads(insight_notebook(one, client.get_insight_details(one.run_id)))
    code = "".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "code")
    text = "".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "markdown")

    assert "SystemExit" not in code
    assert "<script>" not in text.replace("\\<", "")
    assert "anna.kowalska@example.com" not in text
