"""Plotly charts with the house layout, and trends as small as a word."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages._ui.look.formats import local
from pages._ui.look.theme import ERROR, P50, P90, P99

if TYPE_CHECKING:
    import plotly.graph_objects as go

SERIES_COLOURS = {"p50": P50, "p90": P90, "p99": P99, "Error": ERROR, "OK": P90, "Error rate": ERROR}


# Days as "18 Nov"; below a day the hour, with the day where it changes.
_TIME_TICKS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]


def figure() -> go.Figure:
    """An empty Plotly figure; imported late, since it takes half a second."""
    import plotly.graph_objects as go

    return go.Figure()


def times(milliseconds: Sequence[int]) -> list[Any]:
    """Epoch milliseconds as the viewer's local times, for an x axis."""
    return [local(value).replace(tzinfo=None) for value in milliseconds]


def lines(
    series: dict[str, Sequence[float | None]], at_ms: Sequence[int], suffix: str = "", fill: bool = False
) -> go.Figure:
    """Lines over time; each series has the colour of its name (p50, p90, p99, Error rate), else the accent."""
    fig, x = figure(), times(at_ms)
    for name, values in series.items():
        colour = SERIES_COLOURS.get(name, P90)
        fig.add_scatter(
            x=x,
            y=list(values),
            name=name,
            mode="lines+markers" if len(x) < 3 else "lines",
            line={"color": colour, "width": 2},
            fill="tozeroy" if fill else None,
            fillcolor=_faint(colour) if fill else None,
        )
    fig.update_yaxes(ticksuffix=suffix)
    return fig


def stacked(series: dict[str, Sequence[float]], at_ms: Sequence[int]) -> go.Figure:
    """Stacked bars over time, such as OK and Error."""
    fig, x = figure(), times(at_ms)
    for name, values in series.items():
        fig.add_bar(x=x, y=list(values), name=name, marker_color=SERIES_COLOURS.get(name, P90))
    fig.update_layout(barmode="stack")
    return fig


def draw(
    fig: go.Figure, alt: str, height: int = 215, key: str | None = None, drag: str | bool = False, **options: Any
) -> Any:
    """Show a figure: no title (the card has one), horizontal grid lines, one legend line, unified hover.

    Args:
        fig: What to show.
        alt: What the chart shows, in words, with the figures that matter.
        height: Pixels.
        key: Key of the element; needed for selections.
        drag: What dragging does, as Plotly calls it; nothing by default.
        options: More for `st.plotly_chart`.
    """
    fig.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 30 if len(fig.data) > 1 else 8, "b": 8},
        showlegend=len(fig.data) > 1,
        hovermode="x unified",
        bargap=0.25,
        dragmode=drag,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None, "traceorder": "normal"},
    )
    fig.update_xaxes(showgrid=False, title=None, nticks=8, tickformatstops=_TIME_TICKS)
    fig.update_yaxes(title=None, nticks=5, rangemode="tozero", zeroline=False)
    return st.plotly_chart(fig, config={"displayModeBar": False}, alt=alt, key=key, **options)


def sparkline(values: Sequence[float], colour: str = P90) -> str:
    """Markdown image of a trend, as high as the text: a second sign beside a number, never alone."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    scale = 12 / ((high - low) or 1)
    path = " ".join(
        f"{2 + 56 * i / (len(values) - 1):.1f},{14 - scale * (value - low):.1f}" for i, value in enumerate(values)
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="16">'
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/></svg>'
    )
    return f"![trend](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.10)"
