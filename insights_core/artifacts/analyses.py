"""Analyses: one MLflow run each, nested in the experiment's Insights run."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from insights_core.artifacts.base import EntityClient, clean, required_name
from insights_core.artifacts.changes import Edit
from insights_core.artifacts.files import in_parallel
from insights_core.artifacts.kinds import ANALYSIS
from insights_core.artifacts.listing import analysis_summaries
from insights_core.artifacts.runs import create_child_run, discard_run, find_parent_run, parent_run
from insights_core.artifacts.statuses import as_choice, check_change
from insights_core.artifacts.store import EntityList
from insights_core.entities import Analysis, AnalysisStatus
from insights_core.entities.investigation import AnalysisSummary
from insights_core.errors import BrokenArtifactError, mlflow_errors
from insights_core.names import NAME_TAG, TYPE_TAG, USER_TAG

if TYPE_CHECKING:
    from mlflow.entities import Run


class Analyses(EntityClient):
    """Create, change and read analyses."""

    def create_analysis(
        self,
        experiment_id: str | None = None,
        run_name: str | None = None,
        name: str | None = None,
        description: str = "",
        *,
        author: str | None = None,
    ) -> str:
        """Start an analysis.

        Args:
            run_name: Three or four words; the run's name in MLflow.
            name: What people call it; by default the run's name.
            description: Goals and guidance.

        Returns:
            The id of its run.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
            InvalidParameterError: A name is missing.
        """
        experiment = self.experiment_or_default(experiment_id)
        run_name = required_name(run_name, "run_name")
        name = required_name(run_name if name is None else name, "name")
        who = self.who(author)
        with mlflow_errors():
            parent = parent_run(self, experiment)
            tags: dict[str, str] = {TYPE_TAG: "analysis", NAME_TAG: name, USER_TAG: who}
            run_id = create_child_run(self, experiment, parent, run_name, tags)
            entity = Analysis(run_id=run_id, experiment_id=experiment, name=name, description=clean(description or ""))
            try:
                self.entity_store.create(run_id, ANALYSIS, entity, who)
            except BaseException:
                # A run that says RUNNING and holds nothing helps nobody.
                discard_run(self, run_id)
                raise
        return run_id

    def update_analysis(
        self,
        run_id: str,
        name: str | None = None,
        description: str | None = None,
        status: str | AnalysisStatus | None = None,
        *,
        reason: str | None = None,
        author: str | None = None,
    ) -> Analysis:
        """Change an analysis; what is left out stays.

        ACTIVE can become COMPLETED or ARCHIVED, COMPLETED can be reopened or archived, ARCHIVED can be reopened.

        Args:
            run_id: Run of the analysis.
            name: What people call it.
            description: Goals and guidance.
            status: ACTIVE, COMPLETED or ARCHIVED.
            reason: Why; kept in the history.
            author: Who stands in the history; by default the signed-in or OS user.

        Raises:
            RunNotFoundError: There is no such analysis.
            InvalidStatusChangeError: The status cannot follow the present one.
        """
        values = {"name": None if name is None else required_name(name, "name"), "description": clean(description)}
        wanted = None if status is None else as_choice(AnalysisStatus, status, "status")

        def decide(analysis: Analysis) -> Edit:
            edit = Edit(set={key: value for key, value in values.items() if value is not None}, why=clean(reason))
            if wanted is not None and wanted != analysis.status:
                check_change(analysis.status, wanted, f"Analysis {analysis.name!r}")
                edit.set["status"] = str(wanted)
            edit.set = {key: value for key, value in edit.set.items() if getattr(analysis, key) != value}
            return edit

        with mlflow_errors():
            run = self._analysis_run(run_id)
            changed = self.entity_store.change(run_id, ANALYSIS, "", decide, self.who(author), ANALYSIS.given_by(run))
            if not isinstance(changed, Analysis):
                raise _without_file(run_id)
            if values["name"] is not None:
                self.mlflow.set_tag(run_id, NAME_TAG, changed.name)
            self._show_status(run, changed.status)
        return changed

    def _show_status(self, run: Run, status: AnalysisStatus) -> None:
        """Let MLflow's own pages show whether the analysis goes on."""
        wanted = "RUNNING" if status == AnalysisStatus.ACTIVE else "FINISHED"
        if run.info.status == wanted:
            return
        if wanted == "RUNNING":
            self.mlflow.update_run(run.info.run_id, status=wanted)
        else:
            self.mlflow.set_terminated(run.info.run_id, wanted)

    def get_analysis(self, insights_run_id: str) -> Analysis:
        """Show one analysis with its history.

        Raises:
            RunNotFoundError: There is no such analysis.
            BrokenArtifactError: Its file cannot be read.
        """
        with mlflow_errors():
            run = self._analysis_run(insights_run_id)
            found = self.entity_store.read(insights_run_id, ANALYSIS, "", ANALYSIS.given_by(run))
        if not isinstance(found, Analysis):
            raise _without_file(insights_run_id)
        return found

    @cached_property
    def _seen_analyses(self) -> dict[str, tuple[str, Analysis]]:
        """Run id -> tag and analysis as they were when last read."""
        return {}

    def list_analyses(self, experiment_id: str | None = None) -> EntityList[Analysis]:
        """List the analyses of an experiment, newest first.

        Asked again, only what changed is read again.

        Returns:
            The analyses; `.broken` names those that cannot be read.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        broken: dict[str, str] = {}

        def read(run: Run) -> Analysis | None:
            try:
                tag = run.data.tags.get(ANALYSIS.tag(""))
                seen = self._seen_analyses.get(run.info.run_id)
                if tag and seen and seen[0] == tag:
                    return seen[1].model_copy()
                found = self.entity_store.read(run.info.run_id, ANALYSIS, "", ANALYSIS.given_by(run))
                if isinstance(found, Analysis):
                    self._seen_analyses[run.info.run_id] = (tag or "", found)
                    return found
                raise _without_file(run.info.run_id)
            except BrokenArtifactError as error:
                broken[run.info.run_id] = error.message
                return None

        with mlflow_errors():
            runs = self._analysis_runs(self.experiment_or_default(experiment_id))
            found = [item for item in in_parallel(read, runs) if item is not None]
        return EntityList(sorted(found, key=lambda item: item.created_at, reverse=True), broken)

    def summarize_analyses(self, experiment_id: str | None = None) -> list[AnalysisSummary]:
        """One line for each analysis, newest first, with its counts of hypotheses; at most three requests in all.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        with mlflow_errors():
            return analysis_summaries(self._analysis_runs(self.experiment_or_default(experiment_id)))

    def _analysis_runs(self, experiment_id: str) -> list[Run]:
        runs: list[Run] = []
        token = None
        while True:
            page = self.mlflow.search_runs(
                [experiment_id], filter_string=f"tags.`{TYPE_TAG}` = 'analysis'", max_results=1000, page_token=token
            )
            runs += page
            token = page.token
            if not token:
                break
        if not runs:
            # Nothing there: is there an experiment at all?
            find_parent_run(self, experiment_id)
        for run in runs:
            self.entity_store.files.know(run.info.run_id, run.info.artifact_uri)
        return runs


def _without_file(run_id: str) -> BrokenArtifactError:
    return BrokenArtifactError(
        f"Analysis run {run_id} has no insights/analysis.yaml: whoever created it did not finish. "
        f"Delete it with `mlflow runs delete --run-id {run_id}`.",
        run_id=run_id,
    )
