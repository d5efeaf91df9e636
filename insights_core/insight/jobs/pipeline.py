"""The one place that composes an insight job's stages:

collect -> summarize -> embed -> cluster -> name -> map -> overview -> persist

With and without a model the same code runs; `stages_for` only chooses the parts. Each part of `Stages` can be
replaced by anything that offers the methods of its protocol in `stages`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import (
    ClusterDetails,
    InsightSpec,
    SkippedTrace,
    Tally,
    TraceRow,
    TraceScope,
)
from insights_core.errors import InvalidParameterError, ModelError, from_mlflow
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.parts import Stages, own_texts
from insights_core.insight.jobs.recurring import count_attempts, set_aside
from insights_core.insight.jobs.result import (
    count_failures,
    judge_rows,
    make_row,
    place_rows,
    remark_on,
    text_to_embed,
    why_nothing,
)
from insights_core.insight.jobs.turns import wait_for_turn
from insights_core.insight.reading import (
    FailureRule,
    Intake,
    Summarizing,
    SummaryKey,
    Texts,
    TraceFacts,
    read_facts,
    split_by_relevance,
    total_redactions,
)

if TYPE_CHECKING:
    from insights_core.insight.stages import Reporter, Stage
    from insights_core.insight.topics import ClusterName, Group, Namer, Topics

T = TypeVar("T")
_log = logging.getLogger(__name__)


async def run_pipeline(
    connection: Connection,
    run_id: str,
    spec: InsightSpec,
    stages: Stages,
    reporter: Reporter,
    texts: Texts | None = None,
) -> str:
    """Do the whole job and persist its result.

    Args:
        connection: Where MLflow is.
        run_id: The insight run, which this process owns.
        spec: The job.
        stages: Its parts.
        reporter: Hears how far it is, and stops it.
        texts: Where texts of traces come from; None: of its own, as it is alone.

    Returns:
        What the result says beside itself, for example that the spending cap left traces out; usually "".

    Raises:
        InvalidParameterError: No trace matches.
        ModelError: The endpoint does not work.
        JobStoppedError: The reporter says so.
    """
    try:
        return await _Job(connection, run_id, spec, stages, reporter, texts or own_texts(connection, spec)).run()
    finally:
        if stages.first_pass and spec.theme_id:
            # The others wait to hear from every theme.
            stages.first_pass.register(spec.theme_id, ())
        if stages.endpoint:
            await stages.endpoint.aclose()


class _Job:
    """One run through the stages; keeps what later stages need."""

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        spec: InsightSpec,
        stages: Stages,
        reporter: Reporter,
        texts: Texts,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._spec = spec
        self._stages = stages
        self._reporter = reporter
        self._texts = texts
        self._began = time.perf_counter()
        # Of earlier processes; a reporter in a test or a notebook has none.
        self._spent_usd = float(getattr(reporter, "cost_usd", 0.0))

    async def run(self) -> str:
        """See `run_pipeline`."""
        matching, traces, missing = self._timed("collect", self._collect)
        if not traces:
            raise InvalidParameterError(why_nothing(self._spec, matching))
        wanted = [facts.trace_id for facts in traces]
        if self._stages.endpoint and await wait_for_turn(self._connection, self._run_id, wanted, self._reporter):
            matching, traces, missing = self._collect()
        began = time.perf_counter()
        last = self._earlier()
        todo, aside = set_aside(traces, self._spec, self._stages.model, last)
        intake = await self._summarize(todo)
        count_attempts(intake.skipped, self._spec, self._stages.model, last)
        intake.skipped += aside
        self._stages.timings_s["summarize"] = time.perf_counter() - began
        intake.skipped += [
            SkippedTrace(trace_id=trace_id, reason="it is not in the experiment") for trace_id in missing
        ]
        if not intake.facts and intake.skipped:
            first = intake.skipped[0]
            raise InvalidParameterError(
                f"None of the {len(traces):,} traces could be summarised. The first, {first.trace_id}: {first.reason}"
            )
        split_by_relevance(self._spec.theme, intake, self._stages.summarizer.name)
        details = await self._understand(matching, intake, last)
        self._timed("persist", lambda: self._persist(details))
        return " ".join(filter(None, [remark_on(intake), self._alert(details, last)]))

    def _alert(self, details: ClusterDetails, earlier: ClusterDetails | None) -> str:
        """Raise what the theme's rules say; what went wrong there, which must not lose the result."""
        theme = self._spec.theme
        if theme is None or not theme.alert_rules:
            return ""
        from insights_core.artifacts.base import EntityClient
        from insights_core.themes.alerts import raise_alerts

        try:
            raise_alerts(EntityClient(self._connection.tracking_uri), theme, details, earlier)
        except Exception as error:
            _log.warning("Alerts of theme %s failed", theme.theme_id, exc_info=True)
            return f"Alerts could not be raised: {from_mlflow(error).message.splitlines()[0]}"
        return ""

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._stages.timings_s[stage] = time.perf_counter() - began

    def _collect(self) -> tuple[int, list[TraceFacts], list[str]]:
        """Matching traces, what is known of those in the sample, and ids that do not exist."""
        from insights_core.traces.search import sample_traces

        self._reporter.stage("collect")
        scope, chosen = self._spec.scope, persist.read_sample(self._connection, self._run_id)
        if chosen is not None:
            # An earlier process of this run chose: new traces must not change what is already half done.
            scope = TraceScope(experiment_id=scope.experiment_id, trace_ids=chosen[1])
        sample = sample_traces(self._connection, scope)
        key = SummaryKey.of(self._spec, self._stages.summarizer)
        rule = FailureRule(self._spec.failed_when) if self._spec.failed_when else None
        facts = [read_facts(info, key, self._spec.max_chars, rule) for info in sample.infos]
        if chosen is None and facts:
            wanted = [item.trace_id for item in facts] + sample.missing
            persist.write_sample(self._connection, self._run_id, sample.matching, wanted)
        return chosen[0] if chosen else sample.matching, facts, sample.missing

    async def _summarize(self, traces: list[TraceFacts]) -> Intake:
        scheduler, concerns = settings.INSIGHTS_DASK_SCHEDULER.get(), self._concerns(traces)
        # The first pass of themes that run beside each other is held in the memory of one process.
        if scheduler and not concerns:
            from insights_core.insight.jobs.distributed import Distributed

            own = (self._connection, self._run_id, self._spec, self._stages, self._reporter)
            return await Distributed(*own, scheduler).run(traces)
        usage = self._stages.endpoint.usage if self._stages.endpoint else None
        summarizing = Summarizing(
            self._connection,
            self._run_id,
            self._spec,
            self._stages.summarizer,
            self._texts,
            self._reporter,
            usage,
            concerns,
        )
        return await summarizing.run(traces)

    def _concerns(self, traces: Sequence[TraceFacts]) -> Callable[[str, str], Awaitable[bool]] | None:
        """The first pass over the traces that have no summary yet; None where there is none."""
        first_pass, endpoint, theme_id = self._stages.first_pass, self._stages.endpoint, self._spec.theme_id
        if not (first_pass and endpoint and theme_id):
            return None
        first_pass.register(theme_id, [facts.trace_id for facts in traces if not facts.is_done])
        return lambda trace_id, text: first_pass.concerns(theme_id, trace_id, text, endpoint)

    async def _understand(self, matching: int, intake: Intake, earlier: ClusterDetails | None) -> ClusterDetails:
        """From summaries to the named map and its overview; the topics go on from an earlier insight."""
        rows = [make_row(facts, record) for facts, record in zip(intake.facts, intake.records, strict=True)]
        guess = judge_rows(rows, intake)
        texts = [text_to_embed(record.summary) for record in intake.records]
        from insights_core.insight.topics import Left, build_topics, left_of

        clock = _Clock(self._reporter, self._stages)
        gone = left_of(earlier, [row.trace_id for row in rows])
        # Title and summary are all that is kept of a trace that left: so like is compared with like.
        short = [f"{row.title}. {row.summary}" for row in [*rows, *gone]] if gone else []
        clock.enter("embed", len(texts) + len(short))
        vectors = await self._stages.embedder.embed(texts)
        beside = await self._stages.embedder.embed(short) if gone else vectors
        topics = await build_topics(
            texts,
            vectors,
            OfflineOnFailure(self._stages.namer),
            self._spec.clustering,
            ids=[row.trace_id for row in rows],
            on_stage=clock.enter,
            previous=earlier,
            sessions=[facts.session for facts in intake.facts],
            left=Left([row.trace_id for row in gone], beside[len(rows) :], beside[: len(rows)]),
        )
        place_rows(rows, topics, persist.id_prefix(self._run_id))
        tally = count_failures(topics.clusters, rows)
        topics.metrics.guess = guess
        clock.enter("overview")
        overview = await self._overview(topics, tally)
        clock.end()
        details = self._details(matching, intake, rows, topics, overview)
        details.gone = topics.gone
        details.continues = earlier.run_id if earlier else None
        return details

    def _earlier(self) -> ClusterDetails | None:
        """The insight whose topics these go on from: the theme's latest."""
        spec = self._spec
        if spec.theme_id is None:
            return None
        return persist.latest_of_theme(self._connection, spec.scope.experiment_id, spec.theme_id)

    async def _overview(self, topics: Topics, tally: Tally) -> str:
        from insights_core.insight.topics import OfflineOverview

        figures = (topics.clusters, tally, topics.metrics.outlier_count)
        try:
            return await self._stages.overview.write(*figures)
        except ModelError as error:
            _log.warning("The overview is made without the model: %s", error)
            return await OfflineOverview().write(*figures)

    def _details(
        self, matching: int, intake: Intake, rows: list[TraceRow], topics: Topics, overview: str
    ) -> ClusterDetails:
        usage = self._stages.endpoint.usage if self._stages.endpoint else None
        if usage:
            self._reporter.advance(0, usage.cost_usd)
        metrics = topics.metrics.model_copy(
            update={
                "claims_checked": sum(record.claims_checked for record in intake.records),
                "claims_confirmed": sum(record.claims_confirmed for record in intake.records),
                "redactions": total_redactions(intake.records),
            }
        )
        return ClusterDetails(
            run_id=self._run_id,
            experiment_id=self._spec.scope.experiment_id,
            instruction=self._spec.instruction,
            overview=overview,
            matching_traces=matching,
            sampled_traces=len(rows) + len(intake.skipped) + len(intake.irrelevant),
            clusters=topics.clusters,
            traces=rows,
            skipped=intake.skipped,
            irrelevant=intake.irrelevant,
            texts=intake.texts,
            metrics=metrics,
            config=self._spec.model_dump(mode="json")
            | {"embedder": self._stages.embedder.name, "reused_summaries": intake.reused, "left_out": intake.left_out}
            | {"unknown_spans": intake.unknown_spans},
            model=self._stages.model,
            cost_usd=self._spent_usd + (usage.cost_usd if usage else 0.0),
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
            duration_s=round(time.perf_counter() - self._began, 2),
        )

    def _persist(self, details: ClusterDetails) -> None:
        self._reporter.stage("persist", total=len(details.traces))
        persist.write_details(self._connection, details)
        persist.mark_traces(self._connection, details, self._spec.theme)


class OfflineOnFailure:
    """A namer that names offline where the model cannot: the cap is reached, or the server went away after it paid off.

    Args:
        namer: Asked first.
    """

    def __init__(self, namer: Namer) -> None:
        self._namer = namer

    async def name(self, groups: Sequence[Group]) -> list[ClusterName]:
        """See `naming.Namer`."""
        from insights_core.insight.topics import OfflineNamer

        try:
            return await self._namer.name(groups)
        except ModelError as error:
            _log.warning("%d clusters are named without the model: %s", len(groups), error)
            return await OfflineNamer().name(groups)


class _Clock:
    """Tells the reporter which stage begins, and remembers how long each took."""

    def __init__(self, reporter: Reporter, stages: Stages) -> None:
        self._reporter = reporter
        self._timings_s = stages.timings_s
        self._stage: Stage | None = None
        self._since = time.perf_counter()

    def enter(self, stage: Stage, total: int = 0) -> None:
        """The stage before ends, this one begins."""
        self.end()
        self._stage = stage
        self._reporter.stage(stage, total)

    def end(self) -> None:
        """The present stage ends."""
        moment = time.perf_counter()
        if self._stage:
            self._timings_s[self._stage] = moment - self._since
        self._since, self._stage = moment, None
