"""What an estimate says before anything is spent, against what the job then does."""

from __future__ import annotations

import asyncio

import pytest

from insights_core.entities.insight import InsightSpec, TraceScope
from insights_core.errors import InvalidParameterError
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.estimate import estimate
from insights_core.insight.jobs.parts import stages_for
from insights_core.insight.jobs.pipeline import run_pipeline


class Silent:
    def stage(self, name, total=0):
        return

    def advance(self, done, cost_usd=None):
        return


def spec_of(experiment_id: str, **fields) -> InsightSpec:
    scope = TraceScope(experiment_id=experiment_id, **fields.pop("scope", {}))
    return InsightSpec(scope=scope, instruction="What do users ask for?", **fields)


@pytest.fixture
def model(openai_server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return openai_server


def test_an_estimate_counts_the_sample_and_spends_nothing(connection, experiment_id, write_conversations, model):
    write_conversations(connection, experiment_id, 30)
    found = estimate(connection, spec_of(experiment_id, scope={"max_traces": 12}))
    assert (found.matching_traces, found.sample_traces, found.summarized_traces) == (30, 12, 0)
    assert found.model == "gpt-4o-mini"
    assert found.cost_usd and found.cost_usd > 0
    assert found.basis.startswith("The texts of 12 random traces")
    assert not model.calls


def test_an_estimate_is_near_what_the_job_then_uses(connection, experiment_id, write_conversations, model):
    write_conversations(connection, experiment_id, 60)
    spec = spec_of(experiment_id)
    found = estimate(connection, spec)
    stages = stages_for(spec)
    run_id = persist.create_insight_run(connection, spec, stages.model, {})
    asyncio.run(run_pipeline(connection, run_id, spec, stages, Silent()))
    summaries = [call for call in model.calls if "=== TRACE " in call.prompt]
    # The test server counts four characters a token, over prompt and trace.
    real = sum(len(call.prompt) / 4 for call in summaries)
    assert found.input_tokens == pytest.approx(real, rel=0.35)

    after = estimate(connection, spec)
    assert after.summarized_traces == 60
    assert after.input_tokens < found.input_tokens / 3
    assert after.basis.startswith("Every trace of the sample is summarised already")
    other = estimate(connection, spec.model_copy(update={"instruction": "Where does the agent fail?"}))
    assert other.summarized_traces == 0


def test_offline_costs_nothing(connection, experiment_id, write_conversations):
    write_conversations(connection, experiment_id, 5)
    found = estimate(connection, spec_of(experiment_id))
    assert (found.model, found.cost_usd, found.input_tokens) == ("offline", 0.0, 0)
    assert found.duration_s > 0
    assert "offline" in found.basis


def test_a_model_without_a_price_has_no_cost(connection, experiment_id, write_conversations, model):
    write_conversations(connection, experiment_id, 5)
    found = estimate(connection, spec_of(experiment_id, model="my-own-model"))
    assert found.cost_usd is None
    assert found.input_tokens > 0


def test_an_empty_selection_is_said(connection, experiment_id):
    found = estimate(connection, spec_of(experiment_id))
    assert (found.matching_traces, found.sample_traces, found.duration_s) == (0, 0, 0.0)
    assert found.basis == "No trace matches."


def test_a_bad_filter_is_refused(connection, experiment_id):
    with pytest.raises(InvalidParameterError, match="filter"):
        estimate(connection, spec_of(experiment_id, scope={"filter_string": "status ="}))
