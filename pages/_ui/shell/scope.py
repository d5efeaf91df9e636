"""Experiment and time range: the same two controls in the same place on every page that measures, kept in the URL."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from insights_core.errors import InsightsError
from pages._ui.look.formats import period, zone
from pages._ui.shell import loaders, navigation, states, url_state

DAY_MS = 86_400_000
RANGES = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "all": "All", "custom": "Custom"}
_DAYS = {"24h": 1, "7d": 7, "30d": 30}
_BEFORE = {"24h": "the day before", "7d": "the week before", "30d": "the 30 days before"}
_LABELS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "all": "All time"}


@dataclass(frozen=True)
class Scope:
    """What a page measures."""

    experiment_id: str
    experiment_name: str
    range: str
    """Key of RANGES."""
    start_ms: int | None
    """Inclusive, epoch milliseconds; None takes everything."""
    end_ms: int
    """Exclusive, epoch milliseconds; a full minute, so that what is cached for it stays good that long."""

    @property
    def label(self) -> str:
        """13 to 20 November."""
        return _LABELS["all"] if self.start_ms is None else period(self.start_ms, self.end_ms - 1)

    @property
    def before(self) -> tuple[int, int] | None:
        """The period of the same length before; None for all time."""
        return None if self.start_ms is None else (2 * self.start_ms - self.end_ms, self.start_ms)

    @property
    def before_label(self) -> str:
        """the week before"""
        return _BEFORE.get(self.range, "the same time before")

    @property
    def bucket(self) -> str:
        """hour, day or week: so that a chart has some dozens to some hundreds of points."""
        if self.start_ms is None:
            return "day"
        days = (self.end_ms - self.start_ms) / DAY_MS
        return "hour" if days <= 8 else "day" if days <= 120 else "week"


def current() -> Scope | None:
    """The scope that the URL, the session or the defaults say; None where the server has no experiment."""
    found = _settled()
    if found is None:
        return None
    experiment_id, name, kind = found
    start, end = _bounds(kind)
    _into_address("experiment", "range", *(("from", "to") if kind == "custom" else ()))
    return Scope(experiment_id, name, kind, start, end)


def settle() -> None:
    """Find the scope once before anything is drawn, so that the first links of a session carry it too."""
    if "chosen.experiment" not in st.session_state:
        st.session_state["chosen.experiment"] = None
        # Where MLflow does not answer, the page says so.
        with suppress(InsightsError):
            _settled()


def _settled() -> tuple[str, str, str] | None:
    """Id and name of the experiment, and the kind of range, kept for the session."""
    names = dict(loaders.experiments())
    if not names:
        return None
    chosen = st.query_params.get("experiment") or st.session_state.get("chosen.experiment")
    experiment_id = chosen if chosen in names else loaders.default_experiment(tuple(names))
    st.session_state["chosen.experiment"] = experiment_id
    wanted = st.query_params.get("range") or st.session_state.get("chosen.range") or "7d"
    kind = wanted if wanted in RANGES else "7d"
    st.session_state["chosen.range"] = kind
    return experiment_id, names[experiment_id], kind


def choose(**values: str) -> None:
    """Take another experiment, range, `from` or `to` from now on, in this session and in the address."""
    for name, value in values.items():
        st.session_state[f"chosen.{name}"] = value
    st.query_params.update(values)


def _into_address(*names: str) -> None:
    """What a page shows stands in its address, also where it comes from this session or a default."""
    shown = {name: st.session_state[f"chosen.{name}"] for name in names}
    # At once: each change of the address is a step for the browser's Back.
    if any(st.query_params.get(name) != value for name, value in shown.items()):
        st.query_params.update(shown)


def require() -> Scope | None:
    """The present scope; None where the server has no traces, and then the page is that state with its way out."""
    scope = current()
    if scope is None or not loaders.any_trace():
        no_experiment()
        return None
    return scope


def no_experiment() -> None:
    """The state of every page but Home on a server without any trace."""
    with states.empty(
        "Nothing to look at yet", "This MLflow has no traces. Load the demo, import a file or connect a server."
    ):
        navigation.button("home", "Look at the first steps", "home", type="primary")


def adopt(experiment_id: str) -> None:
    """Go on in the experiment of an entity that a link led to."""
    before, st.session_state["chosen.experiment"] = st.session_state.get("chosen.experiment"), experiment_id
    if "experiment" in st.query_params:
        _into_address("experiment")
    if before != experiment_id:
        # The links of the sidebar are drawn already, and lead to the other one.
        st.rerun()


def controls(scope: Scope, with_range: bool = True) -> None:
    """The two controls; call it inside the page header's block."""
    names = dict(loaders.experiments())
    changed = url_state.follow("experiment", "scope-experiment", list(names), scope.experiment_id, remember=True)
    st.selectbox(
        "Experiment",
        list(names),
        format_func=lambda one: names.get(one, one),
        key="scope-experiment",
        on_change=changed,
        label_visibility="collapsed",
        width=230,
    )
    if not with_range:
        return
    url_state.segmented("Time range", RANGES, "range", "scope-range", scope.range, remember=True)
    if scope.range == "custom":
        _custom_dates(scope)


def _custom_dates(scope: Scope) -> None:
    first = datetime.fromtimestamp((scope.start_ms or 0) / 1000, zone()).date()
    last = datetime.fromtimestamp((scope.end_ms - 1) / 1000, zone()).date()
    st.session_state["scope-dates"] = (first, last)

    def changed() -> None:
        dates = st.session_state["scope-dates"]
        if len(dates) == 2:
            choose(**{"from": dates[0].isoformat(), "to": dates[1].isoformat()})

    st.date_input("Days", key="scope-dates", on_change=changed, label_visibility="collapsed", width=230)


def _bounds(kind: str) -> tuple[int | None, int]:
    end = (int(datetime.now(UTC).timestamp() * 1000) // 60_000 + 1) * 60_000
    if kind == "all":
        return None, end
    if kind != "custom":
        return end - _DAYS[kind] * DAY_MS, end
    today = datetime.now(zone()).date()
    first = _date("from", today - timedelta(days=6))
    last = max(first, _date("to", today))
    return _midnight(first), _midnight(last + timedelta(days=1))


def _date(name: str, default: date) -> date:
    text = st.query_params.get(name) or st.session_state.get(f"chosen.{name}")
    try:
        found = date.fromisoformat(text) if text else default
    except ValueError:
        found = default
    st.session_state[f"chosen.{name}"] = found.isoformat()
    return found


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), zone()).timestamp() * 1000)
