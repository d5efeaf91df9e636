"""A slice of the traces, as a filter or a topic, and everything that goes with it."""

from __future__ import annotations

import streamlit as st

from insights_core.analytics.models import Correlation, Slice
from pages._ui.look.formats import escape_markdown, number, plural, share
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.measure import Columns, Range
from pages._ui.measures.measure_slices import Part
from pages._ui.parts import evidence
from pages._ui.shell import loaders, states, url_state
from pages._ui.shell.scope import Scope

_PARAM = "filter"
_KINDS = {"tools": "Tools", "tags": "Tags", "assessments": "Assessments"}
_EXAMPLES = {"Errors": measure_slices.ERRORS, "Over 10 s": "trace.execution_time_ms > 10000"}


def a_slice(scope: Scope, wanted: Range) -> None:
    """The filter, the kinds to look at, and the list."""
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        part = _topic() or _filter()
    with right, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        _examples()
        kinds = _kinds()
    with states.failures("slice"):
        # A filter that MLflow cannot read is said below it, not in its place.
        _list(scope, wanted, part, kinds)


def _list(scope: Scope, wanted: Range, part: Part, kinds: tuple[str, ...]) -> None:
    size = _size(wanted, part)
    if not size:
        with states.empty("No trace matches", f"Nothing in {scope.label} has all of this. Loosen the filter."):
            pass
        return
    answer = measure_slices.looked(wanted, part, kinds)
    found = answer.data
    words = f"{plural(size, 'trace')} · {share(size, wanted.traces)} of all"
    with measure.card("Slice", words, traces=part.params(wanted), table=lambda: _table(found), help=_HELP):
        rows = [measure_slices.row_of(wanted, part, one) for one in found]
        nothing = measure_slices.nothing(answer)
        evidence.correlations(part.name, rows, "slice", measure_slices.MOST_ROWS, nothing)
        if len(found) == measure_slices.MOST_ROWS:
            st.caption(f"The strongest {measure_slices.MOST_ROWS} are shown.")
        elif found:
            st.caption(f"{len(found)} of {plural(answer.looked_at, 'value')} looked at.")
        measure_slices.actions(scope, wanted, part, "slice")


_HELP = "Tools, tags and assessments that these traces have more often than chance explains: at most 5% of what is shown is there by chance. What defines the traces is left out."


def _filter() -> Part:
    changed = url_state.follow(_PARAM, "slice-filter", default=measure_slices.ERRORS)
    text = st.text_input(
        "Filter",
        key="slice-filter",
        on_change=changed,
        placeholder="tags.channel = 'web' AND trace.execution_time_ms > 5000",
        icon=":material/code:",
        label_visibility="collapsed",
        help="MLflow's trace filter syntax",
    )
    said = text.strip() or measure_slices.ERRORS
    name = next((name.lower() for name, example in _EXAMPLES.items() if example == said), said)
    return measure_slices.filtered(name, said)


def _examples() -> None:
    """Filters to begin with; they replace a topic too."""
    with st.container(horizontal=True, width="content"):
        for name, example in _EXAMPLES.items():
            if st.button(name, type="tertiary", key=f"example-{name}"):
                for param in ("insight", "cluster"):
                    st.query_params.pop(param, None)
                url_state.put(_PARAM, example)
                st.rerun()


def _topic() -> Part | None:
    """The topic of an insight that the URL names."""
    run_id, cluster_id = st.query_params.get("insight"), st.query_params.get("cluster")
    if not run_id or not cluster_id:
        return None
    details = loaders.insight_details(loaders.insight(run_id))
    title = next((one.title for one in details.clusters if one.cluster_id == cluster_id), cluster_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Topic **{escape_markdown(title, 90)}**", width="content")
        if st.button("Use a filter instead", icon=":material/close:", type="tertiary"):
            for name in ("insight", "cluster"):
                st.query_params.pop(name, None)
            st.rerun()
    return Part(title, Slice(insight_run_id=run_id, cluster_id=cluster_id), None)


def _kinds() -> tuple[str, ...]:
    names = list(_KINDS)
    wanted = [one for one in st.query_params.get("kinds", "").split(",") if one in names] or names
    st.session_state["slice-kinds"] = wanted
    chosen = st.pills(
        "Look at",
        names,
        selection_mode="multi",
        format_func=_KINDS.__getitem__,
        key="slice-kinds",
        on_change=lambda: url_state.put("kinds", ",".join(st.session_state["slice-kinds"])),
        label_visibility="collapsed",
    )
    return tuple(one for one in names if one in chosen) or tuple(names)


@st.cache_resource(show_spinner=False, max_entries=256)
def _size(wanted: Range, part: Part) -> int:
    experiments, start, end = wanted.asked
    return measure.analytics().slice_trace_ids(experiments, part.slice, start, end, 1).total_count


def _table(found: list[Correlation]) -> Columns:
    return {
        "Kind": [one.dimension for one in found],
        "Value": [one.value for one in found],
        "NPMI": [round(one.npmi_score, 3) for one in found],
        "From": [round(one.npmi_lower, 3) for one in found],
        "To": [round(one.npmi_upper, 3) for one in found],
        "Strength": [one.strength for one in found],
        "Traces": [one.trace_count for one in found],
        "% of slice": [one.percentage_of_slice for one in found],
        "% of total": [one.percentage_of_total for one in found],
        "q": [number(one.q_value) if one.q_value >= 1 else f"{one.q_value:.2g}" for one in found],
    }
