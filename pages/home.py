"""Home: what is new or failing, the key figures, what is running."""

import streamlit as st

from pages._ui.home import first_steps, home_figures, home_news, home_running, home_topics
from pages._ui.parts import layout
from pages._ui.shell import loaders, scope


def view() -> None:
    current = scope.current()
    if current is None or not loaders.any_trace():
        first_steps.first_steps()
        return
    compared = f" · compared with {current.before_label}" if current.before else ""
    with layout.page_header("Home", current.label + compared):
        scope.controls(current)
    if not home_figures.key_figures(current):
        return
    left, right = st.columns([5, 3])
    with left:
        home_news.news(current)
    with right:
        home_running.running(current)
    home_topics.worst_topics(current)
    home_topics.strip(current)


view()
