"""Commands for insight jobs."""

from __future__ import annotations

from typing import Any

import click

from insights_core.cli.options import operation
from insights_core.cli.rendering import (
    Failure,
    client,
    plain_markdown,
    print_fields,
    print_json,
    print_table,
)

INSIGHT_COLUMNS = {
    "run_id": "Run",
    "name": "Name",
    "status": "Status",
    "trace_count": "Traces",
    "cluster_count": "Clusters",
    "model": "Model",
    "cost_usd": "USD",
    "updated_at": "Updated",
}
CLUSTER_COLUMNS = {
    "title": "Topic",
    "size": "Traces",
    "share": "Share %",
    "bad": "Errors / failed",
    "keywords": "Keywords",
    "cluster_id": "Cluster",
}


_WAIT = click.option("--wait", is_flag=True, help="Show the progress, and the clusters in the end.")


def build_spec(name: str | None = None, description: str = "", **options: Any) -> Any:
    """An InsightSpec from the options of the command line; an option that was not given keeps its default."""
    from insights_core.connection import Connection
    from insights_core.entities.insight import ClusteringConfig, InsightSpec, TraceScope

    given = {key: value for key, value in options.items() if value is not None and value != ()}
    if "end_time_ms" in given:
        given["end_time_ms"] += 1  # the command line's ends are inclusive everywhere, a scope's end is not
    experiment_id = Connection().experiment_or_default(given.pop("experiment_id", None))
    if "trace_ids" in given:
        given["trace_ids"] = list(given["trace_ids"])
    scope = TraceScope(experiment_id=experiment_id, **_taken(given, TraceScope))
    clustering = ClusteringConfig(seed=scope.seed, **_taken(given, ClusteringConfig))
    return InsightSpec(scope=scope, clustering=clustering, name=name, description=description, **given)


def _taken(given: dict[str, Any], model: Any) -> dict[str, Any]:
    return {field: given.pop(field) for field in list(given) if field in model.model_fields}


