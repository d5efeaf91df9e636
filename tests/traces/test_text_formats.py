"""What each format of messages says, told once, and nothing raised by what no format knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from insights_core.traces.text import read_trace, render

Turn = tuple[str, str]


def _span(
    number: int, given: Any, gave: Any, kind: str = "CHAT_MODEL", parent: Any = None, name: str = "call"
) -> dict[str, Any]:
    return {
        "span_id": str(number), "parent_span_id": parent, "name": name,
        "start_time_unix_nano": number * 10**7, "end_time_unix_nano": number * 10**7 + 10**6,
        "attributes": {"mlflow.spanType": json.dumps(kind), "mlflow.spanInputs": json.dumps(given), "mlflow.spanOutputs": json.dumps(gave)},
    }  # fmt: skip


def _read(*spans: dict[str, Any]):
    view = read_trace({"info": {"trace_id": "tr-1"}, "data": {"spans": list(spans)}})
    return view, render(view)


def _turns(view) -> list[Turn]:
    return [
        (message.role, message.text or " ".join(f"{call.name} {call.arguments}" for call in message.tool_calls))
        for message in view.messages
    ]


_ASKED = {"role": "user", "content": "Where is my bag?"}
_QUESTION, _ANSWER = ("user", "Where is my bag?"), ("assistant", "In Rome")
_LC = "langchain", "schema", "messages"

# name -> (input, output, the turns in it)
FORMATS: dict[str, tuple[Any, Any, list[Turn]]] = {
    "chat": ({"messages": [_ASKED]}, {"choices": [{"message": {"role": "assistant", "content": "In Rome"}}]}, [_QUESTION, _ANSWER]),
    "chat_refusal": (
        {"messages": [_ASKED]}, {"choices": [{"message": {"role": "assistant", "content": None, "refusal": "I may not say"}}]},
        [_QUESTION, ("assistant", "(refusal) I may not say")],
    ),
    "chat_reasoning": (
        {"messages": [_ASKED]}, {"choices": [{"message": {"role": "assistant", "content": "In Rome", "reasoning_content": "Bags fly"}}]},
        [_QUESTION, ("assistant", "(thinking) Bags fly"), _ANSWER],
    ),
    "chat_old_function_call": (
        {"messages": [_ASKED]}, {"choices": [{"message": {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}}}]},
        [_QUESTION, ("assistant", "find {}")],
    ),
    "multimodal": (
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "BBBB"}}, {"type": "file", "file": {"file_id": "f"}},
        ]}]}, None, [("user", "What is this?\n(image url)\n(input audio)\n(file)")],
    ),
    "anthropic": (
        {"system": "Be kind", "messages": [_ASKED, {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Look it up", "signature": "x"}, {"type": "text", "text": "I look"},
            {"type": "tool_use", "id": "t1", "name": "find", "input": {"what": "bag"}},
        ]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Rome"}]}, {"type": "text", "text": "Well?"}]}]},
        {"role": "assistant", "type": "message", "content": [{"type": "redacted_thinking", "data": "zzz"}, {"type": "text", "text": "In Rome"}]},
        [("system", "Be kind"), _QUESTION, ("assistant", "(thinking) Look it up"), ("assistant", "I look"), ("tool", "Rome"), ("user", "Well?"), _ANSWER],
    ),
    "responses": (
        {"model": "m", "instructions": "Be kind", "input": [_ASKED]},
        {"output": [
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Bags fly"}]},
            {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"what": "bag"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "Rome"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "In Rome"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No more"}]},
        ]},
        [("system", "Be kind"), _QUESTION, ("assistant", "(thinking) Bags fly"), ("assistant", 'find {"what": "bag"}'), ("tool", "Rome"), _ANSWER, ("assistant", "No more")],
    ),
    "responses_text": ({"model": "m", "input": "Where is my bag?"}, {"output": [{"type": "message", "content": [{"type": "output_text", "text": "In Rome"}]}]}, [_QUESTION, _ANSWER]),
    "langchain_lc": (
        [[{"lc": 1, "type": "constructor", "id": [*_LC, "SystemMessage"], "kwargs": {"content": "Be kind", "type": "system"}},
          {"lc": 1, "type": "constructor", "id": [*_LC, "HumanMessage"], "kwargs": {"content": "Where is my bag?"}}]],
        {"generations": [[{"text": "In Rome", "generation_info": {}, "type": "ChatGeneration", "message": {
            "lc": 1, "type": "constructor", "id": [*_LC, "AIMessage"],
            "kwargs": {"content": "In Rome", "tool_calls": [{"name": "find", "args": {"what": "bag"}, "id": "c1", "type": "tool_call"}]}}}]], "llm_output": {}},
        [("system", "Be kind"), _QUESTION, _ANSWER],
    ),
    "langchain_dicts": (
        {"messages": [[{"type": "human", "content": "Where is my bag?"}]]}, {"generations": [[{"text": "In Rome", "generation_info": None}]]}, [_QUESTION, _ANSWER],
    ),
    "langchain_data": ([{"type": "human", "data": {"content": "Where is my bag?"}}], [{"type": "ai", "data": {"content": "In Rome"}}], [_QUESTION, _ANSWER]),
    "pairs": ({"messages": [["user", "Where is my bag?"]]}, {"messages": [["ai", "In Rome"]]}, [_QUESTION, _ANSWER]),
    "posthog": (
        {"$ai_model": "m", "$ai_input": [_ASKED]}, {"$ai_output_choices": [{"role": "assistant", "content": [{"type": "text", "text": "In Rome"}]}]}, [_QUESTION, _ANSWER],
    ),
    "posthog_text": ({"$ai_input": "Where is my bag?"}, {"$ai_output_choices": [{"message": {"role": "assistant", "content": "In Rome"}}]}, [_QUESTION, _ANSWER]),
    "gemini": (
        {"contents": [{"role": "user", "parts": [{"text": "Where is my bag?"}, {"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]},
                      {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"what": "bag"}}}]},
                      {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": {"place": "Rome"}}}]}]},
        {"role": "model", "parts": [{"text": "In Rome"}]},
        [("user", "Where is my bag?\n(image/png)"), ("assistant", 'find {"what": "bag"}'), ("tool", '{"place": "Rome"}'), _ANSWER],
    ),
    "completion": ({"prompt": "Where is my bag?"}, {"choices": [{"text": "In Rome", "index": 0, "finish_reason": "stop"}]}, [_QUESTION, _ANSWER]),
    "plain_objects": ({"question": "Where is my bag?"}, {"answer": "In Rome"}, [_QUESTION, _ANSWER]),
    "plain_strings": ("Where is my bag?", "In Rome", [_QUESTION, _ANSWER]),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_and_each_turn_told_once(name: str) -> None:
    given, gave, turns = FORMATS[name]
    view, text = _read(_span(1, given, gave))
    assert _turns(view) == turns
    for _, said in turns:
        line = " ".join(said.split())
        assert text.count(f": {line}") + text.count(f" calls {line.replace(' ', ': ', 1)}") == 1, text


@pytest.mark.parametrize("name", FORMATS)
def test_a_chain_around_a_call_does_not_repeat_it(name: str) -> None:
    given, gave, turns = FORMATS[name]
    outer = _span(1, given, gave, "CHAIN")
    outer["end_time_unix_nano"] = 10**9
    view, text = _read(outer, _span(2, given, gave, parent="1"))
    assert _turns(view) == turns
    for _, said in turns:
        assert text.count(" ".join(said.split()[-3:])) <= 1 + sum(
            said in other for _, other in turns if other != said
        ), text


def test_calls_keep_their_ids_and_results_the_names_of_their_tools() -> None:
    view, _ = _read(_span(1, *FORMATS["anthropic"][:2]))
    (call,) = [call for message in view.messages for call in message.tool_calls]
    assert (call.id, call.name, json.loads(call.arguments)) == ("t1", "find", {"what": "bag"})
    assert [(message.name, message.tool_call_id) for message in view.messages if message.role == "tool"] == [
        ("find", "t1")
    ]


def test_a_retriever_tells_the_source_and_text_of_each_document() -> None:
    found = [
        {"page_content": "Bags are traced.", "metadata": {"source": "bags.md"}},
        {"page_content": "Call us.", "metadata": {"doc_uri": "contact"}, "id": "7"},
    ]
    _, text = _read(_span(1, {"query": "lost bag"}, found, "RETRIEVER", name="search"))
    assert "found bags.md: Bags are traced." in text
    assert "found contact: Call us." in text
    assert text.count("lost bag") == 1


def test_a_retriever_in_a_chain_keeps_its_documents_beside_the_conversation() -> None:
    spans = [
        _span(1, {"question": "lost bag"}, {"answer": "Call us"}, "CHAIN"),
        _span(2, "lost bag", [{"page_content": "Bags are traced.", "metadata": {}}], "RETRIEVER", "1"),
        _span(
            3,
            {"messages": [{"role": "user", "content": "Use: Bags are traced. Question: lost bag"}]},
            {"role": "assistant", "content": "Call us"},
            "CHAT_MODEL",
            "1",
        ),
    ]
    spans[0]["end_time_unix_nano"] = 10**9
    _, text = _read(*spans)
    assert "found Bags are traced." in text
    assert text.count("Call us") == 1


def test_plain_json_of_steps_is_shown_where_it_happens() -> None:
    view, text = _read(_span(1, {"a": 1, "b": [2]}, {"sum": 3}, "UNKNOWN", name="add"))
    assert view.messages == []
    assert '  in: {"a": 1, "b": [2]}' in text
    assert '  out: {"sum": 3}' in text


@pytest.mark.parametrize("opening", ["[", '{"messages":', '{"content":', '{"role":"user","content":[', '[["user",'])
def test_nesting_of_thousands_of_levels_costs_nothing_but_itself(opening: str) -> None:
    depth, closing = 5000, {"[": "]", "{": "}"}
    ends = "".join(closing[char] for char in reversed(opening) if char in closing)
    nested: Any = opening * depth + "1" + ends * depth
    spans = [_span(1, {"messages": [_ASKED]}, None), _span(2, None, None)]
    spans[1]["attributes"]["mlflow.spanInputs"] = nested
    deep: Any = "x"
    for _ in range(depth):
        deep = {"messages": [deep], "content": deep} if _ % 50 == 0 else [deep]
    spans.append(_span(3, None, None))
    spans[2]["attributes"]["mlflow.spanOutputs"] = deep
    view, text = _read(*spans)
    assert view.messages[0].text == "Where is my bag?"
    assert len(view.spans) == 3
    assert "Where is my bag?" in text


def test_cycles_orphans_and_copies_of_spans_are_all_shown() -> None:
    spans = [_span(n, None, f"out {n}", "CHAIN", name=f"step{n}") for n in range(1, 7)]
    spans[0]["parent_span_id"], spans[1]["parent_span_id"] = "2", "1"  # a cycle
    spans[2]["parent_span_id"] = "3"  # its own parent
    spans[3]["parent_span_id"] = "gone"
    spans[5]["span_id"] = "5"  # an id used twice
    view, text = _read(*spans)
    assert sorted(span.name for span in view.spans) == [f"step{n}" for n in range(1, 7)]
    for n in range(1, 7):
        assert f"out {n}" in text


@pytest.mark.parametrize(
    "junk", [None, 3, "x", [], {}, {"data": None}, {"spans": [None, 3, "x", [], {}]}, {"data": {"spans": {"a": 1}}}]
)
def test_what_is_no_trace_is_a_text_all_the_same(junk: Any) -> None:
    view = read_trace(junk)
    assert render(view).startswith("L001 trace ")
