"""Events out of MLflow traces: from calls of tools, and from what guardrails said of calls and answers.

A trace says what happened, seldom that something was decided. So a call of a tool is `allow` unless the tool refused it
for want of a right, or a guardrail said otherwise: what code says denies, what a judge or a person says escalates.
The same span or assessment always gives the same event id, so that deriving twice queues nothing twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from insights_core.cards.shapes import shape_of
from insights_core.connection import Connection
from insights_core.entities.card import ANSWER, Decision, Event
from insights_core.entities.insight import TraceScope
from insights_core.errors import mlflow_errors
from insights_core.names import TRACE_NAME_TAG
from insights_core.traces.fetching import iter_traces
from insights_core.traces.search import iter_trace_infos
from insights_core.traces.tool_names import tool_name

if TYPE_CHECKING:
    from mlflow.entities import Assessment, Span, Trace

_GUARDRAIL = re.compile(
    r"guard.?rail|policy|safety|unsafe|moderation|jailbreak|injection|pii|toxic|compliance|permission", re.I
)
# Of these names "true" is the bad news.
_BAD_IF_TRUE = re.compile(
    r"detected|violat|unsafe|toxic|jailbreak|injection|pii|leak|flagged|blocked|denied|fail(?!safe)", re.I
)
_DENIES = ("deny", "denied", "block", "blocked", "fail", "failed", "unsafe", "violation", "reject", "rejected", "no")
_ESCALATES = ("escalate", "escalated", "review", "flag", "flagged", "warn", "warning", "unsure")
_REFUSED = re.compile(
    r"permission|forbidden|not allowed|not authori[sz]ed|unauthori[sz]ed|access denied|denied by|blocked by|policy",
    re.I,
)
_AGENT_KEYS = ("gen_ai.agent.name", "agent.name", "agent_name")
_AGENT_TAGS = ("agent", "agent_id", "agent_name")


def derive_events(
    connection: Connection,
    scope: TraceScope,
    tenant_id: str,
    max_traces: int | None = None,
    guardrails: Collection[str] = (),
) -> list[Event]:
    """The events of the newest traces that match, in the order of their times, so that each follows what it is compared with.

    Args:
        connection: Where MLflow is.
        scope: Which traces.
        tenant_id: Whose events these are to be.
        max_traces: At most so many traces are read; None reads all.
        guardrails: Assessments to take as guardrails besides those whose names say so (guardrail, policy, safety, pii …).

    Raises:
        InvalidParameterError: The filter cannot be read.
        NotFoundError: There is no such experiment.
    """

    def is_guardrail(name: str) -> bool:
        return name in guardrails or bool(_GUARDRAIL.search(name))

    infos = islice(iter_trace_infos(connection, scope), max_traces)
    with mlflow_errors():
        traces = iter_traces(connection, [info.trace_id for info in infos])
        found = [event for trace in traces for event in events_of(trace, tenant_id, is_guardrail)]
    return sorted(found, key=lambda event: event.timestamp)


def events_of(trace: Trace, tenant_id: str, is_guardrail: Callable[[str], bool]) -> Iterator[Event]:
    """The events of one trace, in the order of its spans; then what guardrails said of the whole."""
    spoken = [one for one in trace.info.assessments or [] if is_guardrail(one.name) and _verdict(one) is not None]
    agent = _agent(trace)
    for span in trace.data.spans:
        tool = tool_name(span.name, span.span_type, span.attributes or {}, lambda span=span: span.inputs)  # type: ignore[misc]
        if tool is None:
            continue
        decision, findings = _decision_of(span, [one for one in spoken if one.span_id == span.span_id])
        yield Event(
            event_id=_id(trace.info.trace_id, span.span_id),
            tenant_id=tenant_id,
            agent_id=agent,
            tool_name=_name(tool),
            decision=decision,
            findings=findings,
            payload_shape=shape_of(span.inputs),
            timestamp=_time(span.start_time_ns // 1_000_000),
            trace_id=trace.info.trace_id,
        )
    roots = [span for span in trace.data.spans if span.parent_id is None]
    for one in spoken:
        if one.span_id is None:
            yield Event(
                event_id=_id(trace.info.trace_id, f"assessment:{one.name}"),
                tenant_id=tenant_id,
                agent_id=agent,
                tool_name=ANSWER,
                decision=_verdict(one) or Decision.ALLOW,
                findings=[_finding(one.name)] if _verdict(one) is not Decision.ALLOW else [],
                payload_shape=shape_of(roots[0].outputs) if roots else {},
                timestamp=_time(one.create_time_ms or trace.info.request_time),
                trace_id=trace.info.trace_id,
            )


def _decision_of(span: Span, spoken: list[Assessment]) -> tuple[Decision, list[str]]:
    findings = [_finding(one.name) for one in spoken if _verdict(one) is not Decision.ALLOW]
    failed = span.status is not None and span.status.status_code == "ERROR"
    refused = failed and bool(_REFUSED.search(_error(span)))
    if failed:
        findings.append("permission_denied" if refused else "tool_error")
    verdicts = {_verdict(one) for one in spoken}
    if refused or Decision.DENY in verdicts:
        return Decision.DENY, findings
    return (Decision.ESCALATE if Decision.ESCALATE in verdicts else Decision.ALLOW), findings


def _verdict(one: Any) -> Decision | None:
    """What a guardrail decided; None where it said nothing, or something that is no verdict."""
    value = getattr(one, "feedback", None) and one.feedback.value
    if getattr(one, "valid", True) is False or value is None or getattr(one, "error", None) is not None:
        return None
    bad = Decision.DENY if getattr(one.source, "source_type", "CODE") == "CODE" else Decision.ESCALATE
    if isinstance(value, bool):
        return bad if value == bool(_BAD_IF_TRUE.search(one.name)) else Decision.ALLOW
    if isinstance(value, str):
        word = value.strip().lower()
        return bad if word in _DENIES else Decision.ESCALATE if word in _ESCALATES else Decision.ALLOW
    return None  # A figure without its threshold.


def _error(span: Span) -> str:
    """What a span failed with. Only looked at here: an event holds none of it."""
    said = [span.status.description or ""]
    said += [str((event.attributes or {}).get("exception.message", "")) for event in span.events or []]
    return " ".join([*said, str(span.outputs or "")[:2_000]])


def _agent(trace: Trace) -> str:
    for span in trace.data.spans:
        for key in _AGENT_KEYS:
            if isinstance(said := (span.attributes or {}).get(key), str):
                return _name(said)
    tags = trace.info.tags or {}
    said = next((tags[key] for key in (*_AGENT_TAGS, TRACE_NAME_TAG) if tags.get(key)), "")
    return _name(said or (trace.data.spans[0].name if trace.data.spans else ""))


def _id(trace_id: str, part: str) -> str:
    return "mlf-" + hashlib.sha256(f"{trace_id}:{part}".encode()).hexdigest()[:32]


def _name(text: str) -> str:
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(line.split())[:120].strip() or "unknown"


def _finding(name: str) -> str:
    words = re.sub(r"[^A-Za-z0-9_.:/-]", "_", name)[:78]
    return words if words[:1].isalpha() else f"f_{words}"


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
