"""A small HTTP server in the place of GitHub, Jira, Linear and Slack; it keeps what it is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Trackers(ThreadingHTTPServer):
    """Keeps the issues it is sent and finds them by the words in their text, as the real services do."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.issues: list[dict] = []
        self.messages: list[dict] = []
        self.headers: list[dict] = []
        self.status = 200

    def found(self, words: str) -> list[dict]:
        return [issue for issue in self.issues if words in json.dumps(issue["sent"])]


class _Handler(BaseHTTPRequestHandler):
    server: Trackers

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, body: object, status: int = 200) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def create(self, sent: dict) -> dict:
        number = len(self.server.issues) + 1
        issue = {
            "sent": sent,
            "number": number,
            "key": f"OPS-{number}",
            "identifier": f"LIN-{number}",
            "html_url": f"{self.server.url}/o/r/issues/{number}",
            "url": f"{self.server.url}/linear/{number}",
        }
        self.server.issues.append(issue)
        return issue

    def do_GET(self) -> None:
        from urllib.parse import parse_qs, urlsplit

        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.server.headers.append(dict(self.headers))
        if self.server.status != 200:
            return self.answer({"message": "no"}, self.server.status)
        if parts.path == "/search/issues":
            return self.answer({"items": self.server.found(query["q"].split('"')[1])})
        return self.answer({"ok": True, "permalink": f"{self.server.url}/message"})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.headers.append(dict(self.headers))
        if self.server.status != 200:
            return self.answer({"message": "no"}, self.server.status)
        if self.path == "/repos/o/r/issues":
            return self.answer(self.create(sent), 201)
        if self.path == "/rest/api/3/search/jql":
            return self.answer({"issues": self.server.found(sent["jql"].split('\\"')[1])})
        if self.path == "/rest/api/3/issue":
            return self.answer(self.create(sent), 201)
        if self.path == "/graphql":
            if "text" in sent["variables"]:
                return self.answer({"data": {"issues": {"nodes": self.server.found(sent["variables"]["text"])}}})
            return self.answer({"data": {"issueCreate": {"success": True, "issue": self.create(sent)}}})
        self.server.messages.append(sent)
        return self.answer({"ok": True, "ts": "1.2", "channel": "C1"})


@pytest.fixture
def trackers(monkeypatch: pytest.MonkeyPatch):
    server = Trackers()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "GITHUB_TOKEN": "token-1",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": server.url,
        "JIRA_URL": server.url,
        "JIRA_EMAIL": "a@example.com",
        "JIRA_API_TOKEN": "token-2",
        "JIRA_PROJECT": "OPS",
        "LINEAR_API_KEY": "token-3",
        "LINEAR_TEAM_ID": "team",
        "LINEAR_API_URL": server.url,
        "SLACK_BOT_TOKEN": "token-4",
        "SLACK_CHANNEL": "#ops",
        "SLACK_API_URL": server.url,
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    server.server_close()
