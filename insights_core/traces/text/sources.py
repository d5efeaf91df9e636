"""Where spans keep what was said: attributes and events of any producer, as values that the reader of messages knows.

What MLflow itself derived from another producer's attributes is often but a part of it (the first prompt of many, a
history without the results of tools). So each place that may hold messages is a candidate; the fullest is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from insights_core.names import REQUEST_ID_ATTRIBUTE

# Attributes that hold messages, or what stands for them, most telling first. GenAI conventions 1.38; Vercel AI SDK 4
# to 6; pydantic-ai and Logfire; Google ADK 1; Langfuse, Laminar, Genkit, LiveKit, Spring AI, OpenLIT; OpenInference;
# Traceloop; smolagents; VoltAgent; Claude Code.
_INPUTS = (
    "gen_ai.input.messages", "ai.prompt.messages", "ai.prompt", "request_data", "gcp.vertex.agent.llm_request",
    "langfuse.observation.input", "lmnr.span.input", "genkit:input", "lk.chat_ctx", "agent.messages", "llm.messages",
    "gen_ai.prompt", "gen_ai.content.prompt", "spring.ai.chat.client.user.text", "input.value", "traceloop.entity.input",
    "langfuse.trace.input", "lk.user_input", "user_prompt", "smolagents.task", "gen_ai.request.messages", "input",
)  # fmt: skip
_OUTPUTS = (
    "gen_ai.output.messages", "pydantic_ai.all_messages", "all_messages_events", "events", "response_data",
    "gcp.vertex.agent.llm_response", "langfuse.observation.output", "lmnr.span.output", "genkit:output",
    "gen_ai.completion", "gen_ai.content.completion", "lk.response.text", "output.value", "traceloop.entity.output",
    "ai.response.object", "final_result", "langfuse.trace.output", "response.model_output", "output",
)  # fmt: skip
_SYSTEM = ("gen_ai.system_instructions", "gen_ai.system.instructions", "lk.instructions", "system_prompt")
_FLAT_INPUTS = ("llm.input_messages.", "gen_ai.prompt.", "llm.prompts.")
_FLAT_OUTPUTS = ("llm.output_messages.", "gen_ai.completion.", "llm.completions.")
_TOOL_INPUTS = (
    "gen_ai.tool.call.arguments", "ai.toolCall.args", "tool_arguments", "gcp.vertex.agent.tool_call_args",
    "spring.ai.tool.call.arguments", "lk.function_tool.arguments", "langfuse.observation.input", "lmnr.span.input",
    "genkit:input", "tool_input", "input.value", "traceloop.entity.input", "tool.parameters.value", "input",
)  # fmt: skip
_TOOL_OUTPUTS = (
    "gen_ai.tool.call.result", "ai.toolCall.result", "tool_response", "gcp.vertex.agent.tool_response",
    "spring.ai.tool.call.result", "lk.function_tool.output", "langfuse.observation.output", "lmnr.span.output",
    "genkit:output", "output.value", "traceloop.entity.output", "output",
)  # fmt: skip
_CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool_id", "lk.function_tool.id", "tool.call_id", "tool_use_id")  # fmt: skip
_MASTRA = re.compile(r"^mastra\.\w+\.(input|output)$")
_SPEAKER = re.compile(r"^(system|user|assistant|tool): ", re.MULTILINE)
_ROLE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_DETAILS = "gen_ai.client.inference.operation.details"
_MAX_FLAT = 100_000  # places; a list of more is none

_OWN = frozenset(
    {
        REQUEST_ID_ATTRIBUTE, "mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.spanFunctionName",
        "mlflow.chat.tokenUsage", "mlflow.chat.tools", "mlflow.llm.model", "mlflow.llm.provider", "mlflow.llm.cost",
        "mlflow.message.format", "mlflow.experimentId",
    }
)  # fmt: skip

Events = list[tuple[str, Mapping[str, Any]]]
Attributes = Mapping[str, Any]


def decoded(value: Any) -> Any:
    """What a string of JSON holds, once or twice encoded; anything else stays as it is."""
    for _ in range(2):
        if not (isinstance(value, str) and value[:1] in '[{"'):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def is_foreign(attributes: Attributes) -> bool:
    """Whether a producer other than MLflow wrote attributes."""
    return not attributes.keys() <= _OWN and any([not key.startswith("mlflow.") for key in attributes])


# Attributes ----------------------------------------------------------------------------------------------------------


def input_values(attributes: Attributes, events: Events) -> Iterator[Any]:
    """What may hold a span's incoming messages, most telling first."""
    system = next((decoded(attributes[key]) for key in _SYSTEM if attributes.get(key)), None)
    heard = _from_events(events, outgoing=False)
    if heard:
        yield _with_system(heard, system)
    for prefix in _FLAT_INPUTS:
        if flat := _unflattened(attributes, prefix):
            yield _with_system(flat, system)
    for key in _INPUTS:
        if key in attributes and (value := _spoken(attributes[key], "user")) is not None:
            yield _with_system(value, system)
    for key, raw in attributes.items():
        if (found := _MASTRA.match(key)) and found[1] == "input":
            yield _with_system(decoded(raw), system)


