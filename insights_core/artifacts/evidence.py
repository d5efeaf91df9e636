"""Evidence as callers give it, and the traces it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from insights_core.artifacts.retrying import persistently
from insights_core.connection import Connection
from insights_core.entities import Evidence
from insights_core.entities.common import now
from insights_core.errors import InvalidParameterError, PermissionDeniedError, TraceNotFoundError, mlflow_errors

EXAMPLE = '{"trace_id": "tr-123", "rationale": "Waits 32 s for a lock on users", "supports": true}'
TEXT_EXAMPLE = "tr-123: Waits 32 s for a lock on users"
ADDED_ALONE = "Added without a rationale."
# What a stock server takes at most in one call.
_PAGE = 100
_SHOWN = 20
_KEYS = {"trace_id", "rationale", "supports", "created_at", "author"}
_TEXT = re.compile(r"\s*(?P<trace_id>[^\s:]+)\s*:\s+(?P<rationale>\S.*)", re.DOTALL)

Given = Evidence | Mapping[str, Any] | str


def read_evidence(
    given: Iterable[Given] | None, add_traces: Iterable[str] | None, author: str, for_hypothesis: bool
) -> list[Evidence]:
    """Evidence in whatever form it was given, in order, each trace with the same rationale once.

    Args:
        given: Evidence, mappings, or texts such as "tr-…: rationale".
        add_traces: Trace ids that come with no rationale.
        author: Who gives it, where the evidence does not say.
        for_hypothesis: Evidence that does not say whether it supports then supports; for issues it says nothing.

    Raises:
        InvalidParameterError: Something is no evidence; the message says which and shows the right form.
    """
    if isinstance(given, str | Mapping | Evidence):
        given = [given]
    items = [_read_one(item, place) for place, item in enumerate(given or (), start=1)]
    items += [Evidence(trace_id=_trace_id(each), rationale=ADDED_ALONE) for each in add_traces or ()]
    found: dict[tuple[str, str], Evidence] = {}
    for item in items:
        supports = (item.supports is not False) if for_hypothesis else None
        filled = item.model_copy(update={"supports": supports, "author": item.author or author})
        found.setdefault((item.trace_id, " ".join(item.rationale.split())), filled)
    return list(found.values())


def _read_one(item: Given, place: int) -> Evidence:
    if isinstance(item, Evidence):
        return item
    if isinstance(item, str):
        match = _TEXT.fullmatch(item)
        if match is None:
            raise InvalidParameterError(
                f"Evidence {place}, {_short(item)!r}, names no trace. Write it as {TEXT_EXAMPLE!r}.", field="evidence"
            )
        return Evidence(trace_id=match["trace_id"], rationale=match["rationale"].strip(), created_at=now())
    if not isinstance(item, Mapping):
        raise InvalidParameterError(
            f"Evidence {place} is a {type(item).__name__}. Write it as {EXAMPLE}.", field="evidence"
        )
    unknown = set(item) - _KEYS
    if unknown:
        raise InvalidParameterError(
            f"Evidence {place} has the unknown field {sorted(map(str, unknown))[0]!r}. Write it as {EXAMPLE}.",
            field="evidence",
        )
    try:
        found = Evidence.model_validate({key: value for key, value in item.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidParameterError(
            f"Evidence {place}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}. Write it as {EXAMPLE}.",
            field="evidence",
        ) from error
    _trace_id(found.trace_id)
    if not found.rationale.strip():
        raise InvalidParameterError(f"Evidence {place} has no rationale. Write it as {EXAMPLE}.", field="evidence")
    return found


def _trace_id(text: object) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > 100:
        raise InvalidParameterError(f"{text!r} is no trace id; they look like tr-123.", field="trace_id")
    return text.strip()


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"


def without_known(items: Sequence[Evidence], present: Sequence[Evidence]) -> list[Evidence]:
    """The items, but for traces added alone that are among the evidence already."""
    known = {item.trace_id for item in present}
    return [item for item in items if item.rationale != ADDED_ALONE or item.trace_id not in known]


def pages(items: Sequence[str]) -> Iterable[list[str]]:
    """The items in pages of 100."""
    return (list(items[start : start + _PAGE]) for start in range(0, len(items), _PAGE))


def link_evidence(connection: Connection, run_id: str, evidence: Sequence[Evidence], allow_missing: bool) -> None:
    """Link the traces of new evidence to a run, a page of 100 at a time.

    Args:
        connection: Where MLflow is.
        run_id: The analysis run of a hypothesis, the parent run of an issue.
        evidence: Whose traces.
        allow_missing: Accept trace ids that do not exist; they are not linked.

    Raises:
        TraceNotFoundError: Some do not exist; the message names them. Nothing was linked.
    """
    ids = list(dict.fromkeys(item.trace_id for item in evidence))
    if not ids:
        return
    with mlflow_errors():
        known = existing_traces(connection, ids)
        missing = [each for each in ids if each not in known]
        if missing and not allow_missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise TraceNotFoundError(
                f"{'These traces do' if len(missing) > 1 else 'This trace does'} not exist: "
                f"{', '.join(missing[:_SHOWN])}{more}. Find traces with `mlflow traces search`, "
                "or pass allow_missing (--allow-missing).",
                missing=missing,
            )
        for page in pages([each for each in ids if each in known]):
            persistently(partial(connection.mlflow.link_traces_to_run, page, run_id))


def existing_traces(connection: Connection, trace_ids: Sequence[str]) -> dict[str, Any]:
    """Trace id -> TraceInfo with tags and assessments, of those that exist; one request for each 100."""
    return {info.trace_id: info for page in pages(trace_ids) for info in _infos(connection, page)}


def _infos(connection: Connection, page: list[str]) -> list[Any]:
    """Infos of a page; MLflow's basic-auth refuses a whole page for one id that is not there."""
    try:
        with mlflow_errors():
            infos: list[Any] = connection.mlflow._tracing_client.store.batch_get_trace_infos(page)
        return infos
    except PermissionDeniedError:
        if len(page) == 1:
            return []
        half = len(page) // 2
        return _infos(connection, page[:half]) + _infos(connection, page[half:])
