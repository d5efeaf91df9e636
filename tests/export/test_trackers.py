import json

import pytest

from insights_core.entities import Evidence, Issue
from insights_core.errors import InsightsError, InvalidParameterError, PermissionDeniedError, UnavailableError
from insights_core.export.trackers import TRACKERS

SYSTEMS = ("github", "jira", "linear")


@pytest.fixture
def issue() -> Issue:
    return Issue(
        source_run_id="run",
        title="Gift cards stay debited",
        description="A refused card leaves <script>alert(1)</script> *debits*.",
        evidence=[Evidence(trace_id=f"tr-{n}", rationale="No release call follows") for n in range(25)],
    )


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_issue_reaches_the_tracker_with_its_evidence(system, issue, trackers):
    exported = TRACKERS[system](issue, "1")
    sent = str(trackers.issues[0]["sent"])
    assert exported.url.startswith(trackers.url)
    assert issue.title in sent
    assert "tr-0" in sent and "No release call follows" in sent


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_issue_is_found_again_instead_of_created_twice(system, issue, trackers):
    first, second = TRACKERS[system](issue, "1"), TRACKERS[system](issue, "1")
    assert first == second
    assert len(trackers.issues) == 1


def test_text_of_traces_is_no_markup_in_a_tracker(issue, trackers):
    TRACKERS["github"](issue, "1")
    body = trackers.issues[0]["sent"]["body"]
    assert "<script>" not in body
    assert r"\*debits\*" in body


def test_a_message_reaches_slack_with_its_signs_escaped(issue, trackers):
    TRACKERS["slack"](issue, "1")
    assert "&lt;script&gt;" in trackers.messages[0]["text"]
    assert trackers.messages[0]["channel"] == "#ops"


@pytest.mark.parametrize("system", [*SYSTEMS, "slack"])
def test_a_refused_token_is_told_without_showing_it(system, issue, trackers):
    trackers.status = 401
    with pytest.raises(PermissionDeniedError) as refused:
        TRACKERS[system](issue, "1")
    assert "token-" not in str(refused.value)


def test_a_broken_tracker_is_told_in_one_sentence(issue, trackers):
    trackers.status = 500
    with pytest.raises(InsightsError, match="GitHub answered 500"):
        TRACKERS["github"](issue, "1")


def test_an_absent_tracker_is_told_in_one_sentence(issue, trackers, monkeypatch):
    monkeypatch.setenv("LINEAR_API_URL", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="did not answer"):
        TRACKERS["linear"](issue, "1")


@pytest.mark.parametrize(
    ("system", "name"),
    [("github", "GITHUB_TOKEN"), ("jira", "JIRA_EMAIL"), ("linear", "LINEAR_TEAM_ID"), ("slack", "SLACK_CHANNEL")],
)
def test_a_missing_setting_is_named(system, name, issue, trackers, monkeypatch):
    monkeypatch.delenv(name)
    with pytest.raises(InvalidParameterError, match=name):
        TRACKERS[system](issue, "1")


@pytest.mark.parametrize("system", ["github", "jira", "linear", "slack"])
def test_text_of_traces_calls_nobody_and_links_to_nothing_in_a_tracker(system, issue, trackers):
    hostile = issue.model_copy(
        update={
            "title": "Ping\n@team\x00 see https://evil.example and #12",
            "description": "ask @someone at www.evil.example, fixes #7",
        }
    )
    TRACKERS[system](hostile, "1")
    sent = json.dumps((trackers.issues or trackers.messages)[0], ensure_ascii=False).replace("\\", "")
    assert "someone" in sent and "evil.example" in sent
    for acting in ("@team", "@someone", "https://evil", "www.evil", "#12", "#7"):
        assert acting not in sent


@pytest.mark.parametrize(("system", "field"), [("github", "title"), ("linear", "title"), ("jira", "summary")])
def test_a_title_in_a_tracker_is_one_line(system, field, issue, trackers):
    TRACKERS[system](issue.model_copy(update={"title": "One\ntwo\x00 three"}), "1")
    sent = trackers.issues[0]["sent"]
    fields = sent.get("fields") or sent.get("variables", {}).get("input") or sent
    assert fields[field] == "One two three"