def output_values(attributes: Attributes, events: Events) -> Iterator[Any]:
    """What may hold a span's outgoing messages, most telling first."""
    heard = _from_events(events, outgoing=True)
    if heard:
        yield heard
    for prefix in _FLAT_OUTPUTS:
        if flat := _unflattened(attributes, prefix):
            yield flat
    if "ai.response.text" in attributes or "ai.response.toolCalls" in attributes:
        names = ("text", "toolCalls", "reasoning", "object")
        yield {
            "finishReason": "", **{name: decoded(attributes[key]) for name in names if (key := f"ai.response.{name}") in attributes},
        }  # fmt: skip
    for key in _OUTPUTS:
        if key in attributes and (value := _spoken(attributes[key], "assistant")) is not None:
            yield value
    if "lk.response.function_calls" in attributes:
        yield decoded(attributes["lk.response.function_calls"])
    for key, raw in attributes.items():
        if (found := _MASTRA.match(key)) and found[1] == "output":
            yield decoded(raw)


def _with_system(value: Any, system: Any) -> Any:
    if not system:
        return value
    return {"messages": value if isinstance(value, list) else [value], "system": system}


def _spoken(raw: Any, role: str) -> Any:
    """An attribute's value; plain words become a message, those that name their speakers several."""
    value = decoded(raw)
    if isinstance(value, (list, tuple)):
        value = list(value)
        if value and all([isinstance(item, str) for item in value]):
            items = [decoded(item) for item in value]
            return [item if isinstance(item, dict) else {"role": role, "content": item} for item in items]
        return [_event_message(item) if isinstance(item, dict) and "event.name" in item else item for item in value]
    if not isinstance(value, str):
        return value
    if _SPEAKER.match(value):  # OpenLIT
        pieces = _SPEAKER.split(value)[1:]
        return [{"role": who, "content": words.strip()} for who, words in zip(pieces[::2], pieces[1::2], strict=False)]
    return value


def _unflattened(attributes: Attributes, prefix: str) -> list[Any]:
    """The list in attributes such as `llm.input_messages.0.message.role` (OpenInference, Traceloop, LiteLLM)."""
    tree: dict[str, Any] = {}
    for key, value in attributes.items():
        if not key.startswith(prefix):
            continue
        node = tree
        *way, last = key[len(prefix) :].split(".")
        for step in way:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                break
        else:
            node[last] = _plain_word(value)
    listed = _lists(tree)
    return [_message(item) for item in listed] if isinstance(listed, list) else []


def found_documents(attributes: Attributes) -> list[Any] | None:
    """What a retriever or reranker found, by OpenInference's attributes; None where they don't say."""
    for prefix in ("retrieval.documents.", "reranker.output_documents."):
        if found := _unflattened(attributes, prefix):
            return found
    return None


def _plain_word(value: Any) -> Any:
    """A flat attribute's value: MLflow stores strings as JSON texts; the words themselves may be JSON and stay so."""
    if isinstance(value, str) and value[:1] == '"' == value[-1:]:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _lists(tree: Any, depth: int = 0) -> Any:
    """A tree whose keys are numbers as a list."""
    if not isinstance(tree, dict) or depth > 12:
        return tree
    inner = {key: _lists(value, depth + 1) for key, value in tree.items()}
    if inner and all([key.isdecimal() and int(key) < _MAX_FLAT for key in inner if isinstance(key, str)]):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def _message(item: Any) -> Any:
    """A message whose content may be the JSON of its parts."""
    if not isinstance(item, dict):
        return item
    inner = item.get("message")
    if isinstance(inner, dict):
        item = inner
    content = item.get("content")
    if isinstance(content, str) and content[:2] in ("[{", '{"'):
        parts = decoded(content)
        if isinstance(parts, list) and parts and all([isinstance(part, dict) for part in parts]):
            item = {**item, "content": parts}
    return item


# Events --------------------------------------------------------------------------------------------------------------


def _from_events(events: Events, outgoing: bool) -> list[Any]:
    """The messages in a span's events.

    GenAI conventions 1.28 to 1.37 have an event a message, strands-agents 1 among others, Azure with the message as
    JSON in `gen_ai.event.content`; 1.38 one event with all; Spring AI, OpenLIT and Semantic Kernel two events.
    """
    found: list[Any] = []
    for name, attributes in events:
        if name == _DETAILS:
            if not outgoing and (system := attributes.get("gen_ai.system_instructions")):
                found.append({"role": "system", "content": decoded(_plain_word(system))})
            key = "gen_ai.output.messages" if outgoing else "gen_ai.input.messages"
            value = decoded(_plain_word(attributes.get(key)))
            found += value if isinstance(value, list) else []
        elif name in ("gen_ai.content.prompt", "gen_ai.content.completion"):
            if outgoing == name.endswith("completion"):
                key = "gen_ai.completion" if outgoing else "gen_ai.prompt"
                value = _spoken(_plain_word(attributes.get(key)), "assistant" if outgoing else "user")
                found += value if isinstance(value, list) else [_said_by(value, outgoing)] if value else []
        elif name in _ROLE_EVENTS and outgoing == (name == "gen_ai.choice"):
            found.append(_event_message({"event.name": name, **attributes}))
            if outgoing and (results := attributes.get("tool.result")):  # strands: what the calls then gave
                found.append({"role": "user", "content": decoded(_plain_word(results))})
    return found


