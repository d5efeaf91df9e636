"""The pages and the links between them. A new page is one line in `_GROUPS` and a file in pages/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import streamlit as st

_PAGES = Path(__file__).parents[2]


@dataclass(frozen=True)
class _Entry:
    name: str
    """File in pages/, path in the URL, and the name that links use."""
    title: str
    icon: str
    help: str = ""
    hidden: bool = False


# Entries without a file are left out of the navigation, and links to them are not drawn.
_GROUPS: dict[str, tuple[_Entry, ...]] = {
    "": (_Entry("home", "Home", "home", "Key figures, what is new, what is running."),),
    "Discover": (
        _Entry("insights", "Insights", "insights", "All insights; create one."),
        _Entry("insight", "Insight", "insights", hidden=True),
        _Entry("map", "Cluster map", "scatter_plot", "The traces of an insight on a map; near means similar."),
        _Entry("traces", "Traces", "list_alt", "Search and read traces."),
    ),
    "Investigate": (
        _Entry("runs", "Runs", "science", "Investigations and their hypotheses, live."),
        _Entry("run", "Run", "science", hidden=True),
        _Entry("issues", "Issues", "flag", "Validated problems."),
    ),
    "Measure": (
        _Entry("traffic", "Traffic & Cost", "bar_chart", "Traces, latency, errors, tokens and cost over time."),
        _Entry("quality", "Quality", "rule", "Assessments over time."),
        _Entry("tools", "Tools", "build", "How often tools are called, how long they take, how they fail."),
        _Entry("tags", "Tags", "sell", "Which values tags have."),
        _Entry("correlations", "Correlations", "hub", "What goes with what."),
    ),
    "Set up": (
        _Entry("themes", "Themes", "filter_center_focus", "Saved ways to look at traces."),
        _Entry("theme", "Theme", "filter_center_focus", hidden=True),
        _Entry("edit_theme", "Edit theme", "filter_center_focus", hidden=True),
        _Entry("cards", "Cards", "view_agenda", "Short explanations of decisions."),
    ),
}


def exists(name: str) -> bool:
    """Whether there is such a page."""
    return (_PAGES / f"{name}.py").is_file()


@cache
def _entries() -> dict[str, _Entry]:
    return {entry.name: entry for group in _GROUPS.values() for entry in group}


def _page(entry: _Entry) -> st.Page:
    return st.Page(
        _PAGES / f"{entry.name}.py",
        title=entry.title,
        icon=f":material/{entry.icon}:",
        url_path=entry.name,
        default=entry.name == "home",
        visibility="hidden" if entry.hidden else "visible",
        help=entry.help or None,
    )


def groups() -> dict[str, list[st.Page]]:
    """The table for `st.navigation`."""
    table = {title: [_page(entry) for entry in group if exists(entry.name)] for title, group in _GROUPS.items()}
    return {title: pages for title, pages in table.items() if pages}


# What lies open over a page is not opened again by coming back to it.
_DRAWERS = ("trace", "issue", "card")


def sidebar(present: str) -> None:
    """Draw the links to all pages. Each carries the scope, and what was chosen on its page before.

    Streamlit's own would drop both: whoever copies the address then shares another page than he sees.

    Args:
        present: Name of the page that is shown.
    """
    st.session_state[f"last.{present}"] = st.query_params.to_dict()
    with st.sidebar, st.container(key="navigation", gap=None):
        for title, group in _GROUPS.items():
            shown = [entry for entry in group if exists(entry.name) and not entry.hidden]
            if title and shown:
                st.caption(title)
            for entry in shown:
                with st.container(key=f"to-{entry.name}"):
                    params = {} if entry.name == present else _chosen_before(entry.name)
                    link(entry.name, entry.title, params, entry.icon, "left", entry.help, "stretch")


def _chosen_before(name: str) -> dict[str, str]:
    """The query parameters with which a page was left; none where it was left in another experiment."""
    kept: dict[str, str] = st.session_state.get(f"last.{name}", {})
    if kept.get("experiment") != st.session_state.get("chosen.experiment"):
        return {}
    return {key: value for key, value in kept.items() if key not in (*_DRAWERS, *_SCOPE)}


_SCOPE = ("experiment", "range", "from", "to")


def link(
    name: str,
    label: str,
    params: Mapping[str, str] | None = None,
    icon: str | None = "arrow_forward",
    icon_position: Literal["left", "right"] = "right",
    help: str = "",
    width: Literal["content", "stretch"] = "content",
) -> None:
    """A link to a page, with the present experiment and time range; nothing where the page does not exist.

    Args:
        name: Name of the page.
        label: A verb that names what opens; Markdown, so escape what comes from data.
        params: Query parameters: the ids of what to open.
        icon: A Material icon, or None.
        icon_position: On which side of the label.
        help: Tooltip.
        width: "content" or "stretch".
    """
    if not exists(name):
        return
    st.page_link(
        _page(_entries()[name]),
        label=label,
        icon=f":material/{icon}:" if icon else "",
        icon_position=icon_position,
        query_params=_with_scope(params),
        help=help or None,
        width=width,
    )


def go_to(name: str, params: Mapping[str, str] | None = None) -> None:
    """Leave for another page; the script ends here."""
    st.switch_page(_page(_entries()[name]), query_params=_with_scope(params))


def _with_scope(params: Mapping[str, str] | None) -> dict[str, str]:
    """Query parameters that carry the present scope along, and those of what opens."""
    kept = {name: st.session_state.get(f"chosen.{name}") for name in ("experiment", "range")}
    if kept["range"] == "custom":
        kept |= {name: st.session_state.get(f"chosen.{name}") for name in ("from", "to")}
    return {**{name: value for name, value in kept.items() if value}, **(params or {})}


def button(
    name: str,
    label: str,
    icon: str,
    params: Mapping[str, str] | None = None,
    type: Literal["primary", "secondary", "tertiary"] = "secondary",
    key: str | None = None,
) -> None:
    """A link that looks like the other actions of a header; nothing where the page does not exist."""
    if exists(name) and st.button(label, icon=f":material/{icon}:", type=type, key=key):
        go_to(name, params)
