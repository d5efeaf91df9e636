"""Issues: problems of a whole experiment, kept in its Insights run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from insights_core.artifacts.assessments import LoggedAssessments, Progress, Value, log_on_traces
from insights_core.artifacts.base import (
    EntityClient,
    assessment_name,
    clean,
    plain_evidence,
    plain_mapping,
    required,
)
from insights_core.artifacts.changes import Edit
from insights_core.artifacts.collection import Collection
from insights_core.artifacts.evidence import Given, link_evidence, read_evidence, without_known
from insights_core.artifacts.kinds import HYPOTHESIS, ISSUE
from insights_core.artifacts.runs import find_parent, parent_run
from insights_core.artifacts.statuses import as_choice, check_change
from insights_core.artifacts.store import EntityList
from insights_core.entities import Evidence, Issue, IssueStatus, Severity
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import InvalidParameterError, IssueNotFoundError, mlflow_errors
from insights_core.names import PARENT_RUN_TAG

if TYPE_CHECKING:
    from mlflow.entities import Trace


class Issues(EntityClient):
    """Create, change and read issues."""

    def create_issue(
        self,
        insights_run_id: str,
        title: str,
        description: str = "",
        severity: str | Severity = Severity.MEDIUM,
        hypothesis_id: str | None = None,
        evidence: Iterable[Given] | None = None,
        assessments: Iterable[str] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        author: str | None = None,
    ) -> str:
        """Make an issue of what an analysis found; it is visible for the whole experiment.

        Args:
            insights_run_id: Run of the analysis it comes from.
            title: A line.
            description: What is wrong.
            severity: CRITICAL, HIGH, MEDIUM or LOW.
            hypothesis_id: The hypothesis of that analysis that it confirms.
            evidence: Dicts with trace_id and rationale, or texts "tr-…: rationale". None with a hypothesis carries
                over what supports the hypothesis; an empty list carries nothing over.
            assessments: Names of assessments that mark it on traces.
            metadata: Notes.

        Returns:
            Its id.

        Raises:
            RunNotFoundError: There is no such analysis.
            HypothesisNotFoundError: The analysis has no such hypothesis.
            TraceNotFoundError: The evidence names traces that do not exist.
        """
        who = self.who(author)
        items = read_evidence(evidence, None, who, for_hypothesis=False)
        issue = Issue(
            source_run_id=insights_run_id,
            hypothesis_id=hypothesis_id or None,
            title=required(title, "title"),
            description=clean(description or ""),
            severity=as_choice(Severity, severity, "severity"),
            assessments=[assessment_name(name, "assessments") for name in assessments or ()],
            metadata=plain_mapping(metadata, "metadata"),
        )
        with mlflow_errors():
            run = self._analysis_run(insights_run_id)
            if issue.hypothesis_id:
                supporting = self._supporting(insights_run_id, issue.hypothesis_id)
                if evidence is None:
                    items, allow_missing = supporting, True
            issue.evidence = [item.model_copy(update={"rationale": clean(item.rationale)}) for item in items]
            parent = run.data.tags.get(PARENT_RUN_TAG) or parent_run(self, run.info.experiment_id)
            link_evidence(self, parent, items, allow_missing)
            Collection(self, ISSUE, run=parent).create(issue, author=who)
        self._issue_runs[issue.issue_id] = parent
        return issue.issue_id

    def _supporting(self, run_id: str, hypothesis_id: str) -> list[Evidence]:
        found = Collection(self, HYPOTHESIS, run=run_id).get(hypothesis_id)
        return [item.model_copy(update={"supports": None}) for item in found.evidence if item.supports is not False]

    def update_issue(
        self,
        insights_run_id: str | None = None,
        issue_id: str | None = None,
        title: str | None = None,
        description: str | None = None,
        severity: str | Severity | None = None,
        status: str | IssueStatus | None = None,
        resolution: str | None = None,
        evidence: Iterable[Given] | None = None,
        add_traces: Iterable[str] | None = None,
        assessments: Iterable[str] | None = None,
        *,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        author: str | None = None,
    ) -> Issue:
        """Change an issue; what is left out stays, evidence and assessments are only ever added.

        OPEN can become IN_PROGRESS, RESOLVED or REJECTED; IN_PROGRESS the same or OPEN; RESOLVED can be reopened or
        taken up again; REJECTED can be reopened.

        Args:
            insights_run_id: An analysis run of the experiment; not needed.
            title: A line.
            description: What is wrong.
            severity: CRITICAL, HIGH, MEDIUM or LOW.
            status: OPEN, IN_PROGRESS, RESOLVED or REJECTED.
            resolution: How it was resolved.
            evidence: Dicts with trace_id and rationale, or texts "tr-…: rationale".
            add_traces: Trace ids to add without a rationale.
            assessments: Names of assessments that mark it on traces.
            metadata: Notes to set; one that is None is removed.

        Returns:
            The issue with the change.

        Raises:
            IssueNotFoundError: There is no such issue.
            InvalidStatusChangeError: The status cannot follow the present one.
            TraceNotFoundError: The evidence names traces that do not exist.
        """
        if not issue_id:
            raise InvalidParameterError("No issue_id was given.", field="issue_id")
        who = self.who(author)
        items = read_evidence(evidence, add_traces, who, for_hypothesis=False)
        wanted = None if status is None else as_choice(IssueStatus, status, "status")
        values = {
            "title": None if title is None else required(title, "title"),
            "description": clean(description),
            "severity": None if severity is None else str(as_choice(Severity, severity, "severity")),
            "resolution": clean(resolution),
        }
        notes = plain_mapping(metadata, "metadata")
        names = [assessment_name(name, "assessments") for name in assessments or ()]

        def decide(issue: Issue) -> Edit:
            edit = Edit(why=clean(reason), merge={"metadata": notes} if notes else {})
            edit.set = {k: v for k, v in values.items() if v is not None and v != getattr(issue, k)}
            if wanted is not None and wanted != issue.status:
                check_change(issue.status, wanted, f"Issue {issue_id}")
                edit.set["status"] = str(wanted)
            new = without_known(items, issue.evidence)
            if new:
                link_evidence(self, parent, new, allow_missing)
                edit.add["evidence"] = plain_evidence(new)
            if names:
                edit.add["assessments"] = names
            return edit

        with mlflow_errors():
            parent = self._run_of_issue(issue_id, insights_run_id)
            return Collection(self, ISSUE, run=parent).change(issue_id, decide, author=who)

    @property
    def _issue_runs(self) -> dict[str, str]:
        return self.__dict__.setdefault("_known_issue_runs", {})

    def _run_of_issue(self, issue_id: str, insights_run_id: str | None = None) -> str:
        """The parent run that holds an issue: found by its tag, over all experiments at once."""
        if insights_run_id:
            run = self._analysis_run(insights_run_id)
            return run.data.tags.get(PARENT_RUN_TAG) or parent_run(self, run.info.experiment_id)
        if issue_id not in self._issue_runs:
            self._issue_runs[issue_id] = self._search_issue(issue_id)
        return self._issue_runs[issue_id]

    def _search_issue(self, issue_id: str) -> str:
        from insights_core.artifacts.kinds import is_id

        if not is_id(issue_id):
            raise _no_issue(issue_id)
        token, experiments = None, []
        while True:
            page = self.mlflow.search_experiments(max_results=1000, page_token=token)
            experiments += [item.experiment_id for item in page]
            token = page.token
            if not token:
                break
        runs = self.mlflow.search_runs(
            experiments, filter_string=f"tags.`{ISSUE.tag(issue_id)}` LIKE '%'", max_results=1
        )
        if not runs:
            raise _no_issue(issue_id)
        self.entity_store.files.know(runs[0].info.run_id, runs[0].info.artifact_uri)
        return runs[0].info.run_id

    def get_issue(self, issue_id: str) -> Issue:
        """Show one issue with its evidence and history, wherever it is.

        Raises:
            IssueNotFoundError: There is no such issue.
            BrokenArtifactError: Its file cannot be read.
        """
        with mlflow_errors():
            try:
                return Collection(self, ISSUE, run=self._run_of_issue(issue_id)).get(issue_id)
            except IssueNotFoundError:
                self._issue_runs.pop(issue_id, None)
                raise

    def list_issues(self, experiment_id: str | None = None) -> EntityList[Issue]:
        """List the issues of an experiment, most traces first.

        Returns:
            The issues; `.broken` names files that cannot be read.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        with mlflow_errors():
            run = find_parent(self, self.experiment_or_default(experiment_id))
            if run is None:
                return EntityList()
            found = Collection(self, ISSUE, run=run).list()
        self._issue_runs.update({issue.issue_id: run.info.run_id for issue in found})
        return EntityList(sorted(found, key=lambda issue: (-issue.trace_count, issue.created_at)), found.broken)

    def summarize_issues(self, experiment_id: str | None = None) -> list[EntitySummary]:
        """One line for each issue, most traces first, with its counts; one request in all.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        found = Collection(self, ISSUE, experiment_id=experiment_id).summaries()
        return sorted(found, key=lambda item: (-item.trace_count, item.created_at))

    def preview_issues(self, experiment_id: str | None = None, max_traces: int | None = None) -> list[Trace]:
        """Show the traces that the issues of an experiment rest on, with spans, each once, the largest issue's first.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        evidence = [item for issue in self.list_issues(experiment_id) for item in issue.evidence]
        return self._traces((item.trace_id for item in evidence), max_traces)

    def log_issue_assessments(
        self,
        issue_id: str,
        name: str,
        value: Value = True,
        *,
        progress: Progress | None = None,
        author: str | None = None,
    ) -> LoggedAssessments:
        """Log one Feedback on every trace of an issue, with the rationale of its evidence.

        Asked again, it goes on where it was interrupted; no trace gets the same twice.

        Args:
            name: Name of the feedback, such as `database_lock_timeout`.
            value: Its value.
            progress: Called with how many traces are done, and of how many.

        Raises:
            IssueNotFoundError: There is no such issue.
            InvalidParameterError: The name is empty, or begins with `mlflow.`.
        """
        name = assessment_name(name, "name")
        who = self.who(author)
        issue = self.update_issue(issue_id=issue_id, assessments=[name], author=who)
        with mlflow_errors():
            return log_on_traces(self, issue, name, value, who, progress)


def _no_issue(issue_id: str) -> IssueNotFoundError:
    return IssueNotFoundError(
        f"There is no issue {issue_id!r}. List them with `mlflow-insights list-issues --experiment-id …`."
    )
