"""The frame of a page: header, cards, key figures, rows of news, facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from pages._ui.look.formats import escape_html, escape_markdown
from pages._ui.shell import navigation


@contextmanager
def page_header(
    title: str, caption: str = "", parent: tuple[str, str, Mapping[str, str]] | None = None
) -> Iterator[None]:
    """Title and one line of scope on the left; what the block writes stands on the right of the same row.

    Args:
        title: Plain text.
        caption: One line: what, how many traces, when, cost. Plain text.
        parent: Page name, label and query parameters of the way back, on a page of one entity.
    """
    st.session_state.pop("title-to-come", None)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="header"):
        with st.container(gap=None, width="content"):
            if parent:
                with st.container(key="flush-parent"):
                    navigation.link(parent[0], parent[1], parent[2], icon="arrow_back", icon_position="left")
            st.title(escape_markdown(title, 160), anchor=False)
            if caption:
                st.caption(escape_markdown(caption))
        controls = st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="right", width="content", key="controls"
        )
    with controls:
        yield


@contextmanager
def card(
    title: str = "",
    aside: str = "",
    help: str | None = None,
    height: int | Literal["content", "stretch"] = "stretch",
    traces: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A bordered box: title left, its figures right, and for measures the way to the traces behind them.

    Args:
        title: One to three words.
        aside: The figures, as Markdown; escape what comes from data.
        help: Tooltip of the title.
        height: Pixels, or Streamlit's words.
        traces: Query parameters of the Traces page; adds "View traces".
    """
    with st.container(border=True, height=height, gap="small"):
        if title:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.subheader(title, anchor=False, help=help, width="stretch")
                if aside:
                    st.caption(aside, width="content")
                if traces is not None:
                    navigation.link("traces", "View traces", traces)
        yield


@dataclass(frozen=True)
class Figure:
    """A key figure. `alarming` is for a change larger than the usual noise: one red card means something."""

    name: str
    value: str
    change: str | None = None
    trend: Sequence[float] | None = None
    alarming: bool = False
    help: str | None = None


def figures(items: Sequence[Figure]) -> None:
    """At most five key figures in a row: name, value, change, sparkline."""
    with st.grid(len(items), min_column_width=170):
        for item in items:
            falls = bool(item.change) and str(item.change).startswith("\u2212")
            st.metric(
                item.name,
                escape_markdown(item.value),
                item.change,
                delta_color="red" if item.alarming else "gray",
                delta_arrow="down" if falls else "up" if item.change and item.change.startswith("+") else "off",
                chart_data=list(item.trend) if item.trend and len(item.trend) > 1 else None,
                border=True,
                help=item.help,
                height="stretch",
            )


@contextmanager
def row(key: str, last: bool = False) -> Iterator[None]:
    """A row of a card with a rule under it, none under the last."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{'last' if last else 'ruled'}-{key}"):
        yield


def news(icon: str, what: str, why: str) -> None:
    """The left side of a row of news: a sentence with the number in it and its gray reason. Plain text."""
    st.markdown(
        f":gray[:material/{icon}:] **{escape_markdown(what, 140)}**  \n:small[:gray[{escape_markdown(why, 200)}]]",
        width="stretch",
    )


def labelled(name: str, text: str) -> None:
    """A gray name over a paragraph. `text` is Markdown: escape what comes from data."""
    st.markdown(f":small[:gray[{name}]]  \n{text}")


def facts(items: Sequence[tuple[str, str, str]]) -> None:
    """(name, value, what it means) side by side: figures that need a sentence more than a chart. Plain text."""
    cells = "".join(
        f"<div>{escape_html(name)}<b>{escape_html(value)}</b><span>{escape_html(meaning)}</span></div>"
        for name, value, meaning in items
    )
    st.html(f'<div class="mi-facts">{cells}</div>')


def pairs(items: Mapping[str, object]) -> None:
    """Names and values of an entity, for metadata, tags and attributes. Plain text."""
    cells = "".join(f"<dt>{escape_html(name)}</dt><dd>{escape_html(value, 4000)}</dd>" for name, value in items.items())
    st.html(f'<dl class="mi-pairs">{cells}</dl>')
