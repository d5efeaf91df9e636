"""Complete traces into MLflow, on every tracking URI.

Each trace is started with its final times, state, tags and assessments, then the spans of many traces
go in with one call (one transaction in a SQL store, one OTLP request over HTTP). In this order MLflow takes
the short way for both, and a trace that was interrupted in between can be told by the missing span tag.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from insights_core.connection import Connection
from insights_core.errors import InvalidParameterError, mlflow_errors
from insights_core.names import (
    REQUEST_ID_ATTRIBUTE,
    SESSION_KEY,
    SIZES_KEY,
    SPANS_TAG,
    TOKENS_KEY,
    TRACE_NAME_TAG,
    USER_KEY,
)
from insights_core.traces.drafts import AssessmentDraft, SpanDraft, TraceDraft, digest

if TYPE_CHECKING:
    from mlflow.entities import Span, TraceInfo
    from mlflow.entities.assessment import Assessment

# Half a megabyte to a few megabytes a request: far below server limits, few round trips.
_TRACES_A_BATCH = 50
# A stock server starts four workers; more threads only queue.
_HTTP_THREADS = 4
_MAX_DEPTH = 24
_TAG_KEY_CHARS, _TAG_VALUE_CHARS, _METADATA_CHARS, _PREVIEW_CHARS = 250, 4096, 250, 1000
_SESSION_CHARS = 250


def write_traces(connection: Connection, experiment_id: str, drafts: Iterable[TraceDraft]) -> list[str]:
    """Write complete traces; those that are already there are left alone, half-written ones are completed.

    Args:
        connection: Where MLflow is.
        experiment_id: An active experiment.
        drafts: Taken a batch at a time, so a generator of any length needs little memory.

    Returns:
        The ids of all drafts in their order, whether written now or before.

    Raises:
        NotFoundError: There is no such experiment.
        UnavailableError: MLflow did not answer; what was written before stays, and a second call goes on.
    """
    written: list[str] = []
    for batch in _batches(drafts, _TRACES_A_BATCH):
        with mlflow_errors():
            _write_batch(connection, experiment_id, batch)
        written += [draft.trace_id for draft in batch]
    return written


def find_or_create_experiment(connection: Connection, name: str, tags: dict[str, str] | None = None) -> str:
    """The id of the experiment with this name, which is created where there is none.

    Raises:
        InvalidParameterError: The name is empty or belongs to a deleted experiment.
    """
    if not name.strip():
        raise InvalidParameterError("The experiment needs a name, for example `Support agents`.")
    with mlflow_errors():
        found = connection.mlflow.get_experiment_by_name(name)
        if found is None:
            try:
                return str(connection.mlflow.create_experiment(name, tags=tags))
            except Exception:
                # Another process may have created it in between; any other failure is the caller's to see.
                found = connection.mlflow.get_experiment_by_name(name)
                if found is None:
                    raise
    if found.lifecycle_stage != "active":
        raise InvalidParameterError(
            f"The experiment {name!r} is deleted. Restore it with `mlflow experiments restore --experiment-id {found.experiment_id}`, or choose another name."
        )
    return str(found.experiment_id)


def _batches(items: Iterable[TraceDraft], size: int) -> Iterator[list[TraceDraft]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _write_batch(connection: Connection, experiment_id: str, batch: list[TraceDraft]) -> None:
    store = connection.mlflow._tracing_client.store
    present = {info.trace_id: info for info in store.batch_get_trace_infos([draft.trace_id for draft in batch])}
    missing = [draft for draft in batch if not _is_complete(draft, present.get(draft.trace_id))]
    if not missing:
        return
    infos = [_trace_info(draft, experiment_id) for draft in missing]
    if connection.tracking_uri.startswith("http"):
        with ThreadPoolExecutor(_HTTP_THREADS) as threads:
            list(threads.map(store.start_trace, infos))
    else:
        for info in infos:
            store.start_trace(info)
    # MLflow marks the replaced assessment as invalid only on this way.
    for draft in missing:
        _replace_assessments(store, draft, present.get(draft.trace_id))
    spans = [span for draft in missing for span in _spans(draft)]
    if spans:
        store.log_spans(experiment_id, spans)


def _replace_assessments(store: Any, draft: TraceDraft, before: TraceInfo | None) -> None:
    known = {item.assessment_id for item in before.assessments} if before else set()
    for number, item in enumerate(draft.assessments):
        if item.overrides is not None and _assessment_id(draft.trace_id, number) not in known:
            store.create_assessment(_assessment(draft, number, item))


def _is_complete(draft: TraceDraft, info: TraceInfo | None) -> bool:
    return info is not None and (not draft.spans or SPANS_TAG in info.tags)


def _trace_info(draft: TraceDraft, experiment_id: str) -> TraceInfo:
    from mlflow.entities import TraceInfo
    from mlflow.entities.trace_location import TraceLocation
    from mlflow.entities.trace_state import TraceState

    root = next((span for span in draft.spans if span.parent_id is None), None)
    return TraceInfo(
        trace_id=draft.trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment_id),
        request_time=draft.start_ms,
        execution_duration=draft.duration_ms,
        state=TraceState(draft.state),
        request_preview=_preview(draft.request_preview, root.inputs if root else None, "user"),
        response_preview=_preview(draft.response_preview, root.outputs if root else None, "assistant"),
        client_request_id=draft.client_request_id,
        trace_metadata=_metadata(draft),
        tags={TRACE_NAME_TAG: _text(draft.name)[:_METADATA_CHARS]}
        | {_text(str(key))[:_TAG_KEY_CHARS]: _text(str(value))[:_TAG_VALUE_CHARS] for key, value in draft.tags.items()},
        assessments=_assessments(draft),
    )


def _metadata(draft: TraceDraft) -> dict[str, str]:
    metadata = {
        _text(str(key))[:_METADATA_CHARS]: _text(str(value))[:_METADATA_CHARS] for key, value in draft.metadata.items()
    }
    if draft.session_id:
        metadata[SESSION_KEY] = _text(draft.session_id)[:_SESSION_CHARS]
    if draft.user_id:
        metadata[USER_KEY] = _text(draft.user_id)[:_METADATA_CHARS]
    with_tokens = [span for span in draft.spans if span.input_tokens is not None or span.output_tokens is not None]
    if with_tokens:
        metadata[TOKENS_KEY] = json.dumps(
            _usage(
                sum(span.input_tokens or 0 for span in with_tokens),
                sum(span.output_tokens or 0 for span in with_tokens),
            )
        )
    # Without this a reader could take the first half of the spans for the whole trace.
    metadata[SIZES_KEY] = json.dumps({"num_spans": len(draft.spans)})
    return metadata


def _usage(input_tokens: int, output_tokens: int) -> dict[str, int]:
    return {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}


def _preview(given: str | None, value: Any, role: str) -> str | None:
    """What the lists of MLflow show: what is given, the last message of the role, else the JSON."""
    if given is not None or value is None:
        return None if given is None else _text(given)[:_PREVIEW_CHARS]
    from mlflow.tracing.utils.truncation import _get_truncated_preview

    return (_get_truncated_preview(_json(value), role=role) or "")[:_PREVIEW_CHARS]


def _json(value: Any) -> str:
    return json.dumps(_portable(value), ensure_ascii=False)


def _portable(value: Any, depth: int = 0) -> Any:
    """The value as every store and OTLP can hold it; what cannot be held becomes text, nothing is lost.

    Protobuf refuses values nested deeper than 100 messages (three a level), integers beyond 64 bits and text
    that is not UTF-8; JSON has no NaN.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict | list | tuple):
        if depth >= _MAX_DEPTH:
            return _text(json.dumps(value, default=str))
        if isinstance(value, dict):
            return {_text(str(key)): _portable(item, depth + 1) for key, item in value.items()}
        return [_portable(item, depth + 1) for item in value]
    return _text(str(value))


