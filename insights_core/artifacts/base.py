"""What every client of entities shares: author, storage and checks."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from insights_core.artifacts.runs import get_run_of_type
from insights_core.artifacts.store import EntityStore
from insights_core.connection import Connection
from insights_core.entities import Evidence
from insights_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from mlflow.entities import Run, Trace

S = TypeVar("S", bound="str | None")
# MLflow shows names in one line; a statement may be a paragraph.
_NAME_CHARS = 250


def default_author() -> str:
    """Who changes things where nobody says so: the signed-in user, else the user of the operating system."""
    signed_in = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if signed_in:
        return signed_in
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class EntityClient(Connection):
    """Author, storage and checks.

    Shared args:
        experiment_id: The experiment; by default MLFLOW_EXPERIMENT_ID.
        insights_run_id: Run of the analysis.
        hypothesis_id: The hypothesis.
        issue_id: The issue.
        reason: Why; kept in the history.
        author: Who stands in the history; by default the signed-in or OS user.
        allow_missing: Accept trace ids that do not exist.
        max_traces: At most this many; by default all.
    """

    _author: str | None = None

    @property
    def author(self) -> str:
        """Who stands in the history for what this client changes; set it to name somebody else."""
        return self._author or default_author()

    @author.setter
    def author(self, name: str | None) -> None:
        self._author = name

    @cached_property
    def entity_store(self) -> EntityStore:
        """Where entities are read and written."""
        return EntityStore(self)

    def who(self, author: str | None) -> str:
        """The author given, or this client's."""
        return clean(author) or self.author

    def _analysis_run(self, run_id: str) -> Run:
        run = get_run_of_type(self, run_id, "analysis")
        self.entity_store.files.know(run_id, run.info.artifact_uri)
        return run

    def _traces(self, trace_ids: Iterable[str], max_traces: int | None) -> list[Trace]:
        from insights_core.traces.fetching import iter_traces

        if max_traces is not None and max_traces < 1:
            raise InvalidParameterError(f"max_traces is {max_traces}; give a number from 1.", field="max_traces")
        # Ids of traces that are gone must not use up the limit.
        found: list[Trace] = []
        for trace in iter_traces(self, list(dict.fromkeys(trace_ids))):
            found.append(trace)
            if len(found) == max_traces:
                break
        return found


def clean(text: S) -> S:
    """The text without what no file can hold (halves of surrogate pairs)."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text  # type: ignore[return-value]


def clean_all(value: Any) -> Any:
    """The value with every text in it cleaned."""
    if isinstance(value, Mapping):
        return {clean(key): clean_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(item) for item in value]
    return clean(value) if type(value) is str else value


def required(text: str | None, field: str, limit: int | None = None) -> str:
    """A text that must say something.

    Raises:
        InvalidParameterError: It is empty, or longer than the limit.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidParameterError(f"{field} is empty; it must say something.", field=field)
    if limit and len(text) > limit:
        raise InvalidParameterError(f"{field} has {len(text)} characters; at most {limit} are possible.", field=field)
    return clean(text.strip())


def required_name(text: str | None, field: str) -> str:
    """A name of at most 250 characters; MLflow keeps it in a tag."""
    return required(text, field, _NAME_CHARS)


def assessment_name(text: str | None, field: str) -> str:
    """A name under which people and agents log assessments; MLflow's own names, ours included, are not theirs.

    Raises:
        InvalidParameterError: It is empty, too long, or begins with `mlflow.`.
    """
    name = required_name(text, field)
    if name.lower().startswith("mlflow."):
        raise InvalidParameterError(
            f"{field} is {name!r}, but names that begin with `mlflow.` are MLflow's own. Choose another, such as "
            f"{name[len('mlflow.') :].rpartition('.')[2] or 'database_lock_timeout'!r}.",
            field=field,
        )
    return name


def plain_evidence(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Evidence as plain JSON values, ready to be stored."""
    return [{**item.model_dump(mode="json"), "rationale": clean(item.rationale)} for item in evidence]


def plain_mapping(values: Mapping[str, Any] | None, field: str) -> dict[str, Any]:
    """A mapping that can be stored.

    Raises:
        InvalidParameterError: It holds something that JSON cannot.
    """
    import json

    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidParameterError(f"{field} is a {type(values).__name__}; give a mapping.", field=field)
    try:
        # NumPy's numbers have .item().
        text = json.dumps(dict(values), allow_nan=False, default=lambda value: value.item())
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidParameterError(f"{field} cannot be stored as JSON: {error}.", field=field) from error
    return json.loads(clean(text))
