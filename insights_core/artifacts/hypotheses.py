"""Hypotheses of an analysis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from insights_core.artifacts.base import EntityClient, clean, plain_evidence, plain_mapping, required
from insights_core.artifacts.changes import Edit
from insights_core.artifacts.collection import Collection
from insights_core.artifacts.evidence import Given, link_evidence, read_evidence, without_known
from insights_core.artifacts.kinds import ANALYSIS, HYPOTHESIS
from insights_core.artifacts.listing import summaries
from insights_core.artifacts.statuses import as_choice, check_change
from insights_core.artifacts.store import EntityList
from insights_core.entities import AnalysisStatus, Evidence, Hypothesis, HypothesisStatus
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import HypothesisNotFoundError, InvalidStatusChangeError, mlflow_errors

if TYPE_CHECKING:
    from mlflow.entities import Run, Trace


class Hypotheses(EntityClient):
    """Create, change and read hypotheses."""

    def create_hypothesis(
        self,
        insights_run_id: str,
        statement: str,
        testing_plan: str = "",
        evidence: Iterable[Given] | None = None,
        metrics: Mapping[str, Any] | None = None,
        *,
        allow_missing: bool = False,
        author: str | None = None,
    ) -> str:
        """Add a hypothesis to an analysis that is ACTIVE.

        Args:
            statement: What is to be tested.
            testing_plan: How to find traces for and against, and what decides.
            evidence: Dicts with trace_id, rationale and supports, or texts "tr-…: rationale".
            metrics: Figures that matter.

        Returns:
            Its id.

        Raises:
            RunNotFoundError: There is no such analysis.
            InvalidStatusChangeError: The analysis is completed or archived; reopen it first.
            TraceNotFoundError: The evidence names traces that do not exist.
        """
        who = self.who(author)
        items = read_evidence(evidence, None, who, for_hypothesis=True)
        hypothesis = Hypothesis(
            statement=required(statement, "statement"),
            testing_plan=clean(testing_plan or ""),
            evidence=[item.model_copy(update={"rationale": clean(item.rationale)}) for item in items],
            metrics=plain_mapping(metrics, "metrics"),
        )
        with mlflow_errors():
            run = self._analysis_run(insights_run_id)
            self._check_active(run)
            link_evidence(self, insights_run_id, items, allow_missing)
            Collection(self, HYPOTHESIS, run=run).create(hypothesis, author=who)
        return hypothesis.hypothesis_id

    def _check_active(self, run: Run) -> None:
        told = summaries(run, ANALYSIS)
        status = told[0].status if told else AnalysisStatus.ACTIVE
        if status != AnalysisStatus.ACTIVE:
            raise InvalidStatusChangeError(
                f"Analysis run {run.info.run_id} is {status} and takes no new hypotheses. Reopen it first: "
                f"`mlflow-insights update-analysis --run-id {run.info.run_id} --status ACTIVE`.",
                status=status,
            )

    def update_hypothesis(
        self,
        insights_run_id: str,
        hypothesis_id: str,
        statement: str | None = None,
        testing_plan: str | None = None,
        status: str | HypothesisStatus | None = None,
        reason: str | None = None,
        evidence: Iterable[Given] | None = None,
        add_traces: Iterable[str] | None = None,
        add_evidence: Iterable[Given] | None = None,
        metrics: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        allow_missing: bool = False,
        author: str | None = None,
    ) -> Hypothesis:
        """Change a hypothesis; what is left out stays, evidence is only ever added.

        TESTING can become VALIDATED or REJECTED; both can go back to TESTING.

        Args:
            statement: What is to be tested.
            testing_plan: How to find traces for and against, and what decides.
            status: TESTING, VALIDATED or REJECTED.
            reason: Why; kept in the history, and with a new status also in metadata["reason"].
            evidence: Dicts with trace_id, rationale and supports, or texts "tr-…: rationale".
            add_traces: Trace ids to add without a rationale.
            add_evidence: The same as evidence.
            metrics: Figures to set; one that is None is removed.
            metadata: Notes to set; one that is None is removed.

        Returns:
            The hypothesis with the change.

        Raises:
            RunNotFoundError: There is no such analysis.
            HypothesisNotFoundError: The analysis has no such hypothesis.
            InvalidStatusChangeError: The status cannot follow the present one.
            TraceNotFoundError: The evidence names traces that do not exist.
        """
        who = self.who(author)
        items = read_evidence([*_listed(evidence), *_listed(add_evidence)], add_traces, who, for_hypothesis=True)
        wanted = None if status is None else as_choice(HypothesisStatus, status, "status")
        values = {
            "statement": None if statement is None else required(statement, "statement"),
            "testing_plan": clean(testing_plan),
        }
        merge = {"metrics": plain_mapping(metrics, "metrics"), "metadata": plain_mapping(metadata, "metadata")}

        def decide(hypothesis: Hypothesis) -> Edit:
            edit = Edit(why=clean(reason))
            edit.set = {k: v for k, v in values.items() if v is not None and v != getattr(hypothesis, k)}
            edit.merge = {k: dict(v) for k, v in merge.items() if v}
            if wanted is not None and wanted != hypothesis.status:
                check_change(hypothesis.status, wanted, f"Hypothesis {hypothesis_id}")
                edit.set["status"] = str(wanted)
                if reason:
                    edit.merge.setdefault("metadata", {})["reason"] = clean(reason)
            new = without_known(items, hypothesis.evidence)
            if new:
                link_evidence(self, insights_run_id, new, allow_missing)
                edit.add["evidence"] = plain_evidence(new)
            return edit

        # The run is looked at only where there is no such hypothesis: is there an analysis at all?
        try:
            return Collection(self, HYPOTHESIS, run=insights_run_id).change(hypothesis_id, decide, author=who)
        except HypothesisNotFoundError:
            self._analysis_run(insights_run_id)
            raise

    def _hypotheses(self, run_id: str) -> Collection[Hypothesis]:
        return Collection(self, HYPOTHESIS, run=self._analysis_run(run_id))

    def get_hypothesis(self, insights_run_id: str, hypothesis_id: str) -> Hypothesis:
        """Show one hypothesis with its evidence and history.

        Raises:
            RunNotFoundError: There is no such analysis.
            HypothesisNotFoundError: The analysis has no such hypothesis.
            BrokenArtifactError: Its file cannot be read.
        """
        return self._hypotheses(insights_run_id).get(hypothesis_id)

    def list_hypotheses(self, insights_run_id: str) -> EntityList[Hypothesis]:
        """List the hypotheses of an analysis, oldest first.

        Asked again, only what changed is read again.

        Returns:
            The hypotheses, shared between callers: treat them as read-only. `.broken` names files that cannot be read.

        Raises:
            RunNotFoundError: There is no such analysis.
        """
        return self._hypotheses(insights_run_id).list()

    def summarize_hypotheses(self, insights_run_id: str) -> list[EntitySummary]:
        """One line for each hypothesis, oldest first, with its counts; one request in all.

        Raises:
            RunNotFoundError: There is no such analysis.
        """
        return list(self._hypotheses(insights_run_id).summaries())

    def preview_hypotheses(self, insights_run_id: str, max_traces: int | None = None) -> list[Trace]:
        """Show the traces that the hypotheses of an analysis rest on, with spans, each once.

        Raises:
            RunNotFoundError: There is no such analysis.
        """
        evidence: list[Evidence] = [
            item for hypothesis in self.list_hypotheses(insights_run_id) for item in hypothesis.evidence
        ]
        return self._traces((item.trace_id for item in evidence), max_traces)


def _listed(given: Iterable[Given] | None) -> list[Given]:
    if isinstance(given, str | Mapping | Evidence):
        return [given]
    return list(given or ())
