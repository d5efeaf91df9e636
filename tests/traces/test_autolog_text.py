"""Traces that MLflow's autologging really makes, as text: every turn is there once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from insights_core.traces.text import TraceView, read_trace, render

_ASK = "What is the weather in Oslo?"
_TURNS = [("user", _ASK), ("assistant", ""), ("tool", "21 and sunny"), ("assistant", "It is 21 degrees in Oslo.")]


@pytest.fixture
def traced(tracking_uri: str, experiment_id: str, model_url: str, monkeypatch: pytest.MonkeyPatch):
    """Runs something with one package's autologging on; gives the trace it left, and its text."""
    import mlflow

    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_experiment(experiment_id=experiment_id)
    used = []

    def run(package: str, action: Callable[[], object], raises: str | None = None) -> tuple[TraceView, str]:
        flavour = getattr(mlflow, package)
        flavour.autolog()
        used.append(flavour)
        if raises:
            with pytest.raises(Exception, match=raises):
                action()
        else:
            action()
        mlflow.flush_trace_async_logging()
        view = read_trace(mlflow.get_trace(mlflow.get_last_active_trace_id()))
        return view, render(view)

    yield run
    for flavour in used:
        flavour.autolog(disable=True)
    mlflow.set_tracking_uri(None)


def _tool(city: str) -> str:
    """The weather of a city."""
    if city == "nowhere":
        raise ValueError(city)
    return "21 and sunny"


def _traced_tool(city: str) -> str:
    import mlflow

    return mlflow.trace(_tool, name="get_weather", span_type="TOOL")(city)


def _check_once(view: TraceView, text: str) -> None:
    assert [(message.role, message.text) for message in view.messages] == _TURNS
    assert [call.name for message in view.messages for call in message.tool_calls] == ["get_weather"]
    result = view.messages[2]
    assert (result.name, result.tool_call_id, result.is_error) == (
        "get_weather",
        view.messages[1].tool_calls[0].id,
        False,
    )
    for said in (_ASK, "21 and sunny", "It is 21 degrees in Oslo.", "calls get_weather: "):
        assert text.count(said) == 1, text


def _openai_chat() -> None:
    import mlflow
    import openai

    client = openai.OpenAI(max_retries=0)
    history: list = [{"role": "user", "content": _ASK}]
    with mlflow.start_span("agent", span_type="AGENT") as span:
        span.set_inputs({"question": _ASK})
        answer = client.chat.completions.create(model="m", messages=history).choices[0].message
        history += [
            answer.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": "call_1", "content": _traced_tool("Oslo")},
        ]
        span.set_outputs(client.chat.completions.create(model="m", messages=history).choices[0].message.content)


def _openai_responses() -> None:
    import mlflow
    import openai

    client = openai.OpenAI(max_retries=0)
    history: list = [{"role": "user", "content": _ASK}]
    with mlflow.start_span("agent", span_type="AGENT"):
        history += [item.model_dump() for item in client.responses.create(model="m", input=history).output]
        history.append({"type": "function_call_output", "call_id": "call_1", "output": _traced_tool("Oslo")})
        client.responses.create(model="m", input=history)


def _anthropic() -> None:
    import anthropic
    import mlflow

    client = anthropic.Anthropic(max_retries=0)
    history: list = [{"role": "user", "content": _ASK}]
    with mlflow.start_span("agent", span_type="AGENT"):
        answer = client.messages.create(model="m", max_tokens=10, messages=history)
        history.append({"role": "assistant", "content": [block.model_dump() for block in answer.content]})
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": _traced_tool("Oslo")}
        history.append({"role": "user", "content": [result]})
        client.messages.create(model="m", max_tokens=10, messages=history)


def _langgraph(function: Callable[[str], str] = _tool, question: str = _ASK) -> None:
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    agent = create_agent(ChatOpenAI(model="m", max_retries=0), [tool("get_weather")(function)])
    agent.invoke({"messages": [("user", question)]})


def _pydantic_ai() -> None:
    from pydantic_ai import Agent

    agent = Agent("openai-chat:m")
    agent.tool_plain(name="get_weather")(_tool)
    agent.run_sync(_ASK)


@pytest.mark.parametrize(
    ("package", "action"),
    [
        ("openai", _openai_chat),
        ("openai", _openai_responses),
        ("anthropic", _anthropic),
        ("langchain", _langgraph),
        ("pydantic_ai", _pydantic_ai),
    ],
)
def test_every_turn_is_told_once(traced, package: str, action: Callable[[], None]) -> None:
    _check_once(*traced(package, action))


def test_parallel_calls_of_one_tool_with_equal_results_are_each_told_once(traced) -> None:
    view, text = traced("langchain", lambda: _langgraph(question="What is the weather in Oslo and Rome?"))
    assert [message.role for message in view.messages] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [call.arguments for call in view.messages[1].tool_calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']
    assert {message.tool_call_id for message in view.messages[2:4]} == {"call_1", "call_2"}
    assert text.count("calls get_weather: ") == 2
    assert text.count("21 and sunny") == 2


def test_a_failed_model_call_keeps_the_question_and_the_error(traced) -> None:
    import openai

    def ask() -> None:
        history: list = [{"role": "user", "content": "please crash"}]
        openai.OpenAI(max_retries=0).chat.completions.create(model="m", messages=history)

    view, text = traced("openai", ask, raises="model melted")
    assert view.status == "ERROR"
    assert "model melted" in (view.error or "")
    assert text.count("please crash") == 1


def test_a_tool_that_raises_is_an_error_in_the_conversation(traced) -> None:
    def broken(city: str) -> str:
        """The weather of a city."""
        raise ValueError("no station in " + city)

    view, text = traced("langchain", lambda: _langgraph(broken), raises="no station in Oslo")
    assert view.messages[-1].role == "tool"
    assert view.messages[-1].is_error
    assert "TOOL get_weather" in text
    assert "ERROR ValueError: no station in Oslo" in text
