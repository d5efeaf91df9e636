"""Insight jobs as the client offers them: estimate, create, watch, cancel, resume, read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from insights_core.artifacts.runs import discard_run, find_parent_run
from insights_core.entities.insight import (
    ClusterDetails,
    Insight,
    InsightEstimate,
    InsightSpec,
    InsightStatus,
    TraceScope,
)
from insights_core.errors import (
    ConflictError,
    InvalidParameterError,
    InvalidStatusChangeError,
    NotFoundError,
    ThemeNotFoundError,
    mlflow_errors,
)
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.liveness import describe_process, is_alive, lease_token, new_lease
from insights_core.insight.jobs.progress import read_progress
from insights_core.names import (
    CANCEL_TAG,
    CLUSTERS_TAG,
    DESCRIPTION_TAG,
    HEADERS_VARIABLE,
    INSTRUCTION_TAG,
    LEASE_TAG,
    MODEL_TAG,
    NAME_TAG,
    PROGRESS_TAG,
    THEME_TAG,
    TOKEN_VARIABLE,
    TRACES_TAG,
    TYPE_TAG,
    WORKER_TAG,
)
from insights_core.themes.catalogue import ThemeCatalogue
from insights_core.themes.specs import with_theme

if TYPE_CHECKING:
    from mlflow.entities import Run


# Enough to meet both kinds of traces, few enough for the moment in which a dialog opens.
_PROPOSED_FROM = 200


class InsightJobs(ThemeCatalogue):
    """What a client does with insight jobs.

    Shared args:
        run_id: The insight's run.
        spec: Everything that defines the job.
    """

    def propose_failure_rules(self, experiment_id: str | None = None) -> list[str]:
        """Rules of what failed that tags and assessments of the newest traces suggest, for `InsightSpec.failed_when`.

        Args:
            experiment_id: None takes MLFLOW_EXPERIMENT_ID.
        """
        from itertools import islice

        from insights_core.insight.reading import propose_rules
        from insights_core.traces.search import iter_trace_infos

        scope = TraceScope(experiment_id=self.experiment_or_default(experiment_id))
        return propose_rules(islice(iter_trace_infos(self, scope), _PROPOSED_FROM))

    def estimate_insight(self, spec: InsightSpec) -> InsightEstimate:
        """Say what an insight job would read, cost and take, before anything is spent.

        Raises:
            InvalidParameterError: The filter cannot be read, or a model is named but no endpoint is set.
            NotFoundError: There is no such experiment or run.
        """
        from insights_core.insight.jobs.estimate import estimate

        return estimate(self, checked_spec(self, spec))

    def create_insight(self, spec: InsightSpec) -> str:
        """Start an insight job in a process of its own, which outlives this one.

        Returns:
            Id of its run; `get_insight` tells how far it is.

        Raises:
            InvalidParameterError: The filter cannot be read, the instruction is empty, or a model is named but no
                endpoint is set. Nothing was created.
            NotFoundError: There is no such experiment or run. Nothing was created.
        """
        from insights_core.insight.jobs.parts import stages_for
        from insights_core.traces.search import iter_trace_infos

        spec = checked_spec(self, spec)
        # One page proves that the store understands the scope.
        next(iter_trace_infos(self, spec.scope), None)
        stages = stages_for(spec)
        token, lease = new_lease()
        with mlflow_errors():
            run_id = persist.create_insight_run(self, spec, stages.model, {LEASE_TAG: lease})
            try:
                persist.write_spec(self, run_id, spec, stages.model, stages.prompt, stages.summarizer.prompt_hash)
                self._spawn([run_id], token)
            except BaseException:
                # Without its process nothing would ever end the run.
                discard_run(self, run_id)
                raise
        return run_id

    def get_insight(self, run_id: str) -> Insight:
        """Show the state and progress of an insight job.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
        """
        return _to_insight(persist.insight_run(self, run_id))

    def list_insights(self, experiment_id: str | None = None) -> list[Insight]:
        """List the insight jobs of an experiment, newest first.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        experiment_id = self.experiment_or_default(experiment_id)
        found: list[Insight] = []
        token = None
        with mlflow_errors():
            while True:
                page = self.mlflow.search_runs(
                    [experiment_id],
                    filter_string=f"tags.`{TYPE_TAG}` = 'insight'",
                    order_by=["attributes.start_time DESC"],
                    max_results=1000,
                    page_token=token,
                )
                found += [_to_insight(run) for run in page]
                token = page.token
                if not token:
                    break
            if not found:
                # An experiment that does not exist has no runs either, and must not look empty.
                find_parent_run(self, experiment_id)
        return found

    def cancel_insight(self, run_id: str) -> None:
        """Stop an insight job; what it has summarised is kept, and `resume_insight` goes on from there.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
            InvalidStatusChangeError: It has ended already.
        """
        insight = self.get_insight(run_id)
        if insight.status not in (InsightStatus.RUNNING, InsightStatus.STALLED):
            raise InvalidStatusChangeError(
                f"The insight {run_id!r} is {insight.status} and cannot be cancelled; only a running one can."
            )
        with mlflow_errors():
            self.mlflow.set_tag(run_id, CANCEL_TAG, "true")
            if insight.status == InsightStatus.STALLED:
                # No process is there to hear it.
                progress = insight.progress.model_copy(update={"message": "Cancelled."})
                self.mlflow.set_tag(run_id, PROGRESS_TAG, progress.model_dump_json())
                self.mlflow.set_terminated(run_id, "KILLED")

    def resume_insight(self, run_id: str) -> None:
        """Go on with an insight job that was cancelled, failed or lost its process, without repeating what is done.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
            InvalidStatusChangeError: It is running or finished.
            ConflictError: Somebody else resumed it at the same time.
        """
        insight = self.get_insight(run_id)
        if insight.status == InsightStatus.RUNNING:
            raise InvalidStatusChangeError(f"The insight {run_id!r} is running; there is nothing to resume.")
        if insight.status == InsightStatus.FINISHED:
            raise InvalidStatusChangeError(
                f"The insight {run_id!r} is finished. Create a new one: it reuses the summaries that are there."
            )
        persist.read_spec(self, run_id)
        token, lease = new_lease()
        with mlflow_errors():
            self.mlflow.set_tag(run_id, LEASE_TAG, lease)
            tags = self.mlflow.get_run(run_id).data.tags
            if lease_token(tags) != token:
                raise ConflictError(f"The insight {run_id!r} was resumed by somebody else at the same time.")
            if CANCEL_TAG in tags:
                # Whoever resumed a moment earlier, and lost the lease to this call, may have taken it away already.
                with suppress(NotFoundError), mlflow_errors():
                    self.mlflow.delete_tag(run_id, CANCEL_TAG)
            progress = insight.progress.model_copy(update={"message": "", "stage": "queued", "done": 0, "total": 0})
            self.mlflow.set_tag(run_id, PROGRESS_TAG, progress.model_dump_json())
            self.mlflow.update_run(run_id, status="RUNNING")
            self._spawn([run_id], token)

    def delete_insight(self, run_id: str) -> None:
        """Delete the run of an insight job that is not running, with its clusters, names and overview.

        What it wrote on traces stays: their summaries, which later jobs take over unpaid, and their tag of the latest
        cluster, which the next job over them overwrites. MLflow can restore the run until `mlflow gc` removes it.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
            InvalidStatusChangeError: It is running; cancel it first.
        """
        if self.get_insight(run_id).status == InsightStatus.RUNNING:
            raise InvalidStatusChangeError(
                f"The insight {run_id!r} is running. Stop it first with `mlflow-insights cancel-insight --run-id {run_id}`."
            )
        with mlflow_errors():
            self.mlflow.delete_run(run_id)

    def get_insight_details(self, run_id: str) -> ClusterDetails:
        """The result of a finished job.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
            NotFoundError: It has no result yet.
            BrokenArtifactError: The result cannot be read.
        """
        return persist.read_details(self, run_id)

    def get_insight_spec(self, run_id: str) -> InsightSpec:
        """What a job was asked.

        Raises:
            RunNotFoundError: There is no such run, or it is no insight.
            BrokenArtifactError: The specification cannot be read.
        """
        return persist.read_spec(self, run_id)

    def _spawn(self, run_ids: Sequence[str], token: str) -> None:
        """Start a process that works on runs; several share the texts of their traces."""
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self.tracking_uri, TOKEN_VARIABLE: token}
        # An experiment or run that this process works in must not become the job's own.
        environment.pop("MLFLOW_RUN_ID", None)
        if headers := _request_headers(self.tracking_uri):
            environment[HEADERS_VARIABLE] = json.dumps(headers)
        package = str(Path(__file__).parents[3])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
        named = [word for run_id in run_ids for word in ("--run-id", run_id)]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "insights_core.insight.jobs.worker", *named],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        # A child that nobody waits for stays a zombie as long as this process lives.
        threading.Thread(target=process.wait, name=f"insight-{run_ids[0]}", daemon=True).start()
        # Already now: a process that dies while it starts shows at once.
        for run_id in run_ids:
            self.mlflow.set_tag(run_id, WORKER_TAG, describe_process(token, process.pid))


