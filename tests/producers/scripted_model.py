"""A model that asks for one tool, then answers: an HTTP server that speaks the OpenAI chat protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

QUESTION = "Where does the ferry to Lismore land?"
RESULT = "Achnacroish, at ten past nine"
ANSWER = "It lands at Achnacroish, in the east of the island."


def reply(body: dict[str, Any]) -> dict[str, Any]:
    """The next message of the talk: the call first; the answer, by the tool for answers where there is one, then."""
    tools = [tool["function"]["name"] for tool in body.get("tools") or []]
    asked = any("Achnacroish" in json.dumps(message.get("content")) for message in body["messages"])
    call: tuple[str, dict[str, str]] | None = ("timetable", {"port": "Lismore"}) if not asked else None
    if asked and "final_answer" in tools:
        call = ("final_answer", {"answer": ANSWER})
    if call is None:
        return {"role": "assistant", "content": ANSWER}
    function = {"name": call[0], "arguments": json.dumps(call[1])}
    calls = [{"id": f"call_{call[0]}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def chunks(message: dict[str, Any], usage: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The same message as a stream."""
    calls = [{"index": at, **call} for at, call in enumerate(message.get("tool_calls") or [])]
    delta = {"role": "assistant", "content": message["content"], **({"tool_calls": calls} if calls else {})}
    yield {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]}
    yield {"choices": [], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message, usage = reply(body), {"prompt_tokens": 31, "completion_tokens": 7, "total_tokens": 38}
        head = {"id": "c-1", "created": 1, "model": body["model"]}
        if body.get("stream"):
            parts = [{**head, "object": "chat.completion.chunk", **part} for part in chunks(message, usage)]
            text = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"
            self._send(text, "text/event-stream")
            return
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        self._send(
            json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}), "application/json"
        )

    def _send(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the talk is short."""


@contextmanager
def scripted_model() -> Iterator[str]:
    """Its base URL, while it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
