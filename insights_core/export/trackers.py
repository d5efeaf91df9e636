"""Issues in GitHub, Jira and Linear, and messages in Slack: each created once, found again if it exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from insights_core import settings
from insights_core.entities import Issue
from insights_core.errors import InsightsError, InvalidParameterError, PermissionDeniedError, UnavailableError
from insights_core.export.report import trace_link
from insights_core.markdown import escape_markdown, without_effect

_TIMEOUT_S = 20.0
_SHOWN_EVIDENCE = 20  # a tracker's issue is for deciding; the rest is one click away in MLflow


class Exported(NamedTuple):
    """Where an issue stands in the other system."""

    key: str
    url: str


def marker(issue: Issue) -> str:
    """The words by which an exported issue is found again; they stand in its text."""
    return f"MLflow Insights issue {issue.issue_id}"


def issue_markdown(issue: Issue, experiment_id: str) -> str:
    """An issue's text for a tracker; what stands in traces is escaped, calls nobody and links to nothing."""
    lines = [
        _inert(issue.description),
        "",
        f"Severity: {issue.severity.capitalize()} · {issue.trace_count} traces",
        "",
    ]
    for item in issue.evidence[:_SHOWN_EVIDENCE]:
        link = trace_link(experiment_id, item.trace_id)
        name = f"[{escape_markdown(item.trace_id)}]({link})" if link else escape_markdown(item.trace_id)
        lines.append(f"- {name}: {_inert(item.rationale)}")
    if len(issue.evidence) > _SHOWN_EVIDENCE:
        lines.append(f"- and {len(issue.evidence) - _SHOWN_EVIDENCE} more")
    return "\n".join([*lines, "", marker(issue)])


def _inert(text: str) -> str:
    return escape_markdown(without_effect(text))


def issue_plain(issue: Issue) -> str:
    """An issue's text without markup, for trackers whose own format is structured."""
    evidence = [without_effect(f"{item.trace_id}: {item.rationale}") for item in issue.evidence[:_SHOWN_EVIDENCE]]
    return "\n".join(
        [
            *(without_effect(line) for line in issue.description.splitlines()),
            f"Severity: {issue.severity.capitalize()}, {issue.trace_count} traces",
            *evidence,
            marker(issue),
        ]
    )


def _required(*wanted: settings.Setting[str | None]) -> list[str]:
    values = [setting.get() for setting in wanted]
    missing = [setting.name for setting, value in zip(wanted, values, strict=True) if not value]
    if missing:
        raise InvalidParameterError(
            f"This export needs {', '.join(missing)}: set it in the environment or in .streamlit/secrets.toml.",
            missing=missing,
        )
    return [str(value) for value in values]


class _Service:
    """One tracker's API: its refusals in one sentence, without the token."""

    def __init__(
        self, name: str, base_url: str, headers: dict[str, str] | None = None, auth: tuple[str, str] | None = None
    ) -> None:
        import requests

        self._name = name
        self._base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.headers.update(headers or {})
        self._session.auth = auth

    def __enter__(self) -> _Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON that a request is answered with."""
        import requests

        where = f"{self._name} at {self._base_url}"
        try:
            response = self._session.request(method, self._base_url + path, timeout=_TIMEOUT_S, **arguments)
        except requests.RequestException as error:
            raise UnavailableError(
                f"{where} did not answer ({type(error).__name__}). Try again; what exists is found again."
            ) from error
        if response.status_code in (401, 403):
            raise PermissionDeniedError(
                f"{self._name} refused the token ({response.status_code}). Check that it is valid and may create issues there."
            )
        if response.status_code >= 400:
            raise InsightsError(f"{self._name} answered {response.status_code}: {response.text[:300]}")
        try:
            return response.json()
        except ValueError as error:
            raise UnavailableError(f"{where} answered with something that is no JSON.") from error


def to_github(issue: Issue, experiment_id: str) -> Exported:
    """The issue in GITHUB_REPOSITORY, through GitHub's REST API."""
    token, repository = _required(settings.GITHUB_TOKEN, settings.GITHUB_REPOSITORY)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    with _Service("GitHub", settings.GITHUB_API_URL.get(), headers) as service:
        query = f'repo:{repository} is:issue in:body "{marker(issue)}"'
        found = service.call("GET", "/search/issues", params={"q": query}).get("items", [])
        body = {
            "title": without_effect(issue.title),
            "body": issue_markdown(issue, experiment_id),
            "labels": [f"severity: {issue.severity.lower()}"],
        }
        made = found[0] if found else service.call("POST", f"/repos/{repository}/issues", json=body)
    return Exported(f"#{made['number']}", made["html_url"])


