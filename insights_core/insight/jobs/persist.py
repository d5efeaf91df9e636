"""What an insight job leaves in MLflow: its run, its specification, its result, and marks on traces.

In the insight run (nested under the experiment's "Insights" run):

- tags `mlflow.insights.type=insight` and `mlflow.insights.name`, and for lists `.instruction`, `.description`,
  `.model`, `.theme_id`, `.trace_count`, `.cluster_count`, `.progress` (JSON of InsightProgress);
- `insights/insight.yaml`: `spec` (an InsightSpec), `model`, `prompt` and `prompt_hash` as they were resolved;
- `insights/sample.json`: `matching` and `trace_ids`, so that a resumed job works on the same traces;
- `mlflow_insights_cluster_details.json`: a ClusterDetails with `schema_version` 2. `clusters` is the hierarchy as a flat
  list (`cluster_id`, `parent_id`, `level`: 0 for leaves), `traces` has one row a summarised trace (`cluster_id` is that
  of the leaf "Fits no topic" for an outlier, null in version 1; `nearest_cluster_id` is never null where there are topics, `x` and `y` are map coordinates), `skipped` names
  traces without a row and why, `metrics` says how far to trust it, `config` is the specification. Later versions
  only add fields; `schema_version` grows where a field changes its meaning;
- params and metrics with the key figures, for MLflow's own pages;
- `insights/job.log`: the traceback, where the job met an error that it does not know.

On traces: the assessment `mlflow.insights.summary` (see `summaries`), a link to the run, and the tag
`mlflow.insights.cluster_id` with the cluster of the latest insight. Cluster ids begin with the first eight characters
of the run id, so that the tag alone names run and cluster; an outlier has `{run}-outlier`.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insights_core import names
from insights_core.artifacts.documents import parse
from insights_core.artifacts.runs import create_child_run, get_run_of_type, parent_run
from insights_core.connection import Connection
from insights_core.entities.common import now
from insights_core.entities.insight import DETAILS_SCHEMA_VERSION, ClusterDetails, InsightSpec
from insights_core.entities.theme import Theme
from insights_core.errors import (
    BrokenArtifactError,
    NotFoundError,
    PermissionDeniedError,
    RunNotFoundError,
    UnavailableError,
    from_mlflow,
    mlflow_errors,
)
from insights_core.names import (
    CLUSTER_TAG,
    CLUSTERS_TAG,
    DESCRIPTION_TAG,
    DETAILS_ARTIFACT,
    INSTRUCTION_TAG,
    MODEL_TAG,
    NAME_TAG,
    SAMPLE_ARTIFACT,
    SPEC_ARTIFACT,
    THEME_TAG,
    TRACES_TAG,
    TYPE_TAG,
)
from insights_core.traces.writeback import TraceWriter

if TYPE_CHECKING:
    from mlflow.entities import Run

_log = logging.getLogger(__name__)
# MLflow refuses longer ones.
_TAG_CHARS = 5000
_PARAM_CHARS = 6000
_NAME_CHARS = 80


def default_name(spec: InsightSpec) -> str:
    """The job's name: as given, else the beginning of the instruction."""
    if spec.name and spec.name.strip():
        return spec.name.strip()
    words = " ".join(spec.instruction.split())
    return words if len(words) <= _NAME_CHARS else words[: _NAME_CHARS - 1].rsplit(" ", 1)[0] + "…"


def create_insight_run(connection: Connection, spec: InsightSpec, model: str, tags: dict[str, str]) -> str:
    """A run for a job, in state RUNNING, below the experiment's "Insights" run.

    Args:
        connection: Where MLflow is.
        spec: The job.
        model: As it was resolved.
        tags: Further tags.

    Returns:
        The run's id.
    """
    experiment_id = spec.scope.experiment_id
    name = default_name(spec)
    described = {
        TYPE_TAG: "insight",
        NAME_TAG: name,
        INSTRUCTION_TAG: spec.instruction[:_TAG_CHARS],
        DESCRIPTION_TAG: spec.description[:_TAG_CHARS],
        MODEL_TAG: model,
        THEME_TAG: spec.theme_id or "",
    }
    wanted = {key: value for key, value in described.items() if value} | tags
    return create_child_run(connection, experiment_id, parent_run(connection, experiment_id), name, wanted)


