"""MLflow Insights without its pages: everything the dashboard, the CLI and the REST API are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from insights_core.doors import front_door

if TYPE_CHECKING:
    from insights_core.client import InsightsClient as InsightsClient
    from insights_core.insight.topics import Clustering as Clustering
    from insights_core.insight.topics import cluster_texts as cluster_texts
    from insights_core.traces.text import trace_to_text as trace_to_text

# MLflow and the numeric packages take seconds to import.
__all__, __getattr__ = front_door(
    __name__,
    {
        "client": ["InsightsClient"],
        "insight.topics": ["Clustering", "cluster_texts"],
        "traces.text": ["trace_to_text"],
    },
)
