"""The same conversation as spans, in the message formats that agents really leave behind."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from insights_core.demo.conversation import Step
from insights_core.traces.drafts import digest


@dataclass(slots=True)
class Recording:
    """What the spans of a trace share."""

    trace_id: str
    start_ms: int
    agent: str
    system: str
    model: str
    rng: random.Random


class Format:
    """OpenAI chat completions; the other formats override what they write differently."""

    name = "openai"
    root_type = "AGENT"
    root_name = "run"
    llm_name = "Completions"
    tool_node: str | None = None
    agent_node: str | None = None

    def user(self, text: str) -> Any:
        return {"role": "user", "content": text}

    def said(self, text: str) -> Any:
        return {"role": "assistant", "content": text}

    def called(self, call_id: str, step: Step) -> Any:
        function = {"name": step.name, "arguments": json.dumps(step.arguments)}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        }

    def answered(self, call_id: str, step: Step) -> Any:
        return {"role": "tool", "tool_call_id": call_id, "name": step.name, "content": as_text(step.result)}

    def llm_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {
            "model": recording.model,
            "messages": [{"role": "system", "content": recording.system}, *history],
            "temperature": 0,
        }

    def llm_outputs(self, recording: Recording, message: Any, tokens: tuple[int, int]) -> Any:
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
        return {
            "id": "chatcmpl-" + digest(message)[:20],
            "object": "chat.completion",
            "model": recording.model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": usage,
        }

    def root_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"messages": history[:1]}

    def root_outputs(self, recording: Recording, history: list[Any], answer: str) -> Any:
        return {"messages": history}

    def attributes(self) -> dict[str, Any]:
        return {"mlflow.message.format": "openai"}


class Responses(Format):
    """OpenAI's Responses API: a flat list of typed items."""

    name, llm_name = "responses", "Responses"

    def user(self, text: str) -> Any:
        return {"role": "user", "content": [{"type": "input_text", "text": text}]}

    def said(self, text: str) -> Any:
        return {
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }

    def called(self, call_id: str, step: Step) -> Any:
        return {"type": "function_call", "call_id": call_id, "name": step.name, "arguments": json.dumps(step.arguments)}

    def answered(self, call_id: str, step: Step) -> Any:
        return {"type": "function_call_output", "call_id": call_id, "output": as_text(step.result)}

    def llm_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"model": recording.model, "instructions": recording.system, "input": history}

    def llm_outputs(self, recording: Recording, message: Any, tokens: tuple[int, int]) -> Any:
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
        return {
            "id": "resp_" + digest(message)[:20],
            "object": "response",
            "status": "completed",
            "output": [message],
            "usage": usage,
        }

    def root_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"input": history[:1]}

    def root_outputs(self, recording: Recording, history: list[Any], answer: str) -> Any:
        return {"output": history[1:]}


class Anthropic(Format):
    """Anthropic's Messages API: content blocks, tool results in user messages."""

    name, llm_name = "anthropic", "Messages.create"

    def said(self, text: str) -> Any:
        return {"role": "assistant", "content": [{"type": "text", "text": text}]}

    def called(self, call_id: str, step: Step) -> Any:
        return {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": call_id, "name": step.name, "input": step.arguments}],
        }

    def answered(self, call_id: str, step: Step) -> Any:
        block = {"type": "tool_result", "tool_use_id": call_id, "content": as_text(step.result)}
        return {"role": "user", "content": [block | ({"is_error": True} if step.is_error else {})]}

    def llm_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"model": recording.model, "system": recording.system, "max_tokens": 1024, "messages": history}

    def llm_outputs(self, recording: Recording, message: Any, tokens: tuple[int, int]) -> Any:
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
        return {
            "id": "msg_" + digest(message)[:20],
            "type": "message",
            **message,
            "model": recording.model,
            "usage": usage,
        }

    def attributes(self) -> dict[str, Any]:
        return {"mlflow.message.format": "anthropic"}


class LangGraph(Format):
    """LangGraph: a state of typed messages, nodes as spans of their own."""

    name, root_name, root_type, llm_name = "langgraph", "LangGraph", "CHAIN", "ChatOpenAI"
    agent_node, tool_node = "agent", "tools"

    def user(self, text: str) -> Any:
        return {
            "type": "human",
            "content": text,
            "additional_kwargs": {},
            "response_metadata": {},
            "id": digest(text)[:12],
        }

    def said(self, text: str) -> Any:
        return {
            "type": "ai",
            "content": text,
            "tool_calls": [],
            "response_metadata": {"finish_reason": "stop"},
            "id": digest("ai", text)[:12],
        }

    def called(self, call_id: str, step: Step) -> Any:
        call = {"name": step.name, "args": step.arguments, "id": call_id, "type": "tool_call"}
        return {
            "type": "ai",
            "content": "",
            "tool_calls": [call],
            "response_metadata": {"finish_reason": "tool_calls"},
            "id": "ai-" + call_id,
        }

    def answered(self, call_id: str, step: Step) -> Any:
        status = "error" if step.is_error else "success"
        return {
            "type": "tool",
            "content": as_text(step.result),
            "name": step.name,
            "tool_call_id": call_id,
            "status": status,
            "id": "tool-" + call_id,
        }

    def llm_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return [[{"type": "system", "content": recording.system}, *history]]

    def llm_outputs(self, recording: Recording, message: Any, tokens: tuple[int, int]) -> Any:
        return {
            "generations": [[{"text": message["content"], "message": message, "type": "ChatGeneration"}]],
            "llm_output": {"model_name": recording.model},
        }

    def attributes(self) -> dict[str, Any]:
        return {"mlflow.message.format": "langchain"}


class Plain(Format):
    """No message format at all: a prompt in, a text out, as home-made agents log it."""

    name, root_name, llm_name = "plain", "answer", "generate"

    def user(self, text: str) -> Any:
        return "User: " + text

    def said(self, text: str) -> Any:
        return "Assistant: " + text

    def called(self, call_id: str, step: Step) -> Any:
        return f"Assistant calls {step.name}({json.dumps(step.arguments)})"

    def answered(self, call_id: str, step: Step) -> Any:
        return f"Result of {step.name}: {as_text(step.result)}"

    def llm_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"prompt": "\n".join([recording.system, "", *history, "Assistant:"])}

    def llm_outputs(self, recording: Recording, message: Any, tokens: tuple[int, int]) -> Any:
        return message.removeprefix("Assistant: ")

    def root_inputs(self, recording: Recording, history: list[Any]) -> Any:
        return {"question": history[0].removeprefix("User: "), "options": {"language": "en", "stream": False}}

    def root_outputs(self, recording: Recording, history: list[Any], answer: str) -> Any:
        return {"answer": answer, "turns": len(history)}

    def attributes(self) -> dict[str, Any]:
        return {}


FORMATS: dict[str, Format] = {item.name: item for item in (Format(), Responses(), Anthropic(), LangGraph(), Plain())}


def as_text(result: Any) -> str:
    """What a tool gave, as the text that a model is shown."""
    return result if isinstance(result, str) else json.dumps(result)
