"""Text of a trace against json.loads of its spans and of the JSON in their attributes: `python tests/benchmarks/bench_text.py`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from mlflow.entities import Trace

from insights_core.traces.text import trace_to_text


def _trace(calls: int) -> Trace:
    """A conversation of so many model calls, each with the whole history so far, in one trace."""
    from mlflow.entities import TraceData, TraceInfo, TraceState
    from mlflow.entities.span import Span
    from mlflow.entities.trace_location import TraceLocation

    history: list[dict[str, Any]] = [{"role": "system", "content": "You are an agent of an airline. " * 40}]
    spans = []
    for number in range(1, calls + 1):
        history.append({"role": "user", "content": f"Question {number}: " + "can you look this up for me? " * 6})
        said = {"role": "assistant", "content": f"Answer {number}: " + "here is what I have found so far. " * 6}
        attributes = {
            "mlflow.traceRequestId": "tr-" + "0" * 32,
            "mlflow.spanType": "CHAT_MODEL",
            "mlflow.spanInputs": {"model": "m", "messages": history},
            "mlflow.spanOutputs": {"choices": [{"index": 0, "message": said}]},
        }
        spans.append(
            Span.from_dict(
                {
                    "name": "call", "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": base64.b64encode(number.to_bytes(8, "big")).decode(),
                    "parent_span_id": None, "start_time_unix_nano": number * 10**6, "end_time_unix_nano": number * 10**6 + 10**5,
                    "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""},
                    "attributes": {key: json.dumps(value) for key, value in attributes.items()},
                }
            )
        )  # fmt: skip
        history.append(said)
    info = TraceInfo("tr-" + "0" * 32, TraceLocation.from_experiment_id("0"), 0, TraceState.OK)
    return Trace(info, TraceData(spans))


def _parse(raw: list[str]) -> None:
    for text in raw:
        for span in json.loads(text)["data"]["spans"]:
            for value in span["attributes"].values():
                json.loads(value)


def _fastest(action: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of several runs: the one that others on the machine disturbed least."""
    durations = []
    for _ in range(times):
        started = time.process_time()
        action()
        durations.append(time.process_time() - started)
    return min(durations)


def main() -> None:
    for name, count, calls in (("short", 300, 3), ("100 spans", 3, 100), ("200 spans", 3, 200), ("400 spans", 3, 400)):
        traces = [_trace(calls) for _ in range(count)]
        raw = [json.dumps(trace.to_dict()) for trace in traces]
        base = _fastest(lambda raw=raw: _parse(raw))
        ours = _fastest(lambda traces=traces: [trace_to_text(trace) for trace in traces])
        print(
            f"{name:10} {sum(map(len, raw)) / 1e6:6.1f} MB  json.loads {base * 1000:8.1f} ms  text {ours * 1000:8.1f} ms  ratio {ours / base:.2f}"
        )


if __name__ == "__main__":
    main()
