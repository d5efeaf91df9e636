import threading

import pytest

from insights_core import InsightsClient
from insights_core.errors import InvalidParameterError, IssueNotFoundError
from insights_core.export.issues import export_issue, exported_to

SYSTEMS = ("github", "jira", "linear", "slack")


@pytest.fixture
def client(tracking_uri) -> InsightsClient:
    return InsightsClient(tracking_uri)


@pytest.fixture
def issue_id(client, experiment_id) -> str:
    run = client.create_analysis(experiment_id, "run")
    evidence = [{"trace_id": "tr-1", "rationale": "No release call follows"}]
    return client.create_issue(run, "Gift cards stay debited", evidence=evidence, allow_missing=True)


@pytest.mark.parametrize("system", SYSTEMS)
def test_where_an_issue_went_is_kept_with_it(system, client, issue_id, trackers):
    exported = export_issue(client, issue_id, system, author="ana")

    issue = client.get_issue(issue_id)
    assert exported_to(issue) == {system: exported}
    assert issue.metadata["exports"][system]["at"]
    assert issue.history[-1].author == "ana"


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_issue_is_exported_once(system, client, issue_id, trackers):
    first = export_issue(client, issue_id, system)
    assert export_issue(client, issue_id, system) == first
    assert len(trackers.issues) + len(trackers.messages) == 1


def test_two_clicks_at_once_send_one_message(client, issue_id, trackers):
    clicks = [threading.Thread(target=export_issue, args=(client, issue_id, "slack")) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len(trackers.messages) == 1


def test_exports_to_several_systems_are_all_kept(client, issue_id, trackers):
    for system in SYSTEMS:
        export_issue(client, issue_id, system)
    assert set(exported_to(client.get_issue(issue_id))) == set(SYSTEMS)


def test_a_failed_export_leaves_no_trace(client, issue_id, trackers, monkeypatch):
    monkeypatch.delenv("JIRA_PROJECT")
    with pytest.raises(InvalidParameterError, match="JIRA_PROJECT"):
        export_issue(client, issue_id, "jira")
    assert exported_to(client.get_issue(issue_id)) == {}


def test_an_unknown_system_is_refused_with_the_known_ones(client, issue_id):
    with pytest.raises(InvalidParameterError, match="github, jira, linear, slack"):
        export_issue(client, issue_id, "excel")


def test_an_unknown_issue_is_named(client, experiment_id, trackers):
    with pytest.raises(IssueNotFoundError):
        export_issue(client, "nothing", "github")


def test_what_somebody_broke_by_hand_is_left_out(client, issue_id, trackers):
    client.update_issue(issue_id=issue_id, metadata={"exports": {"github": "yes", "jira": {"url": 3}}})
    assert exported_to(client.get_issue(issue_id)) == {}
    assert export_issue(client, issue_id, "github").key == "#1"
