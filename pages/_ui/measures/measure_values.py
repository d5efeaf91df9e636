"""The values of a tag or an assessment as rows: value, bar, count, share. A click chooses one, and the URL keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from insights_core.analytics.models import ValueCount
from pages._ui.look.formats import escape_markdown, number, plural
from pages._ui.shell import url_state

# More rows than that are a table, not a glance.
MOST = 8
_CHARS = 70
# Streamlit tells options apart by their labels: two values that look the same need different ones. This has no width.
_JOINER = "\u2060"
# One line a row: value left, figures right, the bar as its lower edge.
_CSS = """[class*="st-key-pick-value"] [role=radiogroup]>div{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.2rem 1rem;align-items:center;padding-inline:.5rem}
[class*="st-key-pick-value"] [data-testid=stRadioCaption] p{display:block!important;white-space:nowrap}
[class*="st-key-pick-value"] [role=radiogroup]>div::after{content:"";position:absolute;left:0;bottom:-1px;height:3px;background:var(--mi-accent);border-radius:0 2px 2px 0}"""


def value_list(
    label: str,
    values: Sequence[ValueCount],
    key: str,
    param: str,
    owner: str = "",
    default: str | None = None,
    more: tuple[int, int] | None = None,
    here: Mapping[str, ValueCount] | None = None,
) -> str | None:
    """Draw the most frequent values; gives the chosen one.

    Args:
        label: Name for screen readers.
        values: Most frequent first; those beyond MOST are counted below the rows.
        key: Unique on the page.
        param: Query parameter that holds "owner=value", or the value where there is no owner.
        owner: Tag key: several lists share one parameter, and at most one of them has a choice.
        default: Value to begin with; None lets nothing be chosen.
        more: How many values there are in all and on how many traces, where `values` are only the most frequent.
        here: The same values among the followed traces: their figures stand before the share of all.
    """
    prefix = f"{owner}=" if owner else ""
    shown = list(values[:MOST])
    wanted = st.query_params.get(param, "")
    if wanted.startswith(prefix) and wanted[len(prefix) :] not in {one.value for one in shown}:
        shown += [one for one in values[MOST:] if prefix + one.value == wanted]
    options = [prefix + one.value for one in shown]
    _style(key, [_part(one, here) for one in shown])
    widget = f"pick-value-{key}"
    start = prefix + default if default is not None else None
    changed = url_state.follow(param, widget, options, start if start in options else None)
    labels = _labels(shown)
    chosen = st.radio(
        escape_markdown(label),
        options,
        index=None,
        format_func=lambda one: labels.get(one[len(prefix) :], one),
        captions=[_figures(one, here) for one in shown],
        key=widget,
        on_change=changed,
        label_visibility="collapsed",
        width="stretch",
    )
    count, traces = more or (len(values), sum(one.count for one in values))
    rest, rest_traces = count - len(shown), traces - sum(one.count for one in shown)
    if rest > 0:
        st.caption(f"{plural(rest, 'more value')} on {plural(rest_traces, 'trace')}")
    return None if chosen is None else str(chosen)[len(prefix) :]


def _style(key: str, shown: Sequence[ValueCount]) -> None:
    widths = "".join(
        f".st-key-pick-value-{key} [role=radiogroup]>:nth-child({place})::after{{width:{one.percentage:.1f}%}}"
        for place, one in enumerate(shown, 1)
    )
    st.html(f"<style>{_CSS}{widths}</style>")


def _labels(shown: Sequence[ValueCount]) -> dict[str, str]:
    seen: dict[str, int] = {}
    labels = {}
    for one in shown:
        text = escape_markdown(one.value, _CHARS) or ":gray[empty]"
        count = seen[text] = seen.get(text, -1) + 1
        labels[one.value] = text + _JOINER * count
    return labels


def _part(one: ValueCount, here: Mapping[str, ValueCount] | None) -> ValueCount:
    """The value among the followed traces, or among all."""
    return one if here is None else here.get(one.value, ValueCount(value=one.value, count=0, percentage=0.0))


def _figures(one: ValueCount, here: Mapping[str, ValueCount] | None) -> str:
    part = _part(one, here)
    text = f"{number(part.count)} · **{part.percentage:.1f}%**"
    return text if here is None else f"{text} · {one.percentage:.1f}%"
