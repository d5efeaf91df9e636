"""MLflow Insights without its pages: everything the dashboard, the CLI and the REST API are made of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insights_core.client import InsightsClient
    from insights_core.insight.clustering import Clustering, cluster_texts
    from insights_core.traces.text import trace_to_text

# MLflow and the numeric packages take seconds to import: each name is loaded when it is first used.
_HOMES = {
    "InsightsClient": "insights_core.client",
    "Clustering": "insights_core.insight.clustering",
    "cluster_texts": "insights_core.insight.clustering",
    "trace_to_text": "insights_core.traces.text",
}

__all__ = ["Clustering", "InsightsClient", "cluster_texts", "trace_to_text"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'insights_core' has no attribute {name!r}")
