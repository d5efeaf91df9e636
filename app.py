"""What `streamlit run app.py` starts.

The script that runs for each page view lies in a folder of its own: with a `pages/` beside the script a deep link to a
page of a fresh server would run that file directly, without navigation, theme and error handling.
"""

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).parent / "pages" / "_ui" / "shell" / "router.py")
