"""Parts of the traces that a measure points at, what goes with them, and what can be done with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from insights_core.analytics.models import Correlation as Found
from insights_core.analytics.models import CorrelationsResponse, DimensionValue, Slice
from insights_core.errors import InvalidParameterError
from insights_core.statistics.discoveries import FALSE_DISCOVERY_RATE
from pages._ui.actions import create_insight, promote
from pages._ui.look.formats import escape_markdown, number, plural
from pages._ui.measures import measure
from pages._ui.measures.measure import Range
from pages._ui.parts import evidence
from pages._ui.shell import permissions
from pages._ui.shell.scope import Scope
from pages._ui.traces.trace_search import quoted

KINDS = ("tools", "tags", "assessments")
ERRORS = "trace.status = 'ERROR'"
# MLflow's filter asks all its conditions on spans of one and the same span, so traces with two tools can only be named
# one by one; more ids than this make an address that browsers and proxies cut.
MOST_IDS = 50
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"used": "used", "error": "fails", "success": "succeeds"}
_NAMES = {"used": "use of {}", "error": "failures of {}", "success": "successes of {}"}
# The interval of each row takes a quarter of a millisecond: lists are bounded, and say so where it shows.
MOST_ROWS = 60


@dataclass(frozen=True)
class Part:
    """Some of the traces: what they are called, which they are, and how the Traces page finds them."""

    name: str
    """As it stands after "Goes with": errors. Plain text."""
    slice: Slice
    filter: str | None
    """The same in MLflow's syntax; None where that cannot say it."""

    def params(self, wanted: Range) -> dict[str, str] | None:
        """Query parameters that open these traces; ids, the newest first, where no filter says them."""
        if self.filter is not None:
            return {"filter": self.filter}
        experiments, start, end = wanted.asked
        found = measure.analytics().slice_trace_ids(experiments, self.slice, start, end, MOST_IDS)
        return {"filter": ids_filter(found.trace_ids)} if found.trace_ids else None


def filtered(name: str, filter_string: str) -> Part:
    """The part that a filter string says."""
    return Part(name, Slice(filter_string=filter_string), filter_string)


def dimension(name: str, wanted: Range, value: DimensionValue) -> Part:
    """The part that has a dimension's value."""
    return Part(name, Slice(dimension=value), filter_of(wanted, value))


def tool(wanted: Range, name: str, outcome: str) -> Part:
    """The traces that used a tool, or in which it failed or succeeded."""
    value = DimensionValue(name=f"tools.{name}", parameters={"value": outcome})
    return dimension(_NAMES[outcome].format(name), wanted, value)


def ids_filter(trace_ids: Iterable[str]) -> str:
    """The filter that finds these traces, at most MOST_IDS of them."""
    return f"trace.request_id IN ({', '.join(quoted(one) for one in list(trace_ids)[:MOST_IDS])})"


def filter_of(wanted: Range, value: DimensionValue) -> str | None:
    """A dimension in MLflow's filter syntax; None where a name or a value holds what that cannot quote."""
    texts = [value.name.partition(".")[2], *map(str, value.parameters.values())]
    if any(("'" in text and '"' in text) or "`" in text for text in texts):
        return None
    experiments, start, end = wanted.asked
    return measure.analytics().dimension_filter(experiments, value, start, end)


def together(*filters: str | None) -> str | None:
    """One filter for all of these; None where one is missing or two of them are about spans."""
    given = [one for one in filters if one]
    if len(given) < len(filters) or sum("span." in one for one in given) > 1:
        return None
    return " AND ".join(given)


def found(wanted: Range, part: Part, kinds: tuple[str, ...] = KINDS, limit: int = MOST_ROWS) -> list[Found]:
    """What goes with a part more than chance has it, the strongest `limit`; shared by all sessions and computed once."""
    return looked(wanted, part, kinds, limit).data


