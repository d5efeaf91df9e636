"""A list to walk through with the arrow keys: topics, traces, evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui.shell import url_state

# More rows are slow to draw and nobody walks them; then comes `st.pagination`.
PAGE_SIZE = 50
# Streamlit tells options apart by their labels: two traces of one title would be one row. This has no width.
_JOINER = "\u2060"


@dataclass(frozen=True)
class Option:
    """A row. Label and marks are Markdown: escape what comes from data."""

    label: str
    marks: Sequence[str] = ()
    """Up to four, set in columns: the first at the left, the others at the right."""
    depth: int = 0


def pick_list(
    label: str,
    options: Mapping[str, Option],
    key: str,
    param: str,
    default: str | None = None,
    forget: Sequence[str] = (),
) -> str:
    """Let one of the rows be chosen; the choice is in the URL.

    Args:
        label: Name for screen readers.
        options: Id -> row, at most PAGE_SIZE; not empty. Ids, never positions.
        key: Unique on the page; `tree…` draws without rules between the rows.
        param: Query parameter that holds the id.
        default: Id to begin with; None takes the first.
        forget: Query parameters that a new choice makes meaningless.

    Returns:
        The chosen id.
    """
    ids = list(options)
    indents = "".join(
        f".st-key-pick-{key} [role=radiogroup]>:nth-child({place}){{padding-left:{0.65 + options[one].depth * 1.1}rem}}"
        for place, one in enumerate(ids, 1)
        if options[one].depth
    )
    if indents:
        st.html(f"<style>{indents}</style>")
    labels = _unique([options[one].label for one in ids])
    by_id = dict(zip(ids, labels, strict=True))
    widget = f"pick-{key}"
    changed = url_state.follow(param, widget, ids, default if default in options else ids[0], forget=forget)
    chosen = st.radio(
        label,
        ids,
        format_func=lambda one: by_id.get(one, one),
        captions=[" ".join(mark if mark else ":gray[\u2060]" for mark in options[one].marks) for one in ids],
        key=widget,
        on_change=changed,
        label_visibility="collapsed",
        width="stretch",
    )
    return str(chosen)


def page_of(ids: Sequence[str], key: str, chosen: str | None = None) -> Sequence[str]:
    """The ids of the page that the pagination below the list shows, at first the one with the chosen id.

    Draw the pagination itself with `pagination` after the list.
    """
    pages = page_count(ids)
    if key not in st.session_state:
        at = ids.index(chosen) if chosen in ids else 0
        st.session_state[key] = at // PAGE_SIZE + 1
    st.session_state[key] = min(st.session_state[key], pages)
    first = (st.session_state[key] - 1) * PAGE_SIZE
    return ids[first : first + PAGE_SIZE]


def page_count(ids: Sequence[str]) -> int:
    """Number of pages."""
    return max(1, -(-len(ids) // PAGE_SIZE))


def pagination(ids: Sequence[str], key: str) -> None:
    """Page numbers under a list; nothing where one page holds all."""
    if page_count(ids) > 1:
        st.pagination(page_count(ids), key=key, max_visible_pages=5)


def _unique(labels: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for one in labels:
        count = seen[one] = seen.get(one, -1) + 1
        result.append(one + _JOINER * count)
    return result
