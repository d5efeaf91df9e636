"""What an analyst does with analyses, hypotheses and issues, through the SDK."""

from __future__ import annotations

import pytest

from insights_core.artifacts.evidence import existing_traces
from insights_core.artifacts.investigations import Investigations
from insights_core.errors import (
    BrokenArtifactError,
    ExperimentNotFoundError,
    HypothesisNotFoundError,
    InvalidParameterError,
    InvalidStatusChangeError,
    IssueNotFoundError,
    RunNotFoundError,
    TraceNotFoundError,
)


@pytest.fixture
def run_id(client, experiment_id) -> str:
    return client.create_analysis(experiment_id, "Error Investigation", "Production errors", "Since Monday\nAgent X")


@pytest.fixture
def traces(client, experiment_id, make_traces) -> list[str]:
    return make_traces(client, experiment_id, 4)


def linked(client: Investigations, run_id: str) -> set[str]:
    experiment_id = client.mlflow.get_run(run_id).info.experiment_id
    found = client.mlflow.search_traces(locations=[experiment_id], run_id=run_id, include_spans=False, max_results=500)
    return {trace.info.trace_id for trace in found}


def test_an_analysis_lies_where_the_contract_says(client, experiment_id, run_id):
    run = client.mlflow.get_run(run_id)
    parent = client.mlflow.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.info.run_name == "Insights"
    assert run.info.run_name == "Error Investigation"
    assert run.data.tags["mlflow.insights.type"] == "analysis"
    assert run.data.tags["mlflow.insights.name"] == "Production errors"
    assert "insights/analysis.yaml" in [item.path for item in client.mlflow.list_artifacts(run_id, "insights")]
    analysis = client.get_analysis(run_id)
    assert (analysis.name, analysis.description, analysis.status) == (
        "Production errors",
        "Since Monday\nAgent X",
        "ACTIVE",
    )
    assert [item.run_id for item in client.list_analyses(experiment_id)] == [run_id]


def test_the_experiment_falls_back_to_the_setting(client, experiment_id, monkeypatch):
    with pytest.raises(InvalidParameterError, match="MLFLOW_EXPERIMENT_ID"):
        client.create_analysis(run_name="R", name="N")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    made = client.create_analysis(run_name="R", name="N")
    assert [item.run_id for item in client.list_analyses()] == [made]
    with pytest.raises(ExperimentNotFoundError, match="Tests"):
        client.list_analyses("4711")
    with pytest.raises(ExperimentNotFoundError, match="Tests"):
        client.list_issues("4711")


def test_every_change_says_who_when_what_and_why(client, run_id):
    hypothesis_id = client.create_hypothesis(run_id, "Locks are slow", author="ana")
    client.author = "bob"
    client.update_hypothesis(run_id, hypothesis_id, statement="Locks on users are slow")
    client.update_hypothesis(
        run_id, hypothesis_id, status="rejected", reason="Fast traces have locks too", author="eve"
    )
    hypothesis = client.get_hypothesis(run_id, hypothesis_id)
    assert [(c.author, c.field, c.before, c.after, c.why) for c in hypothesis.history] == [
        ("ana", "status", None, "TESTING", None),
        ("bob", "statement", "Locks are slow", "Locks on users are slow", None),
        ("eve", "status", "TESTING", "REJECTED", "Fast traces have locks too"),
        ("eve", "metadata", None, {"reason": "Fast traces have locks too"}, "Fast traces have locks too"),
    ]
    times = [change.at for change in hypothesis.history]
    assert times == sorted(times)
    assert hypothesis.updated_at == times[-1] > hypothesis.created_at
    assert hypothesis.metadata["reason"] == "Fast traces have locks too"


def test_the_author_is_the_signed_in_user_before_the_os_user(client, run_id, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "signed-in")
    assert client.get_hypothesis(run_id, client.create_hypothesis(run_id, "H")).history[0].author == "signed-in"
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.setenv("LOGNAME", "from-the-os")
    assert client.get_hypothesis(run_id, client.create_hypothesis(run_id, "H")).history[0].author == "from-the-os"


