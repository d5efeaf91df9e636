"""Lists from tags: what one request says about all entities of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from insights_core.artifacts.kinds import ANALYSIS, HYPOTHESIS, Kind
from insights_core.entities.investigation import AnalysisSummary, EntitySummary, HypothesisStatus

if TYPE_CHECKING:
    from mlflow.entities import Run


# Tags are short: what they call it -> the field of a summary.
_FIELDS = {
    "rev": "revision",
    "evidence": "evidence_count",
    "supports": "supports_count",
    "refutes": "refutes_count",
    "traces": "trace_count",
    "evidence_at": "last_evidence_at",
    "source_run": "source_run_id",
    "hypothesis": "hypothesis_id",
}
_TIMES = ("created_at", "updated_at", "last_evidence_at")


def summaries(run: Run, kind: Kind[Any]) -> list[EntitySummary]:
    """The entities of a kind that a run's tags tell of, oldest first."""
    found = [_read(run, kind, key, text) for key, text in run.data.tags.items()]
    return sorted((item for item in found if item is not None), key=lambda item: (item.created_at, item.id))


def analysis_summaries(runs: Iterable[Run]) -> list[AnalysisSummary]:
    """One line for each analysis run, newest first."""
    found = []
    for run in runs:
        hypotheses = summaries(run, HYPOTHESIS)
        own = summaries(run, ANALYSIS)
        if not own:
            continue
        latest = max([own[0].updated_at, *(item.updated_at for item in hypotheses)])
        validated = sum(item.status == HypothesisStatus.VALIDATED for item in hypotheses)
        found.append(
            AnalysisSummary(
                **{
                    **own[0].model_dump(),
                    "id": run.info.run_id,
                    "run_name": run.info.run_name or "",
                    "updated_at": latest,
                    "hypothesis_count": len(hypotheses),
                    "validated_count": validated,
                }
            )
        )
    return sorted(found, key=lambda item: item.created_at, reverse=True)


def _read(run: Run, kind: Kind[Any], key: str, text: str) -> EntitySummary | None:
    entity_id = kind.id_in_tag(key)
    if entity_id is None:
        return None
    try:
        told: dict[str, Any] = {_FIELDS.get(name, name): value for name, value in json.loads(text).items()}
        times = {name: _moment(told[name]) for name in _TIMES if told.get(name)}
        return EntitySummary.model_validate(
            {**told, **times, "kind": kind.name, "id": entity_id, "run_id": run.info.run_id}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # A tag that somebody changed by hand; the entity itself can still be read.
        return None


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