def checked_spec(themes: ThemeCatalogue, spec: InsightSpec) -> InsightSpec:
    """The specification with blanks removed from its instruction, and filled in from its theme.

    Args:
        themes: Where its theme is looked up.
        spec: As it was given.

    Raises:
        InvalidParameterError: The instruction says nothing, there is no such theme, the list of trace ids is empty, or
            the rule of what failed cannot be read.
    """
    instruction = spec.instruction.strip()
    if len(instruction) < 3:
        raise InvalidParameterError(
            "The instruction is empty. Say what you want to know, for example `Where does the agent fail?`.",
            field="instruction",
        )
    if spec.scope.trace_ids is not None and not spec.scope.trace_ids:
        raise InvalidParameterError(
            "The list of trace ids is empty. Name at least one, or leave it out.", field="trace_ids"
        )
    if spec.theme is not None and spec.theme_id is None:
        spec = spec.model_copy(update={"theme_id": spec.theme.theme_id})
    if spec.theme_id is not None:
        try:
            spec = with_theme(spec, spec.theme or themes.get_theme(spec.theme_id, spec.scope.experiment_id))
        except ThemeNotFoundError as error:
            raise InvalidParameterError(error.message, **error.details) from error
    if spec.failed_when is not None:
        from insights_core.insight.reading import FailureRule

        FailureRule(spec.failed_when)
    return spec.model_copy(update={"instruction": instruction})