@st.cache_resource(show_spinner=False, max_entries=256, ttl=600)
def looked(wanted: Range, part: Part, kinds: tuple[str, ...] = KINDS, limit: int = MOST_ROWS) -> CorrelationsResponse:
    """The same with how much was looked at: only what passes a false discovery rate of 5 % over all of it is listed."""
    experiments, start, end = wanted.asked
    asked = limit
    while True:
        answer = measure.analytics().correlations(
            experiments, None, kinds, start, end, asked, slice=part.slice, max_q=FALSE_DISCOVERY_RATE
        )
        rows = _without_repeats(answer.data)
        if len(rows) >= limit or len(answer.data) < asked:
            return answer.model_copy(update={"data": rows[:limit]})
        # No more rows are asked for than are shown: an interval is as wide as the choice was narrow.
        asked += limit - len(rows)


def nothing(answer: CorrelationsResponse) -> str:
    """What to say where nothing goes with a part."""
    values = plural(answer.looked_at, "value")
    if not answer.looked_at or answer.enough:
        return f"Nothing stands out, of {values} looked at"
    if answer.unit == "session":
        return f"Too few sessions to tell: {number(answer.unit_count)}, for {values} looked at"
    return f"Nothing stands out, of {values} looked at; a doubled share would need more traces to be seen"


@st.cache_resource(show_spinner=False, max_entries=1024, ttl=600)
def row_of(wanted: Range, part: Part, one: Found) -> evidence.Correlation:
    """A value that goes with a part, as the foot of a card shows it."""
    names = _assessment_names(wanted) if one.dimension == "assessment" else []
    return _row(wanted, part, one, names)


def _without_repeats(found: Sequence[Found]) -> list[Found]:
    """Leave out "tool used" where the tool fails in each of these traces: "tool fails" says both."""
    failing = {
        (one.value.removesuffix("=error"), one.trace_count, one.percentage_of_total) for one in found if _fails(one)
    }
    return [
        one
        for one in found
        if one.dimension != "tool"
        or _fails(one)
        or (one.value, one.trace_count, one.percentage_of_total) not in failing
    ]


def _fails(one: Found) -> bool:
    return one.dimension == "tool" and one.value.endswith("=error")


def value_of(wanted: Range, one: Found) -> DimensionValue:
    """The dimension that finds a value."""
    return _named(one, _assessment_names(wanted) if one.dimension == "assessment" else [])[1]


def _assessment_names(wanted: Range) -> list[str]:
    experiments, start, end = wanted.asked
    names = [one.assessment_name for one in measure.analytics().assessments(experiments, start, end).data]
    return sorted(names, key=len, reverse=True)


def _row(wanted: Range, part: Part, one: Found, assessments: Sequence[str]) -> evidence.Correlation:
    label, value = _named(one, assessments)
    having = one.trace_count / (one.percentage_of_total / 100) if one.percentage_of_total else 0.0
    return evidence.Correlation(
        label=label,
        score=one.npmi_score,
        low=one.npmi_lower,
        high=one.npmi_upper,
        here=one.percentage_of_slice / 100,
        overall=min(1.0, having / wanted.traces),
        traces=one.trace_count,
        params=_both_params(wanted, part, value),
        note=f"{one.percentage_of_slice:.0f}% of {part.name}; of all traces with it, {one.percentage_of_total:.0f}% are among them",
    )


def _both_params(wanted: Range, part: Part, value: DimensionValue) -> dict[str, str] | None:
    """Query parameters that open the traces of a part that have a value too."""
    try:
        condition = together(part.filter, filter_of(wanted, value))
        if condition is not None:
            return {"filter": condition}
        if part.filter is not None:
            return Part("", Slice(filter_string=part.filter, dimension=value), None).params(wanted)
        if part.slice.dimension is None:
            return Part("", part.slice.model_copy(update={"dimension": value}), None).params(wanted)
    except InvalidParameterError:
        # A name that reads as another one ("a=b" = "c"): its row stands, without a link.
        return None
    return None


