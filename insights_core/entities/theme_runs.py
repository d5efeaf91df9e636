"""What themes have done, would do, and did just now."""

from __future__ import annotations

from pydantic import Field

from insights_core.entities.common import Record, UtcTime
from insights_core.entities.insight import InsightEstimate, Outcome, TextCounts
from insights_core.entities.theme import Theme


class ThemeStanding(Record):
    """A theme with what it has done so far in an experiment."""

    theme: Theme
    builtin: bool
    """One of those that come with the program, maybe with settings of this experiment."""
    run_id: str | None = None
    """Its last run."""
    last_status: str | None = None
    last_run_at: UtcTime | None = None
    next_due_at: UtcTime | None = None
    """None: it runs only when somebody says so."""
    run_count: int = 0
    trace_count: int = 0
    """Traces in the result of the last finished run."""
    cluster_count: int = 0
    cost_usd: float = 0.0
    """Of all its runs."""


class ThemePreview(Record):
    """What a theme would read and cost, before anything is spent."""

    base_matching: int
    """Traces that match the base filters."""
    theme_matching: int
    """Traces that match the theme's own filters."""
    matching: int
    """Traces that match both."""
    sampled: int
    """Of these, traces that would be read."""
    cached_summaries: int
    """Of these, traces that need no call: they are summarised with this prompt and model."""
    model_calls: int
    """Calls for summaries and names, without the first pass."""
    estimate: InsightEstimate


class ThemeSample(Record):
    """What a theme makes of one trace."""

    trace_id: str
    theme_relevant: bool | None = None
    """None where the trace could not be summarised."""
    why: str = ""
    """Why it is not relevant, or could not be summarised."""
    title: str = ""
    summary: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    status: str = ""
    latency_ms: float | None = None
    timestamp_ms: int = 0


class ThemeTest(Record):
    """What a theme makes of some of its traces; nothing of it was written."""

    matching: int
    samples: list[ThemeSample]
    model: str
    prompt: str
    """The whole prompt as the model was told it; empty offline."""
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


class ThemeRun(Record):
    """How one theme's run ended, or why there was none."""

    theme_id: str
    run_id: str | None = None
    """None where there was no run."""
    status: str
    """FINISHED, FAILED, KILLED, RUNNING (in the background or elsewhere), or SKIPPED (nothing matches)."""
    message: str = ""
    trace_count: int = 0
    irrelevant_count: int = 0
    cluster_count: int = 0
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    texts: TextCounts = Field(default_factory=TextCounts)
