"""Analyses, hypotheses and issues: the investigation part of the client."""

from __future__ import annotations

from insights_core.artifacts.analyses import Analyses
from insights_core.artifacts.hypotheses import Hypotheses
from insights_core.artifacts.issues import Issues


class Investigations(Analyses, Hypotheses, Issues):
    """Create, change, read and preview analyses, hypotheses and issues.

    Every change is stored with its author and can be made by many processes at once; none is lost.
    """
