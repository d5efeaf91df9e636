"""A trace's summary as insights log it, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from insights_core.entities import SUMMARY_ASSESSMENT


def summary_of(assessments: Iterable[Any] | None) -> str | None:
    """The newest summary among a trace's assessments; None where no insight has read the trace."""
    found = [one for one in assessments or () if one.name == SUMMARY_ASSESSMENT and getattr(one, "value", None)]
    newest = max(found, key=lambda one: one.create_time_ms or 0, default=None)
    return _words(newest.value) if newest is not None else None


def _words(value: Any) -> str:
    """The text in a logged summary: structured, structured as JSON text, or plain."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, dict):
        return str(value.get("summary") or value.get("title") or "")
    return str(value)
