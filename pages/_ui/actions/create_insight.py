"""The Create Insight dialog: question, traces, name, and what it will cost before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st
from pydantic import ValidationError

from insights_core import settings
from insights_core.entities import Insight, InsightEstimate, InsightSpec, TraceScope
from insights_core.errors import InsightsError
from pages._ui.look.formats import about, escape_markdown, money, number, plural
from pages._ui.shell import loaders, navigation, states
from pages._ui.shell.scope import DAY_MS

_QUESTIONS = (
    "What do users ask for, and where does the agent fail?",
    "Which tools fail, and what does the agent do then?",
    "Where does the agent claim something that no tool result backs?",
)
_RANGES = {"All time": None, "24 h": 1, "7 d": 7, "30 d": 30}
_STATUS_ONLY = "Traces with status ERROR"
_SAMPLES = {"All of them": None, "At most 5,000": 5_000, "At most 1,000": 1_000, "At most 200": 200}
_LEAST_CHARS = 3
_METHODS = ("hdbscan", "kmeans", "agglomerative", "dbscan", "evoc")


def create_insight(
    experiment_id: str,
    trace_ids: Sequence[str] | None = None,
    filter_string: str = "",
    instruction: str = "",
    name: str = "",
    days: int | None = None,
) -> None:
    """Open the dialog.

    Args:
        experiment_id: Whose traces.
        trace_ids: A selection; the traces are then fixed.
        filter_string: MLflow filter to begin with.
        instruction: Text to begin with.
        name: Name to begin with.
        days: The last so many days to begin with: 1, 7 or 30; None is all time.
    """
    for key in [key for key in st.session_state if str(key).startswith("new-insight-")]:
        del st.session_state[key]
    st.session_state["new-insight-instruction"] = instruction
    st.session_state["new-insight-filter"] = filter_string
    st.session_state["new-insight-name"] = name
    st.session_state["new-insight-range"] = next(label for label, value in _RANGES.items() if value == days)
    st.dialog("Create insight", width="medium", icon=":material/auto_awesome:")(_dialog)(
        experiment_id, list(trace_ids) if trace_ids else None
    )


def button(
    experiment_id: str,
    label: str = "Create insight",
    key: str = "create-insight",
    width: Literal["content", "stretch"] = "content",
    **preset: Any,
) -> None:
    """The primary button that opens the dialog; `preset` as for `create_insight`."""
    if st.button(label, icon=":material/auto_awesome:", type="primary", key=key, width=width):
        create_insight(experiment_id, **preset)


def again(insight: Insight) -> None:
    """Open the dialog with the question and the traces of an earlier insight."""
    spec = loaders.insight_spec(insight.run_id)
    create_insight(
        insight.experiment_id,
        spec.scope.trace_ids,
        spec.scope.filter_string or "",
        spec.instruction,
        spec.name or insight.name,
    )


def _dialog(experiment_id: str, trace_ids: list[str] | None) -> None:
    with states.failures("create"):
        st.text_area(
            "What do you want to know?",
            key="new-insight-instruction",
            placeholder=_QUESTIONS[0],
            height=84,
            max_chars=4000,
        )
        st.pills(
            "Examples", _QUESTIONS, key="new-insight-example", on_change=_use_example, label_visibility="collapsed"
        )
        values = _traces_inputs(experiment_id, trace_ids) | _failure_input(experiment_id) | _more_inputs()
        spec, problem = _spec(values)
        estimate = _estimate(spec, problem)
        asked = len(st.session_state["new-insight-instruction"].strip()) >= _LEAST_CHARS
        possible = asked and spec is not None and estimate is not None and estimate.sample_traces > 0
        with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            if not asked:
                st.caption("Say what you want to know.", width="content")
            if (
                st.button("Create insight", type="primary", icon=":material/auto_awesome:", disabled=not possible)
                and spec
            ):
                _create(spec)


def _use_example() -> None:
    if st.session_state["new-insight-example"]:
        st.session_state["new-insight-instruction"] = st.session_state["new-insight-example"]


def _traces_inputs(experiment_id: str, trace_ids: list[str] | None) -> dict[str, Any]:
    if trace_ids:
        st.markdown(f":material/check_box: **{plural(len(trace_ids), 'selected trace')}**")
        return {"scope": {"experiment_id": experiment_id, "trace_ids": trace_ids}}
    left, right = st.columns([5, 7], vertical_alignment="bottom")
    days = _RANGES[
        left.segmented_control("Traces of", list(_RANGES), required=True, key="new-insight-range") or "All time"
    ]
    sample = right.selectbox(
        "Sample", list(_SAMPLES), key="new-insight-sample", help="At random over all that match, the same each time."
    )
    filter_string = st.text_input(
        "Filter",
        key="new-insight-filter",
        placeholder="trace.status = 'ERROR' AND tags.channel = 'web'",
        help="MLflow's trace filter syntax. Empty takes all.",
    )
    scope: dict[str, Any] = {
        "experiment_id": experiment_id,
        "filter_string": filter_string.strip() or None,
        "max_traces": _SAMPLES[sample],
    }
    if days:
        from time import time

        # Full hours, so that the estimate of a moment ago still holds.
        scope["start_time_ms"] = int(time() * 1000) // 3_600_000 * 3_600_000 - days * DAY_MS
    return {"scope": scope}


def _failure_input(experiment_id: str) -> dict[str, Any]:
    """What counts as failed: proposed from tags and judges, or written by hand."""
    rule = st.selectbox(
        "What counts as failed",
        [_STATUS_ONLY, *loaders.failure_rules(experiment_id)],
        key="new-insight-failed",
        accept_new_options=True,
        help="A rule over tags, judges and the status, such as `tags.reward < 1 OR feedback.correct = false`. "
        "Where it does not tell, a guess is learnt from it and shown as a guess, if it is better than chance.",
    )
    return {"failed_when": None if rule in (None, "", _STATUS_ONLY) else str(rule).strip()}


def _more_inputs() -> dict[str, Any]:
    has_endpoint = bool(settings.OPENAI_API_KEY.get() or settings.OPENAI_BASE_URL.get())
    models = [settings.INSIGHTS_MODEL.get(), "offline"] if has_endpoint else ["offline"]
    left, right = st.columns([7, 5])
    name = left.text_input(
        "Name", key="new-insight-name", placeholder="Made from the question where empty", max_chars=200
    )
    model = right.selectbox(
        "Model",
        models,
        key="new-insight-model",
        accept_new_options=has_endpoint,
        help="offline needs no key and no network: summaries are extracted, not written."
        + ("" if has_endpoint else " Set OPENAI_API_KEY or OPENAI_BASE_URL for a model."),
    )
    scope: dict[str, Any] = {}
    with st.expander("More", icon=":material/tune:", key="new-insight-more"):
        one, two, three = st.columns(3)
        run_id = one.text_input("Only of run", key="new-insight-run", placeholder="run id")
        session = two.text_input("Only of session", key="new-insight-session", placeholder="session id")
        cap = three.number_input(
            "Spend at most, $", min_value=0.0, value=None, key="new-insight-cap", placeholder="no cap"
        )
        method = one.selectbox("Clustering", _METHODS, key="new-insight-method")
        smallest = two.number_input(
            "Smallest topic", min_value=2, value=None, key="new-insight-smallest", placeholder="automatic"
        )
        seed = three.number_input("Seed", min_value=0, value=0, key="new-insight-seed")
    if run_id:
        scope["run_id"] = run_id.strip()
    if session:
        scope["session_id"] = session.strip()
    clustering = {"method": method, "min_cluster_size": smallest, "seed": seed}
    return {
        "name": name.strip() or None,
        "model": model,
        "max_cost_usd": cap or None,
        "clustering": clustering,
        "more_scope": {**scope, "seed": seed},
    }


def _spec(values: dict[str, Any]) -> tuple[InsightSpec | None, str]:
    """The job, with an example for the question while there is none: what it takes does not wait for the question."""
    instruction = st.session_state["new-insight-instruction"].strip()
    if len(instruction) < _LEAST_CHARS:
        instruction = _QUESTIONS[0]
    more = values.pop("more_scope")
    try:
        return InsightSpec(**{**values, "instruction": instruction, "scope": TraceScope(**values["scope"], **more)}), ""
    except ValidationError as error:
        first = error.errors()[0]
        return None, f"{' '.join(str(part) for part in first['loc'])}: {first['msg']}."


def _estimate(spec: InsightSpec | None, problem: str) -> InsightEstimate | None:
    place = st.container(border=True, height=118)
    with place:
        if spec is None:
            st.caption(escape_markdown(problem))
            return None
        try:
            with states.loading("Counting traces and tokens", 50):
                estimate = loaders.estimate(spec)
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return None
        if not estimate.sample_traces:
            st.warning("No trace matches. Widen the time range or the filter.", icon=":material/search_off:")
            return estimate
        _show(estimate)
        return estimate


def _show(estimate: InsightEstimate) -> None:
    tokens = estimate.input_tokens + estimate.output_tokens
    shown = number(estimate.sample_traces)
    if estimate.sample_traces < estimate.matching_traces:
        shown += f" of {number(estimate.matching_traces)}"
    cost = (
        "free"
        if estimate.model == "offline"
        else "price unknown"
        if estimate.cost_usd is None
        else f"about {money(estimate.cost_usd)}"
    )
    with st.container(horizontal=True, gap="medium"):
        figures = [(shown, "traces"), (about(1000 * estimate.duration_s), "time"), (cost, "cost")]
        if tokens:
            figures.append((f"about {number(tokens)}", "tokens"))
        for value, label in figures:
            st.markdown(f"**{escape_markdown(value)}** :gray[{label}]", width="content")
        if estimate.summarized_traces:
            st.markdown(f"**{number(estimate.summarized_traces)}** :gray[summarised already]", width="content")
    st.caption(escape_markdown(estimate.basis, 300))


def _create(spec: InsightSpec) -> None:
    try:
        run_id = loaders.client().create_insight(spec)
    except InsightsError as error:
        st.error(escape_markdown(error.message), icon=":material/error:")
        return
    loaders.forget_lists()
    navigation.go_to("insight", {"run": run_id})
