"""A theme's result for others: as a notebook; the address of the page itself is the link to share."""

from __future__ import annotations

import re

import streamlit as st

from insights_core.client import InsightsClient
from insights_core.entities import Insight
from insights_core.export.notebook import insight_notebook
from pages._ui.shell import loaders


def button(insight: Insight) -> None:
    """Download a notebook that reads the insight back."""
    client = loaders.client()
    st.download_button(
        "Notebook",
        data=lambda: _made(client, insight),
        file_name=f"{re.sub(r'[^A-Za-z0-9]+', '-', insight.name).strip('-').lower()[:60] or 'insight'}.ipynb",
        mime="application/x-ipynb+json",
        icon=":material/code_blocks:",
        on_click="ignore",
        type="tertiary",
        key=f"notebook-{insight.run_id}",
        help="Loads this result with the SDK and shows its topics, their trend and examples.",
    )


def _made(client: InsightsClient, insight: Insight) -> bytes:
    """On a thread of its own, where no Streamlit command works."""
    return insight_notebook(insight, client.get_insight_details(insight.run_id)).encode()
