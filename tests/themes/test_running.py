"""Themes that run side by side over the same traces, offline and with a model."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from insights_core import InsightsClient
from insights_core.entities import now
from insights_core.insight.jobs import claim_theme, new_lease, work_on
from insights_core.insight.reading.texts import Texts
from insights_core.themes.specs import spec_of

TELLS = {"error_analysis": "BookingError", "ux_issues": "again", "success_patterns": "Breakfast costs"}
SUMMARY = {"title": "Title", "summary": "Summary.", "outcome": "unknown", "errors": [], "claims": []}


def reader(schema, messages):
    """A model that reads: a theme concerns a trace whose text holds the theme's word."""
    system, text = messages[0]["content"], messages[-1]["content"]
    fields = schema["properties"]
    if "theme_relevant" in fields:
        theme = next(key for key in TELLS if f"purpose: {key.split('_')[0]}" in system.lower())
        relevant = TELLS[theme] in text
        return {"theme_relevant": relevant, **SUMMARY, "title": f"{theme} in few words"}
    if fields.keys() == {"relevant"}:
        listed = re.findall(r"^- (\w+):", system, re.MULTILINE)
        return {"relevant": [theme for theme in listed if TELLS.get(theme, "") in text]}
    from openai_answers import plausible

    return plausible(schema, messages)


