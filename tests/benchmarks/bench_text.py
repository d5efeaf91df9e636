"""Text of a trace against json.loads of its spans and of the JSON in their attributes: `python tests/benchmarks/bench_text.py`.

Seconds are those of this process, so that others on the machine disturb them little.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from mlflow.entities import Trace

from insights_core.traces.text import trace_to_text

_MS = 10**6


class _Writer:
    """Makes the spans of one trace, one after the other."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def add(self, name: str, kind: str, inputs: Any, outputs: Any, parent: str | None = None) -> str:
        from mlflow.entities.span import Span

        number = len(self.spans) + 1
        span_id = base64.b64encode(number.to_bytes(8, "big")).decode()
        attributes = {
            "mlflow.traceRequestId": "tr-" + "0" * 32,
            "mlflow.spanType": kind,
            "mlflow.spanInputs": inputs,
            "mlflow.spanOutputs": outputs,
        }
        self.spans.append(
            Span.from_dict(
                {
                    "name": name, "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": span_id, "parent_span_id": parent,
                    "start_time_unix_nano": number * _MS, "end_time_unix_nano": number * _MS + _MS // 10,
                    "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""},
                    "attributes": {key: json.dumps(value) for key, value in attributes.items()},
                }
            )
        )  # fmt: skip
        return span_id

    def trace(self) -> Trace:
        from mlflow.entities import TraceData, TraceInfo, TraceState
        from mlflow.entities.trace_location import TraceLocation

        info = TraceInfo("tr-" + "0" * 32, TraceLocation.from_experiment_id("0"), 0, TraceState.OK)
        return Trace(info, TraceData(self.spans))


_RULES = {"role": "system", "content": "You are an agent of an airline. " * 40}


def _trace(calls: int) -> Trace:
    """A conversation of so many model calls, each with the whole history so far, in one trace."""
    history: list[dict[str, Any]] = [_RULES]
    writer = _Writer()
    for number in range(1, calls + 1):
        history.append({"role": "user", "content": f"Question {number}: " + "can you look this up for me? " * 6})
        said = {"role": "assistant", "content": f"Answer {number}: " + "here is what I have found so far. " * 6}
        writer.add(
            "call", "CHAT_MODEL", {"model": "m", "messages": history}, {"choices": [{"index": 0, "message": said}]}
        )
        history.append(said)
    return writer.trace()


def _agent(steps: int) -> Trace:
    """An agent with a root span that calls a tool between any two calls of its model."""
    question = {"role": "user", "content": "Which of my bookings can be changed? " * 4}
    history: list[dict[str, Any]] = [_RULES, question]
    writer = _Writer()
    root = writer.add("agent", "AGENT", {"messages": [question]}, {"answer": "All but one of your bookings."})
    for number in range(steps):
        arguments = {"booking": f"B{number:05d}", "fields": ["date", "fare", "rules"]}
        function = {"name": "get_booking", "arguments": json.dumps(arguments)}
        said = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}],
        }
        writer.add(
            "chat",
            "CHAT_MODEL",
            {"model": "m", "messages": history},
            {"choices": [{"index": 0, "message": said}]},
            root,
        )
        found = {"booking": f"B{number:05d}", "legs": [{"flight": f"X{leg}", "price": 100 + leg} for leg in range(8)]}
        writer.add("get_booking", "TOOL", arguments, found, root)
        history += [said, {"role": "tool", "tool_call_id": f"call_{number}", "content": json.dumps(found)}]
    return writer.trace()


def _stateless(calls: int) -> Trace:
    """Calls that bring only what is new, half of it said before."""
    writer = _Writer()
    for number in range(calls):
        asked = {"role": "user", "content": "yes" if number % 2 else f"Question {number}: " + "what about this? " * 10}
        said = {"role": "assistant", "content": f"Answer {number}: " + "here is what I have found so far. " * 6}
        writer.add("call", "CHAT_MODEL", {"model": "m", "messages": [_RULES, asked]}, {"choices": [{"message": said}]})
    return writer.trace()


def _windows(calls: int) -> Trace:
    """An agent whose calls of its model bring the last five messages each, every other span a tool's; 3 of 4 are plain."""
    writer = _Writer()
    root = writer.add("agent", "AGENT", {"question": "What can be changed?"}, {"answer": "All but one."})
    history: list[dict[str, Any]] = []
    for number in range(calls - 1):
        if number % 4 == 3:
            found = {"booking": number, "legs": [{"flight": f"X{leg}", "price": 100 + leg} for leg in range(4)]}
            writer.add("get_booking", "TOOL", {"booking": number}, found, root)
            continue
        history.append({"role": "user", "content": f"Question {number}: " + "can you look this up for me? " * 3})
        said = {"role": "assistant", "content": f"Answer {number}: " + "here is what I have found so far. " * 3}
        choice = {
            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
            "usage": {"total_tokens": number},
        }
        writer.add("call", "CHAT_MODEL", {"model": "m", "messages": history[-5:], "temperature": 0.2}, choice, root)
        history.append(said)
    return writer.trace()


def _parse(raw: list[str]) -> None:
    for text in raw:
        for span in json.loads(text)["data"]["spans"]:
            for value in span["attributes"].values():
                json.loads(value)


def _text(traces: list[Trace]) -> None:
    for trace in traces:
        trace_to_text(trace)


def _fastest(action: Callable[[], object], times: int = 7) -> float:
    """Seconds of the fastest of several runs: the one that others on the machine disturbed least."""
    durations = []
    for _ in range(times):
        started = time.process_time()
        action()
        durations.append(time.process_time() - started)
    return min(durations)


_KINDS: tuple[tuple[str, Callable[[int], Trace], tuple[tuple[int, int], ...]], ...] = (
    ("conversation", _trace, ((300, 3), (60, 10), (3, 100), (3, 200), (2, 400))),
    ("agent with tools", _agent, ((300, 2), (60, 10), (3, 100), (3, 200), (2, 400))),
    ("the last five messages", _windows, ((300, 20), (300, 3), (300, 1))),
    ("only what is new", _stateless, ((300, 3), (60, 10), (10, 100), (5, 400), (2, 1600))),
)


def main() -> None:
    for name, make, sizes in _KINDS:
        print(f"{name}\n  calls   KB/trace   json.loads ms    text ms    ratio   text ns/byte")
        for count, calls in sizes:
            traces = [make(calls) for _ in range(count)]
            raw = [json.dumps(trace.to_dict()) for trace in traces]
            size = sum(map(len, raw))
            base = _fastest(lambda raw=raw: _parse(raw))
            ours = _fastest(lambda traces=traces: _text(traces))
            print(
                f"  {calls:5d}  {size / count / 1000:9.1f}  {base * 1000 / count:14.3f}  {ours * 1000 / count:9.3f}"
                f"  {ours / base:7.2f}  {ours * 1e9 / size:13.1f}"
            )


if __name__ == "__main__":
    main()
