"""Choices that live in the URL: a page opened from a link shows what its sender saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st


def follow(
    param: str,
    key: str,
    options: Sequence[str] | None = None,
    default: str | None = None,
    remember: bool = False,
    forget: Sequence[str] = (),
) -> Callable[[], None]:
    """Make a widget show a query parameter; give its `on_change` the function that this returns.

    Call it right before the widget. The URL wins, then what this session chose before (with `remember`, on any page),
    then the default.

    Args:
        param: Name of the query parameter.
        key: Key of the widget.
        options: Valid values; others are left out of account. None takes any.
        default: Value where nothing was chosen.
        remember: Keep the choice for the session.
        forget: Parameters that the change makes meaningless, such as the trace when the topic changes.
    """
    wanted = _first_valid([st.query_params.get(param), _remembered(param) if remember else None, default], options)
    st.session_state[key] = wanted
    if remember and wanted is not None:
        st.session_state[f"chosen.{param}"] = wanted

    def changed() -> None:
        for other in forget:
            st.query_params.pop(other, None)
        put(param, st.session_state[key])
        if remember:
            st.session_state[f"chosen.{param}"] = st.session_state[key]

    return changed


def put(param: str, value: str | None) -> None:
    """Set a query parameter, or take it away."""
    if value:
        st.query_params[param] = value
    else:
        st.query_params.pop(param, None)


def _remembered(param: str) -> str | None:
    return st.session_state.get(f"chosen.{param}")


def _first_valid(candidates: Sequence[str | None], options: Sequence[str] | None) -> str | None:
    for candidate in candidates:
        if candidate is not None and (options is None or candidate in options):
            return candidate
    return None


def segmented(
    label: str,
    options: Mapping[str, str],
    param: str,
    key: str,
    default: str,
    remember: bool = False,
    forget: Sequence[str] = (),
    show_label: bool = False,
) -> str:
    """A segmented control whose choice is in the URL.

    Args:
        label: Name for screen readers, or over the control with `show_label`.
        options: Value -> its word.
        param: Query parameter.
        key: Key of the widget.
        default: Value where nothing was chosen.
        remember: As for `follow`.
        forget: As for `follow`.
        show_label: Whether the label is seen.
    """
    changed = follow(param, key, list(options), default, remember, forget)
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        required=True,
        key=key,
        on_change=changed,
        label_visibility="visible" if show_label else "collapsed",
    )
    return str(chosen)
