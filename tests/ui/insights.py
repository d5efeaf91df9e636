"""A finished insight whose clusters are the planted problems of the demo, written as the contract says."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import UTC, datetime

from insights_core.entities import (
    DETAILS_ARTIFACT,
    Cluster,
    ClusterDetails,
    InsightSpec,
    Outcome,
    SkippedTrace,
    TraceRow,
    TraceScope,
    TrustMetrics,
)

INSTRUCTION = "What do users ask for, and where does the agent fail?"
HOSTILE = "<script>document.title='owned'</script> [link](https://evil.example) :red[x] $x$ **b** :material/home: <img src=x onerror=\"document.title='owned'\">"


def finished_insight(
    connection,
    experiment_id: str,
    labels: dict[str, str],
    hostile: str | None = None,
    name: str = "Support agents",
    theme=None,
    change=None,
) -> str:
    """Write an insight run with the result artifact; gives its run id.

    Args:
        connection: Where to.
        experiment_id: Experiment of the traces.
        labels: Trace id -> what it is about; the first letter's half decides the parent cluster.
        hostile: Text for the title of the largest cluster and the summary of its first trace.
        name: Name of the insight.
        theme: The theme that it ran with.
        change: Takes the result before it is written, and changes it.
    """
    from insights_core.insight.jobs import persist

    client = connection.mlflow
    spec = InsightSpec(
        scope=TraceScope(experiment_id=experiment_id),
        instruction=INSTRUCTION,
        name=name,
        theme=theme,
        theme_id=theme.theme_id if theme else None,
    )
    run_id = persist.create_insight_run(connection, spec, "offline", {})
    persist.write_spec(connection, run_id, spec, "offline", "", "")
    details = _details(connection, run_id, experiment_id, labels, hostile)
    if change:
        change(details)
    client.log_dict(run_id, details.model_dump(mode="json"), DETAILS_ARTIFACT)
    ids = [row.trace_id for row in details.traces]
    for first in range(0, len(ids), 100):
        client.link_traces_to_run(ids[first : first + 100], run_id)
    client.set_tag(run_id, persist.TRACES_TAG, len(details.traces))
    client.set_tag(run_id, persist.CLUSTERS_TAG, sum(one.level == 0 for one in details.clusters))
    client.set_terminated(run_id, "FINISHED", end_time=int(datetime.now(UTC).timestamp() * 1000))
    return run_id


def _details(
    connection, run_id: str, experiment_id: str, labels: dict[str, str], hostile: str | None
) -> ClusterDetails:
    infos = {
        info.info.trace_id: info.info
        for info in connection.mlflow.search_traces(locations=[experiment_id], max_results=1000, include_spans=False)
    }
    groups: dict[str, list[str]] = defaultdict(list)
    for trace_id, label in labels.items():
        if trace_id in infos:
            groups[label].append(trace_id)
    outliers = groups.pop("one-off questions", [])
    rng = random.Random(1)
    clusters, rows = [], []
    names = sorted(groups)
    parents = {"p0": "Things the agents get done", "p1": "Things that go wrong"}
    sizes = dict.fromkeys(parents, 0)
    errors = dict.fromkeys(parents, 0)
    for place, label in enumerate([*names, None]):
        members = groups[label] if label else outliers
        angle = 2 * math.pi * place / len(names)
        failed = sum(str(infos[one].state.value) == "ERROR" for one in members)
        title = label.capitalize() if label else ""
        if label:
            parent = "p1" if failed > 0.1 * len(members) else "p0"
            sizes[parent] += len(members)
            errors[parent] += failed
            clusters.append(
                Cluster(
                    cluster_id=f"c{place}",
                    parent_id=parent,
                    level=0,
                    title=hostile if hostile and place == 0 else title,
                    description=f"Conversations about: {label}.",
                    keywords=label.split()[:4],
                    size=len(members),
                    error_count=failed,
                    example_trace_ids=members[:3],
                    near_miss_trace_ids=groups[names[(place + 1) % len(names)]][:2],
                )
            )
        for at, one in enumerate(members):
            info = infos[one]
            spread = 0.6 if label else 4
            text = (
                hostile
                if hostile and place == 0 and at == 0
                else f"{(info.request_preview or 'Nothing was said.')[:160]}"
            )
            rows.append(
                TraceRow(
                    trace_id=one,
                    cluster_id=f"c{place}" if label else None,
                    nearest_cluster_id=f"c{place if label else 0}",
                    x=6 * math.cos(angle) * bool(label) + rng.gauss(0, spread),
                    y=6 * math.sin(angle) * bool(label) + rng.gauss(0, spread),
                    title=text[:70],
                    summary=text,
                    outcome=Outcome.FAILURE if info.state.value == "ERROR" else Outcome.SUCCESS,
                    status=info.state.value,
                    error="The tool answered with an error" if info.state.value == "ERROR" else None,
                    latency_ms=info.execution_duration,
                    timestamp_ms=info.request_time,
                    span_count=4,
                )
            )
    for parent, title in parents.items():
        clusters.append(
            Cluster(cluster_id=parent, level=1, title=title, size=sizes[parent], error_count=errors[parent])
        )
    return ClusterDetails(
        run_id=run_id,
        experiment_id=experiment_id,
        instruction=INSTRUCTION,
        overview="Most questions are answered. Refused cards and tools that time out fail most often.",
        matching_traces=len(rows) + 1,
        sampled_traces=len(rows) + 1,
        clusters=clusters,
        traces=rows,
        skipped=[SkippedTrace(trace_id="tr-broken", reason="has no spans")],
        metrics=TrustMetrics(
            stability_ari=0.86,
            stability_runs=5,
            coverage=1 - len(outliers) / max(1, len(rows)),
            outlier_count=len(outliers),
            silhouette=0.31,
            claims_checked=44,
            claims_confirmed=41,
            redactions={"email": 3},
        ),
        config={"clustering": {"method": "hdbscan"}},
        duration_s=12.5,
    )