@operation("estimate --experiment-id 1 --instruction 'Where does the agent fail?'", "estimate_insight")
def estimate(output: str, **options: Any) -> None:
    """Say what an insight job would read, cost and take, before anything is spent."""
    found = client().estimate_insight(build_spec(**options))
    if output == "json":
        return print_json(found)
    cost = "unknown price" if found.cost_usd is None else f"about ${found.cost_usd:.4f}"
    print_fields(
        {
            "Matching traces": found.matching_traces,
            "In the sample": found.sample_traces,
            "Already summarised": found.summarized_traces,
            "Model": found.model,
            "Tokens": f"about {found.input_tokens:,} in, {found.output_tokens:,} out",
            "Cost": cost,
            "Duration": f"about {_duration(found.duration_s)}",
            "Basis": found.basis,
        }
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@operation("create-insight --experiment-id 1 --instruction 'Where does the agent fail?' --wait")
@_WAIT
def create_insight(wait: bool, output: str, **options: Any) -> None:
    """Start an insight job in a process of its own, which outlives this one; prints the id of its run."""
    insights = client()
    run_id = insights.create_insight(build_spec(**options))
    _started(insights, run_id, wait, output)


@operation("resume-insight --run-id 4f2b… --wait")
@_WAIT
def resume_insight(run_id: str, wait: bool, output: str) -> None:
    """Go on with an insight job that was cancelled, failed or lost its process, without repeating what is done."""
    insights = client()
    insights.resume_insight(run_id)
    _started(insights, run_id, wait, output)


def _started(insights: Any, run_id: str, wait: bool, output: str) -> None:
    if not wait:
        return print_json({"run_id": run_id}) if output == "json" else click.echo(run_id)
    if output == "table":
        click.echo(f"Run {run_id}", err=True)
    insight = wait_for(insights, run_id)
    if insight.status != "FINISHED":
        reason = insight.progress.message or "its process ended without a word"
        raise Failure(
            f"The insight {run_id} is {insight.status}: {reason} Go on with `mlflow-insights resume-insight --run-id {run_id}`.",
            1,
        )
    details = insights.get_insight_details(run_id)
    if output == "json":
        return print_json(
            {"run_id": run_id, "insight": insight, "clusters": details.clusters, "overview": details.overview}
        )
    print_result(insight, details)


def wait_for(insights: Any, run_id: str) -> Any:
    """Show a job's progress on stderr until it ends or stalls; gives the Insight.

    An interrupt ends the waiting, not the job.
    """
    from insights_core.cli.waiting import watch

    try:
        return watch(insights, run_id)
    except KeyboardInterrupt:
        raise Failure(
            f"Stopped waiting; the job goes on. Look at it with `mlflow-insights get-insight --run-id {run_id}`, "
            f"stop it with `mlflow-insights cancel-insight --run-id {run_id}`.",
            130,
        ) from None


def print_result(insight: Any, details: Any) -> None:
    """The clusters of a finished insight as a table, with its overview and how far to trust it."""
    if details.overview:
        click.echo(plain_markdown(details.overview.strip()) + "\n")
    total = max(len(details.traces), 1)
    print_table(_cluster_rows(details.clusters, total), CLUSTER_COLUMNS, "There are no clusters.")
    trust = details.metrics
    said = [f"{len(details.traces):,} of {details.matching_traces:,} traces", f"{trust.outlier_count:,} outliers"]
    if trust.stability_ari is not None:
        chance = "" if trust.stability_chance is None else f" (random data {trust.stability_chance:.2f})"
        said.append(f"stability {trust.stability_ari:.2f}{chance}")
    if trust.silhouette is not None:
        said.append(f"silhouette {trust.silhouette:.2f}")
    if trust.claims_checked:
        said.append(f"{trust.claims_confirmed / trust.claims_checked:.0%} of the claims check out")
    if reused := details.config.get("reused_summaries"):
        said.append(f"{reused:,} summaries reused")
    if details.skipped:
        first = details.skipped[0]
        said.append(f"{len(details.skipped):,} skipped ({first.trace_id}: {first.reason})")
    click.echo("\n" + " · ".join(said))
    click.echo(f"Model {details.model} · ${details.cost_usd:.4f} · {_duration(details.duration_s)}")
    if insight.progress.message:
        click.echo(insight.progress.message)


def _cluster_rows(clusters: list[Any], total: int) -> list[dict[str, Any]]:
    """Parents above their children, the largest first, children indented."""
    rows: list[dict[str, Any]] = []

    def add(parent_id: str | None, depth: int) -> None:
        for cluster in sorted((c for c in clusters if c.parent_id == parent_id), key=lambda c: -c.size):
            rows.append(
                {
                    "title": ("· " * depth) + cluster.title,
                    "size": cluster.size,
                    "share": f"{100 * cluster.size / total:.1f}",
                    "bad": f"{cluster.bad_count:,} of {cluster.bad_of:,} {cluster.bad_word}",
                    "keywords": ", ".join(cluster.keywords[:4]),
                    "cluster_id": cluster.cluster_id,
                }
            )
            add(cluster.cluster_id, depth + 1)

    add(None, 0)
    return rows


@operation("get-insight --run-id 4f2b…")
def get_insight(run_id: str, output: str) -> None:
    """Show the state and progress of an insight job; its clusters once it is finished."""
    insights = client()
    insight = insights.get_insight(run_id)
    if output == "json":
        return print_json(insight)
    progress = insight.progress
    print_fields(
        {
            "Run": insight.run_id,
            "Name": insight.name,
            "Instruction": insight.instruction,
            "Status": insight.status,
            "Stage": f"{progress.stage} {progress.done:,} of {progress.total:,}" if progress.total else progress.stage,
            "Message": progress.message or None,
            "Model": insight.model,
            "Created": insight.created_at,
            "Updated": insight.updated_at,
        }
    )
    if insight.status == "FINISHED":
        click.echo()
        print_result(insight, insights.get_insight_details(run_id))


@operation("list-insights --experiment-id 1 --output json")
def list_insights(experiment_id: str | None, output: str) -> None:
    """List the insight jobs of an experiment, newest first."""
    found = client().list_insights(experiment_id)
    if output == "json":
        return print_json(found)
    empty = "There are no insights yet. Start one with `mlflow-insights create-insight`."
    print_table([insight.model_dump() for insight in found], INSIGHT_COLUMNS, empty)


@operation("delete-insight --run-id 4f2b…")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_insight(run_id: str, yes: bool, output: str) -> None:
    """Delete the run of an insight job that is not running; summaries and cluster tags on the traces stay."""
    insights = client()
    found = insights.get_insight(run_id)
    if not yes:
        click.confirm(
            f"Delete {found.name!r} with its {found.cluster_count:,} clusters? Summaries and cluster tags on the traces stay",
            abort=True,
            err=True,
        )
    insights.delete_insight(run_id)
    _done(run_id, output, f"Deleted {run_id}. Summaries and cluster tags on its traces stay.")


@operation("cancel-insight --run-id 4f2b…")
def cancel_insight(run_id: str, output: str) -> None:
    """Stop an insight job; what it has summarised is kept."""
    client().cancel_insight(run_id)
    _done(run_id, output, f"Cancelled {run_id}. Go on with `mlflow-insights resume-insight --run-id {run_id}`.")


def _done(run_id: str, output: str, said: str) -> None:
    if output == "json":
        print_json({"run_id": run_id})
    else:
        click.echo(said)