def write_spec(
    connection: Connection, run_id: str, spec: InsightSpec, model: str, prompt: str, prompt_hash: str
) -> None:
    """Write `insights/insight.yaml`."""
    content = {
        "run_id": run_id,
        "created_at": now().isoformat().replace("+00:00", "Z"),
        "model": model,
        "prompt_hash": prompt_hash,
        "spec": spec.model_dump(mode="json"),
        "prompt": prompt,
    }
    with mlflow_errors():
        connection.mlflow.log_text(run_id, _to_yaml(content), SPEC_ARTIFACT)


def _to_yaml(content: dict[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Texts of several lines as blocks that a person can read."""

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, represent)
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


def read_spec(connection: Connection, run_id: str) -> InsightSpec:
    """The specification of an insight run.

    Raises:
        RunNotFoundError: The run has none.
        BrokenArtifactError: It cannot be parsed.
    """
    text = read_text(connection, run_id, SPEC_ARTIFACT)
    if text is None:
        raise RunNotFoundError(
            f"Run {run_id!r} has no {SPEC_ARTIFACT}: it is no insight run, or it was not written to the end."
        )
    try:
        return InsightSpec.model_validate(parse(text)["spec"])
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenArtifactError(f"{SPEC_ARTIFACT} of run {run_id!r} cannot be read: {_first_line(error)}.") from error


def write_sample(connection: Connection, run_id: str, matching: int, trace_ids: list[str]) -> None:
    """Write which traces the job works on."""
    with mlflow_errors():
        connection.mlflow.log_text(run_id, json.dumps({"matching": matching, "trace_ids": trace_ids}), SAMPLE_ARTIFACT)
        # What lists show while the job runs; the result's own number takes its place.
        connection.mlflow.set_tag(run_id, TRACES_TAG, str(len(trace_ids)))


def read_sample(connection: Connection, run_id: str) -> tuple[int, list[str]] | None:
    """Matching traces and the ids to work on, as an earlier process of this run chose them; None where none did."""
    text = read_text(connection, run_id, SAMPLE_ARTIFACT)
    if text is None:
        return None
    try:
        sample = json.loads(text)
        return int(sample["matching"]), [str(trace_id) for trace_id in sample["trace_ids"]]
    except (ValueError, KeyError, TypeError):
        # Killed while writing: choosing again gives the same, unless new traces came.
        return None


def write_details(connection: Connection, details: ClusterDetails) -> None:
    """Write the result into its run, with the key figures as MLflow metrics, params and tags."""
    with mlflow_errors():
        connection.mlflow.log_text(details.run_id, details.to_artifact(), DETAILS_ARTIFACT)
        _log_figures(connection, details)


def _log_figures(connection: Connection, details: ClusterDetails) -> None:
    from mlflow.entities import Metric, Param, RunTag

    leaves = sum(cluster.level == 0 for cluster in details.clusters)
    trust = details.metrics
    figures = {
        names.TRACES_METRIC: len(details.traces),
        names.MATCHING_METRIC: details.matching_traces,
        names.SKIPPED_METRIC: len(details.skipped),
        names.IRRELEVANT_METRIC: len(details.irrelevant),
        names.CLUSTERS_METRIC: leaves,
        names.OUTLIERS_METRIC: trust.outlier_count,
        names.COVERAGE_METRIC: trust.coverage,
        names.SILHOUETTE_METRIC: trust.silhouette,
        names.STABILITY_METRIC: trust.stability_ari,
        names.CHECKED_METRIC: trust.claims_checked,
        names.CONFIRMED_METRIC: trust.claims_confirmed,
        names.COST_METRIC: details.cost_usd,
        names.INPUT_METRIC: details.input_tokens,
        names.OUTPUT_METRIC: details.output_tokens,
        names.DURATION_METRIC: details.duration_s,
    }
    moment = round(now().timestamp() * 1000)
    clustering = details.config.get("clustering", {})
    params = {
        names.INSTRUCTION_PARAM: details.instruction[:_PARAM_CHARS],
        names.MODEL_PARAM: details.model,
        names.METHOD_PARAM: str(clustering.get("method", "")),
        names.SEED_PARAM: str(clustering.get("seed", "")),
    }
    connection.mlflow.log_batch(
        details.run_id,
        metrics=[Metric(name, float(value), moment, 0) for name, value in figures.items() if value is not None],
        params=[Param(name, value) for name, value in params.items()],
        tags=[RunTag(TRACES_TAG, str(len(details.traces))), RunTag(CLUSTERS_TAG, str(leaves))],
    )


def read_details(connection: Connection, run_id: str) -> ClusterDetails:
    """The result of an insight run.

    Raises:
        NotFoundError: The job has not finished.
        BrokenArtifactError: The artifact cannot be parsed, or a newer version wrote it.
    """
    text = read_text(connection, run_id, DETAILS_ARTIFACT)
    if text is None:
        run = insight_run(connection, run_id)
        raise NotFoundError(
            f"The insight {run_id!r} has no result yet: its run is {run.info.status}. "
            f"See `mlflow-insights get-insight --run-id {run_id}`."
        )
    try:
        details = ClusterDetails.model_validate_json(text)
    except ValueError as error:
        raise BrokenArtifactError(
            f"{DETAILS_ARTIFACT} of run {run_id!r} cannot be read: {_first_line(error)}."
        ) from error
    if details.schema_version > DETAILS_SCHEMA_VERSION:
        raise BrokenArtifactError(
            f"{DETAILS_ARTIFACT} of run {run_id!r} has schema version {details.schema_version}; this program reads up to "
            f"{DETAILS_SCHEMA_VERSION}. Install a newer version of mlflow-insights."
        )
    return details


def latest_of_theme(connection: Connection, experiment_id: str, theme_id: str) -> ClusterDetails | None:
    """The newest finished insight of a theme; None where there is none that can be read."""
    with mlflow_errors():
        runs = connection.mlflow.search_runs(
            [experiment_id],
            filter_string=f"tags.`{TYPE_TAG}` = 'insight' AND tags.`{THEME_TAG}` = '{theme_id}' AND attributes.status = 'FINISHED'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
    try:
        return read_details(connection, runs[0].info.run_id) if runs else None
    except (NotFoundError, BrokenArtifactError) as error:
        _log.warning("The topics go on from no earlier insight: %s", error)
        return None


def mark_traces(connection: Connection, details: ClusterDetails, theme: Theme | None = None) -> None:
    """Link the traces to the run and tag each with its cluster, for a theme that says so also under its name."""
    writer = TraceWriter(connection)
    writer.link([row.trace_id for row in details.traces], details.run_id)
    placed = [(row.trace_id, row.cluster_id or details.outliers_id) for row in details.traces]
    writer.set_tags(CLUSTER_TAG, placed)
    if theme and theme.tag_traces:
        writer.set_tags(f"{names.THEME_CLUSTER_TAG}.{theme.theme_id}", placed)


def id_prefix(run_id: str) -> str:
    """What all cluster ids of a run begin with."""
    return f"{run_id[:8]}-"


def insight_run(connection: Connection, run_id: str) -> Run:
    """The run, if it is an insight.

    Raises:
        RunNotFoundError: There is no such run, or it is something else.
    """
    return get_run_of_type(connection, run_id, "insight")


def read_text(connection: Connection, run_id: str, path: str) -> str | None:
    """An artifact's text, or None where the run has no such artifact.

    Raises:
        UnavailableError: MLflow or its artifact store did not answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            return Path(connection.mlflow.download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")
        except Exception as error:
            known = from_mlflow(error)
            missing = (
                isinstance(error, OSError) or getattr(getattr(error, "response", None), "status_code", None) == 404
            )
            if isinstance(known, UnavailableError | PermissionDeniedError) and not missing:
                raise known from error
            if missing or "404" in str(error) or isinstance(known, NotFoundError) or "No such artifact" in str(error):
                return None
            raise known from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
