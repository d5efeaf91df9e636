"""What a client does with alerts and trends of themes: read them, and try rules on the past."""

from __future__ import annotations

from itertools import islice

from insights_core.entities.alert import Alert
from insights_core.entities.common import now
from insights_core.entities.insight import ClusterDetails, InsightStatus
from insights_core.errors import BrokenArtifactError, NotFoundError
from insights_core.insight.jobs import InsightJobs
from insights_core.themes.alerts import alerts_of
from insights_core.themes.rules import replay
from insights_core.themes.trends import TopicTrend, topic_trends

# Results of so many runs are read, the newest; each holds all traces of its range.
_RUNS = 20


class Alerts(InsightJobs):
    """Alerts and trends of an experiment's themes."""

    def list_alerts(self, experiment_id: str | None = None, theme_id: str | None = None) -> list[Alert]:
        """List the alerts of an experiment, newest first.

        Args:
            experiment_id: None takes MLFLOW_EXPERIMENT_ID.
            theme_id: Only those of this theme.
        """
        found = [one for one in alerts_of(self, experiment_id).list() if theme_id in (None, one.theme_id)]
        return sorted(found, key=lambda one: (one.created_at, one.alert_id), reverse=True)

    def test_alerts(self, theme_id: str, experiment_id: str | None = None) -> list[Alert]:
        """Say what a theme's alert rules would have raised so far; nothing is kept or sent.

        Args:
            theme_id: The theme; its runs so far are the past.
            experiment_id: None takes MLFLOW_EXPERIMENT_ID.

        Raises:
            ThemeNotFoundError: There is none with this id.
        """
        theme = self.get_theme(theme_id, experiment_id)
        return replay(theme.alert_rules, theme_id, self._runs(theme_id, experiment_id), round(now().timestamp() * 1000))

    def list_topic_trends(
        self, theme_id: str, experiment_id: str | None = None, window_days: int = 7
    ) -> list[TopicTrend]:
        """Say how much of the traffic each topic of a theme's latest run is, window by window, largest first.

        Args:
            theme_id: The theme.
            experiment_id: None takes MLFLOW_EXPERIMENT_ID.
            window_days: Length of a window; only full ones are told.
        """
        return topic_trends(self._runs(theme_id, experiment_id), window_days)

    def _runs(self, theme_id: str, experiment_id: str | None) -> list[ClusterDetails]:
        """Results of the theme's finished runs that can be read, oldest first."""
        finished = [
            one.run_id
            for one in self.list_insights(experiment_id)
            if one.theme_id == theme_id and one.status == InsightStatus.FINISHED
        ]
        found = []
        for run_id in islice(finished, _RUNS):
            try:
                found.append(self.get_insight_details(run_id))
            except (NotFoundError, BrokenArtifactError):
                continue
        return found[::-1]