def test_evidence_comes_as_dict_or_text_links_its_traces_and_is_stored_once(client, run_id, traces):
    first = {"trace_id": traces[0], "rationale": "Waits", "supports": False}
    hypothesis_id = client.create_hypothesis(run_id, "H", evidence=[first, f"{traces[1]}: Shows a lock: 5 s"])
    client.update_hypothesis(run_id, hypothesis_id, evidence=[first], add_traces=[traces[1], traces[2]])
    client.update_hypothesis(run_id, hypothesis_id, add_evidence=[f"{traces[0]}: Another reason"])
    hypothesis = client.get_hypothesis(run_id, hypothesis_id)
    assert [(item.trace_id, item.rationale, item.supports) for item in hypothesis.evidence] == [
        (traces[0], "Waits", False),
        (traces[1], "Shows a lock: 5 s", True),
        (traces[2], "Added without a rationale.", True),
        (traces[0], "Another reason", True),
    ]
    assert (hypothesis.trace_count, hypothesis.supports_count, hypothesis.refutes_count) == (3, 3, 1)
    assert linked(client, run_id) == set(traces[:3])


def test_more_than_a_page_of_traces_is_linked(client, run_id, make_traces, experiment_id):
    many = make_traces(client, experiment_id, 203)
    client.create_hypothesis(run_id, "H", evidence=[f"{each}: x" for each in many])
    assert len(many) == 203
    assert linked(client, run_id) == set(many)


def test_a_trace_that_does_not_exist_is_refused_by_name(client, run_id, traces):
    hypothesis_id = client.create_hypothesis(run_id, "H")
    with pytest.raises(TraceNotFoundError, match="tr-nowhere"):
        client.update_hypothesis(run_id, hypothesis_id, evidence=[f"{traces[0]}: x", "tr-nowhere: y"])
    assert not client.get_hypothesis(run_id, hypothesis_id).evidence
    assert not linked(client, run_id)
    client.update_hypothesis(run_id, hypothesis_id, evidence=["tr-nowhere: y"], allow_missing=True)
    assert client.get_hypothesis(run_id, hypothesis_id).trace_count == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "Found 50ms delay in connection acquisition",
        {"trace_id": "tr-1"},
        {"trace_id": "tr-1", "rationale": " "},
        {"trace_id": "tr-1", "rationale": "x", "support": False},
        {"trace_id": "", "rationale": "x"},
        {"trace_id": "tr-1", "rationale": "x", "supports": "perhaps"},
        7,
    ],
)
def test_evidence_that_is_none_is_refused_with_the_right_form(wrong, client, run_id):
    with pytest.raises(InvalidParameterError, match="tr-123"):
        client.create_hypothesis(run_id, "H", evidence=[wrong])
    assert not client.list_hypotheses(run_id)


def test_a_status_that_makes_no_sense_is_refused_with_the_allowed_ones(client, run_id):
    hypothesis_id = client.create_hypothesis(run_id, "H")
    client.update_hypothesis(run_id, hypothesis_id, status="VALIDATED")
    client.update_hypothesis(run_id, hypothesis_id, status="VALIDATED")
    with pytest.raises(InvalidStatusChangeError, match=r"VALIDATED and cannot become REJECTED.* TESTING"):
        client.update_hypothesis(run_id, hypothesis_id, status="REJECTED", statement="Not stored")
    with pytest.raises(InvalidParameterError, match="TESTING, VALIDATED, REJECTED"):
        client.update_hypothesis(run_id, hypothesis_id, status="DONE")
    issue_id = client.create_issue(run_id, "I")
    client.update_issue(issue_id=issue_id, status="REJECTED")
    with pytest.raises(InvalidStatusChangeError, match="OPEN"):
        client.update_issue(issue_id=issue_id, status="RESOLVED")
    hypothesis = client.get_hypothesis(run_id, hypothesis_id)
    assert (hypothesis.statement, len(hypothesis.history)) == ("H", 2)


