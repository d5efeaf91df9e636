"""Text of any trace: nothing lost, nothing twice, nothing raised."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from insights_core.traces.text import read_trace, render

_KEYS = [
    "role",
    "content",
    "messages",
    "type",
    "text",
    "tool_calls",
    "function",
    "arguments",
    "id",
    "kwargs",
    "lc",
    "generations",
    "choices",
    "message",
    "output",
    "input",
    "$ai_input",
    "data",
    "name",
    "metadata",
    "page_content",
    "tool_call_id",
    "call_id",
    "status",
    "error",
    "tool_use",
    "parts",
    "usage",
]
_VALUES = [
    "user",
    "assistant",
    "tool",
    "human",
    "ai",
    "text",
    "function_call",
    "tool_result",
    "thinking",
    "constructor",
    "{bad json",
    "\ud800",
    "\x00\x1b[31m",
    "[1,2",
    "null",
    '{"role":"user","content":"x"}',
    "",
    None,
    float("nan"),
    float("inf"),
    10**400,
    -1,
    True,
    b"raw",
    0.1,
    object(),
]


def _junk(r: random.Random, d: int = 0) -> Any:
    k = r.random()
    if d > 5 or k < 0.35:
        return r.choice(_VALUES)
    if k < 0.6:
        return [_junk(r, d + 1) for _ in range(r.randint(0, 4))]
    return {r.choice([*_KEYS, None, 3]): _junk(r, d + 1) for _ in range(r.randint(0, 5))}


def _span(r: random.Random, n: int) -> dict:
    return {
        "span_id": r.choice([str(n), n, None, {}, "1"]),
        "parent_span_id": r.choice([None, "1", str(r.randint(0, 6)), [], "x"]),
        "name": r.choice(["a", None, "\ud800", {}]),
        "start_time_unix_nano": r.choice([n, None, "x", float("nan"), 10**30, "5"]),
        "end_time_unix_nano": r.choice([n + 5, None, float("inf"), -3]),
        "status": r.choice([None, "ERROR", {"code": "STATUS_CODE_ERROR", "message": _junk(r)}, 5, []]),
        "attributes": r.choice(
            [
                None,
                [],
                "x",
                {
                    "mlflow.spanInputs": r.choice([_junk(r), '{"a":' * 2000]),
                    "mlflow.spanOutputs": _junk(r),
                    "mlflow.spanType": r.choice(["LLM", "TOOL", None, {}, "CHAIN"]),
                },
                {
                    "mlflow.spanInputs": json.dumps(_junk(r), default=str, skipkeys=True),
                    "mlflow.spanType": '"CHAT_MODEL"',
                },
            ]
        ),
        "events": r.choice([None, [], [_junk(r)], [{"name": "exception", "attributes": _junk(r)}], "x"]),
    }


def _trace(*calls: tuple[Any, Any], kind: str = "CHAT_MODEL") -> dict[str, Any]:
    spans = [
        {
            "span_id": str(number), "name": "call", "start_time_unix_nano": number * 10, "end_time_unix_nano": number * 10 + 5,
            "attributes": {"mlflow.spanType": kind, "mlflow.spanInputs": json.dumps(asked), "mlflow.spanOutputs": json.dumps(said)},
        }
        for number, (asked, said) in enumerate(calls, 1)
    ]  # fmt: skip
    return {"info": {"trace_id": "tr-1", "state": "OK"}, "data": {"spans": spans}}


@pytest.mark.parametrize("seed", range(0, 1500, 100))
def test_junk_never_raises_and_stays_within_the_budget(seed: int) -> None:
    for each in range(seed, seed + 100):
        r = random.Random(each)
        view = read_trace({"info": _junk(r), "data": {"spans": [_span(r, n) for n in range(r.randint(0, 7))]}})
        for budget in (None, 200, 3000):
            text = render(view, budget)
            text.encode()
            assert budget is None or len(text) <= budget
            assert [int(line[1:].split(" ", 1)[0]) for line in text.split("\n")] == list(range(1, text.count("\n") + 2))


def test_a_repeated_history_is_told_once_and_a_second_yes_is_kept() -> None:
    history = [{"role": "user", "content": "Cancel it"}]
    calls = []
    for answer, reply in (("Sure?", "yes"), ("Really?", "yes"), ("Done", None)):
        said = {"role": "assistant", "content": answer}
        calls.append(({"messages": list(history)}, {"choices": [{"message": said}]}))
        history += [said, {"role": "user", "content": reply}]
    said = [message.text for message in read_trace(_trace(*calls)).messages]
    assert said == ["Cancel it", "Sure?", "yes", "Really?", "yes", "Done"]


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ("Error: no seat", True),
        ('{"error": "no seat"}', True),
        ('{"status": "error"}', True),
        ('{"status_code": 503}', True),
        ("Traceback (most recent call last): x", True),
        ("There was no error in the booking", False),
        ('{"error": null, "seat": "1A"}', False),
        ('{"status": 200}', False),
    ],
)
def test_failed_tool_results_are_told_by_their_form(result: str, failed: bool) -> None:
    asked = {"messages": [{"role": "user", "content": "q"}, {"role": "tool", "tool_call_id": "1", "content": result}]}
    assert read_trace(_trace((asked, "ok"))).messages[1].is_error is failed


def test_over_budget_keeps_the_first_and_last_turn_and_says_how_much_is_shown() -> None:
    history = [{"role": ("user", "assistant")[n % 2], "content": f"turn {n} " + "word " * 60} for n in range(120)]
    text = render(read_trace(_trace(({"messages": history}, "the end"))), 6000)
    assert len(text) <= 6000
    assert "shows " in text
    assert "turn 0 " in text
    assert "the end" in text
