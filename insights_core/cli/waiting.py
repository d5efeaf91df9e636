"""A job's progress on the terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from insights_core.client import InsightsClient
    from insights_core.entities.insight import Insight

_LOOK_EVERY_S = 0.5


def watch(insights: InsightsClient, run_id: str) -> Insight:
    """Show the progress on stderr until the job ends or its process is found dead; gives its last state."""
    show: Any = _Bar() if sys.stderr.isatty() else _Lines()
    with show:
        while True:
            insight = insights.get_insight(run_id)
            show.update(insight)
            if insight.status != "RUNNING":
                return insight
            time.sleep(_LOOK_EVERY_S)


class _Bar:
    """A bar that fills, for a person."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[cost]}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("queued", total=None, cost="")

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, insight: Insight) -> None:
        progress = insight.progress
        cost = f"${progress.cost_usd:.4f}" if progress.cost_usd else ""
        total = progress.total or None
        self._bar.update(self._task, description=progress.stage, completed=progress.done, total=total, cost=cost)


class _Lines:
    """A line for each stage, for a log."""

    def __init__(self) -> None:
        self._last = ""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self, insight: Insight) -> None:
        progress = insight.progress
        if progress.stage != self._last:
            self._last = progress.stage
            click.echo(progress.stage + (f" ({progress.total:,})" if progress.total else ""), err=True)
