"""One way to a model: faults pass, answers are checked, nothing is paid twice."""

from __future__ import annotations

import asyncio
import time

import pytest

from insights_core.errors import (
    InvalidParameterError,
    ModelAuthenticationError,
    ModelNotFoundError,
    ModelOutputError,
    ModelRateLimitedError,
    ModelUnavailableError,
    SpendingCapReachedError,
)
from insights_core.llm import ModelEndpoint, endpoint_from_settings

TEXTS = [f"Traveller {number} wants a refund for flight HAT{number:03d}" for number in range(24)]


def titles(answers: list) -> list[str]:
    wrong = [answer for answer in answers if isinstance(answer, BaseException)]
    assert not wrong, wrong
    return [answer.title for answer in answers]


def test_no_summary_is_lost_and_none_paid_twice_under_every_passing_fault(openai_server, endpoint, ask, faults):
    openai_server.fail_next(
        faults.rate_limited(0.2),
        faults.status(500),
        faults.hang(3),
        faults.closed(),
        faults.reset(),
        faults.half_body(),
        faults.short_body(),
        faults.half_json(),
        faults.wrong_json(),
        faults.no_json(),
        faults.prose(),
        faults.status(503, **{"Retry-After": "0.1"}),
        faults.error_in_200(),
    )
    first = endpoint()
    answers = titles(ask(first, *TEXTS))
    assert len(answers) == len(TEXTS)
    right_answers = [call for call in openai_server.calls if call.status == 200 and call.fault in (None, "prose")]
    assert len(right_answers) == len(TEXTS)
    assert max(openai_server.paid_by_prompt.values()) == 1

    asked_before = len(openai_server.calls)
    assert titles(ask(endpoint(), *TEXTS)) == answers
    assert len(openai_server.calls) == asked_before


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(openai_server, endpoint, ask, faults, as_date):
    openai_server.fail_next(faults.rate_limited(1.2, as_date=as_date))
    titles(ask(endpoint(), "one"))
    refused, answered = openai_server.calls
    # A date has whole seconds, so it may promise up to one more.
    assert 1.1 <= answered.started - refused.ended <= 3.0


def test_a_rate_limit_pauses_every_call(openai_server, endpoint, ask, faults):
    openai_server.fail_next(*[faults.rate_limited(0.6)] * 4)
    titles(ask(endpoint(max_concurrency=4), *TEXTS))
    limited = max(call.ended for call in openai_server.calls if call.status == 429)
    early = [call for call in openai_server.calls if call.status == 200 and call.started < limited + 0.5]
    assert not early


def test_waiting_for_tomorrow_is_refused_at_once(openai_server, endpoint, ask, faults):
    openai_server.fail_next(faults.rate_limited(86_400))
    began = time.monotonic()
    (error,) = ask(endpoint(), "one")
    assert isinstance(error, ModelRateLimitedError) and time.monotonic() - began < 3


def test_no_quota_is_not_tried_again(openai_server, endpoint, ask, faults):
    openai_server.fail_next(faults.rate_limited(code="insufficient_quota"))
    (error,) = ask(endpoint(), "one")
    assert isinstance(error, ModelRateLimitedError) and "billing" in str(error)
    assert len(openai_server.calls) == 1


def test_lasting_faults_end_in_the_error_that_says_so(openai_server, endpoint, ask, faults):
    for fault, kind in [
        (faults.status(500), ModelUnavailableError),
        (faults.rate_limited(0.01), ModelRateLimitedError),
        (faults.hang(2), ModelUnavailableError),
        (faults.half_body(), ModelUnavailableError),
        (faults.wrong_json(), ModelOutputError),
        (faults.cut_off(), ModelOutputError),
        (faults.refused(), ModelOutputError),
    ]:
        openai_server.fault_of = lambda call, number, fault=fault: fault
        (error,) = ask(endpoint(max_retries=1, timeout_s=0.3), f"about {fault.name}")
        assert isinstance(error, kind), (fault.name, error)


def test_a_wrong_key_ends_at_once_and_is_never_shown(openai_server, endpoint, ask, caplog):
    caplog.set_level("DEBUG")
    openai_server.api_key = "the-right-one"
    secret = "sk-proj-abcdefgh12345678"
    (error,) = ask(endpoint(api_key=secret), "one")
    assert isinstance(error, ModelAuthenticationError) and "OPENAI_API_KEY" in str(error)
    assert len(openai_server.calls) == 1
    import traceback

    shown = "".join(traceback.format_exception(error)) + str(error.details) + caplog.text
    assert secret not in shown


def test_an_unknown_model_is_named(openai_server, endpoint, ask):
    openai_server.models = {"gpt-4o"}
    (error,) = ask(endpoint("gpt-9"), "one")
    assert isinstance(error, ModelNotFoundError) and "gpt-9" in str(error)
    assert len(openai_server.calls) == 1


def test_an_unreachable_server_is_said_within_seconds(endpoint, ask):
    began = time.monotonic()
    (error,) = ask(endpoint(base_url="http://me:hidden@127.0.0.1:9/v1"), "one")
    assert isinstance(error, ModelUnavailableError) and "127.0.0.1:9" in str(error) and "hidden" not in str(error)
    assert time.monotonic() - began < 5


def test_the_repair_shows_the_model_its_error(openai_server, endpoint, ask, faults):
    openai_server.fail_next(faults.wrong_json())
    first = endpoint()
    titles(ask(first, "one"))
    repair = openai_server.calls[1].body["messages"]
    assert [message["role"] for message in repair] == ["system", "user", "assistant", "user"]
    assert "title" in repair[-1]["content"] and first.usage.repairs == 1


