"""What stands above a list or makes it: search, order, a table whose rows open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui.look.formats import cells
from pages._ui.shell import url_state

# A table of more rows scrolls in itself.
_WHOLE_ROWS, _SCROLLED_PX = 15, 640


def search(key: str, placeholder: str, width: int = 240, label: str = "Search") -> str:
    """The words that somebody searches for; empty for all."""
    return st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        icon=":material/search:",
        label_visibility="collapsed",
        width=width,
    )


def choose(name: str, label: str, options: Mapping[str, str], key: str, default: str, *, width: int) -> str:
    """A choice that the URL keeps under a name, such as the order of a list."""
    changed = url_state.follow(name, key, list(options), default)
    return st.selectbox(
        label,
        list(options),
        format_func=lambda one: options.get(one, one),
        key=key,
        on_change=changed,
        label_visibility="collapsed",
        width=width,
    )


def table(frame: pd.DataFrame, key: str, alt: str, columns: Mapping[str, Any], opens: str) -> int | None:
    """A table with a button "Open" in each row; the row whose button was just clicked.

    Args:
        frame: What it shows.
        key: Of the table.
        alt: What it is, for those who cannot see it.
        columns: Column -> its configuration.
        opens: Key of the buttons.
    """
    column = st.column_config.ButtonColumn(key=opens, type="tertiary", width=70)
    st.dataframe(
        cells(frame.assign(**{"": "Open"})),
        hide_index=True,
        row_height=40,
        height="content" if len(frame) <= _WHOLE_ROWS else _SCROLLED_PX,
        key=key,
        alt=alt,
        column_config={**columns, "": column},
    )
    clicked = st.session_state.get(opens)
    return clicked["row"] if clicked and clicked["row"] < len(frame) else None
