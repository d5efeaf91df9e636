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
