"""Every state word has one colour and one icon, everywhere: colour is never the only sign."""

from __future__ import annotations

import streamlit as st

from pages._ui.look.formats import escape_html, escape_markdown

_BADGES: dict[str, tuple[str, str, str]] = {  # value -> colour, icon, word
    "CRITICAL": ("red", "error", "Critical"),
    "HIGH": ("orange", "keyboard_double_arrow_up", "High"),
    "MEDIUM": ("yellow", "drag_handle", "Medium"),
    "LOW": ("gray", "keyboard_arrow_down", "Low"),
    "OPEN": ("blue", "radio_button_unchecked", "Open"),
    "IN_PROGRESS": ("blue", "timelapse", "In progress"),
    "RESOLVED": ("green", "check_circle", "Resolved"),
    "REJECTED": ("gray", "block", "Rejected"),
    "TESTING": ("blue", "science", "Testing"),
    "VALIDATED": ("green", "verified", "Validated"),
    "ACTIVE": ("blue", "sensors", "Active"),
    "COMPLETED": ("green", "check_circle", "Completed"),
    "ARCHIVED": ("gray", "inventory_2", "Archived"),
    "NEW": ("blue", "auto_awesome", "New"),
    "RUNNING": ("blue", "timelapse", "Running"),
    "STALLED": ("orange", "hourglass_disabled", "Stalled"),
    "FINISHED": ("green", "check_circle", "Finished"),
    "FAILED": ("red", "error", "Failed"),
    "KILLED": ("gray", "stop_circle", "Stopped"),
    "ERROR": ("red", "error", "Error"),
    "OK": ("gray", "check", "OK"),
    "success": ("gray", "check", "Done"),
    "partial": ("yellow", "drag_handle", "Partly"),
    "failure": ("red", "close", "Failed"),
    "suspected": ("orange", "help", "Not done?"),
    "unknown": ("gray", "help", "Unclear"),
    "allow": ("gray", "check", "Allowed"),
    "deny": ("red", "block", "Denied"),
    "escalate": ("orange", "person_alert", "Escalated"),
    "waiting": ("gray", "hourglass_empty", "Waiting"),
    "skipped": ("gray", "skip_next", "Skipped"),
    "failed": ("red", "error", "Failed"),
    "fits": ("gray", "check", "As usual"),
    "concerns": ("blue", "filter_center_focus", "Concerns it"),
    "apart": ("gray", "block", "Does not concern it"),
    "departs": ("orange", "call_split", "Unusual"),
}


def badge(value: str) -> str:
    """Markdown of a state's badge, for labels, captions and text; an unknown state is gray."""
    colour, icon, word = _BADGES.get(value, ("gray", "label", escape_markdown(value)))
    return f":{colour}-badge[:material/{icon}: {word}]"


def word(value: str) -> str:
    """The word of a state: "In progress" for IN_PROGRESS."""
    return _BADGES[value][2] if value in _BADGES else value.replace("_", " ").capitalize()


def badge_column(label: str, values: list[str], width: int = 110):
    """Table column of states; each cell is a list with one of the values."""
    return st.column_config.MultiselectColumn(
        label, options=values, color=[_BADGES[value][0] for value in values], format_func=word, width=width
    )


def live(text: str, on: bool = True) -> None:
    """A pulsing dot with the time of the last news; still where nothing is under way."""
    st.html(
        f'<span class="mi-live{"" if on else " still"}" role="status"><i></i>{escape_html(text)}</span>',
        width="content",
    )
