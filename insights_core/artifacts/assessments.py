"""Feedback on the traces of an issue: one each, however often and by how many it is logged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from insights_core.artifacts.evidence import existing_traces, pages
from insights_core.connection import Connection
from insights_core.entities import Issue
from insights_core.names import AUTHOR_KEY, ISSUE_KEY

_SOURCE_ID = "insights-analysis"

Progress = Callable[[int, int], None]
Value = bool | float | int | str


@dataclass(slots=True)
class LoggedAssessments:
    """What logging did, as trace ids."""

    name: str
    logged: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    """Had it from an earlier time."""
    missing: list[str] = field(default_factory=list)
    """No longer exist."""


def log_on_traces(
    connection: Connection, issue: Issue, name: str, value: Value, author: str, progress: Progress | None
) -> LoggedAssessments:
    """Log one Feedback of this name on every trace of the issue that has none from this issue yet."""
    rationales: dict[str, list[str]] = {}
    for item in issue.evidence:
        rationales.setdefault(item.trace_id, []).append(item.rationale)
    result = LoggedAssessments(name)
    done = 0
    for page in pages(list(rationales)):
        known = existing_traces(connection, page)
        logged: list[str] = []
        for trace_id in page:
            if trace_id not in known:
                result.missing.append(trace_id)
            elif _of_issue(known[trace_id], name, issue.issue_id):
                result.already.append(trace_id)
            else:
                rationale = "\n".join(rationales[trace_id])
                _log(connection, trace_id, name, value, rationale, issue.issue_id, author)
                logged.append(trace_id)
            done += 1
            if progress:
                progress(done, len(rationales))
        _remove_doubles(connection, logged, name, issue.issue_id)
        result.logged += logged
    return result


def _log(
    connection: Connection, trace_id: str, name: str, value: Value, rationale: str, issue_id: str, author: str
) -> None:
    from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback

    feedback = Feedback(
        trace_id=trace_id,
        name=name,
        value=value,
        source=AssessmentSource(source_type=AssessmentSourceType.LLM_JUDGE, source_id=_SOURCE_ID),
        rationale=rationale,
        metadata={ISSUE_KEY: issue_id, AUTHOR_KEY: author},
    )
    connection.mlflow._tracing_client.log_assessment(trace_id, feedback)


def _of_issue(info: Any, name: str, issue_id: str) -> list[Any]:
    """The issue's feedback of this name on a trace, oldest first."""
    found = [
        item
        for item in info.assessments or ()
        if item.name == name and (item.metadata or {}).get(ISSUE_KEY) == issue_id and item.valid is not False
    ]
    return sorted(found, key=lambda item: (item.create_time_ms or 0, item.assessment_id or ""))


def _remove_doubles(connection: Connection, trace_ids: list[str], name: str, issue_id: str) -> None:
    """Keep the oldest where another process logged the same at the same time; it keeps the same one."""
    for trace_id, info in existing_traces(connection, trace_ids).items() if trace_ids else ():
        for double in _of_issue(info, name, issue_id)[1:]:
            connection.mlflow._tracing_client.delete_assessment(trace_id, double.assessment_id)
