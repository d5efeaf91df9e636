"""The key figures of Home, each against the period before."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from insights_core.analytics.models import ChangesResponse
from insights_core.entities import IssueStatus
from pages._ui.look.formats import MINUS, duration, money, number, percent_change, points, share
from pages._ui.parts.layout import Figure, figures
from pages._ui.shell import loaders, states
from pages._ui.shell.scope import DAY_MS, Scope, choose


@dataclass(frozen=True)
class Measured:
    """What the analytics say of a period; the series by day or hour."""

    traces: int
    errors: int
    p90_ms: float | None
    cost_usd: float | None
    bucket: str
    """hour or day."""
    counts: list[tuple[int, int, int]]
    """(epoch milliseconds, traces without an error, traces with one) of each."""
    error_series: list[float]
    p90_series: list[float]
    cost_series: list[float]

    @property
    def traces_series(self) -> list[float]:
        return [float(fine + bad) for _, fine, bad in self.counts]

    @property
    def error_rate(self) -> float:
        return self.errors / self.traces if self.traces else 0.0


def measure(experiment_id: str, start_ms: int | None, end_ms: int, bucket: str) -> Measured:
    """Volume, errors, latency and cost of a period."""
    return _measure(loaders.tracking_uri(), experiment_id, start_ms, end_ms, bucket)


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _measure(uri: str, experiment_id: str, start_ms: int | None, end_ms: int, bucket: str) -> Measured:
    analytics = loaders.client().analytics
    asked = ([experiment_id], start_ms, end_ms, bucket)
    volume, latency, cost = analytics.volume(*asked), analytics.latency(*asked), analytics.cost_and_tokens(*asked)
    return Measured(
        traces=volume.summary.count,
        errors=volume.summary.error_count,
        p90_ms=latency.summary.p90_latency,
        cost_usd=cost.summary.total_cost_usd,
        bucket=bucket,
        counts=[
            (point.time_bucket, point.count - point.error_count, point.error_count) for point in volume.time_series
        ],
        error_series=[100 * point.error_count / point.count for point in volume.time_series if point.count],
        p90_series=[point.p90_latency for point in latency.time_series],
        cost_series=[point.total_cost_usd or 0.0 for point in cost.time_series],
    )


def periods(scope: Scope) -> tuple[Measured, Measured | None]:
    """The page's period and the one before it; None for all time or where nothing was before."""
    bucket = "hour" if scope.start_ms is not None and scope.end_ms - scope.start_ms <= 2 * DAY_MS else "day"
    now = measure(scope.experiment_id, scope.start_ms, scope.end_ms, bucket)
    if scope.before is None:
        return now, None
    before = measure(scope.experiment_id, *scope.before, bucket)
    return now, before if before.traces else None


def key_figures(scope: Scope) -> bool:
    """Draw them; False where the period has no traces, and then what to do about that."""
    with states.loading("Measuring the traces", 185):
        now, before = periods(scope)
        unusual = {(one.measure, one.kind) for one in changes(scope).data}
    if not now.traces:
        with states.empty(
            "No traces in this time", f"{scope.experiment_name} has no trace here; older ones may be there."
        ):
            if scope.start_ms is not None and st.button("Show all time", icon=":material/history:", type="primary"):
                choose(range="all")
                st.rerun()
        return False
    figures(
        [
            Figure(
                "Traces",
                number(now.traces),
                percent_change(now.traces, before.traces) if before else None,
                now.traces_series,
                alarming=("count", "fell") in unusual,
                help="Red when there are fewer than weeks like it have, beyond the usual noise.",
            ),
            Figure(
                "Error rate",
                share(now.error_rate),
                points(now.error_rate - before.error_rate) if before else None,
                now.error_series,
                alarming=before is not None and ("error_rate", "rose") in unusual,
                help="Traces whose status is ERROR. Red when it is higher than at the same weekdays and hours before, beyond the usual noise.",
            ),
            Figure(
                "Latency p90",
                duration(now.p90_ms),
                _latency_change(now, before),
                now.p90_series,
                alarming=before is not None and ("p90_latency", "rose") in unusual,
                help="Nine of ten traces are faster. Red when it is higher than at the same weekdays and hours before, beyond the usual noise.",
            ),
            _cost(now, before, ("cost", "rose") in unusual),
            _issues(scope.experiment_id),
        ]
    )
    return True


def changes(scope: Scope) -> ChangesResponse:
    """What is unlike the same weekdays and hours before, beyond the usual noise; nothing for all time."""
    if scope.start_ms is None:
        return ChangesResponse(data=[], windows=0)
    return _changes(loaders.tracking_uri(), scope.experiment_id, scope.start_ms, scope.end_ms)


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _changes(uri: str, experiment_id: str, start_ms: int, end_ms: int) -> ChangesResponse:
    return loaders.client().analytics.changes([experiment_id], start_ms, end_ms - 1)


def _latency_change(now: Measured, before: Measured | None) -> str | None:
    if before is None or now.p90_ms is None or before.p90_ms is None:
        return None
    change = now.p90_ms - before.p90_ms
    return ("+" if change >= 0 else MINUS) + duration(abs(change))


def _cost(now: Measured, before: Measured | None, alarming: bool) -> Figure:
    if now.cost_usd is None:
        return Figure(
            "Cost of model calls",
            "–",
            help="No trace records a cost. MLflow works it out where spans name model and tokens.",
        )
    change = percent_change(now.cost_usd, before.cost_usd) if before and before.cost_usd else None
    return Figure(
        "Cost of model calls",
        money(now.cost_usd),
        change,
        now.cost_series,
        alarming=alarming and change is not None,
        help="Red when a trace costs more than at the same weekdays and hours before, beyond the usual noise.",
    )


def _issues(experiment_id: str) -> Figure:
    found = loaders.issues(experiment_id)
    undecided = [one for one in found if one.status in (IssueStatus.OPEN, IssueStatus.IN_PROGRESS)]
    critical = sum(one.severity == "CRITICAL" for one in undecided)
    return Figure(
        "Open issues",
        number(len(undecided)),
        f"{critical} critical" if critical else None,
        help="Open or in progress; not bound to the time range.",
    )
