"""Two dimensions: how many traces have the one, the other, and both, and whether that is more than chance."""

from __future__ import annotations

import streamlit as st

from insights_core.analytics.models import CorrelationScore, Dimension, DimensionValue, NPMIResponse, Slice
from pages._ui.look.formats import MINUS, escape_html, escape_markdown, number, share
from pages._ui.measures import measure, measure_slices
from pages._ui.measures.dimension_input import dimension_input, words
from pages._ui.measures.measure import Range
from pages._ui.measures.measure_slices import Part
from pages._ui.parts import layout
from pages._ui.parts.evidence import strength_word
from pages._ui.shell import states
from pages._ui.shell.scope import Scope

_STATUS = DimensionValue(name="status", parameters={"value": "ERROR"})
_SLOW = DimensionValue(name="latency", parameters={"threshold": 5000, "operator": ">"})


@st.cache_resource(show_spinner=False, max_entries=16)
def dimensions(wanted: Range) -> dict[str, Dimension]:
    """Everything the traces can be sliced by, by name."""
    return {one.name: one for one in measure.analytics().dimensions(*wanted.asked).data}


def pair(scope: Scope, wanted: Range) -> None:
    """Two dimensions side by side, and what they have to do with each other below."""
    known = dimensions(wanted)
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        first = dimension_input("These traces", "a", known, _STATUS)
    with right, st.container(border=True, height="stretch"):
        second = dimension_input("And these", "b", known, _partner(wanted))
    if first is None or second is None:
        states.empty("A value is missing", "Both sides need one before they can be compared.")
        return
    _result(scope, wanted, first, second, (words(first, known), words(second, known)))


@st.cache_resource(show_spinner=False, max_entries=16)
def _partner(wanted: Range) -> DimensionValue:
    """What to begin with on the other side: what goes with errors most, else slow traces."""
    found = measure_slices.found(wanted, measure_slices.filtered("errors", measure_slices.ERRORS), limit=1)
    return measure_slices.value_of(wanted, found[0]) if found else _SLOW


@st.cache_resource(show_spinner=False, max_entries=256)
def _npmi(wanted: Range, first: str, second: str) -> NPMIResponse:
    experiments, start, end = wanted.asked
    one, other = (DimensionValue.model_validate_json(side) for side in (first, second))
    return measure.analytics().npmi(experiments, one, other, start, end)


def _result(scope: Scope, wanted: Range, first: DimensionValue, second: DimensionValue, names: tuple[str, str]) -> None:
    found = _npmi(wanted, first.model_dump_json(), second.model_dump_json())
    one, other, both = found.dimension1.count, found.dimension2.count, found.intersection.count
    part = _both(wanted, first, second, f"{names[0]} and {names[1]}")
    params = part.params(wanted) if part and both else None
    with measure.card("Together", _verdict(found.correlation), traces=params, help=_HELP):
        layout.facts(
            [
                (_capital(names[0]), number(one), f"{share(one, wanted.traces)} of {number(wanted.traces)} traces"),
                (_capital(names[1]), number(other), f"{share(other, wanted.traces)} of all"),
                ("Both", number(both), f"by chance it would be about {_expected(one * other / wanted.traces)}"),
            ]
        )
        st.markdown(sentence(found, wanted.traces, names))
        _scale(found.correlation)
        if part and both:
            measure_slices.actions(scope, wanted, part, "pair")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_HELP = "Normalised pointwise mutual information (NPMI): 1 where both always come together, 0 where each comes as chance has it, −1 where they never meet. The interval holds the true value in 95 of 100 cases, if traces like these keep coming; traces of one session count as far as they differ."


def _both(wanted: Range, first: DimensionValue, second: DimensionValue, name: str) -> Part | None:
    """The traces with both; None where neither side can be said as a filter."""
    filters = measure_slices.filter_of(wanted, first), measure_slices.filter_of(wanted, second)
    if filters[0] is not None:
        part = Slice(filter_string=filters[0], dimension=second)
    elif filters[1] is not None:
        part = Slice(filter_string=filters[1], dimension=first)
    else:
        return None
    return Part(name, part, measure_slices.together(*filters))


def _verdict(score: CorrelationScore) -> str:
    if score.npmi_score is None:
        return ""
    word = strength_word(score.npmi_score) if score.npmi_score > 0 else "NPMI"
    return f"{word} {_signed(score.npmi_score)}"


def _expected(count: float) -> str:
    return number(count) if count >= 10 else f"{count:.1f}"


def sentence(found: NPMIResponse, total: int, names: tuple[str, str]) -> str:
    """What the figures say, as Markdown: how often together, against chance, and how sure that is."""
    one, other, both = found.dimension1.count, found.dimension2.count, found.intersection.count
    first, second = (f"**{escape_markdown(name, 80)}**" for name in names)
    score = found.correlation
    if score.npmi_score is None or score.npmi_lower is None or score.npmi_upper is None:
        missing = first if not one else second
        return f"No trace in this time has {missing}, so there is nothing to compare."
    usual, here = other / total, both / one
    if both == 0:
        told = f"No trace has both {first} and {second}; by chance about {_expected(one * other / total)} would."
    else:
        told = f"Where {first}, {second} holds in {share(here)} of the traces, against {share(usual)} of all{_times(here / usual)}."
    if score.npmi_lower > 0:
        return f"{told} Chance does not explain that they come together so often."
    if score.npmi_upper < 0:
        return f"{told} Chance does not explain that they avoid each other."
    return f"{told} The 95% interval includes 0, so this can be chance."


def _times(ratio: float) -> str:
    if 0.95 < ratio < 1.05:
        return ", as often as by chance"
    return f": {ratio:.1f} times as often" if ratio > 1 else f": {ratio:.2f} times as often"


def _scale(score: CorrelationScore) -> None:
    """The score with its interval between never together and always together."""
    if score.npmi_score is None or score.npmi_lower is None or score.npmi_upper is None:
        return
    at, low, high = (50 * (1 + value) for value in (score.npmi_score, score.npmi_lower, score.npmi_upper))
    left, width = min(at, 50), abs(at - 50)
    says = f"NPMI {_signed(score.npmi_score)}, 95% interval {_signed(score.npmi_lower)} to {_signed(score.npmi_upper)}"
    st.html(
        f"<style>{_CSS}</style>"
        f'<div class="mi-bar mi-two" role="img" aria-label="{escape_html(says)}"><b style="left:{left:.1f}%;width:{width:.1f}%"></b>'
        f'<i></i><u style="left:{low:.1f}%;right:{100 - high:.1f}%"></u></div>'
        f'<div class="mi-ends mi-muted"><span>{MINUS}1 never together</span><span>{escape_html(says)}</span><span>always together 1</span></div>'
    )


_CSS = (
    ".mi-two b{right:auto!important;border-radius:0!important}"
    ".mi-two i{position:absolute;left:50%;top:-.2rem;bottom:-.2rem;width:1px;background:var(--mi-muted)}"
)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)
