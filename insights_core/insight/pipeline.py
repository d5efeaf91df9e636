"""The one place that composes an insight job's stages:

collect -> text -> summarize -> embed -> cluster -> name -> map -> overview -> persist

With and without a model the same code runs; `stages_for` only chooses the parts. Each part of `Stages` can be
replaced by anything that offers the methods of its protocol in `stages`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import (
    ClusterDetails,
    InsightSpec,
    Outcome,
    SkippedTrace,
    TraceRow,
    TraceSummary,
)
from insights_core.errors import InvalidParameterError
from insights_core.insight import persist
from insights_core.insight.intake import Intake, Summarizing, TraceFacts, read_facts
from insights_core.insight.summaries import OFFLINE, SummaryKey, total_redactions

if TYPE_CHECKING:
    from insights_core.insight.naming import Namer
    from insights_core.insight.overview import OverviewWriter
    from insights_core.insight.stages import Embedder, Reporter, Summarizer
    from insights_core.insight.topics import Topics
    from insights_core.llm import ModelEndpoint

# A resumed job whose cap is used up may still reuse, cluster and name offline; a cap of 0 is no cap.
_NOTHING_LEFT_USD = 1e-9


@dataclass
class Stages:
    """The parts of a job."""

    summarizer: Summarizer
    embedder: Embedder
    namer: Namer
    overview: OverviewWriter
    endpoint: ModelEndpoint | None = None
    """What the model parts talk to; None offline."""
    model: str = OFFLINE
    timings_s: dict[str, float] = field(default_factory=dict)
    """Stage -> seconds; filled while the job runs."""

    @property
    def prompt(self) -> str:
        """The prompt of the summaries; empty offline."""
        return str(getattr(self.summarizer, "prompt_text", ""))


def stages_for(spec: InsightSpec, spent_usd: float = 0.0) -> Stages:
    """The parts that a specification and the settings ask for.

    Args:
        spec: The job.
        spent_usd: What earlier processes of this job spent; taken off the spending cap.

    Raises:
        InvalidParameterError: A model or an embedding model is named that needs an endpoint, and none is set.
    """
    from insights_core.insight.naming import ModelNamer, OfflineNamer
    from insights_core.insight.overview import ModelOverview, OfflineOverview
    from insights_core.insight.summarize import ModelSummarizer, OfflineSummarizer
    from insights_core.llm import endpoint_from_settings

    cap = spec.max_cost_usd if spec.max_cost_usd is not None else settings.INSIGHTS_MAX_COST_USD.get()
    endpoint = endpoint_from_settings(
        spec.model, max_cost_usd=None if cap is None else max(cap - spent_usd, _NOTHING_LEFT_USD)
    )
    embedder = _embedder(spec, endpoint)
    if endpoint is None:
        instruction = spec.instruction
        return Stages(OfflineSummarizer(instruction), embedder, OfflineNamer(), OfflineOverview())
    return Stages(
        ModelSummarizer(endpoint, spec.instruction),
        embedder,
        ModelNamer(endpoint, spec.instruction),
        ModelOverview(endpoint, spec.instruction),
        endpoint,
        endpoint.name,
    )


def _embedder(spec: InsightSpec, endpoint: ModelEndpoint | None) -> Embedder:
    from insights_core.insight.embed import EndpointEmbedder, OfflineEmbedder, SentenceTransformersEmbedder

    wanted = spec.embedding_model or settings.INSIGHTS_EMBEDDING_MODEL.get()
    if wanted is None or wanted == OFFLINE:
        return OfflineEmbedder()
    prefix, _, name = wanted.partition("/")
    if prefix == "sentence-transformers" and name:
        return SentenceTransformersEmbedder(name)
    if endpoint is None:
        raise InvalidParameterError(
            f"The embedding model {wanted!r} needs an endpoint. Set OPENAI_API_KEY or OPENAI_BASE_URL, or choose `offline`."
        )
    return EndpointEmbedder(endpoint, wanted)


async def run_pipeline(
    connection: Connection, run_id: str, spec: InsightSpec, stages: Stages, reporter: Reporter
) -> str:
    """Do the whole job and persist its result.

    Args:
        connection: Where MLflow is.
        run_id: The insight run, which this process owns.
        spec: The job.
        stages: Its parts.
        reporter: Hears how far it is, and stops it.

    Returns:
        What the result says beside itself, for example that the spending cap left traces out; usually "".

    Raises:
        InvalidParameterError: No trace matches.
        ModelError: The endpoint does not work.
        JobStoppedError: The reporter says so.
    """
    try:
        return await _Job(connection, run_id, spec, stages, reporter).run()
    finally:
        if stages.endpoint:
            await stages.endpoint.aclose()


class _Job:
    """One run through the stages; keeps what later stages need."""

    def __init__(
        self, connection: Connection, run_id: str, spec: InsightSpec, stages: Stages, reporter: Reporter
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._spec = spec
        self._stages = stages
        self._reporter = reporter
        self._began = time.perf_counter()

    async def run(self) -> str:
        """See `run_pipeline`."""
        matching, traces, missing = self._timed("collect", self._collect)
        if not traces:
            raise InvalidParameterError(_nothing(self._spec, matching))
        began = time.perf_counter()
        intake = await self._summarize(traces)
        self._stages.timings_s["summarize"] = time.perf_counter() - began
        intake.skipped += [
            SkippedTrace(trace_id=trace_id, reason="it is not in the experiment") for trace_id in missing
        ]
        if not intake.facts:
            first = intake.skipped[0]
            raise InvalidParameterError(
                f"None of the {len(traces):,} traces could be summarised. The first, {first.trace_id}: {first.reason}"
            )
        details = await self._understand(matching, intake)
        self._timed("persist", lambda: self._persist(details))
        return _remark(intake)

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
        facts = [read_facts(info, key, self._spec.max_chars) for info in sample.infos]
        if chosen is None and facts:
            wanted = [item.trace_id for item in facts] + sample.missing
            persist.write_sample(self._connection, self._run_id, sample.matching, wanted)
        return chosen[0] if chosen else sample.matching, facts, sample.missing

    async def _summarize(self, traces: list[TraceFacts]) -> Intake:
        from insights_core.traces.redaction import Redactor

        usage = self._stages.endpoint.usage if self._stages.endpoint else None
        summarizing = Summarizing(
            self._connection, self._run_id, self._spec, self._stages.summarizer, Redactor(), self._reporter, usage
        )
        return await summarizing.run(traces)

    async def _understand(self, matching: int, intake: Intake) -> ClusterDetails:
        """From summaries to the named map and its overview."""
        raise NotImplementedError

    def _persist(self, details: ClusterDetails) -> None:
        self._reporter.stage("persist", total=len(details.traces))
        persist.write_details(self._connection, details)
        persist.mark_traces(self._connection, details)