def _document(text: str) -> dict[str, Any]:
    """Plain text as an Atlassian document: a paragraph a line, nothing in it is markup."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in text.splitlines() if line.strip()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def to_jira(issue: Issue, experiment_id: str) -> Exported:
    """The issue in JIRA_PROJECT, through Jira Cloud's REST API version 3."""
    base, email, token, project = _required(
        settings.JIRA_URL, settings.JIRA_EMAIL, settings.JIRA_API_TOKEN, settings.JIRA_PROJECT
    )
    with _Service("Jira", base, auth=(email, token)) as service:
        query = {
            "jql": f'project = "{project}" AND text ~ "\\"{marker(issue)}\\""',
            "fields": ["summary"],
            "maxResults": 1,
        }
        found = service.call("POST", "/rest/api/3/search/jql", json=query).get("issues", [])
        fields = {
            "project": {"key": project},
            "summary": without_effect(issue.title)[:250],
            "issuetype": {"name": "Bug"},
            "description": _document(issue_plain(issue)),
        }
        made = found[0] if found else service.call("POST", "/rest/api/3/issue", json={"fields": fields})
    return Exported(made["key"], f"{base.rstrip('/')}/browse/{made['key']}")


_LINEAR_FIND = (
    "query($text: String!) { issues(filter: {description: {contains: $text}}, first: 1) { nodes { identifier url } } }"
)
_LINEAR_CREATE = (
    "mutation($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { identifier url } } }"
)


def to_linear(issue: Issue, experiment_id: str) -> Exported:
    """The issue in LINEAR_TEAM_ID, through Linear's GraphQL API."""
    key, team = _required(settings.LINEAR_API_KEY, settings.LINEAR_TEAM_ID)

    def ask(service: _Service, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        answer = service.call("POST", "/graphql", json={"query": query, "variables": variables})
        if answer.get("errors"):
            raise InsightsError(f"Linear refused: {answer['errors'][0].get('message', 'no reason given')}")
        return answer["data"]

    with _Service("Linear", settings.LINEAR_API_URL.get(), {"Authorization": key}) as service:
        found = ask(service, _LINEAR_FIND, {"text": marker(issue)})["issues"]["nodes"]
        values = {
            "teamId": team,
            "title": without_effect(issue.title),
            "description": issue_markdown(issue, experiment_id),
        }
        made = found[0] if found else ask(service, _LINEAR_CREATE, {"input": values})["issueCreate"]["issue"]
    return Exported(made["identifier"], made["url"])


def to_slack(issue: Issue, experiment_id: str) -> Exported:
    """A message about the issue in SLACK_CHANNEL, through Slack's chat.postMessage."""
    token, channel = _required(settings.SLACK_BOT_TOKEN, settings.SLACK_CHANNEL)
    text = f"{issue.severity.capitalize()} issue: {without_effect(issue.title)}\n{without_effect(issue.description)}\n{issue.trace_count} traces"
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    with _Service("Slack", settings.SLACK_API_URL.get(), {"Authorization": f"Bearer {token}"}) as service:
        message = {"channel": channel, "text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
        sent = service.call("POST", "/api/chat.postMessage", json=message)
        if not sent.get("ok"):
            raise InsightsError(
                f"Slack refused the message: {sent.get('error', 'no reason given')}. Check SLACK_BOT_TOKEN and SLACK_CHANNEL."
            )
        link = service.call(
            "GET",
            "/api/chat.getPermalink",
            params={"channel": sent["channel"], "message_ts": sent["ts"]},
        )
    return Exported(sent["ts"], link.get("permalink", ""))


TRACKERS: dict[str, Callable[[Issue, str], Exported]] = {
    "github": to_github,
    "jira": to_jira,
    "linear": to_linear,
    "slack": to_slack,
}
