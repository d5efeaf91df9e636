"""Every setting, in one place. An environment variable wins over `.streamlit/secrets.toml`, which wins over the default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from insights_core.errors import InvalidParameterError
from insights_core.names import SETTING, Name

T = TypeVar("T")


@cache
def _secrets(path: Path, changed_at: float) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise InvalidParameterError(f"{path} is not valid TOML: {error}.") from error


def _from_secrets(name: str) -> Any:
    path = Path(".streamlit/secrets.toml")
    return _secrets(path.resolve(), path.stat().st_mtime).get(name) if path.is_file() else None


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting: its environment variable, type, default and meaning.

    Args:
        name: Environment variable, and key in `.streamlit/secrets.toml`.
        parse: Turns the text into the value; raises ValueError on a wrong one.
        default: Value where nothing is set.
        doc: What it does, in one sentence.
        secret: Never printed, logged or written.
    """

    name: str
    parse: Callable[[str], T]
    default: T
    doc: str
    secret: bool = False

    def __post_init__(self) -> None:
        Name(self.name, SETTING, self.doc)

    def get(self) -> T:
        """The present value.

        Raises:
            InvalidParameterError: It is set to something of the wrong type.
        """
        raw = os.environ.get(self.name)
        if raw is None:
            raw = _from_secrets(self.name)
        if raw is None or raw == "":
            return self.default
        try:
            return self.parse(str(raw))
        except ValueError as error:
            shown = "its value" if self.secret else repr(raw)
            raise InvalidParameterError(
                f"{self.name} must be {_WORDS.get(self.parse, 'valid')}, but {shown} is not."
            ) from error


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _scheduler(text: str) -> str:
    if text != "local" and "://" not in text:
        raise ValueError(text)
    return text


