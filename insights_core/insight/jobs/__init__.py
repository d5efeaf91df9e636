"""Jobs: an insight from its specification to its result, in a process of its own, resumed where it broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.insight.jobs.claims import claim_theme as claim_theme
    from insights_core.insight.jobs.lifecycle import InsightJobs as InsightJobs
    from insights_core.insight.jobs.liveness import new_lease as new_lease
    from insights_core.insight.jobs.parts import stages_for as stages_for
    from insights_core.insight.jobs.working import work_on as work_on

__all__, __getattr__ = front_door(
    __name__,
    {
        "claims": ["claim_theme"],
        "lifecycle": ["InsightJobs"],
        "liveness": ["new_lease"],
        "parts": ["stages_for"],
        "working": ["work_on"],
    },
)
