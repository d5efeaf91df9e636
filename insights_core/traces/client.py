"""Traces as the client offers them: import, count, search, read."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError, TraceNotFoundError, mlflow_errors

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Trace, TraceInfo


class Traces(Connection):
    """What a client does with traces."""

    def import_traces(
        self, path: str | Path, format: Literal["openai-messages", "posthog"], experiment: str
    ) -> list[str]:
        """Turn a file of conversations into real MLflow traces; importing it again adds nothing.

        Args:
            path: A JSON or JSONL file.
            format: `openai-messages` (conversations in OpenAI chat format) or `posthog` (PostHog's AI events).
            experiment: Name of the experiment, created where it does not exist.

        Returns:
            The trace ids in the order of the file.

        Raises:
            InvalidParameterError: The file or a record in it is not what the format says; nothing was written.
        """
        from insights_core.traces.importing import import_traces

        self.may_create = True
        return import_traces(self, path, format, experiment)

    def count_traces(self, scope: TraceScope) -> int:
        """Number of traces that match, before sampling.

        Raises:
            InvalidParameterError: The filter cannot be read; the message shows a valid one.
            NotFoundError: There is no such experiment or run.
        """
        from insights_core.traces.search import count_traces

        return count_traces(self, scope)

    def search_traces(self, scope: TraceScope, limit: int | None = None, newest_first: bool = True) -> list[TraceInfo]:
        """The traces that match, without their spans; sampling is ignored.

        Args:
            scope: Which traces.
            limit: At most this many; None gives all.
            newest_first: False gives the oldest first.

        Raises:
            InvalidParameterError: The filter cannot be read, or the limit is below 1.
            NotFoundError: There is no such experiment or run.
        """
        from insights_core.traces.search import iter_trace_infos

        if limit is not None and limit < 1:
            raise InvalidParameterError(f"limit must be a whole number from 1, but {limit} is not.", field="limit")
        return list(islice(iter_trace_infos(self, scope, newest_first=newest_first), limit))

    def get_trace(self, trace_id: str) -> Trace:
        """A trace with its spans.

        Raises:
            TraceNotFoundError: There is no such trace.
        """
        from insights_core.traces.fetching import iter_traces

        for trace in iter_traces(self, [trace_id]):
            return trace
        raise TraceNotFoundError(
            f"There is no trace {trace_id!r} at {self.tracking_uri.split('@')[-1]}. Trace ids look like `tr-` and 32 hexadecimal digits.",
            trace_ids=[trace_id],
        )

    def list_experiments(self) -> list[Experiment]:
        """All active experiments, by name."""
        with mlflow_errors():
            found, token = [], None
            while True:
                page = self.mlflow.search_experiments(order_by=["name ASC"], page_token=token)
                found += list(page)
                token = page.token
                if not token:
                    return found
