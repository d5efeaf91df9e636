"""Summaries on traces: found again by model, prompt and text, so that none is made twice.

A summary is the assessment `mlflow.insights.summary`. Its value is the summary as a dict, its metadata holds

- `run_id`, `model`, `prompt_hash`: where it comes from;
- `text_hash`: SHA-256 of the redacted, numbered text that was summarised;
- `text_key`: what the text was made from, as far as the listing of traces tells it: time, duration, state and size of an
  ended trace, the budget, the redaction patterns, and this package's code that makes text. Spans of an ended trace do
  not change, so where the key is the same the text is too, and a later job needs not even fetch the spans. Where
  only the key differs, the text is made, and the summary is still reused if `text_hash` is the same;
- `error`, `claims_checked`, `claims_confirmed`, `redactions`: what else a later job would have to read the spans for.

For one model and prompt a trace has one such assessment: its id is made from both, and a new text replaces its value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insights_core import settings
from insights_core.entities.insight import OFFLINE, InsightSpec, TraceSummary
from insights_core.names import SIZES_KEY, SUMMARY_ASSESSMENT

if TYPE_CHECKING:
    from mlflow.entities import Feedback, TraceInfo

    from insights_core.insight.stages import Summarizer


@dataclass(frozen=True)
class SummaryKey:
    """What, besides the text, makes a summary the same."""

    assessment: str
    model: str
    prompt_hash: str

    @classmethod
    def of(cls, spec: InsightSpec, summarizer: Summarizer) -> SummaryKey:
        """The key of a job's summaries."""
        name = f"{SUMMARY_ASSESSMENT}.{spec.theme_id}" if spec.theme_id else SUMMARY_ASSESSMENT
        return cls(name, summarizer.name, summarizer.prompt_hash)

    def assessment_id(self, trace_id: str) -> str:
        """The id of the one assessment with this key on a trace."""
        return "a-" + digest([trace_id, self.assessment, self.model, self.prompt_hash])[:32]


@dataclass(slots=True)
class SummaryRecord:
    """A summary with what was found out while it was made."""

    summary: TraceSummary
    text_hash: str
    text_key: str | None
    error: str | None = None
    """The first error in a few words."""
    claims_checked: int = 0
    claims_confirmed: int = 0
    redactions: dict[str, int] = field(default_factory=dict)
    assessment_id: str | None = None
    """Where it is stored; None while it is not."""
    signs: dict[str, float] | None = None
    """How the trace went, in numbers (`signs.signs_of`); None of a summary that was stored without."""


def digest(value: Any) -> str:
    """SHA-256 of anything JSON-serialisable, or of a text."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def text_key(info: TraceInfo, max_chars: int) -> str | None:
    """A value that is the same as long as the trace's text is; None while the trace is not ended."""
    if str(info.state) not in ("OK", "ERROR", "TraceState.OK", "TraceState.ERROR"):
        return None
    sizes = (info.trace_metadata or {}).get(SIZES_KEY)
    return digest(
        [info.trace_id, info.request_time, info.execution_duration, str(info.state), sizes, max_chars, text_version()]
    )


def text_version() -> str:
    """A hash of all but the trace and the budget that makes its text what it is: this package's code and the redaction patterns."""
    own = settings.INSIGHTS_REDACT_PATTERNS.get()
    patterns = Path(own).read_text() if own and Path(own).is_file() else ""
    return digest([_text_code(), patterns])


@cache
def _text_code() -> str:
    """A hash of the code that turns spans into redacted text: another version may read the same spans better."""
    folder = Path(__file__).parents[2] / "traces"
    files = [*sorted((folder / "text").rglob("*.py")), *sorted((folder / "redaction").glob("*.py"))]
    return digest([path.read_text() for path in files if path.is_file()])


def stored_record(info: TraceInfo, key: SummaryKey) -> SummaryRecord | None:
    """The latest summary with this key that the listing of traces brought along."""
    found = [item for item in info.assessments or [] if _matches(item, key)]
    for item in sorted(found, key=lambda item: item.last_update_time_ms or 0, reverse=True):
        record = _read(item)
        if record is not None:
            return record
    return None


def _matches(assessment: Any, key: SummaryKey) -> bool:
    metadata = assessment.metadata or {}
    return (
        assessment.name == key.assessment
        and metadata.get("model") == key.model
        and metadata.get("prompt_hash") == key.prompt_hash
    )


def read_summary(value: Any) -> TraceSummary | None:
    """The summary in an assessment's value, or None where somebody wrote something else there."""
    try:
        return TraceSummary.model_validate(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        return None


def _read(assessment: Any) -> SummaryRecord | None:
    metadata: dict[str, str] = assessment.metadata or {}
    summary = read_summary(getattr(assessment, "value", None))
    if summary is None or "text_hash" not in metadata:
        return None
    return SummaryRecord(
        summary,
        metadata["text_hash"],
        metadata.get("text_key"),
        metadata.get("error") or None,
        _whole(metadata.get("claims_checked")),
        _whole(metadata.get("claims_confirmed")),
        _counts(metadata.get("redactions")),
        assessment.assessment_id,
        _signs(metadata.get("signs")),
    )


def _whole(text: Any) -> int:
    return int(text) if str(text).isdigit() else 0


def _counts(text: Any) -> dict[str, int]:
    try:
        counts = json.loads(text or "{}")
    except (ValueError, TypeError):
        return {}
    return (
        {str(name): int(count) for name, count in counts.items() if isinstance(count, int)}
        if isinstance(counts, dict)
        else {}
    )


def _signs(text: Any) -> dict[str, float] | None:
    try:
        return {str(name): float(value) for name, value in json.loads(text).items()} if text else None
    except (ValueError, TypeError, AttributeError):
        return None


def to_feedback(trace_id: str, record: SummaryRecord, key: SummaryKey, run_id: str) -> Feedback:
    """The assessment that stores a summary."""
    from mlflow.entities import AssessmentSource, Feedback

    metadata = {
        "run_id": run_id,
        "model": key.model,
        "prompt_hash": key.prompt_hash,
        "text_hash": record.text_hash,
        "claims_checked": str(record.claims_checked),
        "claims_confirmed": str(record.claims_confirmed),
    }
    optional = {
        "text_key": record.text_key,
        "error": record.error,
        "redactions": json.dumps(record.redactions, sort_keys=True) if record.redactions else None,
        "signs": json.dumps(record.signs) if record.signs else None,
    }
    source = AssessmentSource(source_type="CODE" if key.model == OFFLINE else "LLM_JUDGE", source_id=key.model)
    feedback = Feedback(
        name=key.assessment,
        value=record.summary.model_dump(mode="json", exclude_none=True),
        source=source,
        trace_id=trace_id,
        metadata=metadata | {name: value for name, value in optional.items() if value},
    )
    feedback.assessment_id = record.assessment_id or key.assessment_id(trace_id)
    return feedback


def total_redactions(records: Iterable[SummaryRecord]) -> dict[str, int]:
    """Kind of private data -> how often it was removed, over all texts."""
    totals: dict[str, int] = {}
    for record in records:
        for name, count in record.redactions.items():
            totals[name] = totals.get(name, 0) + count
    return dict(sorted(totals.items()))
