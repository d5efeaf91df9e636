"""What the stages of an insight job must offer, so that each can be replaced alone.

`jobs.pipeline.run_pipeline` goes through these stages, and a reporter hears of each:

    collect -> summarize -> embed -> cluster -> name -> map -> overview -> persist

A job whose summaries another one is about to pay for stands in "wait" before. Texts of traces are made within "summarize", while others are summarised. The namers and writers of overviews are
described where they are, in `topics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from insights_core.entities.insight import TextCounts, TraceSummary
    from insights_core.traces.text import TraceView

Stage = Literal[
    "queued", "collect", "wait", "summarize", "embed", "cluster", "name", "map", "overview", "persist", "done"
]


class JobStoppedError(Exception):
    """The job must stop now, and it is no failure."""


class Summarizer(Protocol):
    """Makes a trace's summary in the light of the instruction."""

    name: str
    """The model, or `offline`; part of the reuse key."""
    prompt_hash: str
    """Changes whenever the prompt, and so the summary, would change; part of the reuse key."""

    async def summarize(self, view: TraceView | None, text: str) -> TraceSummary:
        """The summary of one trace.

        Args:
            view: The trace as it was read; not redacted. None for a summarizer with a model where the text was kept from
                an earlier run.
            text: Its numbered, redacted text: the only thing that may leave the process.

        Raises:
            ModelError: The endpoint failed for this trace.
        """
        ...


class Embedder(Protocol):
    """Makes vectors of short texts."""

    name: str

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (n_texts, n_dims), rows of unit length."""
        ...


class Reporter(Protocol):
    """Where the stages say how far they are, and learn that they shall stop."""

    def stage(self, name: Stage, total: int = 0) -> None:
        """A new stage begins; `total` is what `advance` counts up to.

        Raises:
            JobStoppedError: The job is cancelled, or another process has taken it over.
        """
        ...

    def advance(self, done: int, cost_usd: float | None = None, texts: TextCounts | None = None) -> None:
        """So many are done in this stage; cheap enough to call for every trace. `texts` is told of themes alone.

        Raises:
            JobStoppedError: As in `stage`.
        """
        ...