def test_a_completed_analysis_takes_no_hypotheses_until_it_is_reopened(client, run_id):
    client.update_analysis(run_id, status="COMPLETED")
    assert client.mlflow.get_run(run_id).info.status == "FINISHED"
    with pytest.raises(InvalidStatusChangeError, match="--status ACTIVE"):
        client.create_hypothesis(run_id, "Too late")
    client.update_analysis(run_id, status="ACTIVE", name="Again")
    assert client.mlflow.get_run(run_id).info.status == "RUNNING"
    assert client.mlflow.get_run(run_id).data.tags["mlflow.insights.name"] == "Again"
    client.create_hypothesis(run_id, "In time")


def test_an_issue_takes_over_what_supports_its_hypothesis(client, experiment_id, run_id, traces):
    evidence = [{"trace_id": each, "rationale": "r", "supports": each != traces[3]} for each in traces]
    hypothesis_id = client.create_hypothesis(run_id, "H", evidence=evidence)
    issue_id = client.create_issue(run_id, "Locks", "Slow", "HIGH", hypothesis_id=hypothesis_id)
    issue = client.get_issue(issue_id)
    assert [item.trace_id for item in issue.evidence] == traces[:3]
    assert (issue.source_run_id, issue.hypothesis_id, issue.severity) == (run_id, hypothesis_id, "HIGH")
    parent = client.mlflow.get_run(run_id).data.tags["mlflow.parentRunId"]
    assert linked(client, parent) == set(traces[:3])
    assert f"insights/issue_{issue_id}.yaml" in [item.path for item in client.mlflow.list_artifacts(parent, "insights")]
    with pytest.raises(HypothesisNotFoundError):
        client.create_issue(run_id, "x", hypothesis_id="unknown")


def test_issues_are_listed_by_traces_and_found_by_id_alone(client, experiment_id, run_id, traces):
    small = client.create_issue(run_id, "small", evidence=[f"{traces[0]}: a", f"{traces[0]}: b", f"{traces[0]}: c"])
    large = client.create_issue(run_id, "large", evidence=[f"{traces[0]}: a", f"{traces[1]}: b"])
    assert [item.issue_id for item in client.list_issues(experiment_id)] == [large, small]
    other = Investigations(client.tracking_uri)
    assert other.get_issue(small).title == "small"
    other.update_issue(
        issue_id=small, severity="critical", resolution="Raised", status="RESOLVED", add_traces=traces[2:]
    )
    other.update_issue(run_id, small, assessments=["slow"])
    changed = client.get_issue(small)
    assert (changed.severity, changed.status, changed.resolution) == ("CRITICAL", "RESOLVED", "Raised")
    assert (changed.trace_count, changed.assessments) == (3, ["slow"])
    assert [item.issue_id for item in client.list_issues(experiment_id)] == [small, large]
    for wrong in ("unknown", "../../etc/passwd", "x' OR 1=1", ""):
        with pytest.raises((IssueNotFoundError, InvalidParameterError)):
            client.get_issue(wrong)


def test_previews_are_real_traces_each_once(client, experiment_id, run_id, traces):
    from mlflow.entities import Trace

    client.create_hypothesis(run_id, "H", evidence=[f"{traces[0]}: a", f"{traces[0]}: b"])
    client.create_hypothesis(run_id, "H2", evidence=[f"{traces[1]}: a", "tr-gone: b"], allow_missing=True)
    found = client.preview_hypotheses(run_id)
    assert [trace.info.trace_id for trace in found] == traces[:2]
    assert all(isinstance(trace, Trace) for trace in found)
    assert len(client.preview_hypotheses(run_id, max_traces=1)) == 1
    client.create_issue(run_id, "I", evidence=[f"{traces[3]}: a"])
    assert [trace.info.trace_id for trace in client.preview_issues(experiment_id)] == [traces[3]]


