"""Bars that say how sure a share is: evidence for and against, and what goes with a slice of traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from insights_core.statistics.shares import wilson
from pages._ui.look.formats import escape_html, escape_markdown, number, plural
from pages._ui.shell import navigation


def evidence_bar(supports: int, refutes: int) -> None:
    """Support from the left, refute as the rest, a bracket for the 95 % interval of the share."""
    total = supports + refutes
    if not total:
        st.caption("No evidence yet")
        return
    low, high = (100 * bound for bound in wilson(supports, total))
    in_favour = 100 * supports / total
    st.html(
        f'<div class="mi-ends"><span><b>{number(supports)}</b> support</span>'
        f'<span class="mi-muted">{in_favour:.0f}% in favour, 95% interval {low:.0f} to {high:.0f}% if more comes like it</span>'
        f"<span><b>{number(refutes)}</b> refute</span></div>"
        f'<div class="mi-bar" role="img" aria-label="{supports} support, {refutes} refute">'
        f'<b style="width:{in_favour:.1f}%"></b><u style="left:{low:.1f}%;right:{100 - high:.1f}%"></u></div>'
    )


@dataclass(frozen=True)
class Correlation:
    """A row under a card. `score`, `low`, `high` are NPMI; `here` and `overall` are shares from 0 to 1."""

    label: str
    score: float
    low: float
    high: float
    here: float
    overall: float
    traces: int
    params: Mapping[str, str] | None
    """Query parameters of the Traces page that open these traces; None where no filter can say which they are."""
    note: str = ""
    """What the shares mean, in a sentence, for the tooltip. Plain text."""


def correlations(
    slice_name: str, rows: Sequence[Correlation], key: str, most: int = 3, nothing: str = "Nothing stands out"
) -> None:
    """The foot of a card: what goes with this slice, the strongest first; a click opens those traces.

    Args:
        slice_name: "errors", "slow traces (above p90)". Plain text.
        rows: Any number of discoveries; those beyond `most` are not shown.
        key: Unique on the page.
        most: At most this many rows.
        nothing: What to say where there is none. Plain text.
    """
    shown = sorted(rows, key=lambda row: -row.score)[:most]
    with st.container(key=f"flush-{key}", gap="xxsmall"):
        head, legend = st.columns([9, 11], vertical_alignment="bottom")
        head.markdown(f"**Goes with {escape_markdown(slice_name)}**")
        if not shown:
            st.caption(escape_markdown(nothing, 120))
            return
        legend.html(
            '<div class="mi-npmi mi-muted"><span title="Of the rows shown, 95% of the intervals hold the true strength, if traces like these keep coming">with 95% interval</span><span class="mi-num">strength</span>'
            '<span class="mi-num">here · all</span></div>'
        )
        for row in shown:
            left, right = st.columns([9, 11], vertical_alignment="center")
            with left:
                _link(row)
            right.html(_strength(row))


def _link(row: Correlation) -> None:
    note = f". {escape_markdown(row.note)}" if row.note else ""
    if row.params is None:
        st.markdown(escape_markdown(row.label, 60), help=f"{plural(row.traces, 'trace')}{note}")
        return
    label = f":blue[{escape_markdown(row.label, 60)}]"
    navigation.link("traces", label, row.params, icon=None, help=f"View {plural(row.traces, 'trace')}{note}")


def strength_word(score: float) -> str:
    """Strong above 0.7, Moderate from 0.4, Weak below."""
    return "Strong" if score > 0.7 else "Moderate" if score >= 0.4 else "Weak"


def _strength(row: Correlation) -> str:
    low, high = max(0.0, row.low), min(1.0, row.high)
    return (
        f'<div class="mi-npmi"><span class="mi-bar" role="img" aria-label="{escape_html(row.label)}: {row.score:.2f} of 1">'
        f'<b style="width:{100 * max(0.0, row.score):.0f}%"></b><u style="left:{100 * low:.0f}%;right:{100 - 100 * high:.0f}%"></u></span>'
        f'<span class="mi-num">{strength_word(row.score)} <b>{row.score:.2f}</b></span>'
        f'<span class="mi-num"><b>{100 * row.here:.0f}%</b> <span class="mi-muted">· {100 * row.overall:.0f}%</span></span></div>'
    )
