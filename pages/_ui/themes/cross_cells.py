"""A cross-table of two themes' topics: counts with intervals, and the traces of a chosen cell."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from insights_core.themes.crossing import IRRELEVANT_TITLE, Cell, CrossTable, Side
from pages._ui.look.formats import cells as safe
from pages._ui.look.formats import escape_markdown, number, plural
from pages._ui.parts import layout
from pages._ui.shell import url_state

# More topics than these are not read in a table; what is left out is said.
_MOST = 12
_TOLD = 3
_NO_TOPIC, _APART = "no-topic", "apart"


def cells(table: CrossTable, first: str, second: str) -> tuple[str, ...] | None:
    """Draw the table.

    Args:
        table: See `crossing.cross_table`.
        first: Name of the theme in the rows.
        second: Name of the theme in the columns.

    Returns:
        Ids of the traces in the chosen cell; None while none is chosen.
    """
    rows, columns = _shown(table.rows), _shown(table.columns)
    _strongest(table, first, second)
    st.caption(_said(table, rows, columns, first, second))
    names = _names([table.columns[at] for at in columns])
    frame = pd.DataFrame([[_words(table.cells[row][column]) for column in columns] for row in rows], columns=names)
    frame.insert(
        0, first, [f"{table.rows[row].title or 'Without a name'} ({number(table.rows[row].count)})" for row in rows]
    )

    def chosen() -> None:
        picked = st.session_state["cross-table"].selection.cells
        url_state.put("trace", None)
        if not picked or picked[0][1] == first:
            url_state.put("row", None)
            url_state.put("column", None)
            return
        url_state.put("row", _id(table.rows[rows[picked[0][0]]]))
        url_state.put("column", _id(table.columns[columns[names.index(picked[0][1])]]))

    st.dataframe(
        safe(frame),
        hide_index=True,
        row_height=36,
        key="cross-table",
        on_select=chosen,
        selection_mode="single-cell",
        column_config={
            first: st.column_config.TextColumn(width=230, pinned=True),
            **{name: st.column_config.TextColumn(width=150) for name in names},
        },
        alt=f"Traces in each topic of {first} and each of {second}",
    )
    return _picked(table, first, second)


def _strongest(table: CrossTable, first: str, second: str) -> None:
    """What stands out most, in sentences; each leads to its traces."""
    found = sorted(
        (
            (cell, one, other)
            for one, row in zip(table.rows, table.cells, strict=True)
            for other, cell in zip(table.columns, row, strict=True)
            if cell.stands_out and one.cluster_id and other.cluster_id
        ),
        key=lambda item: -item[0].share.lower * item[0].share.count,
    )[:_TOLD]
    if not found:
        few = "Too few traces to tell which topics meet more often than by chance."
        st.markdown("No two topics meet more often than by chance." if table.enough else few)
    for place, (cell, one, other) in enumerate(found):
        share = cell.share
        with layout.row(f"meets-{place}", last=place == len(found) - 1):
            layout.news(
                "join_inner",
                f"{number(share.count)} of {number(one.count)} traces in “{one.title}” are also in “{other.title}”",
                f"{first} and {second}: {100 * share.lower:.0f} to {100 * share.upper:.0f}% of them, if traces like these keep coming",
            )
            if st.button("Read them", key=f"meets-read-{place}", type="tertiary"):
                url_state.put("row", _id(one))
                url_state.put("column", _id(other))
                url_state.put("trace", None)
                st.rerun()


def _shown(sides: tuple[Side, ...]) -> list[int]:
    """The largest topics, and always what is in none."""
    topics = [at for at, one in enumerate(sides) if one.cluster_id is not None][:_MOST]
    return topics + [at for at, one in enumerate(sides) if one.cluster_id is None]


def _said(table: CrossTable, rows: list[int], columns: list[int], first: str, second: str) -> str:
    said = f"{plural(table.trace_count, 'trace')} read by both; each cell: traces, and their share of the row with its 95% interval"
    left_out = {first: len(table.rows) - len(rows), second: len(table.columns) - len(columns)}
    missing = [f"{plural(count, 'smaller topic')} of {name}" for name, count in left_out.items() if count]
    if missing:
        said += f"; not shown: {' and '.join(missing)}"
    return escape_markdown(said)


def _words(cell: Cell) -> str:
    share = cell.share
    if not share.count:
        return "–"
    mark = "▲ " if cell.stands_out else ""
    return f"{mark}{number(share.count)}  ({100 * share.lower:.0f}–{100 * share.upper:.0f}%)"


def _names(sides: list[Side]) -> list[str]:
    """Titles as names of columns; two of one title are told apart by a number."""
    found: list[str] = []
    for one in sides:
        name = f"{one.title or 'Without a name'} ({number(one.count)})"
        found.append(name if name not in found else f"{name} {found.count(name) + len(found)}")
    return found


def _id(side: Side) -> str:
    return side.cluster_id or (_APART if side.title == IRRELEVANT_TITLE else _NO_TOPIC)


def _picked(table: CrossTable, first: str, second: str) -> tuple[str, ...] | None:
    row, column = st.query_params.get("row"), st.query_params.get("column")
    at = next((number for number, one in enumerate(table.rows) if _id(one) == row), None)
    beside = next((number for number, one in enumerate(table.columns) if _id(one) == column), None)
    if at is None or beside is None:
        return None
    cell = table.cells[at][beside]
    one, other = table.rows[at], table.columns[beside]
    more = "more often than by chance" if cell.stands_out else "no more often than by chance"
    st.caption(
        escape_markdown(
            f"{plural(cell.share.count, 'trace')} of {number(one.count)} in “{one.title}” ({first}) are in “{other.title}” ({second}): {more}"
        )
    )
    return cell.trace_ids
