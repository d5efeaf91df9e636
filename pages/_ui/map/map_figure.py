"""The figure of the cluster map."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from insights_core.entities import ClusterDetails, Tally, TraceRow
from insights_core.markdown import for_plotly, one_line
from pages._ui.insight import topics
from pages._ui.look import charts
from pages._ui.look.theme import CATEGORIES, ERROR, LATENCY_SCALE, NEUTRAL, PALE

# A browser selects among this many points at once; a lasso over more breaks the connection.
MOST_POINTS = 20_000
# More names than this cover each other.
_MOST_NAMES = 18
_NAME_CHARS = 30
# Colours of latency end here: slower traces are few and would leave one hue to all others.
_SLOW_SHARE = 0.98


def sample(rows: Sequence[TraceRow], most: int = MOST_POINTS) -> list[TraceRow]:
    """At most so many traces, each topic with its share and at least one; the same ones each time."""
    if len(rows) <= most:
        return list(rows)
    by_cluster: dict[str | None, list[TraceRow]] = defaultdict(list)
    for row in rows:
        by_cluster[row.cluster_id].append(row)
    rng = random.Random(0)  # noqa: S311 - a picture, not a secret
    kept: list[TraceRow] = []
    for members in by_cluster.values():
        kept += rng.sample(members, max(1, len(members) * (most - len(by_cluster)) // len(rows)))
    return kept[:most]


def draw(details: ClusterDetails, rows: Sequence[TraceRow], kind: str, values: Sequence[Any], height: int) -> Any:
    """The map.

    Args:
        details: The insight's result.
        rows: Traces to draw; a point's customdata is its place in here.
        kind: Topic, Status, Latency, Tag or Assessment.
        values: For Tag and Assessment: the value of each row, None where it has none.
        height: Pixels.
    """
    import numpy as np

    fig = charts.figure()
    x, y = (np.array([getattr(row, axis) for row in rows], dtype=np.float32) for axis in ("x", "y"))

    def layer(places: Sequence[int], name: str, **marker: Any) -> None:
        if len(places):
            at = np.asarray(places)
            marker = {"size": _point_size(len(rows)), "opacity": 0.75, **marker}
            fig.add_scattergl(
                x=x[at],
                y=y[at],
                mode="markers",
                name=_plain(name),
                customdata=at.astype(np.int32),
                hovertemplate=f"{_plain(name)}<extra></extra>",
                marker=marker,
            )

    if kind == "Status":
        bad = [topics.failed(row) for row in rows]
        layer([at for at, one in enumerate(bad) if not one], "Others", color=NEUTRAL, opacity=0.35)
        layer(
            [at for at, one in enumerate(bad) if one],
            Tally.of(rows).bad_word.capitalize(),
            color=ERROR,
            opacity=0.85,
        )
    elif kind == "Latency":
        known = [at for at, row in enumerate(rows) if row.latency_ms is not None]
        seconds = np.array([(rows[at].latency_ms or 0) / 1000 for at in known], dtype=np.float32)
        top = float(np.quantile(seconds, _SLOW_SHARE)) if len(known) else 1.0
        bar = {"thickness": 10, "len": 0.4, "title": "s"}
        layer(
            known,
            "Seconds",
            color=np.minimum(seconds, top),
            colorscale=[list(stop) for stop in LATENCY_SCALE],
            colorbar=bar,
        )
        layer([at for at, row in enumerate(rows) if row.latency_ms is None], "Not measured", color=PALE, opacity=0.35)
    elif kind in ("Tag", "Assessment"):
        _by_value(layer, values)
    else:
        _by_topic(layer, details, rows)
    _names(fig, details, rows, x, y)
    fig.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode="lasso",
        hovermode="closest",
        showlegend=kind != "Latency",
        legend={"orientation": "h", "y": 0, "yanchor": "top", "itemsizing": "constant", "title": None},
    )
    fig.update_xaxes(visible=False, range=_window(x))
    fig.update_yaxes(visible=False, range=_window(y), scaleanchor="x")
    return fig


def _window(values: Any) -> list[float] | None:
    """The part of an axis that nearly all points are in: a few far outliers would make the rest a dot."""
    import numpy as np

    if not len(values):
        return None
    low, high = (float(value) for value in np.quantile(values, [0.004, 0.996]))
    margin = 0.08 * (high - low) or 1.0
    return [low - margin, high + margin]


def _point_size(count: int) -> int:
    return 7 if count < 800 else 5 if count < 6000 else 4


def _plain(text: Any) -> str:
    """Text for Plotly, which reads some HTML tags and {…} in templates."""
    words = one_line(str(text))
    return for_plotly(words if len(words) <= 40 else words[:39] + "…")


def _by_topic(layer: Any, details: ClusterDetails, rows: Sequence[TraceRow]) -> None:
    tops, colours = topics.groups(details)
    titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    members: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        members[tops.get(row.cluster_id or "", topics.OUTLIERS)].append(at)
    rest: list[int] = []
    for top, colour in colours.items():
        if colour == NEUTRAL:
            rest += members[top]
        elif top != topics.OUTLIERS:
            layer(members[top], titles.get(top, top), color=colour)
    layer(rest, "Other topics", color=NEUTRAL, opacity=0.45)
    layer(members[topics.OUTLIERS], "Outliers", color=PALE, opacity=0.35)


def _by_value(layer: Any, values: Sequence[Any]) -> None:
    counts = Counter(str(value) for value in values if value is not None)
    common = [value for value, _ in counts.most_common(len(CATEGORIES))]
    for value, colour in zip(common, CATEGORIES, strict=False):
        layer([at for at, one in enumerate(values) if one is not None and str(one) == value], value, color=colour)
    other = [at for at, one in enumerate(values) if one is not None and str(one) not in common]
    layer(other, "Other values", color=NEUTRAL, opacity=0.45)
    layer([at for at, one in enumerate(values) if one is None], "No value", color=PALE, opacity=0.35)


def _names(fig: Any, details: ClusterDetails, rows: Sequence[TraceRow], x: Any, y: Any) -> None:
    """The titles of the largest topics above their points, none over another."""
    import numpy as np

    members: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row.cluster_id:
            members[row.cluster_id].append(at)
    titles = {cluster.cluster_id: cluster.title for cluster in details.clusters}
    wide = float(np.ptp(x)) or 1.0 if len(x) else 1.0
    high = float(np.ptp(y)) or 1.0 if len(y) else 1.0
    taken: list[tuple[float, float, float]] = []
    for cluster_id, places in sorted(members.items(), key=lambda item: -len(item[1]))[:_MOST_NAMES]:
        title = titles.get(cluster_id, "")
        text = title if len(title) <= _NAME_CHARS else title[: _NAME_CHARS - 2].rstrip() + "…"
        at_x, at_y = float(np.median(x[places])), float(np.quantile(y[places], 0.97))
        half = 0.0045 * wide * len(text)
        while any(abs(at_x - one) < half + reach and abs(at_y - two) < 0.035 * high for one, two, reach in taken):
            at_y += 0.02 * high
        taken.append((at_x, at_y, half))
        fig.add_annotation(x=at_x, y=at_y, text=_plain(text), showarrow=False, font={"size": 13})
