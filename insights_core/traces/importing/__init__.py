"""Files of conversations as real MLflow traces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from insights_core.connection import Connection
from insights_core.errors import InvalidParameterError, mlflow_errors
from insights_core.traces.drafts import TraceDraft
from insights_core.traces.importing import openai_messages, posthog
from insights_core.traces.importing.made_up import MadeUp
from insights_core.traces.importing.records import Record, read_records
from insights_core.traces.writing import find_or_create_experiment, write_traces

# Where MLflow does not know when an experiment was made: some fixed day, so that times stay the same.
_UNKNOWN_CREATION_MS = 1_735_689_600_000


class Format(Protocol):
    """Turns the records of a file into traces."""

    def looks_like_record(self, value: object) -> bool:
        """Whether the value is one record of this format, and not a list of them."""

    def check(self, records: Iterable[Record]) -> int:
        """The number of traces in the records; raises InvalidParameterError on one that is none."""

    def drafts(self, records: Iterable[Record], made_up: MadeUp) -> Iterator[TraceDraft]:
        """The traces, in the order of the file."""


FORMATS: dict[str, Format] = {"openai-messages": openai_messages.OpenAIMessages(), "posthog": posthog.PostHog()}


def import_traces(connection: Connection, path: str | Path, format: str, experiment: str) -> list[str]:
    """Turn a file of conversations into real MLflow traces; importing it again adds nothing.

    The whole file is checked before anything is written. An interrupted import is completed by importing again.

    Args:
        connection: Where MLflow is.
        path: A JSON or JSONL file, UTF-8 or UTF-16; JSONL of any size.
        format: `openai-messages`: each record a list of messages, or an object with such a list under
            `messages`, `traj`, `conversation` or the like. `posthog`: exported `$ai_…` events.
        experiment: Name of the experiment, created where it does not exist.

    Returns:
        The trace ids in the order of the file.

    Raises:
        InvalidParameterError: The format is unknown, or the file or a record in it is not what the format
            says; the message names line or record, and nothing was written.
        UnavailableError: MLflow did not answer; importing again goes on where it stopped.
    """
    if format not in FORMATS:
        raise InvalidParameterError(
            f"The format {format!r} is unknown; known are {' and '.join(FORMATS)}.", field="format"
        )
    form, file = FORMATS[format], Path(path)
    if not file.is_file():
        raise InvalidParameterError(f"There is no file {str(path)!r}.", field="path")
    count = form.check(read_records(file, form.looks_like_record))
    if not count:
        raise InvalidParameterError(
            f"{file.name} holds no conversation. Expected JSON or JSONL in the format {format}.", field="path"
        )
    experiment_id = find_or_create_experiment(connection, experiment)
    with mlflow_errors():
        made_at = connection.mlflow.get_experiment(experiment_id).creation_time
    made_up = MadeUp(experiment_id, made_at or _UNKNOWN_CREATION_MS, count)
    return write_traces(connection, experiment_id, form.drafts(read_records(file, form.looks_like_record), made_up))