@pytest.fixture
def model(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    openai_server.answer = reader
    return openai_server


def relevant(details, kinds):
    return {kinds[row.trace_id] for row in details.traces}


def test_themes_without_a_model_find_their_traces_by_signals_and_read_each_trace_once(
    client, experiment_id, write_kinds, monkeypatch
):
    kinds = write_kinds(client, experiment_id, 12)
    read: list[str] = []
    original = Texts._read
    monkeypatch.setattr(Texts, "_read", lambda self, trace, size: read.append(trace) or original(self, trace, size))
    client.update_theme("success_patterns", {"sample_rate": 1.0}, experiment_id)
    wanted = ["error_analysis", "ux_issues", "success_patterns"]
    runs = client.run_themes(experiment_id, wanted)
    assert [(run.theme_id, run.status, run.message) for run in runs] == [(key, "FINISHED", "") for key in wanted]
    found = {run.theme_id: client.get_insight_details(run.run_id) for run in runs}
    assert {key: relevant(details, kinds) for key, details in found.items()} == {
        "error_analysis": {"fails"},
        "ux_issues": {"repeats"},
        "success_patterns": {"works"},
    }
    for details in found.values():
        assert len(details.traces) == 4 and len(details.irrelevant) == 8
        assert {row.trace_id for row in details.traces}.isdisjoint(item.trace_id for item in details.irrelevant)
    assert len(read) == 12
    assert sum(run.texts.from_memory for run in runs) == 24 and sum(run.texts.made for run in runs) == 12
    names = {item.name for info in client.mlflow.search_traces([experiment_id]) for item in info.info.assessments}
    assert names == {f"mlflow.insights.summary.{key}" for key in wanted}


def test_one_theme_that_fails_leaves_the_others_alone(client, experiment_id, write_kinds, monkeypatch):
    write_kinds(client, experiment_id, 3)
    from insights_core.insight.jobs import persist

    original = persist.latest_of_theme

    def break_one(connection, experiment_id, theme_id):
        if theme_id == "ux_issues":
            raise RuntimeError("a fault of its own")
        return original(connection, experiment_id, theme_id)

    monkeypatch.setattr(persist, "latest_of_theme", break_one)
    one, two = client.run_themes(experiment_id, ["ux_issues", "error_analysis"])
    assert (one.status, two.status) == ("FAILED", "FINISHED") and "a fault of its own" in one.message


def test_a_model_says_what_is_relevant_and_is_asked_only_for_what_is_new(client, experiment_id, write_kinds, model):
    kinds = write_kinds(client, experiment_id, 6)
    wanted = ["error_analysis", "ux_issues"]
    runs = client.run_themes(experiment_id, wanted)
    details = [client.get_insight_details(run.run_id) for run in runs]
    assert [run.status for run in runs] == ["FINISHED"] * 2
    assert [relevant(one, kinds) for one in details] == [{"fails"}, {"repeats"}]
    asked = [call for call in model.calls if "theme_relevant" in str(call.body)]
    assert len(asked) == 12 and all("=== TRACE" not in call.body["messages"][0]["content"] for call in asked)
    write_kinds(client, experiment_id, 3, first=6)
    before = len(asked)
    again = client.run_themes(experiment_id, wanted)
    asked = [call for call in model.calls if "theme_relevant" in str(call.body)]
    assert len(asked) - before == 6
    assert again[0].trace_count == 3 and again[0].irrelevant_count == 6


def test_one_call_judges_three_themes_and_only_what_concerns_them_is_summarised(
    client, experiment_id, write_kinds, model
):
    kinds = write_kinds(client, experiment_id, 6)
    client.update_theme("success_patterns", {"sample_rate": 1.0}, experiment_id)
    runs = client.run_themes(experiment_id, list(TELLS))
    assert [run.status for run in runs] == ["FINISHED"] * 3
    found = {run.theme_id: relevant(client.get_insight_details(run.run_id), kinds) for run in runs}
    assert found == {"error_analysis": {"fails"}, "ux_issues": {"repeats"}, "success_patterns": {"works"}}
    first = [call for call in model.calls if "FirstPassAnswer" in str(call.body)]
    full = [call for call in model.calls if "theme_relevant" in str(call.body)]
    assert (len(first), len(full)) == (6, 6)
    calls = len(model.calls)
    client.run_themes(experiment_id, list(TELLS))
    assert not [call for call in model.calls[calls:] if "=== TRACE" in call.prompt and "FirstPass" in str(call.body)]


def test_texts_are_kept_on_disk_redacted_and_only_for_their_owner(client, experiment_id, write_kinds, model, tmp_path):
    write_kinds(client, experiment_id, 3)
    client.run_themes(experiment_id, ["error_analysis"])
    files = list((tmp_path / "cache" / "texts").rglob("*.json"))
    assert len(files) == 3 and {oct(path.stat().st_mode)[-3:] for path in files} == {"600"}
    client.copy_theme("error_analysis", "mine", experiment_id=experiment_id)
    client.update_theme("mine", {"prompt": "For the purpose: error. {name}"}, experiment_id)
    [run] = client.run_themes(experiment_id, ["mine"])
    assert (run.texts.from_cache, run.texts.made) == (3, 0)


def test_a_trace_that_fails_three_times_is_set_aside_with_its_error(client, experiment_id, write_kinds, model):
    kinds = write_kinds(client, experiment_id, 3)
    answer = reader

    def fail_one(schema, messages):
        if "theme_relevant" in schema["properties"] and "BookingError" in messages[1]["content"]:
            return {"nonsense": 1}
        return answer(schema, messages)

    model.answer = fail_one
    client.copy_theme("error_analysis", "mine", experiment_id=experiment_id)
    attempts = []
    for _ in range(4):
        [run] = client.run_themes(experiment_id, ["error_analysis"])
        [skipped] = client.get_insight_details(run.run_id).skipped
        attempts.append(skipped.attempts)
        calls = len([call for call in model.calls if "theme_relevant" in str(call.body)])
    assert attempts == [1, 2, 3, 3] and kinds[skipped.trace_id] == "fails"
    assert "set aside after 3 runs" in skipped.reason and "does not fit" in skipped.reason
    client.run_themes(experiment_id, ["error_analysis"])
    assert len([call for call in model.calls if "theme_relevant" in str(call.body)]) == calls


def test_what_is_due_runs_once_in_its_slot(client, experiment_id, write_kinds):
    write_kinds(client, experiment_id, 3)
    assert client.run_themes(experiment_id, due=True) == []
    client.update_theme("error_analysis", {"schedule": "weekly"}, experiment_id)
    [standing] = [item for item in client.list_theme_standings(experiment_id) if item.theme.schedule == "weekly"]
    assert standing.next_due_at <= now() and standing.last_run_at is None
    assert [run.theme_id for run in client.run_themes(experiment_id, due=True)] == ["error_analysis"]
    assert client.run_themes(experiment_id, due=True) == []
    [standing] = [item for item in client.list_theme_standings(experiment_id) if item.theme.schedule == "weekly"]
    assert standing.last_status == "FINISHED" and standing.run_count == 1 and standing.cluster_count >= 1
    assert now() < standing.next_due_at <= now() + timedelta(days=7)


def test_two_workers_that_start_at_once_run_a_theme_once(client, experiment_id, write_kinds):
    write_kinds(client, experiment_id, 3)
    spec = spec_of(client.get_theme("error_analysis", experiment_id), experiment_id)
    other = InsightsClient(client.tracking_uri)
    token, lease = new_lease()
    first = claim_theme(client, spec, lease)
    assert first.ours
    again = claim_theme(other, spec, new_lease()[1])
    assert not again.ours and again.run_id == first.run_id
    # Both created their run before either looked: the younger gives way once it is at work.
    from insights_core.insight.jobs import persist
    from insights_core.names import LEASE_TAG

    late_token, late_lease = new_lease()
    late = persist.create_insight_run(other, spec, "offline", {LEASE_TAG: late_lease})
    persist.write_spec(other, late, spec, "offline", "", "")
    ends = asyncio.run(work_on(other, [late, "nothing"], late_token))
    assert ends[late] == 3 and client.mlflow.get_run(late).info.lifecycle_stage == "deleted"
    assert asyncio.run(work_on(client, [first.run_id, "nothing"], token))[first.run_id] == 0


def test_traces_are_tagged_with_a_theme_only_where_it_says_so(client, experiment_id, write_kinds):
    write_kinds(client, experiment_id, 6)
    tag = "mlflow.insights.theme.error_analysis"

    def tagged():
        return [one for one in client.mlflow.search_traces([experiment_id]) if tag in one.info.tags]

    client.run_themes(experiment_id, ["error_analysis"])
    assert not tagged()
    client.update_theme("error_analysis", {"tag_traces": True}, experiment_id)
    [run] = client.run_themes(experiment_id, ["error_analysis"])
    assert len(tagged()) == run.trace_count == 2


def test_an_insight_keeps_the_exact_theme_it_ran_with(client, experiment_id, write_kinds):
    write_kinds(client, experiment_id, 3)
    client.copy_theme("ux_issues", "mine", experiment_id=experiment_id)
    [run] = client.run_themes(experiment_id, ["mine"])
    client.update_theme("mine", {"signals": ["slow"], "prompt": "Other"}, experiment_id)
    kept = client.get_insight_spec(run.run_id).theme
    assert kept.signals == ["friction"] and "friction" in kept.prompt


def test_a_theme_is_previewed_and_tested_without_writing(client, experiment_id, write_kinds, model):
    write_kinds(client, experiment_id, 12)
    fields = {"name": "Errors", "base_filters": ["trace.execution_time_ms < 600"], "prompt": "the purpose: error."}
    seen = client.preview_theme({**fields, "theme_filters": ["trace.status = 'ERROR'"]}, experiment_id)
    assert (seen.base_matching, seen.theme_matching, seen.matching, seen.model_calls) == (12, 0, 0, 0)
    seen = client.preview_theme({**fields, "sample_rate": 0.5}, experiment_id)
    assert (seen.matching, seen.sampled, seen.cached_summaries) == (12, 6, 0)
    assert seen.model_calls > 6 and seen.estimate.input_tokens > 0
    tested = client.test_theme(fields, experiment_id, sample=6)
    assert len(tested.samples) == 6 and tested.matching == 12 and tested.input_tokens > 0
    assert all(item.theme_relevant is not None and item.title for item in tested.samples)
    assert not [one for one in client.mlflow.search_traces([experiment_id]) if one.info.assessments]
    assert client.list_insights(experiment_id) == []


def test_alert_rules_of_a_theme_are_judged_when_it_ran(client, experiment_id, write_kinds):
    write_kinds(client, experiment_id, 3)
    rule = {"kind": "exceeds", "threshold": 0}
    client.update_theme("error_analysis", {"alert_rules": [rule]}, experiment_id)
    [run] = client.run_themes(experiment_id, ["error_analysis"])
    assert (run.status, run.message, run.trace_count) == ("FINISHED", "", 1)
    assert [alert.theme_id for alert in client.list_alerts(experiment_id)] == ["error_analysis"]


def test_texts_in_redis_last_a_day_and_an_absent_redis_stops_nothing(monkeypatch):
    import fakeredis

    from insights_core.insight.reading.text_cache import RedisTexts

    server = fakeredis.FakeRedis()
    monkeypatch.setattr("redis.Redis.from_url", lambda url, **_: server)
    kept = RedisTexts("redis://localhost:6379/0")
    kept.put("key", {"text": "L001 user: hello"})
    assert kept.get("key") == {"text": "L001 user: hello"} and kept.get("other") is None
    assert 86_000 < server.ttl(server.keys()[0]) <= 86_400
    monkeypatch.undo()
    away = RedisTexts("redis://127.0.0.1:1/0")
    away.put("key", {"text": "x"})
    assert away.get("key") is None
