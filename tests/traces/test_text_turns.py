"""Which messages of which call are new: every turn is heard, and heard once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from insights_core.traces.text import read_trace, render

Said = tuple[str, str]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def agent(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def calls(*asked: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": number, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for number, name, arguments in asked
        ],
    }


def result(number: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": number, "content": text}


@dataclass
class Call:
    """A span: what it was given and what it gave; its times are its place in the list, unless given."""

    given: Any
    gave: Any = None
    kind: str = "CHAT_MODEL"
    name: str = "call"
    times: tuple[int, int] | None = None
    parent: int | None = None
    failed: bool = False


def _trace(spans: Sequence[Call]) -> dict[str, Any]:
    made = []
    for number, call in enumerate(spans, 1):
        given = {"messages": call.given} if isinstance(call.given, list) and call.kind != "TOOL" else call.given
        gave = (
            {"choices": [{"message": call.gave}]} if isinstance(call.gave, dict) and "role" in call.gave else call.gave
        )
        start, end = call.times or (number * 10, number * 10 + 5)
        made.append(
            {
                "span_id": str(number), "parent_span_id": str(call.parent) if call.parent else None, "name": call.name,
                "start_time_unix_nano": start * 10**6, "end_time_unix_nano": end * 10**6,
                "status": {"code": "STATUS_CODE_ERROR", "message": "melted"} if call.failed else None,
                "attributes": {
                    "mlflow.spanType": json.dumps(call.kind), "mlflow.spanInputs": json.dumps(given), "mlflow.spanOutputs": json.dumps(gave),
                },
            }
        )  # fmt: skip
    return {"info": {"trace_id": "tr-1"}, "data": {"spans": made}}


def heard(*spans: Call) -> list[Said]:
    return [
        (message.role, message.text or " ".join(f"{call.name}{call.arguments}" for call in message.tool_calls))
        for message in read_trace(_trace(spans)).messages
    ]


U, A = "user", "assistant"
RULES, POLICY = system("You are a travel agent."), system("You decide which agent answers.")


def test_a_yes_alone_that_repeats_an_earlier_yes_is_a_new_turn() -> None:
    told = heard(
        Call([user("Cancel it"), agent("Sure?"), user("yes")], agent("Really?")),
        Call([user("yes")], agent("Done")),
        Call([user("yes")], agent("It is done already")),
    )
    assert told[2:] == [(U, "yes"), (A, "Really?"), (U, "yes"), (A, "Done"), (U, "yes"), (A, "It is done already")]


@pytest.mark.parametrize("rules", [[], [RULES]])
def test_calls_that_bring_only_what_is_new_are_all_heard(rules: list[dict[str, Any]]) -> None:
    answers = ["Sure?", "Really?", "Done"]
    told = heard(*[Call([*rules, user("yes")], agent(answer)) for answer in answers])
    assert told[len(rules) :] == [turn for answer in answers for turn in ((U, "yes"), (A, answer))]
    assert told[: len(rules)] == [("system", "You are a travel agent.")] * len(rules)


def test_a_turn_with_tools_said_a_second_time_is_heard_twice() -> None:
    turn = [RULES, user("next"), calls(("c1", "step", {"n": 1})), result("c1", "fine")]
    again = [RULES, user("next"), calls(("c2", "step", {"n": 2})), result("c2", "fine")]
    told = heard(
        Call(turn[:2], turn[2]), Call(turn, agent("one")), Call(again[:2], again[2]), Call(again, agent("two"))
    )
    assert [text for role, text in told if role == U] == ["next", "next"]
    assert [text for role, text in told if role == A] == ['step{"n": 1}', "one", 'step{"n": 2}', "two"]
    assert [text for role, text in told if role == "tool"] == ["fine", "fine"]


def test_a_growing_history_is_told_once() -> None:
    history: list[dict[str, Any]] = [RULES, user("Cancel it")]
    spans = []
    for answer, reply in (("Sure?", "yes"), ("Sure?", "yes"), ("Sure?", "yes"), ("Done", "")):
        spans.append(Call([*history], agent(answer)))
        history += [agent(answer), user(reply)]
    assert [text for _, text in heard(*spans)[1:]] == [
        "Cancel it",
        "Sure?",
        "yes",
        "Sure?",
        "yes",
        "Sure?",
        "yes",
        "Done",
    ]


@pytest.mark.parametrize("window", [2, 3, 4, 5])
@pytest.mark.parametrize("rules", [[], [RULES]])
@pytest.mark.parametrize("same", [True, False])
def test_a_history_cut_to_its_end_is_told_once(window: int, rules: list[dict[str, Any]], same: bool) -> None:
    history, spans = [user("start")], []
    for number in range(12):
        answer = agent("Sure?" if same else f"Sure {number}?")
        spans.append(Call([*rules, *history[-window:]], answer))
        history += [answer, user("yes")]
    told = [text for role, text in heard(*spans) if role != "system"]
    assert told == [message["content"] for message in history[:-1]]


def test_a_summary_in_place_of_the_beginning_is_told_and_the_rest_is_not_repeated() -> None:
    told = heard(
        Call([user("a"), agent("b"), user("c")], agent("d")),
        Call([user("Summary: a, b"), user("c"), agent("d"), user("e")], agent("f")),
    )
    assert [text for _, text in told] == ["a", "b", "c", "d", "Summary: a, b", "e", "f"]


def test_a_system_prompt_that_tells_the_time_does_not_repeat_the_history() -> None:
    told = heard(
        Call([system("You are an agent. It is 12:01."), user("a")], agent("b")),
        Call([system("You are an agent. It is 12:02."), user("a"), agent("b"), user("c")], agent("d")),
        Call([system("You are an agent. It is 12:03."), user("c")], agent("e")),
    )
    assert [text for role, text in told if role != "system"] == ["a", "b", "c", "d", "c", "e"]


def test_the_same_input_after_a_failure_is_a_retry() -> None:
    told = heard(
        Call([user("yes")], None, failed=True), Call([user("yes")], None, failed=True), Call([user("yes")], agent("ok"))
    )
    assert told == [(U, "yes"), (A, "ok")]


def test_a_history_sent_again_is_a_second_try_whose_answer_is_told() -> None:
    history = [RULES, user("a"), agent("b"), user("c")]
    told = heard(Call(history, agent("d")), Call(history, agent("d2")), Call(history, agent("d")))
    assert [text for _, text in told[1:]] == ["a", "b", "c", "d", "d2"]


def test_a_first_question_asked_once_more_is_told_once_where_later_calls_bring_the_history() -> None:
    told = heard(
        Call([RULES, user("q")], agent("not JSON")),
        Call([RULES, user("q")], agent("{}")),
        Call([RULES, user("q"), agent("{}"), user("thanks")], agent("bye")),
    )
    assert [text for _, text in told[1:]] == ["q", "not JSON", "{}", "thanks", "bye"]


def test_parallel_calls_with_one_prefix_tell_it_once_and_each_answer() -> None:
    told = heard(
        Call([RULES, user("q"), user("part 1")], agent("no"), times=(10, 30)),
        Call([RULES, user("q"), user("part 2")], agent("no"), times=(11, 31)),
        Call([RULES, user("q"), user("part 1")], agent("maybe"), times=(12, 32)),
    )
    assert [text for _, text in told[1:]] == ["q", "part 1", "part 2", "no", "no", "maybe"]


def test_a_router_and_the_agent_it_chooses_hear_one_question() -> None:
    told = heard(
        Call([POLICY, user("My bag is lost")], agent("baggage")),
        Call([RULES, user("My bag is lost")], agent("Sorry to hear that")),
        Call([POLICY, user("Thanks")], agent("smalltalk")),
        Call([RULES, user("Thanks")], agent("Bye")),
    )
    assert [text for role, text in told if role != "system"] == [
        "My bag is lost", "baggage", "Sorry to hear that", "Thanks", "smalltalk", "Bye",
    ]  # fmt: skip


def test_a_sub_agent_has_its_own_history() -> None:
    task = user("Find the fare of LH400")
    told = heard(
        Call([RULES, user("q")], calls(("c1", "research", {"flight": "LH400"}))),
        Call([POLICY, task], calls(("s1", "fares", {"f": "LH400"})), times=(21, 22)),
        Call(
            [POLICY, task, calls(("s1", "fares", {"f": "LH400"})), result("s1", "300")],
            agent("300 EUR"),
            times=(23, 24),
        ),
        Call(
            [RULES, user("q"), calls(("c1", "research", {"flight": "LH400"})), result("c1", "300 EUR")],
            agent("It is 300 EUR"),
        ),
    )
    assert [text for role, text in told if role != "system"] == [
        "q", 'research{"flight": "LH400"}', task["content"], 'fares{"f": "LH400"}', "300", "300 EUR", "300 EUR", "It is 300 EUR",
    ]  # fmt: skip


def test_agents_that_talk_to_each_other_are_told_once() -> None:
    told = heard(
        Call([RULES, user("q")], agent("a1")),
        Call([POLICY, user("q"), agent("a1")], agent("b1")),
        Call([RULES, user("q"), agent("a1"), agent("b1")], agent("a2")),
        Call([POLICY, user("q"), agent("a1"), agent("b1"), agent("a2")], agent("b2")),
    )
    assert [text for role, text in told if role != "system"] == ["q", "a1", "b1", "a2", "b2"]


def test_steps_of_one_turn_hear_its_question_once() -> None:
    told = heard(
        Call([user("q")], agent("two"), kind="AGENT", times=(0, 50)),
        Call([user("q")], agent("one"), times=(1, 10), parent=1),
        Call([user("q")], agent("two"), times=(11, 20), parent=1),
    )
    assert told == [(U, "q"), (A, "one"), (A, "two")]


def test_calls_that_take_no_time_are_heard_one_after_the_other() -> None:
    told = heard(
        Call({"question": "start"}, None, kind="AGENT", times=(0, 0)),
        Call([user("yes")], agent("one"), times=(0, 0), parent=1),
        Call([user("yes")], agent("two"), times=(0, 0), parent=1),
    )
    assert [text for _, text in told] == ["yes", "one", "yes", "two"]


def test_equal_results_of_parallel_calls_are_both_told() -> None:
    asked = calls(("c1", "book", {"seat": 12}), ("c2", "book", {"seat": 21}))
    told = heard(
        Call([user("q")], asked, times=(0, 5)),
        Call({"seat": 12}, "ok", kind="TOOL", name="book", times=(6, 9)),
        Call({"seat": 21}, "ok", kind="TOOL", name="book", times=(6, 8)),
        Call([user("q"), asked, result("c1", "ok"), result("c2", "ok")], agent("Booked"), times=(10, 12)),
    )
    assert [role for role, _ in told] == [U, A, "tool", "tool", A]
    view = read_trace(_trace([Call([user("q")], asked), Call({"seat": 21}, "ok", kind="TOOL", name="book")]))
    assert view.messages[-1].tool_call_id == "c2"


def test_tools_called_without_the_model_saying_so_are_told_each_time() -> None:
    told = heard(
        Call([user("q")], agent("I look twice"), times=(0, 5)),
        Call({"n": 1}, "ok", kind="TOOL", name="look", times=(6, 9)),
        Call({"n": 1}, "ok", kind="TOOL", name="look", times=(10, 19)),
    )
    assert told[2:] == [(A, 'look{"n": 1}'), ("tool", "ok")] * 2


def test_a_tool_in_a_tool_of_the_same_result_is_told_once() -> None:
    told = heard(
        Call([user("q")], calls(("c1", "look", {"n": 1}), ("c2", "look", {"n": 2})), times=(0, 5)),
        Call({"n": 1}, "ok", kind="TOOL", name="look", times=(6, 9)),
        Call({"n": 1}, "ok", kind="TOOL", name="look", times=(7, 8), parent=2),
        Call({"n": 2}, "ok", kind="TOOL", name="look", times=(10, 19)),
        Call({"n": 2}, "ok", kind="TOOL", name="look", times=(11, 18), parent=4),
    )
    assert [role for role, _ in told] == [U, A, "tool", "tool"]


def test_a_chain_that_hands_single_calls_to_tools_does_not_tell_them_again() -> None:
    asked = calls(("c1", "book", {"seat": 12}), ("c2", "book", {"seat": 21}))
    single = {"name": "book", "args": {"seat": 12}, "id": "c1", "type": "tool_call"}
    told = heard(
        Call([user("q")], None, kind="CHAIN", times=(0, 50)),
        Call([user("q")], asked, times=(1, 5), parent=1),
        Call({"tool_call": single, "messages": [single]}, None, kind="CHAIN", times=(6, 7), parent=1),
    )
    assert [role for role, _ in told] == [U, A]


def test_messages_that_only_a_tool_was_given_or_gave_are_not_lost() -> None:
    view = read_trace(
        _trace(
            [
                Call([user("q")], agent("I ask a colleague"), times=(0, 5)),
                Call({"messages": [user("my task")]}, {"messages": [user("my task"), agent("my answer")]}, kind="TOOL", name="colleague"),
            ]
        )
    )  # fmt: skip
    text = render(view)
    assert "my task" in text
    assert "my answer" in text


def test_ids_used_again_in_a_later_turn_keep_both_results() -> None:
    first, second = calls(("call_0", "look", {"n": 1})), calls(("call_0", "look", {"n": 2}))
    history = [user("q"), first, result("call_0", "old"), agent("a"), user("again"), second]
    told = heard(
        Call(history[:1], first), Call({"n": 1}, "old", kind="TOOL", name="look"),
        Call(history[:3], agent("a")), Call(history[:5], second), Call({"n": 2}, "new", kind="TOOL", name="look"),
        Call([*history, result("call_0", "new")], agent("b")),
    )  # fmt: skip
    assert [text for role, text in told if role == "tool"] == ["old", "new"]
    assert [text for role, text in told if role == A] == ['look{"n": 1}', "a", 'look{"n": 2}', "b"]
