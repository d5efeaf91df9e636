"""Cached access to analyses, hypotheses and issues. Lists come from tags, so no evidence is read for a closed card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from insights_core.entities import Analysis, Hypothesis, Issue
from insights_core.entities.investigation import AnalysisSummary, EntitySummary
from pages._ui.shell import loaders

if TYPE_CHECKING:
    from insights_core.client import InsightsClient
    from insights_core.export.report import Investigation


def analyses(experiment_id: str) -> list[AnalysisSummary]:
    """One line for each analysis with its counts, what changed last first."""
    found = _analyses(loaders.tracking_uri(), experiment_id)
    return sorted(found, key=lambda one: one.updated_at, reverse=True)


@st.cache_data(ttl=2, show_spinner=False, max_entries=32)
def _analyses(uri: str, experiment_id: str) -> list[AnalysisSummary]:
    return loaders.client().summarize_analyses(experiment_id)


def hypotheses(run_id: str) -> list[EntitySummary]:
    """One line for each hypothesis of an analysis, oldest first."""
    return _hypotheses(loaders.tracking_uri(), run_id)


@st.cache_data(ttl=2, show_spinner=False, max_entries=32)
def _hypotheses(uri: str, run_id: str) -> list[EntitySummary]:
    return loaders.client().summarize_hypotheses(run_id)


def hypothesis(line: EntitySummary) -> Hypothesis:
    """The hypothesis of a line with all its evidence. Shared between sessions: read it, never change it."""
    return _hypothesis(loaders.tracking_uri(), line.run_id, line.id, line.revision)


@st.cache_resource(show_spinner=False, max_entries=64)
def _hypothesis(uri: str, run_id: str, hypothesis_id: str, revision: str) -> Hypothesis:
    return loaders.client().get_hypothesis(run_id, hypothesis_id)


def analysis(run_id: str, revision: str) -> Analysis:
    """The analysis with its description and history, as of a revision."""
    return _analysis(loaders.tracking_uri(), run_id, revision)


@st.cache_resource(show_spinner=False, max_entries=64)
def _analysis(uri: str, run_id: str, revision: str) -> Analysis:
    return loaders.client().get_analysis(run_id)


def issues(experiment_id: str) -> list[EntitySummary]:
    """One line for each issue of an experiment, most traces first."""
    return _issues(loaders.tracking_uri(), experiment_id)


@st.cache_data(ttl=2, show_spinner=False, max_entries=32)
def _issues(uri: str, experiment_id: str) -> list[EntitySummary]:
    return loaders.client().summarize_issues(experiment_id)


def issue(issue_id: str) -> Issue:
    """One issue as it is now; files that did not change are not read again."""
    return loaders.client().get_issue(issue_id)


def forget() -> None:
    """Read lists again, after something was created or changed."""
    for cached in (_analyses, _hypotheses, _issues):
        cached.clear()
    loaders.forget_lists()


def report(client: InsightsClient, run_id: str, format: str) -> bytes:
    """The report of an analysis; safe on a thread of its own, where no Streamlit command works."""
    from insights_core.export.report import render_report

    return render_report(_investigation(client, run_id), format)


def _investigation(client: InsightsClient, run_id: str) -> Investigation:
    from insights_core.export.report import Investigation

    found = client.get_analysis(run_id)
    own = [one for one in client.list_issues(found.experiment_id) if one.source_run_id == run_id]
    return Investigation(found, client.list_hypotheses(run_id), own)
