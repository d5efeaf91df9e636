"""What `streamlit run app.py` starts.

The script that runs for each page view lies in a folder of its own: with a `pages/` beside the script a deep link to a
page of a fresh server would run that file directly, without navigation, theme and error handling.
"""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from pages._ui.shell import cards_api, reach


def home(request: Request) -> RedirectResponse:
    """Streamlit serves its first page at `/` alone; a link to /home, as the other pages have it, leads there."""
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


reach.say_at_start()
app = st.App(
    Path(__file__).parent / "pages" / "_ui" / "shell" / "router.py",
    routes=[Route("/home", home), *cards_api.routes()],
)
