"""What a page shows when there is nothing, when something is on its way, and when something failed."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from insights_core import settings
from insights_core.errors import (
    InsightsError,
    InvalidParameterError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from pages._ui.look.formats import escape_html, escape_markdown

_log = logging.getLogger("mlflow_insights.pages")
F = TypeVar("F", bound=Callable[..., None])

# What a library says of a broken connection is not for readers.
_RAW = re.compile(r"HTTP\w*ConnectionPool|Caused by|NewConnectionError|Errno")
_ICONS: tuple[tuple[type[InsightsError], str], ...] = (
    (UnavailableError, "cloud_off"),
    (NotFoundError, "search_off"),
    (PermissionDeniedError, "lock"),
    (InvalidParameterError, "edit_off"),
)


def empty(title: str, text: str) -> st.delta_generator.DeltaGenerator:
    """What is missing and why; put the next step as buttons into the container that this gives back.

    Args:
        title: What is missing, in a few words.
        text: Why, and what helps.
    """
    st.html(f'<div class="mi-empty"><h4>{escape_html(title)}</h4><p class="mi-muted">{escape_html(text)}</p></div>')
    return st.container(horizontal=True, horizontal_alignment="center")


@contextmanager
def loading(text: str, height: int = 240) -> Iterator[None]:
    """Say what is being read, over a placeholder of the final size, while the block runs."""
    place = st.empty()
    with place.container():
        st.caption(escape_markdown(text))
        st.skeleton(height=height)
    try:
        yield
    finally:
        place.empty()


def failed(error: Exception, key: str = "page") -> None:
    """One sentence that says who did not do what, and "Try again"; never a traceback."""
    title = st.session_state.pop("title-to-come", None)
    if title:
        st.title(title, anchor=False)
    if isinstance(error, UnavailableError) and _RAW.search(error.message):
        _log.warning("%s", error.message)
        place = settings.MLFLOW_TRACKING_URI.get().rsplit("@", 1)[-1]
        text, icon = (
            f"MLflow at {place} did not answer. Check MLFLOW_TRACKING_URI and that the server runs.",
            "cloud_off",
        )
    elif isinstance(error, InsightsError):
        text, icon = error.message, next((icon for kind, icon in _ICONS if isinstance(error, kind)), "error")
    else:
        _log.error("a page failed", exc_info=error)
        text, icon = (
            f"This page failed on something unexpected ({type(error).__name__}). The server's log has the details.",
            "error",
        )
    st.error(escape_markdown(text), icon=f":material/{icon}:")
    if st.button("Try again", icon=":material/refresh:", key=f"try-again-{key}"):
        st.cache_data.clear()
        st.rerun()


@contextmanager
def failures(key: str = "page") -> Iterator[None]:
    """Show what goes wrong inside as the Failed state. The router has one around every page."""
    try:
        yield
    except Exception as error:
        failed(error, key)


def fragment(run_every: float | None = None, key: str | None = None) -> Callable[[F], F]:
    """`st.fragment` whose failures end in the Failed state too: a fragment's own reruns do not pass the router."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def guarded(*args: object, **kwargs: object) -> None:
            with failures(key or function.__name__):
                function(*args, **kwargs)

        return st.fragment(guarded, run_every=run_every)  # type: ignore[return-value]

    return decorate
