"""How many traces match a theme that is being written, and what a run would take."""

from __future__ import annotations

import streamlit as st

from insights_core.entities import Theme, ThemePreview, TraceScope
from pages._ui.shell import loaders

# What changes nothing of what is counted.
_NOT_COUNTED = {"enabled": True, "schedule": "manual", "history": []}
# Of a theme that is new nothing is summarised yet, so that a new name shall not count anew.
_OF_A_NEW_ONE = {"theme_id": "draft", "name": "Draft", "description": ""}


def count(experiment_id: str, condition: str | None) -> int:
    """Traces of all times that match a filter."""
    return loaders.count_traces(TraceScope(experiment_id=experiment_id, filter_string=condition))


def preview(theme: Theme, experiment_id: str, is_new: bool) -> ThemePreview:
    """Matching traces by each filter and by both, and what a run would read and cost."""
    counted = theme.model_copy(update={**_NOT_COUNTED, **(_OF_A_NEW_ONE if is_new else {})})
    return _preview(loaders.tracking_uri(), experiment_id, counted.model_dump_json())


@st.cache_data(ttl=60, show_spinner=False, max_entries=64)
def _preview(uri: str, experiment_id: str, theme: str) -> ThemePreview:
    return loaders.client().preview_theme(Theme.model_validate_json(theme), experiment_id)
