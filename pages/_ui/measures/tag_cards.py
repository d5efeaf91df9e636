"""Tags: a card a key with its values; what goes with errors, or with the value that was clicked, at the end of each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from insights_core.analytics.models import DimensionValue, TagInfo, TagMetrics, ValueCount
from pages._ui.look.formats import escape_markdown, plural, share
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.measure import Columns, Range
from pages._ui.measures.measure_slices import Part
from pages._ui.measures.measure_values import value_list
from pages._ui.parts import evidence
from pages._ui.shell import navigation, states
from pages._ui.shell.scope import Scope

PAGE_SIZE = 8
_PARAM = "tag"
# More values of a key are in no chart and no table of this page; the card says how many there are.
_MOST_VALUES = 100
# Enough rows that every key on a page has its strongest three among them.
_MOST_ROWS = 400


@dataclass(frozen=True)
class Followed:
    """The part of the traces that every card follows."""

    part: Part
    count: int
    key: str | None
    """Tag key of the value that was clicked; None: errors, because nothing was."""


@st.cache_resource(show_spinner=False, max_entries=16)
def keys(wanted: Range) -> list[TagInfo]:
    """All keys, most traces first; those of which each trace has its own value last."""
    found = measure.analytics().tags(*wanted.asked).data
    return sorted(found, key=lambda one: (_is_id(one), -one.trace_count, one.tag_key))


def _is_id(one: TagInfo) -> bool:
    return one.unique_values == one.trace_count and one.unique_values > PAGE_SIZE


@st.cache_resource(show_spinner=False, max_entries=256)
def _metrics(wanted: Range, tag_key: str) -> TagMetrics:
    experiments, start, end = wanted.asked
    return measure.analytics().tag(experiments, tag_key, start, end, _MOST_VALUES).data


def no_tags() -> None:
    """What to do where nobody set a tag."""
    states.empty(
        "No tags in this time",
        "Tags say whose trace it is: channel, version, customer. Set them where your agent runs:",
    )
    _, middle, _ = st.columns([1, 2, 1])
    middle.code('import mlflow\n\nmlflow.update_current_trace(tags={"channel": "web"})', language="python")


def followed(wanted: Range, known: list[TagInfo]) -> Followed:
    """The value that the URL names, else the traces with errors."""
    wanted_pair = st.query_params.get(_PARAM, "")
    # Keys may hold the sign too, so the longest that fits is meant.
    fitting = [one.tag_key for one in known if wanted_pair.startswith(f"{one.tag_key}=")]
    if fitting:
        key = max(fitting, key=len)
        value = wanted_pair[len(key) + 1 :]
        chosen = DimensionValue(name=f"tags.{key}", parameters={"value": value})
        part = measure_slices.dimension(f"{key} = {value}", wanted, chosen)
        return Followed(part, _size(wanted, part), key)
    part = measure_slices.filtered("errors", measure_slices.ERRORS)
    return Followed(part, _size(wanted, part), None)


@st.cache_resource(show_spinner=False, max_entries=256)
def _size(wanted: Range, part: Part) -> int:
    experiments, start, end = wanted.asked
    return measure.analytics().slice_trace_ids(experiments, part.slice, start, end, 1).total_count


def selection(scope: Scope, wanted: Range, follows: Followed) -> None:
    """What the cards follow, and what can be done with it. Its height is reserved: a click moves nothing."""
    with st.container(horizontal=True, vertical_alignment="center", key="bulk"):
        if follows.key is None:
            which = "the value that comes with most errors" if follows.count else "its most frequent value"
            st.caption(f"Each tag ends in what goes with {which}. Click a value to follow it on all.", width="content")
            return
        st.markdown(
            f"**{escape_markdown(follows.part.name, 80)}** :gray[{plural(follows.count, 'trace')}, {share(follows.count, wanted.traces)} of all]",
            width="content",
        )
        if st.button("Clear selection", icon=":material/close:", type="tertiary", key="clear-tag"):
            st.query_params.pop(_PARAM, None)
            st.rerun()
        st.space("stretch")
        measure_slices.actions(scope, wanted, follows.part, "tag", width="content")
        navigation.link("traces", "View traces", follows.part.params(wanted))


def card(wanted: Range, info: TagInfo, follows: Followed) -> None:
    """A key: its values as rows to click, and what goes with what the page follows."""
    words = f"{plural(info.unique_values, 'value')} · {share(info.trace_count, wanted.traces)} of traces"
    if _is_id(info):
        with measure.card(info.tag_key, words):
            st.caption("Each trace has a value of its own, so there is nothing to compare.")
        return
    found = _metrics(wanted, info.tag_key)
    table: Columns = {
        "Value": [one.value for one in found.top_values],
        "Traces": [one.count for one in found.top_values],
        "Share, %": [one.percentage for one in found.top_values],
    }
    key = hashlib.blake2s(info.tag_key.encode(), digest_size=6).hexdigest()
    more = (found.unique_values, found.trace_count)
    other = follows.key not in (None, info.tag_key)
    here = _among(wanted, follows.part, info.tag_key) if other else None
    part = _worst(wanted, follows, found) if follows.key is None else follows.part
    words = "count · here · all" if other else words
    with measure.card(
        info.tag_key,
        words,
        traces=part.params(wanted),
        table=lambda: table,
        help=f"“View traces” opens {escape_markdown(part.name, 80)}.",
    ):
        value_list(f"Values of {info.tag_key}", found.top_values, key, _PARAM, owner=info.tag_key, more=more, here=here)
        if other:
            answer = measure_slices.looked(wanted, part, ("tags",), _MOST_ROWS)
            rows = [one for one in answer.data if one.value.startswith(f"{info.tag_key}=")][:3]
            shown = [measure_slices.row_of(wanted, part, one) for one in rows]
            evidence.correlations(part.name, shown, key, nothing=measure_slices.nothing(answer))
        else:
            measure_slices.foot(wanted, part, key)


@st.cache_resource(show_spinner=False, max_entries=256)
def _among(wanted: Range, part: Part, tag_key: str) -> dict[str, ValueCount]:
    """The values of a key among the traces of a part."""
    experiments, start, end = wanted.asked
    found = measure.analytics().tag(experiments, tag_key, start, end, None, slice=part.slice).data
    return {one.value: one for one in found.top_values}


def _worst(wanted: Range, errors: Followed, found: TagMetrics) -> Part:
    """The value that goes with errors most; where no trace has one, the most frequent."""
    value = found.top_values[0].value
    if errors.count:
        prefix = f"{found.tag_key}="
        known = {prefix + one.value for one in found.top_values}
        first = next((one for one in _with_errors(wanted, errors.part) if one in known), None)
        value = first.removeprefix(prefix) if first else value
    chosen = DimensionValue(name=f"tags.{found.tag_key}", parameters={"value": value})
    return measure_slices.dimension(f"{found.tag_key} = {value}", wanted, chosen)


@st.cache_resource(show_spinner=False, max_entries=16)
def _with_errors(wanted: Range, part: Part) -> list[str]:
    """key=value of all tags, those that go with errors most first."""
    experiments, start, end = wanted.asked
    found = measure.analytics().correlations(experiments, None, ["tags"], start, end, _MOST_ROWS, slice=part.slice)
    return [one.value for one in found.data]
