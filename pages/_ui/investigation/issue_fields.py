"""Severity and status of issues as words, and the form of a new one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from insights_core.entities import IssueStatus, Severity
from pages._ui.look.badges import word

SEVERITIES = [one.value for one in Severity]
STATUSES = [one.value for one in IssueStatus]


def form(key: str, title: str, button: str) -> dict[str, Any] | None:
    """Title, severity and description; the values for `create_issue` once it was sent, else None.

    Args:
        key: Prefix of the fields' keys.
        title: To begin with.
        button: What the button says.
    """
    with st.form(f"{key}-form", border=False, enter_to_submit=False):
        left, right = st.columns([3, 1])
        name = left.text_input("Title", value=title, key=f"{key}-title", max_chars=250)
        severity = right.selectbox("Severity", SEVERITIES, index=1, format_func=word, key=f"{key}-severity")
        description = st.text_area(
            "Description",
            key=f"{key}-description",
            placeholder="What goes wrong, for whom, and how one can tell.",
            height=110,
        )
        sent = st.form_submit_button(button, type="primary", icon=":material/flag:")
    if sent and not name.strip():
        st.caption(":red[Give it a title.]")
    elif sent:
        return {"title": name, "severity": severity, "description": description}
    return None