def test_an_answer_that_was_cut_off_gets_more_room(openai_server, endpoint, ask, faults):
    openai_server.fail_next(faults.cut_off())
    titles(ask(endpoint(), "one", max_tokens=100))
    assert [call.body["max_tokens"] for call in openai_server.calls] == [100, 300]


def test_servers_without_json_schema_work_and_are_asked_only_once(openai_server, endpoint, ask):
    for formats in (("json_object",), ()):
        openai_server.formats = formats
        first = endpoint(max_concurrency=1)
        titles(ask(first, *(f"{formats} {text}" for text in TEXTS[:4])))
        refusals = [call for call in openai_server.calls if call.status == 400]
        assert len(refusals) == 2 - len(formats)
        openai_server.calls.clear()


def test_reasoning_models_get_the_fields_they_take(openai_server, endpoint, ask):
    openai_server.refused_fields = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0 with this model.",
    }
    titles(ask(endpoint("o4-mini", max_concurrency=1), *TEXTS[:3]))
    assert sum(call.status == 400 for call in openai_server.calls) == 2
    assert "json_schema" in str(openai_server.calls[-1].body["response_format"])


def test_equal_questions_share_one_call(openai_server, endpoint, ask):
    openai_server.latency_s = 0.2
    first = endpoint()
    assert len(set(titles(ask(first, *["the same"] * 10)))) == 1
    assert len(openai_server.calls) == 1 and first.usage.cached_calls == 9


def test_calls_under_way_are_bounded(openai_server, endpoint, ask):
    openai_server.latency_s = 0.05
    titles(ask(endpoint(max_concurrency=5), *TEXTS))
    assert 4 <= openai_server.most_at_once <= 5


def test_usage_is_counted_also_where_the_server_says_nothing(openai_server, endpoint, ask):
    first = endpoint()
    ask(first, "one two three")
    assert first.usage.input_tokens > 0 and first.usage.cost_usd > 0
    openai_server.with_usage = False
    second = endpoint()
    ask(second, "four five six")
    assert 0 < second.usage.input_tokens < 200 and second.usage.output_tokens > 0 and second.usage.cost_usd > 0


def test_the_cap_is_never_passed_and_what_was_done_is_kept(openai_server, endpoint, ask):
    openai_server.latency_s = 0.02
    one = endpoint()
    ask(one, "the price of one call")
    cap = one.usage.cost_usd * 12
    capped = endpoint(max_cost_usd=cap, max_concurrency=8)
    answers = ask(capped, *TEXTS, max_tokens=60)
    done = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert 3 <= len(done) < len(TEXTS)
    assert capped.usage.cost_usd <= cap
    assert all(isinstance(answer, SpendingCapReachedError) for answer in answers if isinstance(answer, BaseException))
    paid = openai_server.paid
    titles(ask(endpoint(), *TEXTS, max_tokens=60))
    assert openai_server.paid - paid == len(TEXTS) - len(done)


def test_a_cap_waits_for_calls_under_way_before_it_gives_up(openai_server, endpoint, ask):
    """What is reserved is an upper bound; most of it comes back."""
    openai_server.latency_s = 0.05
    one = endpoint()
    ask(one, "probe", max_tokens=2000)
    bound = 2000 * 0.6e-6 + 1e-4
    capped = endpoint(max_cost_usd=bound + one.usage.cost_usd * 20, max_concurrency=8)
    titles(ask(capped, *TEXTS[:8], max_tokens=2000))


def test_a_cap_without_a_price_is_refused(endpoint):
    with pytest.raises(InvalidParameterError, match="INSIGHTS_PRICES"):
        endpoint("my-own-model", max_cost_usd=1.0)


def test_a_cancelled_job_asks_nothing_more_and_keeps_what_is_being_paid(openai_server, endpoint, verdict):
    openai_server.latency_s = 0.3
    cancelled = endpoint(max_concurrency=2)

    async def start_and_cancel() -> None:
        calls = [asyncio.create_task(cancelled.complete(system="Sum up.", user=text, schema=verdict)) for text in TEXTS]
        await asyncio.sleep(0.15)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await cancelled.aclose()

    asyncio.run(start_and_cancel())
    assert len(openai_server.calls) == 2

    async def again() -> None:
        await endpoint().complete(system="Sum up.", user=TEXTS[0], schema=verdict)

    asyncio.run(again())
    assert len(openai_server.calls) == 2


def test_one_endpoint_works_in_one_event_loop_after_another(openai_server, endpoint, ask):
    first = endpoint()
    titles(ask(first, "one"))
    titles(ask(first, "two"))
    assert first.usage.calls == 2


def test_settings_choose_between_endpoint_and_offline(openai_server, monkeypatch, ask):
    assert endpoint_from_settings() is None
    with pytest.raises(InvalidParameterError, match="OPENAI_API_KEY"):
        endpoint_from_settings("gpt-4o")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    local = endpoint_from_settings()
    assert isinstance(local, ModelEndpoint) and local.name == "gpt-4o-mini"
    titles(ask(local, "no key is needed here"))
    assert endpoint_from_settings("offline") is None
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("INSIGHTS_MODEL", "gpt-4.1")
    chosen = endpoint_from_settings(max_cost_usd=2)
    assert chosen is not None and chosen.name == "gpt-4.1"