def _positive_float(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError(text)
    return value


_WORDS: dict[Any, str] = {
    _natural: "a whole number from 0",
    _positive_int: "a whole number from 1",
    _positive_float: "a number above 0",
    _scheduler: "`local` or an address such as tcp://scheduler:8786",
}

MLFLOW_TRACKING_URI = Setting(
    "MLFLOW_TRACKING_URI",
    str,
    "sqlite:///mlflow.db",
    "Where MLflow keeps its data: sqlite, postgresql, mysql, or the http(s) address of a server.",
)
MLFLOW_EXPERIMENT_ID = Setting[str | None](
    "MLFLOW_EXPERIMENT_ID", str, None, "The experiment to use where none is named."
)
MLFLOW_PUBLIC_URL = Setting[str | None](
    "MLFLOW_PUBLIC_URL", str, None, "Where a browser reaches MLflow; adds links into its UI."
)
OPENAI_API_KEY = Setting[str | None](
    "OPENAI_API_KEY", str, None, "Key of the model endpoint. Without it everything works offline.", secret=True
)
OPENAI_BASE_URL = Setting[str | None](
    "OPENAI_BASE_URL", str, None, "Address of an OpenAI-compatible endpoint, up to and with /v1."
)
INSIGHTS_MODEL = Setting(
    "INSIGHTS_MODEL",
    str,
    "gpt-4o-mini",
    "Model for summaries, names and overviews; used where a key or an endpoint is set.",
)
INSIGHTS_EMBEDDING_MODEL = Setting[str | None](
    "INSIGHTS_EMBEDDING_MODEL",
    str,
    None,
    "Embedding model of the endpoint, `multilingual` (an extra) or `sentence-transformers/NAME`; unset means the offline vectors.",
)
INSIGHTS_MAX_CONCURRENCY = Setting(
    "INSIGHTS_MAX_CONCURRENCY", _positive_int, 8, "Calls to the model under way at once."
)
INSIGHTS_MAX_COST_USD = Setting[float | None](
    "INSIGHTS_MAX_COST_USD", _positive_float, None, "An insight job stops before it costs more than this."
)
INSIGHTS_FIRST_PASS_THEMES = Setting(
    "INSIGHTS_FIRST_PASS_THEMES",
    _natural,
    3,
    "A trace that at least so many themes want is first judged for all of them by one call to the model; 0: none is.",
)
INSIGHTS_DASK_SCHEDULER = Setting[str | None](
    "INSIGHTS_DASK_SCHEDULER",
    _scheduler,
    None,
    "Dask cluster that makes the texts and summaries of insights: `tcp://scheduler:8786`, or `local` for a process a core (an extra: dask).",
)
INSIGHTS_PRICES = Setting[str | None](
    "INSIGHTS_PRICES", str, None, "A YAML file of prices that overrides the catalog inside MLflow."
)
INSIGHTS_REDACT_PATTERNS = Setting[str | None](
    "INSIGHTS_REDACT_PATTERNS",
    str,
    None,
    "A YAML file of name: regular expression pairs to redact besides the built-in ones.",
)
INSIGHTS_SESSION_TAG = Setting[str | None](
    "INSIGHTS_SESSION_TAG",
    str,
    None,
    "Tag whose value says which traces belong together in statistics, such as a user; unset means MLflow's session.",
)
INSIGHTS_CACHE_DIR = Setting(
    "INSIGHTS_CACHE_DIR",
    str,
    str(Path.home() / ".cache" / "mlflow-insights"),
    "Answers of the model, so that none is paid for twice. Safe to delete.",
)

REDIS_URL = Setting[str | None](
    "REDIS_URL",
    str,
    None,
    "Where insight cards and, for a day, texts of traces are, such as `redis://localhost:6379/0`; without it a local dashboard keeps cards in memory, and texts are in INSIGHTS_CACHE_DIR.",
    secret=True,
)
INSIGHT_RATE_LIMIT_PER_HOUR = Setting(
    "INSIGHT_RATE_LIMIT_PER_HOUR", _positive_int, 1000, "Cards explained for one tenant in an hour; more are skipped."
)
INSIGHTS_TENANT_ID = Setting(
    "INSIGHTS_TENANT_ID", str, "default", "The tenant whose cards the dashboard and the commands show."
)
INTERNAL_SECRET = Setting[str | None](
    "INTERNAL_SECRET",
    str,
    None,
    "Opens the cards' API for every tenant; without it and INSIGHTS_CARD_TOKENS the API answers this machine only.",
    secret=True,
)
INSIGHTS_CARD_TOKENS = Setting[str | None](
    "INSIGHTS_CARD_TOKENS",
    str,
    None,
    'Who else may use the cards\' API: JSON, or a file of it, as `[{"token": "…", "tenant_id": "acme", "role": "auditor"}]`; roles are emitter, auditor and admin.',
    secret=True,
)

GITHUB_TOKEN = Setting[str | None](
    "GITHUB_TOKEN", str, None, "Token that may create issues in GITHUB_REPOSITORY.", secret=True
)
GITHUB_REPOSITORY = Setting[str | None]("GITHUB_REPOSITORY", str, None, "Where issues go on GitHub, as owner/name.")
GITHUB_API_URL = Setting(
    "GITHUB_API_URL", str, "https://api.github.com", "Address of GitHub's API; change it for GitHub Enterprise."
)
JIRA_URL = Setting[str | None]("JIRA_URL", str, None, "Address of Jira, such as https://example.atlassian.net.")
JIRA_EMAIL = Setting[str | None]("JIRA_EMAIL", str, None, "Account that JIRA_API_TOKEN belongs to.")
JIRA_API_TOKEN = Setting[str | None](
    "JIRA_API_TOKEN", str, None, "Token that may create issues in JIRA_PROJECT.", secret=True
)
JIRA_PROJECT = Setting[str | None]("JIRA_PROJECT", str, None, "Key of the Jira project where issues go.")
LINEAR_API_KEY = Setting[str | None](
    "LINEAR_API_KEY", str, None, "Key that may create issues in LINEAR_TEAM_ID.", secret=True
)
LINEAR_TEAM_ID = Setting[str | None]("LINEAR_TEAM_ID", str, None, "Id of the Linear team where issues go.")
LINEAR_API_URL = Setting("LINEAR_API_URL", str, "https://api.linear.app", "Address of Linear's API.")
SLACK_BOT_TOKEN = Setting[str | None](
    "SLACK_BOT_TOKEN", str, None, "Token of a Slack app that may write to SLACK_CHANNEL.", secret=True
)
SLACK_CHANNEL = Setting[str | None]("SLACK_CHANNEL", str, None, "Channel that messages about issues go to.")
SLACK_API_URL = Setting("SLACK_API_URL", str, "https://slack.com", "Address of Slack's API.")
INSIGHTS_ALERT_WEBHOOK = Setting[str | None](
    "INSIGHTS_ALERT_WEBHOOK", str, None, "Address that alerts of themes are posted to as JSON.", secret=True
)
INSIGHTS_SLACK_WEBHOOK = Setting[str | None](
    "INSIGHTS_SLACK_WEBHOOK", str, None, "Slack's incoming webhook that alerts of themes are posted to.", secret=True
)

ALL: tuple[Setting[Any], ...] = tuple(value for value in globals().values() if isinstance(value, Setting))
