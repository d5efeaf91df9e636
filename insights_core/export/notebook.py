"""Jupyter notebooks that read what they show back from MLflow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from insights_core.entities import ClusterDetails, Insight
from insights_core.markdown import escape_markdown, without_effect

Cell = tuple[Literal["markdown", "code"], str]


def notebook(cells: Sequence[Cell]) -> str:
    """Cells as a notebook of format 4.5."""
    made = {
        "cells": [
            {
                "cell_type": kind,
                "id": f"cell-{number}",
                "metadata": {},
                "source": source,
                **({"execution_count": None, "outputs": []} if kind == "code" else {}),
            }
            for number, (kind, source) in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


_LOAD = """import pandas as pd
from insights_core import InsightsClient

client = InsightsClient()  # reads MLFLOW_TRACKING_URI
run_id = {run_id!r}
insight = client.get_insight(run_id)
details = client.get_insight_details(run_id)
print(insight.name, insight.status, insight.trace_count, "traces")"""

_TOPICS = """topics = pd.DataFrame([cluster.model_dump() for cluster in details.clusters])
shown = ["level", "title", "size", "error_count", "failed_count", "keywords"]
topics.sort_values(["level", "size"], ascending=False)[shown] if len(topics) else topics"""

_TRACES = """traces = pd.DataFrame([row.model_dump() for row in details.traces])
titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
if len(traces):
    traces["topic"] = traces["cluster_id"].map(titles).fillna("Fits no topic")
    traces["time"] = pd.to_datetime(traces["timestamp_ms"], unit="ms", utc=True)
traces.head(20)"""

_TREND = """trend = pd.DataFrame()
if len(traces):
    days = traces[traces["relevant"]].groupby([pd.Grouper(key="time", freq="D"), "topic"]).size()
    trend = days.unstack(fill_value=0)
    trend = trend[trend.sum().sort_values(ascending=False).index[:8]]
trend"""

_PLOT = """if len(trend):
    trend.plot(kind="bar", stacked=True, figsize=(11, 4), ylabel="traces a day")"""

_EXAMPLES = """examples = {
    cluster.title: [row.summary for row in details.traces if row.trace_id in cluster.example_trace_ids[:3]]
    for cluster in details.clusters
    if cluster.level == 0
}
examples"""


def insight_notebook(insight: Insight, details: ClusterDetails) -> str:
    """A notebook that loads an insight with the SDK and shows its topics, their trend and their examples.

    Code cells hold nothing but the run id. What stands as text at the top is escaped and without private data.
    """
    size = f"{len(details.traces)} traces, model {details.model}"
    theme = [f"Theme: {insight.theme_id}"] if insight.theme_id else []
    name, *said = _plain([insight.name, insight.instruction, *theme, details.overview, size])
    cells: list[Cell] = [
        ("markdown", "\n\n".join([f"# {name}", *said])),
        ("code", _LOAD.format(run_id=insight.run_id)),
        ("markdown", "## Topics"),
        ("code", _TOPICS),
        ("markdown", "## Traces"),
        ("code", _TRACES),
        ("markdown", "## Trend"),
        ("code", _TREND),
        ("code", _PLOT),
        ("markdown", "## Examples"),
        ("code", _EXAMPLES),
    ]
    return notebook(cells)


def _plain(texts: Sequence[str]) -> list[str]:
    """Texts that mark nothing up, call nobody and name nobody."""
    from insights_core.traces.redaction import Redactor

    redactor = Redactor()
    people = redactor.people_in("\n".join(texts))
    return [escape_markdown(without_effect(redactor.redact(text, people))) for text in texts]
