"""Our own trace viewer: span tree and timeline in one list, then the conversation; needs no server.

Everything it shows was written by a traced program or its users and is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from insights_core import settings
from insights_core.names import SESSION_KEY, TOKENS_KEY, USER_KEY
from insights_core.traces.producers import told_by, told_by_trace
from insights_core.traces.tool_names import tool_name
from pages._ui.look.badges import badge
from pages._ui.look.formats import clock, duration, escape_html, escape_markdown, plural
from pages._ui.look.summaries import summary_of
from pages._ui.look.theme import ERROR, NEUTRAL, P50, P90
from pages._ui.parts import layout
from pages._ui.shell import loaders, states
from pages._ui.traces import trace_find, trace_themes
from pages._ui.traces.values import readable

if TYPE_CHECKING:
    from mlflow.entities import Trace

    from insights_core.traces.text import Message, SpanView, TraceView

# A span's input can be megabytes; a browser stays quick below these, and the cut is said.
_VALUE_CHARS, _MESSAGE_CHARS = 6_000, 8_000
_MOST_SPANS, _MOST_MESSAGES = 400, 200
_KIND_COLOURS = {"LLM": P90, "CHAT_MODEL": P90, "EMBEDDING": P90, "TOOL": P50, "RETRIEVER": P50}
_WHO = {"user": "User", "assistant": "Agent", "system": "System", "tool": "Tool"}


def trace_viewer(trace_id: str, key: str = "viewer", summary: str | None = None, with_themes: bool = True) -> None:
    """Show one trace: head, summary, and tabs for trace, attributes and assessments.

    Args:
        trace_id: Which.
        key: Unique on the page.
        summary: Shown under the head; None takes the logged summary.
        with_themes: Whether a tab says what the experiment's themes say of it.

    Raises:
        TraceNotFoundError: There is no such trace.
    """
    from insights_core.traces.text import read_trace

    trace = loaders.trace(trace_id)
    view = read_trace(trace)
    _head(trace, view)
    text = summary or summary_of(trace.info.assessments)
    if text:
        st.markdown(escape_markdown(text, 1200))
    names = ["Trace", "Attributes", f"Assessments {len(trace.info.assessments or [])}"]
    themed = with_themes and bool(trace.info.experiment_id and trace_themes.latest_runs(trace.info.experiment_id))
    # What themes say is read from their results: only for those who open the tab.
    shown, attributes, assessments, *themes = st.tabs(
        [*names, *(["Themes"] if themed else [])], key=f"{key}-tabs", on_change="rerun" if themed else "ignore"
    )
    with shown:
        if not view.spans:
            st.caption("This trace has no spans: it was cut off, or its spans were not kept.")
        part = trace_find.find_bar(view, key)
        span_timeline(part)
        messages(part.messages)
        _embedded(trace, key)
    with attributes:
        _attributes(trace, view)
    with assessments:
        _assessments(trace)
    if themes and themes[0].open:
        with themes[0], states.failures(f"{key}-themes"):
            trace_themes.trace_themes(str(trace.info.experiment_id), trace_id)


def _head(trace: Trace, view: TraceView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"`{short_id(view.trace_id)}` {badge(view.status)} :small[:gray[{duration(view.duration_ms)} · "
            f"{plural(len(view.spans), 'span')} · {escape_markdown(clock(view.start_ms))}]]",
            width="stretch",
        )
        link = mlflow_link(trace.info.experiment_id, view.trace_id)
        if link:
            st.link_button("Open in MLflow", link, icon=":material/open_in_new:", type="tertiary")


def short_id(trace_id: str) -> str:
    """tr-7f3a91c2: enough to tell traces apart, without the signs that would end a code span."""
    return "".join(sign for sign in trace_id if sign.isalnum() or sign in "-_")[:11]


def mlflow_link(experiment_id: str | None, trace_id: str) -> str | None:
    """Address of a trace in MLflow's own UI; None where MLFLOW_PUBLIC_URL is not set."""
    base = settings.MLFLOW_PUBLIC_URL.get()
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/traces/{trace_id}" if base else None


def _embedded(trace: Trace, key: str) -> None:
    base = settings.MLFLOW_PUBLIC_URL.get()
    if not base or not st.toggle("MLflow's viewer", key=f"{key}-embed"):
        return
    import mlflow

    st.iframe(
        f"{base.rstrip('/')}/static-files/lib/notebook-trace-renderer/index.html"
        f"?trace_id={trace.info.trace_id}&experiment_id={trace.info.experiment_id}&version={mlflow.__version__}",
        height=560,
    )


def span_timeline(view: TraceView) -> None:
    """Span tree and timeline in one; a row opens its input and output without a rerun, the first failing one is open."""
    spans = view.spans[:_MOST_SPANS]
    if not spans:
        return
    total = max([view.duration_ms or 0, *(span.start_ms + (span.duration_ms or 0) for span in spans)]) or 1
    failing = [span for span in spans if span.status == "ERROR"]
    # The deepest of the first failing branch is where it began; its parents only pass it on.
    first = max(failing, key=lambda span: (span.depth, -span.start_ms)) if failing else None
    rows = "".join(_span(span, total, span is first) for span in spans)
    st.html(f'<div class="mi-spans">{rows}</div>')
    if len(view.spans) > len(spans):
        st.caption(f"The first {len(spans)} of {plural(len(view.spans), 'span')} are shown.")


