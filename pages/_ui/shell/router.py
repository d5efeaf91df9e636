"""The script of every page view: page configuration, style sheet, navigation, and one net under all pages."""

import sys
from pathlib import Path

import streamlit as st

_ROOT = str(Path(__file__).parents[3])
if _ROOT not in sys.path:
    # Streamlit puts only this file's folder on the path; the pages import `pages._ui` from the project's.
    sys.path.insert(0, _ROOT)

from pages._ui.look import theme  # noqa: E402
from pages._ui.shell import navigation, reach, scope, states  # noqa: E402

st.set_page_config(
    page_title="MLflow Insights",
    page_icon=theme.ICON,
    layout="wide",
    initial_sidebar_state=212,
    menu_items={"About": reach.about()},
)
theme.styles()
st.logo(theme.LOGO, size="large")
page = st.navigation(navigation.groups(), position="hidden")
scope.settle()
navigation.sidebar(page.url_path or "home")
# A page that fails before its header still says which page it is.
st.session_state["title-to-come"] = page.title
with states.failures():
    page.run()
