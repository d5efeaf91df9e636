"""Every error this package raises on purpose.

InsightsError                     base; has an error code, an HTTP status and a CLI exit code
    InvalidParameterError         the caller gave something unusable (400, exit 2)
        InvalidStatusChangeError  a status that cannot follow the present one
        UnsupportedStoreError     a file store, or a database of another MLflow than the installed one
    NotFoundError                 what was named does not exist (404, exit 2)
        ExperimentNotFoundError
        RunNotFoundError          also: the run exists but is not an analysis or an insight
        HypothesisNotFoundError
        IssueNotFoundError
        ThemeNotFoundError
        TraceNotFoundError
    PermissionDeniedError         MLflow refuses this user (403, exit 2)
    UnavailableError              a server did not answer or broke (504, exit 1)
    StoreNotWritableError         a full disk, or a store that is read-only (500, exit 1)
    BrokenArtifactError           an artifact cannot be read; names the file (500, exit 1)
    ConflictError                 a change could not be stored after many tries (500, exit 1)
    QueueFullError                too many events wait to be explained (429, exit 1)
    ModelError                    the model endpoint (500, exit 1)
        ModelAuthenticationError  wrong or missing key
        ModelNotFoundError        unknown model name
        ModelUnavailableError     no answer, or only errors, after all retries
        ModelRateLimitedError     429 after all retries
        ModelOutputError          an answer that does not fit, also after one repair
        SpendingCapReachedError   the next call could exceed the cap
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insights_core import names


class InsightsError(Exception):
    """Base of all errors here.

    Args:
        message: One or two sentences: what was given, what is valid, what to do.
        details: JSON-serialisable facts for a program, for example {"field": "time_bucket"}.
    """

    code: str = names.INTERNAL_ERROR
    http_status = 500
    exit_code = 1

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidParameterError(InsightsError):
    """The caller gave something unusable; nothing was changed."""

    code, http_status, exit_code = names.INVALID_PARAMETER_VALUE, 400, 2


class InvalidStatusChangeError(InvalidParameterError):
    """The wanted status cannot follow the present one; the message names those that can."""


class UnsupportedStoreError(InvalidParameterError):
    """The tracking URI points to a file store, which cannot hold traces, or to a database that another MLflow made."""


class NotFoundError(InsightsError):
    """What was named does not exist."""

    code, http_status, exit_code = names.RESOURCE_DOES_NOT_EXIST, 404, 2


class ExperimentNotFoundError(NotFoundError):
    """No experiment has this id or name."""


class RunNotFoundError(NotFoundError):
    """No run has this id, or it is not of the kind that was asked for."""


class HypothesisNotFoundError(NotFoundError):
    """The analysis has no hypothesis with this id."""


class IssueNotFoundError(NotFoundError):
    """No issue has this id."""


class ThemeNotFoundError(NotFoundError):
    """The experiment has no theme with this id, and none is built in."""


class TraceNotFoundError(NotFoundError):
    """At least one trace id does not exist; the message lists which."""


class PermissionDeniedError(InsightsError):
    """MLflow does not let this user do this."""

    code, http_status, exit_code = names.PERMISSION_DENIED, 403, 2


class UnavailableError(InsightsError):
    """A server did not answer, or broke while answering."""

    code, http_status = names.TIMEOUT, 504


class StoreNotWritableError(InsightsError):
    """The disk behind MLflow is full, or its database or artifacts are read-only; nothing was stored."""


class BrokenArtifactError(InsightsError):
    """An artifact cannot be parsed; the message names run and file."""


class ConflictError(InsightsError):
    """Others kept changing the same entity; the change was not stored."""


class QueueFullError(InsightsError):
    """As many events of a tenant wait to be explained as may; this one was dropped and counted."""

    code, http_status = names.RATE_LIMITED, 429


class ModelError(InsightsError):
    """The model endpoint failed."""


class ModelAuthenticationError(ModelError):
    """The endpoint refuses the key (401 or 403)."""


class ModelNotFoundError(ModelError):
    """The endpoint does not know the model."""


class ModelUnavailableError(ModelError):
    """No answer, or only server errors, after all retries."""


class ModelRateLimitedError(ModelError):
    """Still 429 after all retries."""

    code, http_status = names.RATE_LIMITED, 429


class ModelOutputError(ModelError):
    """The answer does not fit the schema, also after one repair attempt."""


class SpendingCapReachedError(ModelError):
    """The next call could exceed the spending cap; what was done so far is kept."""


_BY_MLFLOW_CODE: dict[str, type[InsightsError]] = {
    "INVALID_PARAMETER_VALUE": InvalidParameterError,
    "BAD_REQUEST": InvalidParameterError,
    "INVALID_STATE": InvalidParameterError,
    "RESOURCE_ALREADY_EXISTS": InvalidParameterError,
    "RESOURCE_DOES_NOT_EXIST": NotFoundError,
    "NOT_FOUND": NotFoundError,
    "ENDPOINT_NOT_FOUND": NotFoundError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "UNAUTHENTICATED": PermissionDeniedError,
    "CUSTOMER_UNAUTHORIZED": PermissionDeniedError,
    "TEMPORARILY_UNAVAILABLE": UnavailableError,
    "DEADLINE_EXCEEDED": UnavailableError,
    "REQUEST_LIMIT_EXCEEDED": UnavailableError,
}


_ABOUT_THE_CALLER = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")
# What operating systems and databases say, wherever MLflow wraps it.
_OF_THE_DISK = (
    (
        ("no space left on device", "disk is full", "disk quota exceeded", "no space left", "disk full"),
        "The disk that holds MLflow's data is full. Free some space and try again; what was stored before is kept.",
    ),
    (
        ("readonly database", "read-only file system", "read-only transaction", "errno 30"),
        "MLflow's data cannot be written: the database or the artifact folder is read-only. "
        "Give this user the right to write there, or use another MLFLOW_TRACKING_URI.",
    ),
)


# MLflow tells an older store and a newer one to run `mlflow db upgrade`, which cannot help a newer one.
_SCHEMA = re.compile(r"out-of-date database schema \(found version (\w+)")


def _schema_message(revision: str) -> str:
    import mlflow

    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
    ours = f"MLflow {mlflow.__version__}, which is installed here"
    if any(migrations.glob(f"{revision}_*.py")):
        return (
            f"The store was made by an older MLflow than {ours} (its schema is {revision}). Back it up and run "
            "`mlflow db upgrade` on it, or set MLFLOW_TRACKING_URI to the http(s) address of the server that uses it."
        )
    return (
        f"The store was made or upgraded by a newer MLflow than {ours} (its schema is {revision}). Upgrade with "
        "`pip install --upgrade mlflow`, or set MLFLOW_TRACKING_URI to the http(s) address of the server that uses it."
    )


def from_mlflow(error: Exception) -> InsightsError:
    """The error of this package that says what an exception of MLflow, requests or SQLAlchemy says."""
    if isinstance(error, InsightsError):
        return error
    message = str(error).strip() or type(error).__name__
    code = getattr(error, "error_code", "")
    for words, said in _OF_THE_DISK:
        # What follows the first line is SQL text; what a caller gave wrong is quoted. Both may hold anything.
        if code not in _ABOUT_THE_CALLER and any(word in message.splitlines()[0].lower() for word in words):
            return StoreNotWritableError(said)
    status = getattr(error, "get_http_status_code", lambda: None)()
    # Artifacts go through plain HTTP, whose errors carry the whole response.
    status = getattr(getattr(error, "response", None), "status_code", status)
    if status in (401, 403):
        return PermissionDeniedError(f"MLflow refused: {message}", status=status)
    if found := _SCHEMA.search(message):
        return UnsupportedStoreError(_schema_message(found[1]), schema=found[1])
    module = type(error).__module__.split(".")[0]
    if (
        module in ("requests", "urllib3", "sqlalchemy")
        or "Max retries exceeded" in message
        or "Connection refused" in message
    ):
        # The first line holds the cause; what follows is SQL text or a repeated URL.
        return UnavailableError(
            f"MLflow's store did not answer: {message.splitlines()[0]} Check MLFLOW_TRACKING_URI and that the server runs."
        )
    kind = _BY_MLFLOW_CODE.get(code, InsightsError)
    return kind(message)


@contextmanager
def mlflow_errors() -> Iterator[None]:
    """Let no foreign exception out: those of MLflow, requests and SQLAlchemy, and of a full disk, become InsightsErrors."""
    try:
        yield
    except InsightsError:
        raise
    except Exception as error:
        known = from_mlflow(error)
        foreign = type(error).__module__.split(".")[0] in ("mlflow", "requests", "urllib3", "sqlalchemy")
        if foreign or isinstance(known, StoreNotWritableError):
            raise known from error
        raise
