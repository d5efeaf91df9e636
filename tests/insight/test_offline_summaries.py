"""Summaries without a model: what was wanted, the errors, the tools, how it ended; picked, located, weighed by the instruction."""

from __future__ import annotations

import time
from typing import Any

import pytest

from insights_core.entities import Outcome, TraceSummary
from insights_core.insight.reading.claims import check_claims
from insights_core.insight.reading.summarize import OfflineSummarizer
from insights_core.traces.text import Message, SpanView, ToolCall, TraceView, render

BOTH = "What do users ask for, and where does the agent fail?"


def span(name: str = "agent", kind: str = "AGENT", **fields: Any) -> SpanView:
    given = {
        "span_id": name,
        "parent_id": None,
        "depth": 0,
        "start_ms": 0.0,
        "duration_ms": 1000.0,
        "status": "OK",
        "error": None,
        "inputs": None,
        "outputs": None,
        "attributes": {},
    }
    return SpanView(name=name, type=kind, **given | fields)


def message(role: str, text: str = "", *calls: str, name: str | None = None, is_error: bool = False) -> Message:
    return Message(
        role=role,
        text=text,
        name=name,
        tool_calls=[ToolCall(call, call, "{}") for call in calls],
        tool_call_id=None,
        span_id="agent",
        is_error=is_error,
    )


def trace(
    *messages: Message, spans: list[SpanView] | None = None, status: str = "OK", error: str | None = None
) -> TraceView:
    return TraceView(
        trace_id="tr-1",
        status=status,
        start_ms=0,
        duration_ms=2000.0,
        spans=spans or [span()],
        messages=list(messages),
        error=error,
    )


def summarize(view: TraceView, instruction: str = BOTH, text: str | None = None) -> TraceSummary:
    """The summary; every claim in it must stand in the text."""
    text = text if text is not None else numbered(view)
    summary = OfflineSummarizer(instruction).extract(view, text)
    _, checked, confirmed = check_claims(summary, text)
    assert checked == confirmed
    return summary


def numbered(view: TraceView) -> str:
    """A plain numbered text of the conversation, errors and JSON of a view; the real one is tested with real traces below."""
    lines = [f"{item.name}: {item.error or ''} {item.inputs or ''} {item.outputs or ''}" for item in view.spans]
    lines += [f"{item.role}: {line}" for item in view.messages for line in item.text.split("\n")]
    return "\n".join(f"L{number:03d} {line}" for number, line in enumerate(lines, 1))


REFUND = trace(
    message("system", "You are a helpful agent. Never promise refunds."),
    message(
        "user",
        "Hi there! Thanks for taking my call. My user id is mia_li_3668.\nI would like to cancel my flight HAT136 from Boston to Seattle and get a full refund, please.",
    ),
    message("assistant", "", "get_user_details", "cancelReservation"),
    message("tool", "Error: reservation is not refundable after departure", name="cancelReservation", is_error=True),
    message(
        "assistant",
        "I'm unable to cancel this flight because it has already departed. Is there anything else I can help you with?",
    ),
    message("user", "No, thank you."),
    message("assistant", "You're welcome! Have a great day."),
)


def test_a_conversation_gives_wish_errors_tools_and_ending():
    summary = summarize(REFUND)
    said = " ".join(summary.parts.values())
    assert "ancel my flight from Boston to Seattle and get a full refund" in said
    assert "reservation is not refundable after departure" in said
    assert "get user details → cancel reservation" in said
    assert "unable to cancel this flight" in said
    assert [claim.quote for claim in summary.errors] == ["Error: reservation is not refundable after departure"]


def test_greetings_ids_and_system_prompts_stay_out():
    summary = summarize(REFUND)
    for dull in ("Hi there", "welcome", "HAT136", "mia_li", "helpful agent", "anything else"):
        assert dull not in summary.summary + summary.title


def test_a_title_is_short_and_begins_with_a_capital():
    summary = summarize(REFUND)
    assert summary.title[0].isupper() and len(summary.title.split()) <= 12
    assert summary.title.startswith("Cancel my flight from Boston")


