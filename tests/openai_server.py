"""A real HTTP server that speaks the OpenAI protocol, for tests: deterministic answers, faults on demand, a log of calls.

    with OpenAIServer(latency_s=0.1) as server:
        server.fail_next(rate_limited(retry_after="1"), status(500))
        endpoint = ModelEndpoint("gpt-4o-mini", base_url=server.url, api_key="test")
        ...
        assert server.paid == 1

As a program it serves until it is killed: `python tests/openai_server.py PORT LATENCY_S`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# Tests are no package, so what lies beside this file is found by path.
sys.path.append(str(Path(__file__).parent))
from openai_answers import embedding, plausible

Answer = Callable[[dict[str, Any], list[dict[str, str]]], Any]
"""(JSON schema, messages) -> the object to answer with, or a string to send as it is."""


@dataclass
class Fault:
    """How one call goes wrong."""

    name: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    code: str | None = None
    seconds: float = 0.0


def rate_limited(retry_after: str | float | None = None, *, as_date: bool = False, code: str | None = None) -> Fault:
    """429; `retry_after` in seconds, sent as such or as an HTTP date."""
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = (
            formatdate(math.ceil(time.time() + float(retry_after)), usegmt=True) if as_date else str(retry_after)
        )
    return Fault("429", 429, headers, "Rate limit reached", code or "rate_limit_exceeded")


def status(number: int, message: str = "The server had an error", code: str | None = None, **headers: str) -> Fault:
    """Any HTTP status with an error body."""
    return Fault(str(number), number, headers, message, code)


def hang(seconds: float = 30.0) -> Fault:
    """Nothing at all for this long, then a closed connection."""
    return Fault("hang", seconds=seconds)


def closed() -> Fault:
    """The connection is closed without an answer."""
    return Fault("closed")


def reset() -> Fault:
    """The connection is reset."""
    return Fault("reset")


def half_body() -> Fault:
    """The HTTP body breaks off in the middle, with a correct length for what is sent."""
    return Fault("half_body")


def short_body() -> Fault:
    """The connection closes before the announced length is sent."""
    return Fault("short_body")


def half_json() -> Fault:
    """A correct completion whose content is half a JSON."""
    return Fault("half_json")


def cut_off() -> Fault:
    """The same, with the finish reason `length`."""
    return Fault("cut_off")


def wrong_json() -> Fault:
    """A correct completion whose content is JSON of another shape."""
    return Fault("wrong_json")


def prose() -> Fault:
    """The right JSON with prose, thoughts and a code fence around it."""
    return Fault("prose")


def no_json() -> Fault:
    """A completion in plain words."""
    return Fault("no_json")


def refused() -> Fault:
    """The model declines."""
    return Fault("refused")


def error_in_200() -> Fault:
    """Status 200 with an error inside, as gateways send it."""
    return Fault("error_in_200", message="Upstream is overloaded", code="502")


@dataclass
class Call:
    """One request and how it was answered."""

    path: str
    body: dict[str, Any]
    started: float
    fault: str | None = None
    status: int | None = None
    """None while it is under way, 0 where nothing was answered."""
    ended: float = 0.0

    @property
    def prompt(self) -> str:
        """All message contents, or all texts to embed."""
        if "messages" in self.body:
            return "\n".join(str(message.get("content")) for message in self.body["messages"])
        return json.dumps(self.body.get("input"))


class OpenAIServer:
    """Chat completions, embeddings and models on a free port of 127.0.0.1.

    Args:
        answer: What the model says; None fills the schema with words of the prompt (see `plausible`).
        latency_s: How long each answer takes.
        api_key: The only key that is accepted; None accepts any.
        models: The models that exist; None means any name.
        formats: The kinds of response_format it takes; others are refused with 400.
        port: 0 chooses a free one.
    """

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        latency_s: float = 0.0,
        api_key: str | None = None,
        models: set[str] | None = None,
        formats: tuple[str, ...] = ("json_schema", "json_object"),
        port: int = 0,
    ) -> None:
        self.answer: Answer = answer or plausible
        self.latency_s = latency_s
        self.api_key = api_key
        self.models = models
        self.formats = formats
        self.refused_fields: dict[str, str] = {}
        """Fields of the body that are refused with 400, and the message."""
        self.with_usage = True
        self.fault_of: Callable[[Call, int], Fault | None] = lambda call, number: None
        """Called with each call and its number from 0; what it returns goes wrong. Besides `fail_next`."""
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._at_once = 0
        self._next: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Http(("127.0.0.1", port), _Handler, self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, with /v1."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def paid(self) -> int:
        """Completions that were delivered as asked: what a provider would bill."""
        return sum(
            call.status == 200
            and call.path == "/v1/chat/completions"
            and call.fault not in ("half_body", "short_body", "error_in_200")
            for call in self.calls
        )

    @property
    def paid_by_prompt(self) -> Counter[str]:
        """Right answers by prompt: above 1 means that one was paid twice."""
        good = (None, "prose")
        return Counter(
            call.prompt
            for call in self.calls
            if call.status == 200 and call.fault in good and call.path == "/v1/chat/completions"
        )

    def fail_next(self, *faults: Fault | None) -> None:
        """The next calls go wrong in this order; None lets one through."""
        with self._lock:
            self._next.extend(faults or ())  # type: ignore[arg-type]

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def begin(self, call: Call) -> Fault | None:
        """Log a call; gives what shall go wrong with it."""
        with self._lock:
            number = len(self.calls)
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            fault = self._next.popleft() if self._next else self.fault_of(call, number)
            call.fault = fault.name if fault else None
            return fault

    def end(self, call: Call) -> None:
        with self._lock:
            self._at_once -= 1
            call.ended = time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the server lives."""
        if seconds > 0:
            self._stopping.wait(seconds)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], owner: OpenAIServer) -> None:
        super().__init__(address, handler)
        self.owner = owner

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Two small writes with Nagle's algorithm on cost 40 ms each.
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path.endswith("/models"):
            self._send(
                200,
                {
                    "object": "list",
                    "data": [{"id": name, "object": "model"} for name in sorted(owner.models or {"gpt-4o-mini"})],
                },
            )
        else:
            self._send(404, _error("Not found", None))

    def do_POST(self) -> None:
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        call = Call(self.path, body, time.monotonic())
        fault = owner.begin(call)
        try:
            self._answer(owner, call, fault)
        finally:
            owner.end(call)

    def _answer(self, owner: OpenAIServer, call: Call, fault: Fault | None) -> None:
        if fault and fault.name in ("hang", "closed", "reset"):
            owner.wait(fault.seconds)
            call.status = 0
            if fault.name == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            self.close_connection = True
            return
        if fault and fault.status != 200:
            owner.wait(owner.latency_s)
            return self._reply(call, fault.status, _error(fault.message, fault.code), fault.headers)
        if refusal := self._refusal(owner, call):
            owner.wait(owner.latency_s)
            return self._reply(call, refusal[0], _error(refusal[1], refusal[2]))
        if call.path == "/v1/embeddings":
            owner.wait(owner.latency_s)
            return self._reply(call, 200, _embeddings(call.body))
        if fault and fault.name == "error_in_200":
            return self._reply(call, 200, {"error": {"message": fault.message, "code": int(fault.code or 500)}})
        completion = _completion(owner, call.body, fault)
        text = json.dumps(completion).encode()
        if fault and fault.name == "half_body":
            text = text[: len(text) // 2]
        announced = len(text) * 2 if fault and fault.name == "short_body" else len(text)
        # What it takes to make up an answer is part of the latency, not on top of it.
        owner.wait(call.started + owner.latency_s - time.monotonic())
        self._send_raw(call, 200, text, {}, announced)

    def _refusal(self, owner: OpenAIServer, call: Call) -> tuple[int, str, str | None] | None:
        body = call.body
        if owner.api_key and self.headers.get("Authorization") != f"Bearer {owner.api_key}":
            # Some servers repeat the key; no message of ours may.
            return (
                401,
                f"Incorrect API key provided: {self.headers.get('Authorization', '').removeprefix('Bearer ')}",
                "invalid_api_key",
            )
        if call.path not in ("/v1/chat/completions", "/v1/embeddings"):
            return 404, f"Invalid URL {call.path}", None
        if owner.models is not None and body.get("model") not in owner.models:
            return 404, f"The model `{body.get('model')}` does not exist", "model_not_found"
        wanted = (body.get("response_format") or {}).get("type")
        if wanted and wanted not in owner.formats:
            return 400, f"response_format type {wanted!r} is not supported", None
        for name, message in owner.refused_fields.items():
            if name in body:
                return 400, message, "unsupported_parameter"
        return None

    def _reply(self, call: Call, number: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self._send_raw(call, number, text, headers or {}, len(text))

    def _send(self, number: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self._send_raw(None, number, text, {}, len(text))

    def _send_raw(self, call: Call | None, number: int, text: bytes, headers: dict[str, str], announced: int) -> None:
        if call:
            call.status = number
        lines = {"Content-Type": "application/json", "Content-Length": str(announced), **headers}
        head = f"HTTP/1.1 {number} {self.responses.get(number, ('',))[0]}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()
        )
        self.wfile.write(head.encode() + b"\r\n" + text)
        self.close_connection = announced != len(text) or self.headers.get("Connection", "").lower() == "close"


def _error(message: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "error", "param": None, "code": code}}


def _completion(owner: OpenAIServer, body: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    messages = body.get("messages") or []
    answer = owner.answer(_schema_of(body), messages)
    content = answer if isinstance(answer, str) else json.dumps(answer)
    reason, refusal = "stop", None
    name = fault.name if fault else ""
    if name in ("half_json", "cut_off"):
        content = content[: len(content) // 2]
        reason = "length" if name == "cut_off" else "stop"
    elif name == "wrong_json":
        content = json.dumps({"answer": {"nothing": "of the schema"}})
    elif name == "no_json":
        content = "I would rather talk about the weather."
    elif name == "prose":
        content = f"<think>Let me see {{what}} they want.</think>Sure, here {{you}} are:\n```json\n{content}\n```\nAnything else?"
    elif name == "refused":
        content, refusal = "", "I cannot help with that."
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {
        "prompt_tokens": sum(len(str(m.get("content"))) for m in messages) // 4 + 1,
        "completion_tokens": len(content) // 4 + 1,
    }
    usage["total_tokens"] = sum(usage.values())
    completion: dict[str, Any] = {
        "id": "chatcmpl-" + hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12],
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }
    return completion | ({"usage": usage} if owner.with_usage else {})


def _schema_of(body: dict[str, Any]) -> dict[str, Any]:
    """The schema that was sent, in response_format or in the text of the system message; {} where there is none."""
    sent = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    if sent:
        return sent
    for message in body.get("messages") or []:
        text = str(message.get("content"))
        for start in (match.start() for match in re.finditer(r"\{", text)):
            try:
                found = json.JSONDecoder().raw_decode(text, start)[0]
            except ValueError:
                continue
            if isinstance(found, dict) and "properties" in found:
                return found
    return {}


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    rows = [{"object": "embedding", "index": index, "embedding": embedding(text)} for index, text in enumerate(texts)]
    tokens = sum(len(text) for text in texts) // 4 + 1
    # Out of order on purpose: the index is what counts.
    return {
        "object": "list",
        "model": body.get("model"),
        "data": rows[::-1],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def main() -> None:
    """Serve until killed: arguments PORT and LATENCY_S; prints the base URL."""
    port, latency_s = int(sys.argv[1]), float(sys.argv[2])
    with OpenAIServer(port=port, latency_s=latency_s) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
