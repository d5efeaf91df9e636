"""Jobs: an insight from its specification to its result, in a process of its own, resumed where it broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.insight.jobs.lifecycle import InsightJobs as InsightJobs

__all__, __getattr__ = front_door(
    __name__,
    {
        "lifecycle": ["InsightJobs"],
    },
)