def _text(text: str) -> str:
    """Without what UTF-8 or PostgreSQL cannot hold: half characters and NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _spans(draft: TraceDraft) -> list[Span]:
    from mlflow.entities import Span

    return [Span.from_dict(_span_dict(draft.trace_id, span)) for span in draft.spans]


def _span_dict(trace_id: str, span: SpanDraft) -> dict[str, Any]:
    attributes: dict[str, Any] = {**span.attributes, REQUEST_ID_ATTRIBUTE: trace_id, "mlflow.spanType": span.type}
    if span.inputs is not None:
        attributes["mlflow.spanInputs"] = span.inputs
    if span.outputs is not None:
        attributes["mlflow.spanOutputs"] = span.outputs
    if span.model:
        attributes["mlflow.llm.model"] = span.model
    if span.input_tokens is not None or span.output_tokens is not None:
        attributes["mlflow.chat.tokenUsage"] = _usage(span.input_tokens or 0, span.output_tokens or 0)
    if span.cost_usd is not None:
        attributes["mlflow.llm.cost"] = {
            "input_cost": span.cost_usd[0],
            "output_cost": span.cost_usd[1],
            "total_cost": sum(span.cost_usd),
        }
    return {
        "trace_id": _base64(trace_id.removeprefix("tr-")),
        "span_id": _base64(span.span_id),
        "parent_span_id": _base64(span.parent_id) if span.parent_id else "",
        "name": _text(span.name),
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns,
        "events": [
            {"name": _text(event.name), "time_unix_nano": event.time_ns, "attributes": _portable(event.attributes)}
            for event in span.events
        ],
        "status": {"code": f"STATUS_CODE_{span.status}", "message": _text(span.status_message)},
        "attributes": {key: _json(value) for key, value in attributes.items()},
    }


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode("ascii")


def _assessments(draft: TraceDraft) -> list[Assessment]:
    return [_assessment(draft, number, item) for number, item in enumerate(draft.assessments) if item.overrides is None]


def _assessment(draft: TraceDraft, number: int, item: AssessmentDraft) -> Assessment:
    from mlflow.entities import AssessmentError, AssessmentSource, Expectation, Feedback

    time_ms = item.time_ms or draft.start_ms + (draft.duration_ms or 0)
    source = AssessmentSource(source_type=item.source_type, source_id=item.source_id)
    common: dict[str, Any] = {
        "name": item.name,
        "source": source,
        "trace_id": draft.trace_id,
        "metadata": item.metadata or None,
        "create_time_ms": time_ms,
        "last_update_time_ms": time_ms,
    }
    if item.expectation:
        made: Assessment = Expectation(value=item.value, **common)
    else:
        error = AssessmentError(error_code="JUDGE_ERROR", error_message=item.error) if item.error else None
        made = Feedback(value=item.value, error=error, rationale=item.rationale, **common)
    # Ids of our own, so that completing a half-written trace repeats no assessment.
    made.assessment_id = _assessment_id(draft.trace_id, number)
    made.overrides = _assessment_id(draft.trace_id, item.overrides) if item.overrides is not None else None
    return made


def _assessment_id(trace_id: str, number: int) -> str:
    return "a-" + digest(trace_id, "assessment", number)[:32]