def test_assessments_are_logged_once_on_every_trace_and_go_on_after_an_interruption(client, run_id, traces):
    issue_id = client.create_issue(run_id, "I", evidence=[f"{each}: because {each}" for each in traces])
    steps: list[tuple[int, int]] = []

    def stop_at_two(done: int, of: int) -> None:
        steps.append((done, of))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.log_issue_assessments(issue_id, "db_lock", progress=stop_at_two)
    assert steps == [(1, 4), (2, 4)]
    done = client.log_issue_assessments(issue_id, "db_lock")
    assert (done.already, done.logged) == (traces[:2], traces[2:])
    assert client.log_issue_assessments(issue_id, "db_lock").logged == []
    for each, info in existing_traces(client, traces).items():
        [feedback] = info.assessments
        assert (feedback.name, feedback.value, feedback.rationale) == ("db_lock", True, f"because {each}")
    assert client.get_issue(issue_id).assessments == ["db_lock"]


def test_what_is_not_there_is_said_clearly(client, run_id):
    with pytest.raises(RunNotFoundError, match="list-analyses"):
        client.get_analysis("nothing")
    with pytest.raises(RunNotFoundError):
        client.list_hypotheses("0" * 32)
    with pytest.raises(HypothesisNotFoundError, match="which has 0"):
        client.get_hypothesis(run_id, "nothing")
    with pytest.raises(HypothesisNotFoundError):
        client.update_hypothesis(run_id, "nothing", evidence=["tr-1: x"], allow_missing=True)
    parent = client.mlflow.get_run(run_id).data.tags["mlflow.parentRunId"]
    with pytest.raises(RunNotFoundError, match="not an analysis run"):
        client.create_hypothesis(parent, "H")
    with pytest.raises(InvalidParameterError, match="statement"):
        client.create_hypothesis(run_id, "  ")


def test_a_hand_may_edit_a_file_and_the_edit_stays(client, run_id):
    hypothesis_id = client.create_hypothesis(run_id, "H", evidence=["tr-1: a", "tr-2: b"], allow_missing=True)
    files, name = client.entity_store.files, f"hypothesis_{hypothesis_id}.yaml"
    text = files.read(run_id, name)
    edited = text.replace("statement: H\n", "statement: Edited by a person\nnote: mine\n")
    edited = edited.replace("- trace_id: tr-2\n", "- trace_id: tr-9\n")
    files.write(run_id, name, edited)
    other = Investigations(client.tracking_uri)
    for reader in (client, other):
        found = reader.get_hypothesis(run_id, hypothesis_id)
        assert (found.statement, [item.trace_id for item in found.evidence]) == ("Edited by a person", ["tr-1", "tr-9"])
    client.update_hypothesis(run_id, hypothesis_id, evidence=["tr-3: c"], allow_missing=True)
    found = other.get_hypothesis(run_id, hypothesis_id)
    assert [item.trace_id for item in found.evidence] == ["tr-1", "tr-9", "tr-3"]
    assert (found.statement, found.model_extra["note"]) == ("Edited by a person", "mine")
    assert [c.author for c in found.history if c.field == "statement"] == ["by hand"]


def test_an_edit_that_loses_the_revision_line_is_taken_and_said(client, run_id, caplog):
    hypothesis_id = client.create_hypothesis(
        run_id, "H", "plan", evidence=["tr-1: a", "tr-2: b"], metrics={"p": 1, "q": 2}, allow_missing=True
    )
    files, name = client.entity_store.files, f"hypothesis_{hypothesis_id}.yaml"
    text = "statement: Rewritten\nevidence:\n- {trace_id: tr-9, rationale: c}\nmetrics: {p: 3}\n"
    files.write(run_id, name, text)
    found = Investigations(client.tracking_uri).get_hypothesis(run_id, hypothesis_id)
    assert found.statement == "Rewritten"
    # What it lacks may just have been left out.
    assert [item.trace_id for item in found.evidence] == ["tr-1", "tr-2", "tr-9"]
    assert (found.metrics, found.created_at) == ({"p": 3, "q": 2}, found.history[0].at)
    [change] = [entry for entry in found.history if entry.field == "statement"]
    assert (change.author, change.before) == ("by hand", "H")
    assert "without its revision line" in change.why
    assert f"{name} in run {run_id} was edited by hand and no longer says" in caplog.text
    client.update_hypothesis(run_id, hypothesis_id, status="VALIDATED")
    kept = client.get_hypothesis(run_id, hypothesis_id)
    assert (kept.statement, kept.status) == ("Rewritten", "VALIDATED")
    assert [entry.why for entry in kept.history if entry.field == "statement"] == [change.why]


