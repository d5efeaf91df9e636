"""Dialogs that stay open while the page under them refreshes itself.

A dialog that a ticking fragment opens is gone with its next tick. So whoever wants one asks for it with `ask`, and the
page draws it at its end with `show`, on every run, until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import streamlit as st

from pages._ui.shell import navigation, states

_KEY, _LEAVING = "asked-dialog", "leave-for"


def ask(name: str, **arguments: Any) -> None:
    """Open a dialog of the page; the script begins anew."""
    st.session_state[_KEY] = (name, arguments)
    st.rerun()


def close() -> None:
    """Close the open dialog; the script begins anew."""
    st.session_state.pop(_KEY, None)
    st.rerun()


def leave(page: str, params: Mapping[str, str]) -> None:
    """Go to another page from one that ticks; the script begins anew and leaves in `leaving`.

    A tick that the browser sent while this run was busy would otherwise be answered after the other page, as if that
    were left again, and empty it. A rerun takes such a tick in.
    """
    st.session_state.pop(_KEY, None)
    st.session_state[_LEAVING] = (page, dict(params))
    st.rerun()


def leaving() -> None:
    """Leave where `leave` said so; the first thing a page does that ticks."""
    wanted = st.session_state.pop(_LEAVING, None)
    if wanted:
        navigation.go_to(*wanted)


def forget(prefix: str) -> None:
    """Empty the fields of a dialog before it opens: all widgets whose keys begin like this."""
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]


def show(
    known: Mapping[str, tuple[str, Callable[..., None]]], width: Literal["small", "medium", "large"] = "medium"
) -> bool:
    """Draw the dialog that was asked for.

    Args:
        known: Name -> title, and the function that draws the inside from what was given to `ask`.
        width: How wide.

    Returns:
        Whether there was one; a page can have only one.
    """
    name, arguments = st.session_state.get(_KEY, ("", {}))
    if name not in known:
        # Asked for on another page, which was left by its address.
        st.session_state.pop(_KEY, None)
        return False
    title, draw = known[name]

    def inside() -> None:
        with states.failures(f"dialog-{name}"):
            draw(**arguments)

    st.dialog(title, width=width, on_dismiss=_dismissed)(inside)()
    return True


def _dismissed() -> None:
    st.session_state.pop(_KEY, None)