def test_a_summary_says_what_was_asked_what_went_wrong_and_how_it_ended_in_that_order():
    said = summarize(REFUND).summary
    assert (
        said.index("Cancel my flight")
        < said.index("reservation is not refundable")
        < said.index("nable to cancel this flight")
    )
    for label in ("Asked:", "Errors:", "Ended:", "Tools:"):
        assert label not in said
    assert said[:90].startswith("Cancel my flight from Boston to Seattle")


def test_the_instruction_decides_what_a_title_and_the_parts_begin_with():
    assert next(iter(summarize(REFUND, "What do users ask for?").parts)) == "asked"
    assert next(iter(summarize(REFUND, "Which errors occur?").parts)) == "errors"
    assert summarize(REFUND, "Which errors occur?").title.startswith("Reservation is not refundable")
    assert next(iter(summarize(REFUND, "Which tools are called in which steps?").parts)) == "tools"
    assert next(iter(summarize(REFUND, "How is it resolved, what is the outcome?").parts)) == "ended"
    slow = trace(
        *REFUND.messages, spans=[span(), span("search_flights", "TOOL", parent_id="agent", depth=1, duration_ms=1500.0)]
    )
    assert "1.5 s in search flights" in summarize(slow, "Why is it slow?").summary
    assert "1.5 s" not in summarize(slow).summary