def test_of_a_copy_from_an_unknown_revision_only_what_it_adds_is_taken(client, run_id):
    hypothesis_id = client.create_hypothesis(run_id, "H", evidence=["tr-1: a"], allow_missing=True)
    files, name = client.entity_store.files, f"hypothesis_{hypothesis_id}.yaml"
    text = files.read(run_id, name)
    old = text.replace("statement: H", "statement: Old").replace("- trace_id: tr-1", "- trace_id: tr-0")
    place = old.index("revision: '" if "revision: '" in old else "revision: ")
    files.write(run_id, name, old[:place] + f"revision: {'0' * 16}-{'0' * 16}\n")
    found = client.get_hypothesis(run_id, hypothesis_id)
    assert (found.statement, {item.trace_id for item in found.evidence}) == ("H", {"tr-1", "tr-0"})
    assert "unknown revision" in found.history[-1].why


def test_a_file_that_is_too_large_is_named_and_never_read(client, run_id, monkeypatch):
    good, bad = client.create_hypothesis(run_id, "good"), client.create_hypothesis(run_id, "bad" * 1000)
    monkeypatch.setattr("insights_core.artifacts.reading.MAX_BYTES", 1500)
    found = Investigations(client.tracking_uri).list_hypotheses(run_id)
    assert [item.hypothesis_id for item in found] == [good]
    assert "at most 1,500 are read" in found.broken[f"hypothesis_{bad}.yaml"]
    with pytest.raises(BrokenArtifactError, match=bad):
        client.update_hypothesis(run_id, bad, statement="x")


def test_a_file_that_somebody_wrote_from_scratch_is_an_entity(client, run_id):
    text = "statement: Mine\nstatus: TESTING\nevidence:\n- {trace_id: tr-1, rationale: r, supports: false}\n"
    client.entity_store.files.write(run_id, "hypothesis_by-hand.yaml", text)
    [found] = client.list_hypotheses(run_id)
    assert (found.hypothesis_id, found.statement, found.refutes_count) == ("by-hand", "Mine", 1)
    client.update_hypothesis(run_id, "by-hand", status="VALIDATED")
    assert client.get_hypothesis(run_id, "by-hand").statement == "Mine"
    assert client.summarize_hypotheses(run_id)[0].status == "VALIDATED"


def test_a_broken_file_is_named_and_hides_no_other_entity(client, experiment_id, run_id):
    good, bad = client.create_hypothesis(run_id, "good"), client.create_hypothesis(run_id, "bad")
    files, name = client.entity_store.files, f"hypothesis_{bad}.yaml"
    for text in ("statement: [unclosed\nrest", "status: TESTING\n", "a: &a [*a]\n", "statement: x\nstatus: WRONG\n"):
        files.write(run_id, name, text)
        found = client.list_hypotheses(run_id)
        assert [item.hypothesis_id for item in found] == [good]
        assert list(found.broken) == [name]
        with pytest.raises(BrokenArtifactError, match=name):
            client.get_hypothesis(run_id, bad)
        with pytest.raises(BrokenArtifactError, match=name):
            client.update_hypothesis(run_id, bad, statement="Overwrites what a person wrote")
        assert files.read(run_id, name) == text
    files._repository(run_id).delete_artifacts(f"insights/{name}")
    assert client.get_hypothesis(run_id, bad).statement == "bad"


def test_metrics_that_no_file_can_hold_are_refused(client, run_id):
    import numpy as np

    with pytest.raises(InvalidParameterError, match="metrics"):
        client.create_hypothesis(run_id, "H", metrics={"p": float("nan")})
    hypothesis_id = client.create_hypothesis(run_id, "H \ud800", metrics={"p": np.float64(0.5)})
    assert client.get_hypothesis(run_id, hypothesis_id).metrics == {"p": 0.5}