def _said_by(value: Any, outgoing: bool) -> Any:
    return value if isinstance(value, dict) else {"role": "assistant" if outgoing else "user", "content": value}


def _event_message(event: Mapping[str, Any]) -> dict[str, Any]:
    """The message in one event."""
    name = str(event.get("event.name"))
    inner = decoded(_plain_word(event.get("gen_ai.event.content", event.get("body"))))
    fields = {**event, **inner} if isinstance(inner, dict) else dict(event)
    message = decoded(_plain_word(fields.get("message")))
    if isinstance(message, dict) and ("content" in message or "tool_calls" in message):
        fields = {**fields, **message}
        message = message.get("content")
    content = message if message is not None else decoded_parts(fields.get("content"))
    role = _plain_word(fields.get("role"))
    known = (
        role
        if isinstance(role, str) and role in ("system", "user", "assistant", "tool", "developer", "model")
        else _ROLE_EVENTS.get(name, "user")
    )
    made: dict[str, Any] = {"role": known, "content": content}
    for key in ("tool_calls", "name", "tool_call_id"):
        if fields.get(key) is not None:
            made[key] = decoded(_plain_word(fields[key]))
    if known == "tool" and "tool_call_id" not in made and fields.get("id") is not None:
        made["tool_call_id"] = _plain_word(fields["id"])
    return made


def decoded_parts(value: Any) -> Any:
    """Content as text or as parts; JSON that is neither stays text."""
    words = _plain_word(value)
    found = decoded(words)
    return found if isinstance(found, (list, dict)) else words


# Tools ---------------------------------------------------------------------------------------------------------------


def tool_call_id(attributes: Attributes) -> str | None:
    """The id of the call that a tool's span carries out."""
    for key in _CALL_IDS:
        if key in attributes and isinstance(said := _plain_word(attributes[key]), (str, int)) and said != "":
            return str(said)
    return None


def tool_values(attributes: Attributes, events: Events) -> tuple[Any, Any]:
    """(what a tool was given, what it gave) by its attributes and events; None where they don't say."""
    given = next((decoded(_plain_word(attributes[key])) for key in _TOOL_INPUTS if key in attributes), None)
    gave = next((decoded(_plain_word(attributes[key])) for key in _TOOL_OUTPUTS if key in attributes), None)
    for name, fields in events:
        if name == "gen_ai.tool.message" and given is None:
            given = decoded_parts(fields.get("content"))
        elif name == "gen_ai.choice" and gave is None:
            gave = decoded_parts(fields.get("message", fields.get("content")))
        elif name == "tool.output" and gave is None:  # Claude Code
            gave = decoded(_plain_word(fields.get("output", fields.get("content"))))
    return given, gave


def arguments_of(given: Any) -> Any:
    """A tool's arguments without what frameworks put around them."""
    if isinstance(given, dict):
        if isinstance(kwargs := given.get("kwargs"), dict) and not given.get("args"):
            return kwargs if set(given) <= {"args", "kwargs", "sanitize_inputs_outputs"} else given
        for key in ("inputs", "tool_args", "input"):
            inner = given.get(key)
            if isinstance(inner, dict) and ("input_str" in given or "tool_name" in given):
                return inner
        if isinstance(call := given.get("call"), dict) and "args" in call:
            return decoded(call["args"])
    return given


# Failures ------------------------------------------------------------------------------------------------------------

_PAUSES = re.compile(
    r"(?:^|\.)(?:\w*Interrupt|\w*BubbleUp|ParentCommand|Command|\w*Handoff\w*|WaitingForEvent|\w*Suspend\w*|\w*Pause[d]?|"
    r"CallDeferred|ApprovalRequired|ContinueAsNewError|\w*HumanInput\w*|\w*Approval\w*|StopIteration|StopAsyncIteration|GeneratorExit)"
    r"(?:Error|Exception)?$"
)  # fmt: skip
_NO_PAUSES = re.compile(r"(?:^|\.)(?:KeyboardInterrupt)$")
_INTERRUPT_VALUE = re.compile(
    r"Interrupt\(value=(.*?)(?:, (?:id|resumable|ns|when|interrupt_id)=|\)[,)\]]*$)", re.DOTALL
)


def is_pause(kind: Any) -> bool:
    """Whether an exception's class is control flow: a graph waits for a person, hands over or has ended."""
    return isinstance(kind, str) and _PAUSES.search(kind) is not None and _NO_PAUSES.search(kind) is None


def asked_by(message: str) -> list[Any]:
    """What the interrupts in an exception's message ask, out of their repr."""
    import ast

    found: list[Any] = []
    for value in _INTERRUPT_VALUE.findall(message[:20_000]):
        try:
            found.append(ast.literal_eval(value))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found.append(value)
    return found
