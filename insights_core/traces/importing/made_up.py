"""What a file of conversations does not say, made up the same way every time."""

from __future__ import annotations

from collections import Counter

_DAY_MS = 86_400_000


class MadeUp:
    """What a file does not say: ids from its content, and times spread over the week before the experiment was made.

    The same record gets the same id and time in the same experiment, however often it is imported.

    Args:
        experiment_id: Goes into the ids.
        until_ms: The end of the week.
        traces: How many share the week.
    """

    def __init__(self, experiment_id: str, until_ms: int, traces: int) -> None:
        self.experiment_id = experiment_id
        self._until_ms = until_ms
        self._traces = max(traces, 1)
        self._seen: Counter[str] = Counter()

    def occurrence(self, content: str) -> int:
        """How often this content came before: real files hold the same conversation more than once."""
        self._seen[content] += 1
        return self._seen[content] - 1

    def start_ms(self, position: int) -> int:
        """When the trace at this position of the file may have started."""
        return self._until_ms - 7 * _DAY_MS + (2 * position + 1) * 7 * _DAY_MS // (2 * self._traces)