def _named(one: Found, assessments: Sequence[str]) -> tuple[str, DimensionValue]:
    """A value for people, and as the dimension that finds it."""
    if one.dimension == "tool":
        name, outcome = (one.value.removesuffix("=error"), "error") if _fails(one) else (one.value, "used")
        return f"Tool {name} {_WORDS[outcome]}", DimensionValue(name=f"tools.{name}", parameters={"value": outcome})
    if one.dimension == "tag":
        key, _, value = one.value.partition("=")
        return f"Tag {key} = {value}", DimensionValue(name=f"tags.{key}", parameters={"value": value})
    name = next((name for name in assessments if one.value.startswith(name)), one.value.partition("=")[0])
    rest = one.value[len(name) :]
    for sign in (">=", "<"):
        if rest.startswith(sign):
            limits = {"threshold": float(rest[len(sign) :]), "operator": sign}
            words = f"Assessment {name} {'from' if sign == '>=' else 'below'} {rest[len(sign) :]}"
            return words, DimensionValue(name=f"assessment.{name}", parameters=limits)
    value = rest.removeprefix("=")
    parameters: dict[str, object] = {"value": value}
    return f"Assessment {name} = {value}", DimensionValue(name=f"assessment.{name}", parameters=parameters)


def foot(wanted: Range, part: Part, key: str, most: int = 3) -> None:
    """The end of a card: what goes with the part it points at."""
    answer = looked(wanted, part, limit=most)
    evidence.correlations(part.name, [row_of(wanted, part, one) for one in answer.data], key, most, nothing(answer))


def actions(
    scope: Scope, wanted: Range, part: Part, key: str, width: Literal["content", "stretch"] = "stretch"
) -> None:
    """What can be done with a part: an insight of it, an investigation of it. A row of quiet buttons."""
    with st.container(horizontal=True, vertical_alignment="center", width=width):
        if st.button(
            "New insight",
            icon=":material/auto_awesome:",
            type="tertiary",
            key=f"insight-{key}",
            help=f"Group {escape_markdown(part.name)} by what they say",
        ):
            new_insight(scope, wanted, part)
        if not permissions.may_write(scope.experiment_id):
            return
        if st.button("Investigate", icon=":material/science:", type="tertiary", key=f"investigate-{key}"):
            _investigate(scope, wanted, part)


def _investigate(scope: Scope, wanted: Range, part: Part) -> None:
    """Open the dialog that makes a part the evidence of a hypothesis; what goes with it most is the first sentence."""
    experiments, start, end = wanted.asked
    ids = measure.analytics().slice_trace_ids(experiments, part.slice, start, end).trace_ids
    first = found(wanted, part, limit=1)
    name = part.name[:1].upper() + part.name[1:]
    statement = f"{name} go with: {row_of(wanted, part, first[0]).label}" if first else name
    promote.promote(scope.experiment_id, ids, statement, f"Found by {part.filter or part.name}")


def new_insight(scope: Scope, wanted: Range, part: Part) -> None:
    """Open the Create Insight dialog for the traces of a part, in the page's time range."""
    days = {"24h": 1, "7d": 7, "30d": 30}.get(scope.range)
    question = f"What do the traces have in common: {part.name}? Where does the agent fail?"
    if part.filter is None:
        experiments, start, end = wanted.asked
        ids = measure.analytics().slice_trace_ids(experiments, part.slice, start, end).trace_ids
        create_insight.create_insight(scope.experiment_id, ids, instruction=question)
        return
    times = ""
    if days is None and scope.start_ms is not None:
        times = f" AND trace.timestamp_ms >= {scope.start_ms} AND trace.timestamp_ms < {scope.end_ms}"
    create_insight.create_insight(
        scope.experiment_id, filter_string=part.filter + times, instruction=question, days=days
    )
