"""Themes over the command line and over REST."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from insights_core.cli import main


@pytest.fixture
def command(client, experiment_id, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["themes", *words])
        assert done.exit_code == code, done.output
        return done.output

    return run


def test_a_theme_is_made_previewed_tested_and_run_from_the_command_line(
    client, experiment_id, write_kinds, command, tmp_path
):
    write_kinds(client, experiment_id, 6)
    made = command("create", "--field", "name=Broken bookings", "--field", 'signals=["error"]', "--output", "json")
    assert json.loads(made) == {"theme_id": "broken_bookings"}
    command("export", "broken_bookings", "--path", str(tmp_path / "theme.yaml"))
    tested = json.loads(command("test", str(tmp_path / "theme.yaml"), "--sample", "6", "--output", "json"))
    assert sum(item["theme_relevant"] for item in tested["samples"]) == 2
    assert json.loads(command("preview", "broken_bookings", "--output", "json"))["matching"] == 6
    [run] = json.loads(command("run", "--theme", "broken_bookings", "--output", "json"))
    assert (run["status"], run["trace_count"], run["irrelevant_count"]) == ("FINISHED", 2, 4)
    assert "broken_bookings" in command("list")
    assert "Nothing is due" in command("run", "--due")
    refused = command("update", "broken_bookings", "--field", "theme_filters=trace.status ~ 1", code=2)
    assert "theme_filters, condition 1" in refused
    assert "ux_issues" in command("get", "no_such_theme", code=2)
    assert "Deleted" in command("delete", "broken_bookings")


def test_a_theme_lives_over_rest_with_times_in_milliseconds(client, experiment_id, write_kinds, monkeypatch):
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from insights_core.server import themes
    from insights_core.server.caller import signed_in

    class Caller:
        def __init__(self) -> None:
            self.client = client

        async def run(self, work):
            return work()

    app = FastAPI()
    app.include_router(themes.router)
    app.dependency_overrides[signed_in] = Caller
    write_kinds(client, experiment_id, 3)
    web = TestClient(app)

    def post(path: str, status: int = 200, **body):
        answer = web.post(f"/themes/{path}", json={"experiment_id": experiment_id, **body})
        assert answer.status_code == status, answer.text
        return answer.json()

    theme = {"name": "Mine", "date_range": {"start": "2026-01-01T00:00:00Z"}}
    assert post("create", theme=theme) == {"theme_id": "mine"}
    got = post("get", theme_id="mine")["theme"]
    assert got["date_range"]["start"] == 1767225600000 and isinstance(got["created_at"], int)
    listed = post("list")["themes"]
    assert [item["theme"]["theme_id"] for item in listed][-1] == "mine" and not listed[-1]["builtin"]
    assert post("update", theme_id="mine", fields={"enabled": False})["theme"]["enabled"] is False
    assert post("preview", theme="mine")["matching"] == 3
    assert len(post("test", theme={"name": "Other"}, sample=2)["samples"]) == 2
    assert post("copy", theme_id="mine", new_id="second") == {"theme_id": "second"}
    assert post("delete", theme_id="second") == {"theme_id": "second"}
    refused = post("create", status=400, theme={"name": "X", "prompt": "{trace}"})
    assert refused["error"]["details"]["field"] == "prompt"
    assert "ux_issues" in post("get", status=404, theme_id="nope")["message"]