def _span(span: SpanView, total_ms: float, is_open: bool) -> str:
    colour = ERROR if span.status == "ERROR" else _KIND_COLOURS.get(span.type, NEUTRAL)
    left = min(99.5, 100 * max(0.0, span.start_ms) / total_ms)
    width = min(100 - left, 100 * (span.duration_ms or 0) / total_ms)
    error = f' <b class="mi-bad">{escape_html(span.error, 400)}</b>' if span.error else ""
    # A tool by its own name, as everywhere; what its span is called shows on hover.
    own = tool_name(span.name, span.type, span.attributes, lambda: span.inputs) or span.name
    name, title = escape_html(own, 120), escape_html(span.name, 120)
    return (
        f'<details{" open" if is_open else ""}><summary><code title="{title}" style="padding-left:{min(span.depth, 8) * 0.9}rem">'
        f'{name}</code><span class="mi-lane"><span style="left:{left:.2f}%;width:{width:.2f}%;background:{colour}"></span></span>'
        f'<span class="mi-num">{duration(span.duration_ms)}</span></summary>'
        f'<div class="mi-inside">{escape_html(span.type)}{error}{_value("Input", span.inputs)}{_value("Output", span.outputs)}</div></details>'
    )


def _value(name: str, value: Any) -> str:
    if value in (None, "", {}, []):
        return ""
    return f"<div>{name}<pre>{escape_html(readable(value), _VALUE_CHARS)}</pre></div>"


def messages(items: Sequence[Message]) -> None:
    """The conversation. Long system prompts and tool results are folded."""
    shown = items[:_MOST_MESSAGES]
    if shown:
        st.html("".join(_message(one) for one in shown))
    if len(items) > len(shown):
        st.caption(f"The first {len(shown)} of {plural(len(items), 'message')} are shown.")


def _message(one: Message) -> str:
    who = escape_html(one.name if one.role == "tool" and one.name else _WHO.get(one.role, one.role), 80)
    text = escape_html(one.text, _MESSAGE_CHARS)
    calls = "".join(
        f"<small>calls <code>{escape_html(call.name, 80)}</code> {escape_html(call.arguments, 400)}</small>"
        for call in one.tool_calls
    )
    if (one.role == "system" and len(one.text) > 160) or (one.role == "tool" and len(one.text) > 600):
        text = f"<details><summary>{escape_html(one.text, 120)}</summary>{text}</details>"
    kind = " ".join(
        name
        for name, holds in (("user", one.role == "user"), ("tool", one.role == "tool"), ("wrong", one.is_error))
        if holds
    )
    return f'<div class="mi-msg {kind}"><small>{who}</small>{text}{calls}</div>'


def _attributes(trace: Trace, view: TraceView) -> None:
    info = trace.info
    layout.pairs(
        {"Trace id": info.trace_id, **_said(info.trace_metadata or {}, view.spans)}
        | {name: value for name, value in sorted((info.tags or {}).items()) if not name.startswith("mlflow.")}
        | {name: value for name, value in sorted((info.trace_metadata or {}).items()) if name in _SHOWN_METADATA}
    )
    root = view.spans[0] if view.spans else None
    own = {
        name: readable(value)
        for name, value in (root.attributes if root else {}).items()
        if not name.startswith("mlflow.")
    }
    if own:
        st.caption(f"Attributes of {escape_markdown(root.name if root else '')}")
        layout.pairs(own)


def _said(metadata: Mapping[str, str], spans: Sequence[SpanView]) -> dict[str, str]:
    """Session, user and tokens as the producer's attributes say them, where MLflow has none; its session too."""
    told = told_by_trace({span.span_id: (span.parent_id, told_by(span.attributes)) for span in spans})
    said = {
        "Session": metadata.get(SESSION_KEY) or told.session,
        "User": None if USER_KEY in metadata else told.user,
        "Tokens": None
        if TOKENS_KEY in metadata or not told.has_tokens
        else _tokens(told.input_tokens, told.output_tokens, told.total_tokens),
    }
    return {name: value for name, value in said.items() if value}


def _tokens(given: int | None, made: int | None, total: int | None) -> str:
    """`120: 100 in, 20 out`, as far as they are known."""
    parts = [f"{count:,} {word}" for count, word in ((given, "in"), (made, "out")) if count is not None]
    return ": ".join(text for text in ("" if total is None else f"{total:,}", ", ".join(parts)) if text)


_SHOWN_METADATA = (USER_KEY, TOKENS_KEY, "mlflow.source.name", "mlflow.sourceRun")


def _assessments(trace: Trace) -> None:
    found = trace.info.assessments or []
    if not found:
        st.caption("Nobody and no judge has assessed this trace.")
    for one in found:
        source = getattr(one, "source", None)
        made_by = f"{getattr(source, 'source_id', '') or ''} ({getattr(source, 'source_type', '')})".lower()
        st.markdown(
            f"**{escape_markdown(one.name)}** {escape_markdown(_assessment_value(one), 400)}  \n"
            f":small[:gray[{escape_markdown(made_by)} · {escape_markdown(clock(one.create_time_ms or 0))}]]"
            + (f"  \n{escape_markdown(one.rationale, 600)}" if one.rationale else "")
        )


def _assessment_value(one: Any) -> str:
    value = getattr(one, "value", None)
    if isinstance(value, Mapping):
        return str(value.get("summary") or readable(value))
    return (
        {True: "yes", False: "no", None: "–"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    )
