"""Finding a trace, and finding something inside a long one."""

from __future__ import annotations

from insights_core.connection import Connection
from insights_core.names import SESSION_KEY, TOKENS_KEY, USER_KEY
from insights_core.traces.text import Message, SpanView, ToolCall, TraceView
from pages._ui.traces.trace_find import part_of
from pages._ui.traces.trace_viewer import _said, _span


def a_span(name: str, inputs: object = None, outputs: object = None, **other) -> SpanView:
    given = {"type": "TOOL", "status": "OK", "error": None, "attributes": {}} | other
    return SpanView(
        span_id=name, parent_id=None, depth=0, name=name, start_ms=0, duration_ms=1, inputs=inputs, outputs=outputs, **given
    )  # fmt: skip


VIEW = TraceView(
    trace_id="tr-1", status="OK", start_ms=0, duration_ms=1, error=None,
    spans=[a_span("book", {"city": "Oslo"}), a_span("pay", None, {"receipt": "R-77"}), a_span("mail", error="mailbox full", status="ERROR")],
    messages=[
        Message("user", "Book a room in Oslo"),
        Message("assistant", "", tool_calls=[ToolCall("1", "book", '{"city": "Oslo"}')]),
        Message("tool", "Receipt R-77", name="pay"),
        Message("assistant", "Done."),
    ],
)  # fmt: skip


def found(words: str, speaker: str = "all") -> tuple[list[str], list[int]]:
    part = part_of(VIEW, words, speaker)
    return [span.name for span in part.spans], [VIEW.messages.index(one) for one in part.messages]


def test_words_are_found_in_text_arguments_results_and_errors_in_any_case():
    assert found("OSLO") == (["book"], [0, 1])
    assert found("r-77") == (["pay"], [2])
    assert found("Mailbox") == (["mail"], [])
    assert found("no such") == ([], [])


def test_a_speaker_alone_and_with_words():
    assert found("", "assistant") == (["book", "pay", "mail"], [1, 3])
    assert found("oslo", "user") == (["book"], [0])
    assert part_of(VIEW, "  ", "all") is VIEW


def test_a_tool_stands_in_the_tree_by_its_own_name():
    row = _span(a_span("SimpleTool", attributes={"tool.name": "<b>pay"}), 1, False)
    assert "&lt;b&gt;pay" in row and 'title="SimpleTool"' in row


def test_the_viewer_tells_session_user_and_tokens_that_mlflow_did_not_derive():
    usage = {"langfuse.session.id": '"s-1"', "enduser.id": '"mona"', "ai.usage.promptTokens": "1200"}
    assert _said({}, [a_span("chat", attributes=usage)]) == {"Session": "s-1", "User": "mona", "Tokens": "1,200 in"}
    known = {SESSION_KEY: "own", USER_KEY: "u", TOKENS_KEY: "{}"}
    assert _said(known, [a_span("chat", attributes=usage)]) == {"Session": "own"}


def test_a_pasted_trace_id_is_found_whatever_the_time_range(open_page, demo_store):
    from insights_core.entities import TraceScope
    from insights_core.traces.search import iter_trace_infos

    scope = TraceScope(experiment_id=demo_store.experiment_id)
    oldest = next(iter_trace_infos(Connection(demo_store.uri), scope, newest_first=False))
    app = open_page(
        demo_store.uri, "traces", experiment=demo_store.experiment_id, range="24h", text=f" {oldest.trace_id} "
    )
    assert not app.exception
    assert any("1 trace." in one.value for one in app.caption)
