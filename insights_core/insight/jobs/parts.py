"""The parts of a job, as its specification and the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import OFFLINE, InsightSpec
from insights_core.errors import InvalidParameterError
from insights_core.insight.reading import Texts, kept_texts

if TYPE_CHECKING:
    from insights_core.insight.reading import FirstPass
    from insights_core.insight.stages import Embedder, Summarizer
    from insights_core.insight.topics import Namer, OverviewWriter
    from insights_core.llm import ModelEndpoint

# A resumed job whose cap is used up may still reuse, cluster and name offline; a cap of 0 is no cap.
NOTHING_LEFT_USD = 1e-9


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
    first_pass: FirstPass | None = None
    """One question about each trace for all themes that run beside this one."""
    timings_s: dict[str, float] = field(default_factory=dict)
    """Stage -> seconds; filled while the job runs."""

    @property
    def prompt(self) -> str:
        """The prompt of the summaries; empty offline."""
        return str(getattr(self.summarizer, "prompt_text", ""))


def stages_for(
    spec: InsightSpec,
    spent_usd: float = 0.0,
    beside: ModelEndpoint | None = None,
    max_concurrency: int | None = None,
) -> Stages:
    """The parts that a specification and the settings ask for.

    Args:
        spec: The job.
        spent_usd: What earlier processes of this job spent; taken off the spending cap.
        beside: An endpoint whose connections and slots the job shares.
        max_concurrency: Calls to the model at once; None takes INSIGHTS_MAX_CONCURRENCY.

    Raises:
        InvalidParameterError: A model or an embedding model is named that needs an endpoint, and none is set.
    """
    from insights_core.insight.reading import ModelSummarizer, OfflineSummarizer
    from insights_core.insight.topics import ModelNamer, ModelOverview, OfflineNamer, OfflineOverview
    from insights_core.llm import endpoint_from_settings

    cap = spec.max_cost_usd if spec.max_cost_usd is not None else settings.INSIGHTS_MAX_COST_USD.get()
    endpoint = endpoint_from_settings(
        spec.model,
        max_cost_usd=None if cap is None else max(cap - spent_usd, NOTHING_LEFT_USD),
        beside=beside,
        max_concurrency=max_concurrency,
    )
    embedder = _embedder(spec, endpoint)
    if endpoint is None:
        instruction = spec.instruction
        return Stages(OfflineSummarizer(instruction), embedder, OfflineNamer(), OfflineOverview())
    return Stages(
        ModelSummarizer(endpoint, spec.instruction, spec.theme.prompt_text() if spec.theme else None),
        embedder,
        ModelNamer(endpoint, spec.instruction),
        ModelOverview(endpoint, spec.instruction),
        endpoint,
        endpoint.name,
    )


def _embedder(spec: InsightSpec, endpoint: ModelEndpoint | None) -> Embedder:
    from insights_core.insight.topics import (
        EndpointEmbedder,
        MultilingualEmbedder,
        OfflineEmbedder,
        SentenceTransformersEmbedder,
    )

    wanted = spec.embedding_model or settings.INSIGHTS_EMBEDDING_MODEL.get()
    if wanted is None or wanted == OFFLINE:
        return OfflineEmbedder()
    if wanted == MultilingualEmbedder.name:
        return MultilingualEmbedder()
    prefix, _, name = wanted.partition("/")
    if prefix == "sentence-transformers" and name:
        return SentenceTransformersEmbedder(name)
    if endpoint is None:
        raise InvalidParameterError(
            f"The embedding model {wanted!r} needs an endpoint. Set OPENAI_API_KEY or OPENAI_BASE_URL, or choose `offline` or `multilingual`."
        )
    return EndpointEmbedder(endpoint, wanted)


def own_texts(connection: Connection, spec: InsightSpec) -> Texts:
    """Texts for a job that is alone; those of a theme, which comes again, are kept between its runs."""
    return Texts(connection, kept_texts() if spec.theme else None, most_bytes=0)