def test_words_of_the_instruction_pick_the_sentences_that_have_them():
    view = trace(
        message(
            "user",
            "I want to book a hotel for my family in Lisbon. I need to know how baggage is charged on the way there. Can you show me restaurants nearby?",
        ),
        message("assistant", "Here they are."),
    )
    assert "baggage" in summarize(view, "Tell me everything concerning baggage").title.lower()


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        ([message("user", "Book a table"), message("assistant", "Your table has been booked.")], Outcome.UNKNOWN),
        ([message("user", "Book a table"), message("assistant", "Unfortunately there is no table.")], Outcome.UNKNOWN),
        ([message("user", "Book a table"), message("assistant", "I am transferring you to a human agent.", "transfer_to_human_agents")], Outcome.PARTIAL),
        ([message("user", "Let me speak to a human"), message("assistant", "Here is our help page.")], Outcome.UNKNOWN),
        ([message("user", "Book a table"), message("assistant", "Your table has been booked."), message("user", "That is wrong, this is unacceptable!")], Outcome.FAILURE),
        ([message("user", "Book"), message("assistant", "", "book"), message("tool", "Error: timeout", name="book", is_error=True)], Outcome.FAILURE),
        ([message("user", "Book"), message("tool", "Error: timeout", name="book", is_error=True), message("assistant", "Your table has been booked.")], Outcome.UNKNOWN),
        ([message("user", "Book"), message("tool", "Error: x", name="book", is_error=True), message("tool", "ok", name="book"), message("assistant", "Your table has been booked.")], Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_the_outcome_is_guessed_from_how_it_ended(messages, outcome):
    assert summarize(trace(*messages)).outcome is outcome


def test_a_failed_trace_is_a_failure_whatever_was_said():
    view = trace(
        message("user", "Book a table"),
        message("assistant", "Done, it has been booked."),
        spans=[span(status="ERROR", error="ValueError: broken")],
        status="ERROR",
    )
    assert summarize(view).outcome is Outcome.FAILURE


def test_traces_without_a_conversation_have_summaries_too():
    plain = trace(
        spans=[
            span(
                inputs={"question": "How do I reset the router to factory settings?", "k": 3},
                outputs={"answer": "Press the button for ten seconds."},
            )
        ]
    )
    summary = summarize(plain)
    assert summary.title == "How do I reset the router to factory settings?".rstrip("?") or summary.title.startswith(
        "How do I reset the router"
    )
    assert "Press the button" in summary.summary

    retriever = trace(
        spans=[
            span(
                "search_docs",
                "RETRIEVER",
                inputs='{"query": "warranty period for laptops"}',
                outputs=[{"page_content": "Two years."}],
            )
        ]
    )
    assert "arranty period for laptops" in summarize(retriever).summary

    unnamed = trace(spans=[span("predict", inputs={"customer_age": 41, "plan": "premium family"}, outputs=0.7)])
    assert "premium family" in summarize(unnamed).summary


def test_an_error_in_json_is_told_in_its_words_once():
    view = trace(
        message("user", "Add my loyalty number to the booking"),
        message(
            "tool", '{"error": "not_found", "message": "Loyalty number does not exist"}', name="lookup", is_error=True
        ),
        spans=[
            span(),
            span(
                "lookup",
                "TOOL",
                parent_id="agent",
                depth=1,
                status="ERROR",
                error="LookupError: LookupError: Loyalty number does not exist",
            ),
        ],
    )
    summary = summarize(view)
    assert summary.summary.count("Loyalty number does not exist") == 1 and "{" not in summary.summary


def test_an_empty_trace_is_not_relevant_and_says_so():
    summary = summarize(trace(spans=[]))
    assert not summary.relevant and summary.title and summary.summary


def test_private_data_stays_out_although_the_view_has_it():
    view = trace(
        message("user", "Please send the invoice for my broken printer to jane.roe@example.com today"),
        message("assistant", "I sent it to jane.roe@example.com."),
    )
    text = numbered(view).replace("jane.roe@example.com", "[email]")
    summary = summarize(view, text=text)
    assert "jane.roe" not in summary.model_dump_json() and "invoice for my broken printer" in summary.summary
    assert summary.claims


def test_a_hostile_trace_is_quick_and_harmless():
    nasty = (
        "a" * 50_000
        + " "
        + "(" * 5_000
        + "please " * 5_000
        + "\n" * 5_000
        + "is is is on on on " * 3_000
        + "_" * 20_000
        + '{"a":' * 3_000
    )
    view = trace(
        message("user", nasty),
        message("assistant", nasty),
        message("tool", nasty, name=nasty[:100], is_error=True),
        spans=[span(inputs=nasty, outputs={"x": nasty}, status="ERROR", error=nasty)],
    )
    began = time.process_time()
    summary = summarize(view)
    # A pattern that tries every way through such a text takes hours.
    assert time.process_time() - began < 20
    assert len(summary.summary) < 2000 and len(summary.title.split()) <= 12


def test_ten_thousand_traces_take_seconds():
    text, summarizer = numbered(REFUND), OfflineSummarizer(BOTH)
    summarizer.extract(REFUND, text)
    began = time.process_time()
    for _ in range(500):
        summarizer.extract(REFUND, text)
    assert (time.process_time() - began) / 500 < 0.002


def test_the_prompt_hash_changes_with_the_instruction():
    assert (
        OfflineSummarizer("one thing").prompt_hash
        == OfflineSummarizer("one thing").prompt_hash
        != OfflineSummarizer("another").prompt_hash
    )


def test_real_traces_are_summarised_with_lines_that_hold(experiment_id, tracking_uri):
    """From a draft through SQLite, the real reader and the real renderer."""
    from insights_core.connection import Connection
    from insights_core.demo import demo_traces
    from insights_core.traces.fetching import iter_traces
    from insights_core.traces.text import read_trace
    from insights_core.traces.writing import write_traces

    connection = Connection(tracking_uri)
    ids = write_traces(connection, experiment_id, demo_traces(experiment_id, 60, 0, 1_760_000_000_000))
    summarizer = OfflineSummarizer(BOTH)
    checked = confirmed = without_claim = 0
    for each in iter_traces(connection, ids):
        view = read_trace(each)
        text = render(view, 12_000)
        summary = summarizer.extract(view, text)
        _, new_checked, new_confirmed = check_claims(summary, text)
        checked, confirmed, without_claim = (
            checked + new_checked,
            confirmed + new_confirmed,
            without_claim + (not new_checked),
        )
        assert summary.title and len(summary.title.split()) <= 12
    assert checked > 100 and confirmed >= 0.98 * checked and without_claim <= 4


def test_a_word_of_command_is_not_how_it_ended_but_a_name_in_capitals_is():
    ask = message("user", "Who built the rocket?")
    assert (
        "TERMINATE"
        not in summarize(trace(ask, message("assistant", "The rocket was built in Florida. TERMINATE"))).summary
    )
    assert (
        "TERMINATE"
        not in summarize(trace(ask, message("assistant", "The rocket was built in Florida.\nTERMINATE"))).summary
    )
    assert "NASA" in summarize(trace(ask, message("assistant", "The rocket was built by NASA"))).summary


def test_a_year_is_part_of_a_question_and_an_order_number_is_not():
    title = summarize(trace(message("user", "Which album of 2004 did order 4711983 contain?"))).title
    assert "2004" in title and "4711983" not in title