def _request_headers(tracking_uri: str) -> dict[str, str]:
    """What MLflow's client in this context adds to each request, credentials of a REST caller included."""
    if not tracking_uri.startswith("http"):
        return {}
    from mlflow.tracking.request_header.registry import resolve_request_headers

    return {
        str(name): str(value) for name, value in resolve_request_headers().items() if str(name).lower() != "user-agent"
    }


def _to_insight(run: Run) -> Insight:
    tags, info = run.data.tags, run.info
    progress = read_progress(tags)
    status = InsightStatus(info.status) if info.status in InsightStatus.__members__ else InsightStatus.RUNNING
    if status == InsightStatus.RUNNING and not is_alive(tags, progress.updated_at):
        status = InsightStatus.STALLED
    created = _moment(info.start_time)
    ended = _moment(info.end_time) if info.end_time and status != InsightStatus.RUNNING else None
    return Insight(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        name=tags.get(NAME_TAG) or info.run_name or info.run_id,
        description=tags.get(DESCRIPTION_TAG, ""),
        instruction=tags.get(INSTRUCTION_TAG, ""),
        status=status,
        created_at=created,
        updated_at=max(moment for moment in (created, progress.updated_at, ended) if moment),
        trace_count=_whole(tags.get(TRACES_TAG)),
        cluster_count=_whole(tags.get(CLUSTERS_TAG)),
        theme_id=tags.get(THEME_TAG),
        model=tags.get(MODEL_TAG, "offline"),
        cost_usd=progress.cost_usd,
        progress=progress,
    )


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
