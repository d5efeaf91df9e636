"""Watching an analysis: what changed since the last look, told in a toast, with the time of the last news."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from insights_core.entities import AnalysisStatus
from insights_core.entities.investigation import EntitySummary
from insights_core.errors import UnavailableError
from pages._ui.look import badges
from pages._ui.look.formats import escape_markdown, local, moment, plural
from pages._ui.shell import investigations, loaders

if TYPE_CHECKING:
    from insights_core.artifacts.watching import Watcher

# Without news for longer, an active analysis is paused: nobody works on it right now.
RUNNING_SECONDS = 120
# A look without news costs the browser 2.5 kB: each second while somebody works, seldom while nobody does.
_LOOK_SECONDS, _PAUSED_SECONDS = 1.0, 5.0
# More news at once is one toast with a count: a stack of toasts hides the page.
_MOST_TOASTS = 3
_STATEMENT_CHARS = 90


def phase(status: str, updated_at: datetime) -> str:
    """RUNNING, PAUSED, COMPLETED or ARCHIVED: what an analysis does right now."""
    if status != AnalysisStatus.ACTIVE:
        return status
    age = (datetime.now(UTC) - updated_at).total_seconds()
    return "RUNNING" if age < RUNNING_SECONDS else "PAUSED"


def look_seconds(status: str, updated_at: datetime) -> float | None:
    """How often to look for news of an analysis; None where none comes."""
    return {"RUNNING": _LOOK_SECONDS, "PAUSED": _PAUSED_SECONDS}.get(phase(status, updated_at))


@dataclass
class Watch:
    """What one session knows of the analysis it looks at."""

    run_id: str
    experiment_id: str
    watcher: Watcher
    news: list[str] = field(default_factory=list)
    """Markdown of what happened and was not told yet."""
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When MLflow last answered."""

    @property
    def analysis(self) -> EntitySummary | None:
        return self.watcher.summaries.get(("analysis", ""))

    @property
    def hypotheses(self) -> list[EntitySummary]:
        """Oldest first, so that what is new moves nothing that is being read."""
        found = [one for (kind, _), one in self.watcher.summaries.items() if kind == "hypothesis"]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    @property
    def updated_at(self) -> datetime:
        return max((one.updated_at for one in self.watcher.summaries.values()), default=datetime.now(UTC))

    def poll(self, quietly: bool = False) -> bool:
        """Ask MLflow, one request; whether there was anything new.

        Args:
            quietly: Remember what changed and tell nobody: it is what this session did itself.
        """
        before = dict(self.watcher.summaries)
        changes = self.watcher.poll()
        self.asked_at = datetime.now(UTC)
        if before and not quietly:
            self.news += _news(before, changes.summaries)
        return not changes.unchanged


def watch(run_id: str) -> Watch:
    """This session's watch on an analysis; the first call reads it.

    Raises:
        RunNotFoundError: There is no such analysis.
    """
    from insights_core.artifacts.kinds import ANALYSIS, HYPOTHESIS
    from insights_core.artifacts.runs import get_run_of_type
    from insights_core.artifacts.watching import Watcher

    known: Watch | None = st.session_state.get("watch")
    if known is not None and known.run_id == run_id:
        return known
    client = loaders.client()
    run = get_run_of_type(client, run_id, "analysis")
    made = Watch(
        run_id, run.info.experiment_id, Watcher(client, run_id, read_entities=False, kinds=(ANALYSIS, HYPOTHESIS))
    )
    made.poll()
    st.session_state["watch"] = made
    return made


def look(seen: Watch) -> bool:
    """Ask for news; whether there is any. Where MLflow does not answer, say so and from when the rest is."""
    before = phase(seen.analysis.status, seen.updated_at) if seen.analysis else ""
    try:
        news = seen.poll()
    except UnavailableError as error:
        st.error(
            f"{escape_markdown(error.message)} What you see is from {local(seen.asked_at):%H:%M:%S}.",
            icon=":material/cloud_off:",
        )
        return False
    # What nobody works on any more becomes paused, without any news.
    return news or before != (phase(seen.analysis.status, seen.updated_at) if seen.analysis else "")


def after_change() -> None:
    """Take in what this session changed itself, without a toast."""
    known: Watch | None = st.session_state.get("watch")
    if known is not None:
        known.poll(quietly=True)
    investigations.forget()


def _news(before: dict[tuple[str, str], EntitySummary], changed: list[EntitySummary]) -> list[str]:
    told = []
    for one in changed:
        if one.kind != "hypothesis":
            continue
        name = f"**{escape_markdown(one.title, _STATEMENT_CHARS)}**"
        known = before.get((one.kind, one.id))
        if known is None:
            told.append(f"New hypothesis  \n{name}")
        elif known.status != one.status:
            told.append(f"{badges.word(one.status)}  \n{name}")
        elif one.evidence_count > known.evidence_count:
            more = plural(one.evidence_count - known.evidence_count, "piece") + " of evidence"
            told.append(f"{more} more  \n{name}")
    return told


def toasts(seen: Watch) -> None:
    """Tell what happened, once."""
    told, seen.news = seen.news, []
    for text in told[:_MOST_TOASTS]:
        st.toast(text, icon=":material/science:")
    if len(told) > _MOST_TOASTS:
        st.toast(f"and {len(told) - _MOST_TOASTS} more changes", icon=":material/science:")


def mark(seen: Watch) -> None:
    """The pulsing dot with the time of the last news; still where nobody works on the analysis."""
    now = phase(seen.analysis.status if seen.analysis else AnalysisStatus.ACTIVE, seen.updated_at)
    if now == "RUNNING":
        badges.live(f"Live · updated {local(seen.updated_at):%H:%M:%S}")
    else:
        badges.live(f"{now.capitalize()} · updated {moment(seen.updated_at)}", on=False)
