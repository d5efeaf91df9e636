"""A conversation as the spans of a trace, in one of the formats: what calls what, how long it takes, what it costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from insights_core.demo.conversation import Step
from insights_core.demo.formats import Format, Recording, as_text
from insights_core.traces.drafts import EventDraft, SpanDraft, digest, span_id_of


@dataclass(frozen=True, slots=True)
class Model:
    """Rough figures of a model: what matters is that they differ."""

    provider: str
    first_token_ms: int
    token_ms: int
    input_usd_per_million: float
    output_usd_per_million: float


# Costs are given with the spans: asked for the price of a model of a named provider, MLflow goes to the internet.
MODELS = {
    "gpt-4o-mini": Model("openai", 350, 11, 0.15, 0.6),
    "gpt-4o": Model("openai", 500, 16, 2.5, 10),
    "gpt-4.1-mini": Model("openai", 320, 10, 0.4, 1.6),
    "claude-3-5-sonnet-20241022": Model("anthropic", 700, 18, 3, 15),
    "claude-3-5-haiku-20241022": Model("anthropic", 420, 12, 0.8, 4),
    "concierge-7b": Model("in-house", 180, 22, 0.4, 0.4),
}


def record(recording: Recording, steps: list[Step], form: Format) -> list[SpanDraft]:
    """The spans of a conversation: a root, a span per model call, tool call and search; LangGraph's nodes around them."""
    return _Recorder(recording, form).record(steps)


class _Recorder:
    def __init__(self, recording: Recording, form: Format) -> None:
        self.recording, self.form = recording, form
        self.now = recording.start_ms * 1_000_000
        self.history: list[Any] = []
        self.spans: list[SpanDraft] = []
        self.answer = ""

    def record(self, steps: list[Step]) -> list[SpanDraft]:
        root = self._open(
            self.form.root_name if self.form.root_name != "run" else self.recording.agent, self.form.root_type, None
        )
        for number, step in enumerate(steps):
            self._take(step, number, root)
        root.end_ns = self.now + self.recording.rng.randrange(2_000_000, 20_000_000)
        root.inputs = self.form.root_inputs(self.recording, self.history)
        root.outputs = self.form.root_outputs(self.recording, self.history, self.answer) if self.answer else None
        return self.spans

    def _take(self, step: Step, number: int, root: SpanDraft) -> None:
        if step.kind == "user":
            self.history.append(self.form.user(step.text))
        elif step.kind == "search":
            self._search(step, root)
        elif step.kind == "model_error":
            self._llm(None, root, failure=step)
        elif step.kind == "agent":
            self._llm(self.form.said(step.text), root)
            self.answer = step.text
        else:
            call_id = "call_" + digest(self.recording.trace_id, number)[:22]
            self._llm(self.form.called(call_id, step), root)
            self._tool(step, root)
            self.history.append(self.form.answered(call_id, step))

    def _open(self, name: str, kind: str, parent: SpanDraft | None) -> SpanDraft:
        span = SpanDraft(
            span_id_of(self.recording.trace_id, len(self.spans)),
            name,
            kind,
            self.now,
            None,
            parent.span_id if parent else None,
        )
        self.spans.append(span)
        return span

    def _node(self, name: str | None, root: SpanDraft) -> SpanDraft:
        if name is None:
            return root
        node = self._open(name, "CHAIN", root)
        node.inputs = {"messages": self.history[-1:]}
        return node

    def _llm(self, message: Any, root: SpanDraft, failure: Step | None = None) -> None:
        parent = self._node(self.form.agent_node, root)
        span = self._open(self.form.llm_name, "LLM" if self.form.name == "plain" else "CHAT_MODEL", parent)
        span.inputs, span.model = self.form.llm_inputs(self.recording, list(self.history)), self.recording.model
        span.attributes = self.form.attributes() | {"mlflow.llm.provider": MODELS[self.recording.model].provider}
        if failure:
            self._fail(span, failure.text, failure.duration_ms)
        else:
            self._succeed(span, message)
            self.history.append(message)
        self._close(parent, root, span)

    def _succeed(self, span: SpanDraft, message: Any) -> None:
        tokens = len(json.dumps(span.inputs)) // 4, max(8, len(json.dumps(message)) // 4)
        model = MODELS[self.recording.model]
        self.now += (
            int((model.first_token_ms + model.token_ms * tokens[1]) * self.recording.rng.lognormvariate(0, 0.3))
            * 1_000_000
        )
        span.end_ns, span.outputs = self.now, self.form.llm_outputs(self.recording, message, tokens)
        span.input_tokens, span.output_tokens = tokens
        span.cost_usd = tokens[0] * model.input_usd_per_million / 1e6, tokens[1] * model.output_usd_per_million / 1e6

    def _fail(self, span: SpanDraft, message: str, duration_ms: int) -> None:
        self.now += duration_ms * 1_000_000
        span.end_ns, span.status, span.status_message = self.now, "ERROR", message
        kind = message.split(":", 1)[0] if ":" in message else "Exception"
        span.events = [
            EventDraft(
                "exception",
                self.now,
                {
                    "exception.type": kind,
                    "exception.message": message,
                    "exception.stacktrace": f"Traceback (most recent call last):\n  …\n{message}",
                },
            )
        ]

    def _tool(self, step: Step, root: SpanDraft) -> None:
        parent = self._node(self.form.tool_node, root)
        span = self._open(step.name, "TOOL", parent)
        span.inputs = step.arguments
        if step.is_error:
            self._fail(span, as_text(step.result), step.duration_ms)
        else:
            self.now += step.duration_ms * 1_000_000
            span.end_ns = self.now
        span.outputs = step.result
        self._close(parent, root, span)

    def _search(self, step: Step, root: SpanDraft) -> None:
        span = self._open(step.name, "RETRIEVER", root)
        span.inputs = {"query": step.text}
        self.now += step.duration_ms * 1_000_000
        span.end_ns = self.now
        span.outputs = [
            {
                "page_content": text,
                "metadata": {"doc_uri": f"kb/{digest(text)[:8]}.md", "score": round(0.9 - 0.07 * rank, 2)},
                "id": digest(text)[:8],
            }
            for rank, text in enumerate(step.result)
        ]
        if step.result:
            self.recording.system += "\n\nContext:\n" + "\n".join(f"- {text}" for text in step.result)

    def _close(self, parent: SpanDraft, root: SpanDraft, child: SpanDraft) -> None:
        if parent is not root:
            parent.end_ns, parent.status, parent.status_message = self.now, child.status, child.status_message
            parent.outputs = {"messages": self.history[-1:]}
