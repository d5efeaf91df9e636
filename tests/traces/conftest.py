"""A local HTTP server that answers as OpenAI's and Anthropic's APIs do, first with a tool call, then with an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class _Models(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        s = json.dumps(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if "please crash" in s:
            return self.out(500, {"error": {"message": "model melted", "type": "server_error"}})
        if self.path.endswith("/messages"):
            done = "tool_result" in s
            c = (
                [{"type": "text", "text": "It is 21 degrees in Oslo."}]
                if done
                else [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}}]
            )
            return self.out(
                200,
                {
                    "id": "m1",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-x",
                    "content": c,
                    "stop_reason": "end_turn" if done else "tool_use",
                    "stop_sequence": None,
                    "usage": {"input_tokens": 3, "output_tokens": 4},
                },
            )
        if self.path.endswith("/responses"):
            done = "function_call_output" in s
            o = (
                [
                    {
                        "type": "message",
                        "id": "msg1",
                        "role": "assistant",
                        "status": "completed",
                        "content": [{"type": "output_text", "text": "It is 21 degrees in Oslo.", "annotations": []}],
                    }
                ]
                if done
                else [
                    {
                        "type": "function_call",
                        "id": "fc1",
                        "call_id": "call_1",
                        "name": "get_weather",
                        "arguments": '{"city": "Oslo"}',
                        "status": "completed",
                    }
                ]
            )
            return self.out(
                200,
                {
                    "id": "r1",
                    "object": "response",
                    "created_at": 1,
                    "model": "gpt-x",
                    "status": "completed",
                    "output": o,
                    "parallel_tool_calls": True,
                    "tool_choice": "auto",
                    "tools": [],
                    "usage": {
                        "input_tokens": 3,
                        "output_tokens": 4,
                        "total_tokens": 7,
                        "input_tokens_details": {"cached_tokens": 0},
                        "output_tokens_details": {"reasoning_tokens": 0},
                    },
                },
            )
        done = '"role": "tool"' in s
        cities = [city for city in ("Oslo", "Rome") if city in s] or ["Oslo"]
        m = (
            {"role": "assistant", "content": "It is 21 degrees in Oslo."}
            if done
            else {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": f"call_{number}",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
                    }
                    for number, city in enumerate(cities, 1)
                ],
            }
        )
        self.out(
            200,
            {
                "id": "c1",
                "object": "chat.completion",
                "created": 1,
                "model": "gpt-x",
                "choices": [{"index": 0, "message": m, "finish_reason": "stop" if done else "tool_calls"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
            },
        )

    def out(self, code, body):
        d = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(d)))
        self.end_headers()
        self.wfile.write(d)


@pytest.fixture
def model_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's address; the packages' own settings point there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Models)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "OPENAI_API_KEY": "x",
        "OPENAI_BASE_URL": url + "/v1",
        "ANTHROPIC_API_KEY": "x",
        "ANTHROPIC_BASE_URL": url,
    }.items():
        monkeypatch.setenv(name, value)
    yield url
    server.shutdown()
    server.server_close()
