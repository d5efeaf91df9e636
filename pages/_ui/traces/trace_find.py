"""Find words inside one long trace: in what was said, in the arguments and results of tools, by speaker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from pages._ui.look.formats import plural
from pages._ui.parts import filters
from pages._ui.traces.values import readable

if TYPE_CHECKING:
    from insights_core.traces.text import Message, SpanView, TraceView

# Below this a person sees everything at a glance.
_LONG = 12
_SPEAKERS = {"all": "All", "user": "User", "assistant": "Agent", "tool": "Tools", "system": "System"}


def find_bar(view: TraceView, key: str) -> TraceView:
    """Draw the controls over a long trace; gives the part of it that they ask for."""
    if len(view.messages) + len(view.spans) < _LONG:
        return view
    present = {one.role for one in view.messages}
    speakers = {role: name for role, name in _SPEAKERS.items() if role == "all" or role in present}
    with st.container(horizontal=True, vertical_alignment="center"):
        words = filters.search(f"{key}-find", "Find in text, arguments, results", 260, "Find in this trace", None)
        speaker = st.segmented_control(
            "Speaker",
            list(speakers),
            default="all",
            required=True,
            format_func=speakers.__getitem__,
            key=f"{key}-speaker",
            label_visibility="collapsed",
        )
    part = part_of(view, words, speaker or "all")
    if part is not view:
        spans = f"{plural(len(part.spans), 'span')} and " if words.strip() else ""
        st.caption(f"{spans}{plural(len(part.messages), 'message')} of {len(view.messages)} match.")
    return part


def part_of(view: TraceView, words: str, speaker: str = "all") -> TraceView:
    """The messages of a speaker, and the spans and messages that hold some words, in capitals or not.

    Args:
        view: The trace.
        words: What to find; empty for everything.
        speaker: user, assistant, tool, system, or all. Calls of tools are the assistant's.
    """
    wanted = words.strip().casefold()
    if not wanted and speaker == "all":
        return view
    return replace(
        view,
        spans=[one for one in view.spans if wanted in _text_of_span(one).casefold()] if wanted else view.spans,
        messages=[
            one
            for one in view.messages
            if speaker in ("all", one.role) and (not wanted or wanted in _text_of_message(one).casefold())
        ],
    )


def _text_of_message(one: Message) -> str:
    calls = (f"{call.name} {call.arguments}" for call in one.tool_calls)
    return "\n".join([one.name or "", one.text, *calls])


def _text_of_span(one: SpanView) -> str:
    return "\n".join([one.name, one.error or "", readable(one.inputs), readable(one.outputs)])
