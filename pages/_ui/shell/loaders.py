"""Cached access to what the client gives. Shared by all sessions, so nothing here depends on who looks.

Every cache is keyed by the tracking URI and by what was asked; what can change expires within seconds, what cannot
(the result of a finished insight, keyed by its last update) stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from insights_core import settings
from insights_core.entities import (
    CLUSTER_TAG,
    Analysis,
    ClusterDetails,
    Insight,
    InsightEstimate,
    InsightSpec,
    Issue,
    Theme,
    TraceScope,
)
from insights_core.errors import mlflow_errors
from insights_core.names import OWN_NAMESPACE, SESSION_KEY
from pages._ui.look.summaries import summary_of

if TYPE_CHECKING:
    from mlflow.entities import Trace

    from insights_core.client import InsightsClient


def tracking_uri() -> str:
    """The tracking URI that the dashboard looks at."""
    return settings.MLFLOW_TRACKING_URI.get()


def client() -> InsightsClient:
    """The one client of this process for the present tracking URI."""
    return _client(tracking_uri())


@st.cache_resource(show_spinner=False, max_entries=4)
def _client(uri: str) -> InsightsClient:
    from insights_core.client import InsightsClient

    client = InsightsClient(uri)
    client.may_create = True  # Home of an empty place offers the demo and the import
    return client


def experiments() -> list[tuple[str, str]]:
    """(id, name) of all active experiments, by name."""
    return _experiments(tracking_uri())


@st.cache_data(ttl=15, show_spinner=False, max_entries=4)
def _experiments(uri: str) -> list[tuple[str, str]]:
    return [(one.experiment_id, one.name) for one in _client(uri).list_experiments()]


def default_experiment(ids: tuple[str, ...]) -> str:
    """MLFLOW_EXPERIMENT_ID where it exists, else the experiment with the newest trace, else the first."""
    configured = settings.MLFLOW_EXPERIMENT_ID.get()
    if configured in ids:
        return str(configured)
    return _newest_experiment(tracking_uri(), ids)


@st.cache_data(ttl=300, show_spinner=False, max_entries=8)
def _newest_experiment(uri: str, ids: tuple[str, ...]) -> str:
    with mlflow_errors():
        newest = _client(uri).mlflow.search_traces(
            locations=list(ids), max_results=1, order_by=["timestamp_ms DESC"], include_spans=False
        )
    return newest[0].info.experiment_id if newest else ids[0]


def insights(experiment_id: str) -> list[Insight]:
    """The insights of an experiment, the newest first."""
    found = _insights(tracking_uri(), experiment_id)
    return sorted(found, key=lambda one: one.created_at, reverse=True)


@st.cache_data(ttl=2, show_spinner=False, max_entries=64)
def _insights(uri: str, experiment_id: str) -> list[Insight]:
    return _client(uri).list_insights(experiment_id)


def insight(run_id: str) -> Insight:
    """One insight as it is now; not cached, since its progress is watched."""
    return client().get_insight(run_id)


def insight_details(one: Insight) -> ClusterDetails:
    """The result of an insight. Shared between sessions: read it, never change it."""
    return _details(tracking_uri(), one.run_id, int(one.updated_at.timestamp() * 1000))


@st.cache_resource(show_spinner=False, max_entries=8)
def _details(uri: str, run_id: str, version: int) -> ClusterDetails:
    return _client(uri).get_insight_details(run_id)


@st.cache_data(show_spinner=False, max_entries=64)
def insight_spec(run_id: str) -> InsightSpec:
    """What an insight was asked; never changes."""
    return client().get_insight_spec(run_id)


def themes(experiment_id: str) -> list[Theme]:
    """The themes of an experiment, the built-in ones first."""
    return _themes(tracking_uri(), experiment_id)


@st.cache_data(ttl=5, show_spinner=False, max_entries=32)
def _themes(uri: str, experiment_id: str) -> list[Theme]:
    return _client(uri).list_themes(experiment_id)


def theme_name(experiment_id: str, theme_id: str) -> str:
    """Its name; the id of one that was deleted."""
    return next((one.name for one in themes(experiment_id) if one.theme_id == theme_id), theme_id)


def count_traces(scope: TraceScope) -> int:
    """Number of traces that match."""
    return _count(tracking_uri(), scope.model_dump_json())


@st.cache_data(ttl=20, show_spinner=False, max_entries=128)
def _count(uri: str, scope: str) -> int:
    return _client(uri).count_traces(TraceScope.model_validate_json(scope))


def traces(scope: TraceScope, limit: int | None) -> list[dict[str, Any]]:
    """The newest traces that match, each as a dict: see `_row`."""
    return _traces(tracking_uri(), scope.model_dump_json(), limit)


@st.cache_data(ttl=20, show_spinner=False, max_entries=64)
def _traces(uri: str, scope: str, limit: int | None) -> list[dict[str, Any]]:
    found = _client(uri).search_traces(TraceScope.model_validate_json(scope), limit=limit)
    return [_row(info) for info in found]


def _row(info: Any) -> dict[str, Any]:
    assessments = {
        one.name: getattr(one, "value", None)
        for one in info.assessments or ()
        if not one.name.startswith(OWN_NAMESPACE)
    }
    return {
        "trace_id": info.trace_id,
        "status": getattr(info.state, "value", str(info.state)),
        "timestamp_ms": info.timestamp_ms or info.request_time,
        "latency_ms": info.execution_duration,
        "request": info.request_preview or "",
        "response": info.response_preview or "",
        "summary": summary_of(info.assessments),
        "tags": {name: value for name, value in (info.tags or {}).items() if not name.lower().startswith("mlflow.")},
        "session": (info.trace_metadata or {}).get(SESSION_KEY),
        "cluster_id": (info.tags or {}).get(CLUSTER_TAG),
        "assessments": assessments,
    }


def trace(trace_id: str) -> Trace:
    """A trace with its spans; assessments may be added to it, so it is read again after a minute."""
    return _trace(tracking_uri(), trace_id)


@st.cache_resource(ttl=60, show_spinner=False, max_entries=64)
def _trace(uri: str, trace_id: str) -> Trace:
    return _client(uri).get_trace(trace_id)


def estimate(spec: InsightSpec) -> InsightEstimate:
    """What a job would do."""
    return _estimate(tracking_uri(), spec.model_dump_json())


@st.cache_data(ttl=60, show_spinner=False, max_entries=64)
def _estimate(uri: str, spec: str) -> InsightEstimate:
    return _client(uri).estimate_insight(InsightSpec.model_validate_json(spec))


@st.cache_data(ttl=60, show_spinner=False, max_entries=16)
def _failure_rules(uri: str, experiment_id: str) -> list[str]:
    return _client(uri).propose_failure_rules(experiment_id)


def failure_rules(experiment_id: str) -> list[str]:
    """Rules of what failed that the newest traces of an experiment suggest."""
    return _failure_rules(tracking_uri(), experiment_id)


def forget_lists() -> None:
    """Read lists again, after something was created or changed."""
    lists = (_experiments, _newest_experiment, _any_trace, _insights, _themes, _issues, _analyses, _count, _traces)
    for cached in lists:
        cached.clear()
    _trace.clear()  # assessments may have been logged on it


def any_trace() -> bool:
    """Whether the server has any trace at all."""
    return _any_trace(tracking_uri(), tuple(one for one, _ in experiments()))


@st.cache_data(ttl=10, show_spinner=False, max_entries=8)
def _any_trace(uri: str, ids: tuple[str, ...]) -> bool:
    if not ids:
        return False
    with mlflow_errors():
        return bool(_client(uri).mlflow.search_traces(locations=list(ids), max_results=1, include_spans=False))


def issues(experiment_id: str) -> list[Issue]:
    """All issues of an experiment, most traces first."""
    return _issues(tracking_uri(), experiment_id)


@st.cache_data(ttl=10, show_spinner=False, max_entries=32)
def _issues(uri: str, experiment_id: str) -> list[Issue]:
    return _client(uri).list_issues(experiment_id)


def analyses(experiment_id: str) -> list[Analysis]:
    """All analyses of an experiment."""
    return _analyses(tracking_uri(), experiment_id)


@st.cache_data(ttl=10, show_spinner=False, max_entries=32)
def _analyses(uri: str, experiment_id: str) -> list[Analysis]:
    return _client(uri).list_analyses(experiment_id)
