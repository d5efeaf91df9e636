"""A table whose rows open by a click and by the keyboard, and can be selected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui.look.formats import cells

# A table of more rows scrolls in itself.
_WHOLE_ROWS, _SCROLLED_PX = 15, 640
# Beyond these a list to choose from is no help, and the search above the table is.
_CHOICES, _CHOICE_CHARS = 200, 90


def table(
    frame: pd.DataFrame,
    rows: Mapping[str, str],
    key: str,
    columns: Mapping[str, Any],
    what: str,
    head: Callable[[Sequence[str]], None],
    selectable: bool = False,
) -> str | None:
    """Draw it under a row with its count or what can be done with the selected; gives the id of the row to open.

    Streamlit's table knows no Enter, so that row also has a box to choose from: type, arrow keys, Enter.

    Args:
        frame: What it shows.
        rows: Id -> name of each row, in the frame's order. Plain text.
        key: Unique in the app.
        columns: Column -> its configuration.
        what: A row is one: "trace".
        head: Draws the left of the row above the table, from the ids that are selected.
        selectable: Whether rows can be selected.
    """
    ids, button = list(rows), f"open-{key}"
    bar = st.container(horizontal=True, vertical_alignment="center", key="bulk")
    event = st.dataframe(
        cells(frame.assign(**{"": "Open"})),
        hide_index=True,
        row_height=40,
        height="content" if len(frame) <= _WHOLE_ROWS else _SCROLLED_PX,
        on_select="rerun" if selectable else "ignore",
        selection_mode="multi-row",
        key=table_key(key, ids) if selectable else key,
        alt=f"Table with a {what} a row",
        column_config={**columns, "": st.column_config.ButtonColumn(key=button, type="tertiary", width=70)},
    )
    selected = [ids[at] for at in event.selection.rows if at < len(ids)] if selectable else []
    with bar:
        head(selected)
        st.space("stretch")
        chosen = _open_box(rows, key, what)
    clicked = st.session_state.get(button)
    return ids[clicked["row"]] if clicked and clicked["row"] < len(ids) else chosen


def table_key(key: str, ids: Iterable[str]) -> str:
    """Key of a table whose rows can be selected: a selection is of row numbers, which other rows must not inherit."""
    return f"{key}-{hashlib.blake2b(' '.join(ids).encode(), digest_size=6).hexdigest()}"


def _open_box(rows: Mapping[str, str], key: str, what: str) -> str | None:
    box, picked = f"{key}-box", f"{key}-picked"

    def choose() -> None:
        st.session_state[picked], st.session_state[box] = st.session_state[box], None

    if st.session_state.get(box) not in rows:
        st.session_state[box] = None
    label = f"Open {'an' if what[0] in 'aeiou' else 'a'} {what}"
    st.selectbox(
        label,
        list(rows)[:_CHOICES],
        format_func=lambda one: rows.get(one, one)[:_CHOICE_CHARS],
        placeholder=f"{label} by name",
        key=box,
        on_change=choose,
        label_visibility="collapsed",
        width=240,
    )
    opened = st.session_state.pop(picked, None)
    return opened if opened in rows else None
