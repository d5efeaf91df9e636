"""The one client: investigations, insight jobs, themes, traces and analytics on any MLflow tracking URI."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from insights_core.alerting import Alerts
from insights_core.artifacts.investigations import Investigations
from insights_core.themes.running.client import Themes
from insights_core.traces.client import Traces

if TYPE_CHECKING:
    from insights_core.analytics.client import Analytics


class InsightsClient(Investigations, Alerts, Themes, Traces):
    """Everything an analyst, a script or an agent does, as methods.

    Args:
        tracking_uri: Any MLflow tracking URI but a file store; None takes MLFLOW_TRACKING_URI.
    """

    @cached_property
    def analytics(self) -> Analytics:
        """Traffic, latency, errors, assessments, tools, tags, dimensions and correlations."""
        from insights_core.analytics.client import Analytics

        analytics = Analytics(self.tracking_uri)
        analytics.may_create = self.may_create
        return analytics
