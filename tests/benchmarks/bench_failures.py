"""How well failures are guessed without a model, on conversations whose truth is known.

    python -m tests.benchmarks.bench_failures conversations.json --field reward --group task_id

The file is what `import-traces --format openai-messages` takes; a record failed where its field is below 1. Everything
is scored by cross-validation over groups: no conversation of a task is scored on what was learnt from the same task.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any


def _views(path: Path, folder: str) -> dict[str, Any]:
    from insights_core import InsightsClient
    from insights_core.traces.fetching import iter_traces
    from insights_core.traces.text import read_trace

    client = InsightsClient(f"sqlite:///{folder}/mlflow.db")
    ids = client.import_traces(str(path), "openai-messages", "conversations")
    return {trace.info.trace_id: (trace.info, read_trace(trace)) for trace in iter_traces(client, ids)}


def measure(path: Path, field: str, group: str) -> list[tuple[str, str]]:
    """Rows of (name, figures)."""
    import numpy as np

    from insights_core.entities import Outcome
    from insights_core.insight.reading.calibration import guess_failures
    from insights_core.insight.reading.outcome import outcome_of
    from insights_core.insight.reading.signs import signs_of
    from insights_core.insight.reading.truth import FailureRule

    rule = FailureRule(f"tags.{field} < 1")
    with tempfile.TemporaryDirectory() as folder:
        found = list(_views(path, folder).values())
    truth = [rule.failed(info) for info, _ in found]
    groups = [str((info.tags or {}).get(group, info.trace_id)) for info, _ in found]
    signs = [signs_of(view) for _, view in found]
    said = np.array([bool(one) for one in truth])
    fixed = np.array([outcome_of(view) is Outcome.FAILURE for _, view in found])
    rows = [("failed", f"{said.sum()} of {len(said)} ({100 * said.mean():.0f} %)")]
    hits = int((fixed & said).sum())
    rows.append(("without truth", f"flags {fixed.sum()}, right {hits}, finds {100 * hits / said.sum():.0f} %"))
    quality = guess_failures(signs, truth, groups).quality
    if quality:
        rows.append(
            (
                "learnt from truth",
                f"flags {quality.flagged}, right {quality.hits} = {100 * quality.hits / quality.flagged:.0f} % "
                f"({100 * quality.precision_low:.0f} to {100 * quality.precision_high:.0f}), "
                f"finds {100 * quality.hits / quality.failed:.0f} % "
                f"({100 * quality.recall_low:.0f} to {100 * quality.recall_high:.0f}); shown: {quality.beats_base_rate}",
            )
        )
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--field", default="reward")
    parser.add_argument("--group", default="task_id")
    options = parser.parse_args()
    for name, figures in measure(options.file, options.field, options.group):
        print(f"{name:20} {figures}")


if __name__ == "__main__":
    main()
