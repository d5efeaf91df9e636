"""What stands above a list: search and order."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui.shell import url_state


def search(key: str, placeholder: str, width: int = 240, label: str = "Search", param: str | None = "find") -> str:
    """The words that somebody searches for; empty for all. The URL keeps them under a name, if one is given."""
    changed = url_state.follow(param, key, default="") if param else None
    return st.text_input(
        label,
        key=key,
        on_change=changed,
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
