"""A scope of traces in MLflow's filter syntax, and one clear sentence for what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from insights_core.connection import Connection
from insights_core.entities.insight import TraceScope
from insights_core.errors import InvalidParameterError, NotFoundError, mlflow_errors

_TRACE_ID = re.compile(r"(?:tr-)?([0-9a-f]{32})", re.IGNORECASE)
_WORDS = re.compile(r"trace\.text ILIKE '%((?:[^'\\]|\\.)*)%'")


def words_condition(words: str) -> str:
    """The condition that a trace holds these words, in capitals or not; `%` and `_` are letters.

    Quotation marks match anything: MLflow stores them in several ways.
    """
    letters = re.sub(r"([\\%_])", r"\\\1", words.strip())
    return f"trace.text ILIKE '%{re.sub('[' + chr(34) + chr(39) + ']', '%', letters)}%'"


def loose_filter(filter_string: str) -> tuple[str, list[str]]:
    """A filter in which `_` and `%` in words stand for anything, and the words to look for in what it finds.

    For a server, whose database nobody knows: not every one takes a backslash before a letter.
    """
    words = [found for found in _WORDS.findall(filter_string) if "\\" in found]
    return _WORDS.sub(lambda found: re.sub(r"\\(.)", r"\1", found[0]), filter_string), words


def holds(text: str, words: str) -> bool:
    """Whether a text holds the words of a condition, quotation marks being anything."""
    parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)%", words)]
    return re.search(".*?".join(map(re.escape, parts)), text, re.IGNORECASE | re.DOTALL) is not None


def trace_id_in(words: str) -> str | None:
    """The trace id that somebody pasted, with or without MLflow's `tr-`; None where it is none."""
    found = _TRACE_ID.fullmatch(words.strip())
    return f"tr-{found[1].lower()}" if found else None


def scope_filter(scope: TraceScope) -> str | None:
    """The scope's conditions in MLflow's filter syntax; explicit ids and sampling are not in it.

    Raises:
        InvalidParameterError: The session id holds both kinds of quotes.
    """
    parts = [scope.filter_string.strip()] if scope.filter_string and scope.filter_string.strip() else []
    if scope.start_time_ms is not None:
        parts.append(f"trace.timestamp_ms >= {scope.start_time_ms}")
    if scope.end_time_ms is not None:
        parts.append(f"trace.timestamp_ms < {scope.end_time_ms}")
    if scope.session_id is not None:
        parts.append(f"metadata.`mlflow.trace.session` = {_quoted(scope.session_id)}")
    if scope.run_id is not None:
        parts.append(f"trace.run_id = {_quoted(scope.run_id)}")
    return " AND ".join(parts) or None


def _quoted(value: str) -> str:
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    raise InvalidParameterError(
        f"{value!r} holds both kinds of quotes, which MLflow's filters cannot express. Give the trace ids instead."
    )


@contextmanager
def search_errors(connection: Connection, scope: TraceScope) -> Iterator[None]:
    """One clear sentence for what is wrong with a scope, whichever store found it."""
    with mlflow_errors():
        check_filter(scope.filter_string)
        # Here rather than within a session of the store, which would wrap the refusal of a session id.
        scope_filter(scope)
        _check_exists(connection, scope)
    try:
        with mlflow_errors():
            yield
    except InvalidParameterError as error:
        if scope.filter_string and scope.filter_string not in error.message:
            raise _bad_filter(scope.filter_string, error.message) from error
        raise


def check_filter(filter_string: str | None) -> None:
    """Read a filter alone: joined with others, an open quote would change their meaning.

    Raises:
        InvalidParameterError: MLflow cannot read it; the message shows a valid one.
    """
    if not filter_string or not filter_string.strip():
        return
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchTraceUtils

    try:
        SearchTraceUtils.parse_search_filter_for_search_traces(filter_string)
    except MlflowException as error:
        raise _bad_filter(filter_string, error.message) from error
    except Exception as error:
        # MLflow's parser stumbles over some texts instead of refusing them.
        raise _bad_filter(filter_string, "it cannot be parsed") from error


def _bad_filter(filter_string: str, reason: str) -> InvalidParameterError:
    first = reason.strip().splitlines()[0].rstrip(".") if reason.strip() else "it cannot be parsed"
    return InvalidParameterError(
        f"The trace filter {filter_string!r} is not valid: {first}. A valid one is `trace.status = 'ERROR' AND tags.channel = 'web'`.",
        field="filter_string",
    )


def _check_exists(connection: Connection, scope: TraceScope) -> None:
    from insights_core.errors import ExperimentNotFoundError, RunNotFoundError

    try:
        with mlflow_errors():
            connection.mlflow.get_experiment(scope.experiment_id)
    except (NotFoundError, InvalidParameterError) as error:
        raise ExperimentNotFoundError(
            f"There is no experiment {scope.experiment_id!r}. `mlflow experiments search` lists those that exist."
        ) from error
    if scope.run_id is None:
        return
    try:
        with mlflow_errors():
            connection.mlflow.get_run(scope.run_id)
    except (NotFoundError, InvalidParameterError) as error:
        raise RunNotFoundError(f"There is no run {scope.run_id!r} to take linked traces from.") from error
