"""Themes as the client runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from insights_core.artifacts.runs import discard_run
from insights_core.entities import InsightSpec, now
from insights_core.entities.schedule import next_due
from insights_core.entities.theme import Theme
from insights_core.entities.theme_runs import ThemePreview, ThemeRun, ThemeStanding, ThemeTest
from insights_core.errors import InvalidParameterError, NotFoundError, mlflow_errors
from insights_core.insight.jobs import InsightJobs
from insights_core.themes.checks import checked_theme
from insights_core.themes.files import builtin_themes, id_from_name
from insights_core.themes.specs import spec_of

_MOST_SAMPLES = 100


class Themes(InsightJobs):
    """Preview, test and run themes.

    Shared args:
        theme: A kept theme's id, a theme, or the fields of one that need not be kept.
    """

    def list_theme_standings(self, experiment_id: str | None = None) -> list[ThemeStanding]:
        """List the themes of an experiment with their last run, what they cost so far and when they are due.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        experiment_id = self.experiment_or_default(experiment_id)
        runs = self.list_insights(experiment_id)
        moment = now()
        found = []
        for theme in self.list_themes(experiment_id):
            own = [run for run in runs if run.theme_id == theme.theme_id]
            finished = next((run for run in own if run.status == "FINISHED"), None)
            started = next((run.created_at for run in own if run.status != "STALLED"), None)
            found.append(
                ThemeStanding(
                    theme=theme,
                    builtin=theme.theme_id in builtin_themes(),
                    run_id=own[0].run_id if own else None,
                    last_status=str(own[0].status) if own else None,
                    last_run_at=own[0].created_at if own else None,
                    next_due_at=next_due(theme.schedule, started, moment) if theme.enabled else None,
                    run_count=len(own),
                    trace_count=finished.trace_count if finished else 0,
                    cluster_count=finished.cluster_count if finished else 0,
                    cost_usd=round(sum(run.cost_usd for run in own), 6),
                )
            )
        return found

    def preview_theme(self, theme: Theme | Mapping[str, Any] | str, experiment_id: str | None = None) -> ThemePreview:
        """Say how many traces a theme matches, by each of its filters, and what a run would cost; nothing is spent.

        Raises:
            InvalidParameterError: The theme cannot run; the message names the place.
            ExperimentNotFoundError: There is no such experiment.
        """
        from insights_core.themes.running.trying import preview

        return preview(self, self._spec_of(theme, experiment_id))

    def test_theme(
        self, theme: Theme | Mapping[str, Any] | str, experiment_id: str | None = None, sample: int = 10
    ) -> ThemeTest:
        """Show what a theme makes of a few of its traces, at random; nothing is written.

        Args:
            sample: How many traces, up to 100.

        Raises:
            InvalidParameterError: The theme cannot run, or the sample is too large.
            ModelError: The endpoint does not work.
        """
        from insights_core.themes.running.trying import try_out

        if not 1 <= sample <= _MOST_SAMPLES:
            raise InvalidParameterError(f"sample is {sample}; give a number from 1 to {_MOST_SAMPLES}.", field="sample")
        return try_out(self, self._spec_of(theme, experiment_id), sample)

    def run_themes(
        self,
        experiment_id: str | None = None,
        theme_ids: Iterable[str] | None = None,
        due: bool = False,
        background: bool = False,
    ) -> list[ThemeRun]:
        """Run themes side by side; each trace is read once for all of them.

        Each theme gets an insight run of its own. One that fails leaves the others alone; one that runs already,
        here or on another machine, is not run again. Summaries that are there with its prompt and model are reused.

        Args:
            theme_ids: A theme to run; by default those that are switched on.
            due: Only those that are due by their schedule.
            background: Work in a process of its own, which outlives this one; else here, until all have ended.

        Returns:
            One entry for each theme that was to run.

        Raises:
            ThemeNotFoundError: There is no theme with one of the ids.
            ExperimentNotFoundError: There is no such experiment.
            InvalidParameterError: A theme names a model but no endpoint is set.
        """
        experiment_id = self.experiment_or_default(experiment_id)
        themes = self._chosen(experiment_id, theme_ids, due)
        specs = [spec_of(theme, experiment_id) for theme in themes]
        started, told, token = self._start(specs)
        if not started:
            return told
        if not background:
            from insights_core.insight.jobs import work_on
            from insights_core.loops import run_to_end

            run_to_end(work_on(self, list(started.values()), token))
        else:
            with mlflow_errors():
                try:
                    self._spawn(list(started.values()), token)
                except BaseException:
                    for run_id in started.values():
                        discard_run(self, run_id)
                    raise
        done = {theme_id: self._told(theme_id, run_id) for theme_id, run_id in started.items()}
        other = {item.theme_id: item for item in told}
        return [done.get(spec.theme_id or "") or other[spec.theme_id or ""] for spec in specs]

    def _spec_of(self, theme: Theme | Mapping[str, Any] | str, experiment_id: str | None) -> InsightSpec:
        if isinstance(theme, str):
            theme = self.get_theme(theme, experiment_id)
        fields = theme.model_dump(mode="json") if isinstance(theme, Theme) else dict(theme)
        if not fields.get("theme_id"):
            fields["theme_id"] = id_from_name(str(fields.get("name") or ""), {})
        return spec_of(checked_theme(fields), self.experiment_or_default(experiment_id))

    def _chosen(self, experiment_id: str, theme_ids: Iterable[str] | None, due: bool) -> list[Theme]:
        standings = {item.theme.theme_id: item for item in self.list_theme_standings(experiment_id)}
        if theme_ids is None:
            wanted = [theme_id for theme_id, item in standings.items() if item.theme.enabled]
        else:
            wanted = [self.get_theme(theme_id, experiment_id).theme_id for theme_id in dict.fromkeys(theme_ids)]
        if due:
            moment = now()
            wanted = [key for key in wanted if (at := standings[key].next_due_at) is not None and at <= moment]
        return [standings[theme_id].theme for theme_id in wanted]

    def _start(self, specs: Sequence[InsightSpec]) -> tuple[dict[str, str], list[ThemeRun], str]:
        """Theme id -> the run that is this client's to work on; what is to say of the others; the token of the lease."""
        from insights_core.insight.jobs import claim_theme, new_lease

        token, lease = new_lease()
        started: dict[str, str] = {}
        told: list[ThemeRun] = []
        for spec in specs:
            claimed = claim_theme(self, spec, lease)
            if claimed.run_id and claimed.ours:
                started[spec.theme_id or ""] = claimed.run_id
            else:
                status = "RUNNING" if claimed.run_id else claimed.status
                told.append(
                    ThemeRun(
                        theme_id=spec.theme_id or "", run_id=claimed.run_id, status=status, message=claimed.message
                    )
                )
        return started, told, token

    def _told(self, theme_id: str, run_id: str) -> ThemeRun:
        """How a run stands."""
        try:
            insight = self.get_insight(run_id)
        except NotFoundError:
            said = "another worker began the same theme at the same moment and goes on with it"
            return ThemeRun(theme_id=theme_id, status="SKIPPED", message=said)
        told = ThemeRun(
            theme_id=theme_id,
            run_id=run_id,
            status=str(insight.status),
            message=insight.progress.message,
            trace_count=insight.trace_count,
            cluster_count=insight.cluster_count,
            cost_usd=insight.cost_usd,
        )
        if insight.status == "FINISHED":
            details = self.get_insight_details(run_id)
            told.irrelevant_count, told.texts = len(details.irrelevant), details.texts
            told.input_tokens, told.output_tokens = details.input_tokens, details.output_tokens
        return told
