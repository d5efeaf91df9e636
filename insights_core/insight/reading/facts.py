"""What the listing of traces tells of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from insights_core.insight.reading.records import SummaryKey, SummaryRecord, stored_record, text_key
from insights_core.names import SESSION_KEY, SIZES_KEY

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

    from insights_core.insight.reading.truth import FailureRule


@dataclass(slots=True)
class TraceFacts:
    """What the listing tells of a trace, without previews, tags and assessments."""

    trace_id: str
    status: str
    timestamp_ms: int
    latency_ms: float | None
    span_count: int
    text_key: str | None
    stored: SummaryRecord | None
    """A summary with the job's model and prompt; maybe of another text."""
    failed: bool | None = None
    """What a person's rule says; None where there is none, or where it does not tell."""
    session: str | None = None

    @property
    def is_done(self) -> bool:
        """The stored summary is of the same text, as far as the listing tells."""
        return self.stored is not None and self.text_key is not None and self.stored.text_key == self.text_key


def read_facts(info: TraceInfo, key: SummaryKey, max_chars: int, rule: FailureRule | None = None) -> TraceFacts:
    """The few things of a listed trace that the job keeps."""
    import json

    metadata = info.trace_metadata or {}
    try:
        spans = int(json.loads(metadata.get(SIZES_KEY, "{}")).get("num_spans", 0))
    except (ValueError, TypeError, AttributeError):
        spans = 0
    return TraceFacts(
        info.trace_id,
        getattr(info.state, "value", str(info.state)),
        info.request_time,
        info.execution_duration,
        spans,
        text_key(info, max_chars),
        stored_record(info, key),
        rule.failed(info) if rule else None,
        metadata.get(SESSION_KEY),
    )
