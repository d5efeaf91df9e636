"""The search row of the Traces page: simple controls that become MLflow's filter syntax, and that syntax itself."""

from __future__ import annotations

import re

import streamlit as st

from insights_core.entities import TraceScope
from insights_core.errors import InvalidParameterError
from insights_core.traces.scopes import trace_id_in, words_condition
from pages._ui.shell import loaders, url_state
from pages._ui.shell.scope import Scope

_STATUSES = {"all": "All", "ERROR": "Errors", "OK": "OK"}
_SLOW = {"": "Any latency", "1000": "Over 1 s", "5000": "Over 5 s", "10000": "Over 10 s", "30000": "Over 30 s"}
# How many of the newest traces tell which tags there are.
_TRACES_FOR_TAGS = 200
_MOST_TAGS = 60
_PLAIN_NAME = re.compile(r"^[A-Za-z_]\w*$")


def search_controls(scope: Scope) -> TraceScope:
    """Draw the controls; gives the traces that they say, within the page's scope."""
    with st.container(horizontal=True, vertical_alignment="center", key="trace-filters"):
        words = _text("text", "Search", "Words in a trace", "search", 190)
        status = url_state.segmented("Status", _STATUSES, "status", "traces-status", "all")
        slow = _choice("slow", "Latency", _SLOW, 130)
        tag = _choice("tag", "Tag", {"": "Any tag"} | {one: one for one in _tags(scope)}, 165)
        session = _text("session", "Session", "Session id", "forum", 140)
        expert = _text("filter", "Filter", "tags.channel = 'web' AND …", "code", 270)
    if found := trace_id_in(words):
        # Whoever has an id wants that trace, however old it is.
        return TraceScope(experiment_id=scope.experiment_id, trace_ids=[found])
    conditions = simple_filter(text=words, status=status, slow_ms=slow, tag=tag)
    return TraceScope(
        experiment_id=scope.experiment_id,
        filter_string=" AND ".join(part for part in (conditions, expert) if part) or None,
        session_id=session or None,
        run_id=st.query_params.get("run") or None,
        start_time_ms=scope.start_ms,
        end_time_ms=scope.end_ms if scope.range == "custom" else None,
    )


def simple_filter(text: str = "", status: str = "all", slow_ms: str = "", tag: str = "") -> str:
    """MLflow's filter for what the simple controls say; empty where they say nothing.

    Args:
        text: Words that the trace holds, in capitals or not.
        status: "ERROR", "OK", or anything else for all.
        slow_ms: Least latency in milliseconds, as digits.
        tag: "key=value".

    Raises:
        InvalidParameterError: The tag holds both kinds of quotation marks, which MLflow's syntax cannot say.
    """
    parts = []
    if text.strip():
        parts.append(words_condition(text))
    if status in ("ERROR", "OK"):
        parts.append(f"trace.status = '{status}'")
    if slow_ms.isdigit():
        parts.append(f"trace.execution_time_ms > {slow_ms}")
    if "=" in tag:
        key, value = tag.split("=", 1)
        parts.append(f"tags.{key if _PLAIN_NAME.match(key) else f'`{key}`'} = {quoted(value)}")
    return " AND ".join(parts)


def quoted(text: str) -> str:
    """A text in the quotation marks that it does not hold itself."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    raise InvalidParameterError(
        f"MLflow's filter cannot hold a text with both kinds of quotation marks: {text}. Search for a part of it.",
        field="tag",
    )


def _tags(scope: Scope) -> list[str]:
    seen: dict[str, int] = {}
    for one in loaders.traces(TraceScope(experiment_id=scope.experiment_id), _TRACES_FOR_TAGS):
        for name, value in one["tags"].items():
            pair = f"{name}={value}"
            seen[pair] = seen.get(pair, 0) + 1
    wanted = st.query_params.get("tag")
    # A value that each trace has its own is no group.
    common = [pair for pair, count in sorted(seen.items(), key=lambda item: -item[1]) if count > 1][:_MOST_TAGS]
    return sorted({*common, wanted} if wanted else common)


def _text(param: str, label: str, placeholder: str, icon: str, width: int) -> str:
    key = f"traces-{param}"
    changed = url_state.follow(param, key, default="", forget=("page",))
    value = st.text_input(
        label,
        key=key,
        on_change=changed,
        placeholder=placeholder,
        icon=f":material/{icon}:",
        label_visibility="collapsed",
        width=width,
    )
    return value.strip()


def _choice(param: str, label: str, values: dict[str, str], width: int) -> str:
    key = f"traces-{param}"
    changed = url_state.follow(param, key, list(values), "")
    return st.selectbox(
        label,
        list(values),
        format_func=lambda one: values.get(one, one),
        key=key,
        on_change=changed,
        label_visibility="collapsed",
        width=width,
    )
