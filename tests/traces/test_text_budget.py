"""Text within a budget: never longer, never cut in the middle, what matters last to go."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from insights_core.traces.text import Message, SpanView, ToolCall, TraceView, render


def _span(number: int, r: random.Random, error: str | None = None) -> SpanView:
    return SpanView(
        span_id=str(number), parent_id=None, depth=r.randint(0, 12), name=r.choice(["call", "n" * 300, "fetch"]),
        type=r.choice(["TOOL", "CHAT_MODEL", "CHAIN"]), start_ms=float(number), duration_ms=r.choice([None, 3.0, 12345.6]),
        status="ERROR" if error else "OK", error=error, inputs=r.choice([None, {"k": "v" * r.randint(0, 900)}, "plain"]),
        outputs=r.choice([None, [1] * r.randint(0, 300), {"page_content": "x"}]), attributes={},
    )  # fmt: skip


def _view(r: random.Random, spans: int | None = None, errors: bool = True) -> TraceView:
    count = r.choice([0, 1, 2, 10, 60, 300]) if spans is None else spans
    made = [_span(n, r, f"failure-{n}!" if errors and r.random() < 0.1 else None) for n in range(count)]
    messages = []
    for number in range(r.choice([0, 1, 3, 40, 400]) if spans is None else spans):
        role = r.choice(["user", "assistant", "tool", "system"])
        calls = [ToolCall("c", "look", "{}" * r.randint(0, 200))] if role == "assistant" and r.random() < 0.5 else []
        text = f"turn-{number}! " + r.choice(["", "word " * r.randint(0, 400), "ä\n\x00" * 9])
        messages.append(Message(role, text, tool_calls=calls, span_id=str(r.randint(0, max(1, count)))))
    return TraceView("tr-" + "0" * 32, "OK", 0, 5.0, made, messages, made[0].error if made else None)


@pytest.mark.parametrize("seed", range(8))
def test_any_view_fits_any_budget_in_whole_numbered_lines(seed: int) -> None:
    r = random.Random(seed)
    for _ in range(5):
        view = _view(r)
        whole = render(view)
        for budget in {
            200,
            201,
            260,
            500,
            1000,
            len(whole) - 1,
            len(whole),
            *(r.randint(200, len(whole) + 200) for _ in range(6)),
        }:
            if budget < 200:
                continue
            text = render(view, budget)
            assert len(text) <= budget
            lines = text.split("\n")
            assert [line.split(" ", 1)[0] for line in lines] == [
                f"L{n:0{max(3, len(str(len(lines))))}d}" for n in range(1, len(lines) + 1)
            ]
            assert (text == whole) == (budget >= len(whole)), (budget, len(whole))
            # A line that is shortened says so inside: its end is the end of the whole line.
            endings = {line.split(" ", 1)[1][-9:] for line in whole.split("\n")}
            for line in [lines[0], *lines[2:]]:
                assert line.split(" ", 1)[1][-9:] in endings


@pytest.mark.parametrize("budget", [0, 1, 5, 6, 50, 120, 199])
def test_a_budget_too_small_for_anything_is_still_kept(budget: int) -> None:
    assert len(render(_view(random.Random(1), 60), budget)) <= budget


@pytest.mark.parametrize("seed", range(6))
def test_every_error_stays_while_errors_alone_fit(seed: int) -> None:
    r = random.Random(seed)
    view = _view(r, 200)
    errors = [line for line in render(view).split("\n") if " · ERROR " in line]
    room = sum(len(line) + 1 for line in errors) + 4 * 160 + 300  # besides them: the edges, the first line, the note
    for budget in (room, room + 500, room * 2):
        text = render(view, budget)
        for line in errors:
            assert line.split(" ", 1)[1] in text
    assert len(errors) >= 3


def test_first_and_last_turns_and_calls_outlast_results() -> None:
    messages = [Message("user", "I want to cancel", span_id="1")]
    for number in range(40):
        call = ToolCall(f"c{number}", "look", f'{{"n": {number}}}')
        messages += [
            Message("assistant", "", tool_calls=[call], span_id="1"),
            Message("tool", "noise " * 300, "look", span_id="1"),
        ]
    messages.append(Message("assistant", "It is cancelled", span_id="1"))
    text = render(TraceView("tr-1", "OK", 0, None, [_span(1, random.Random(0))], messages, None), 3000)
    assert "I want to cancel" in text
    assert "It is cancelled" in text
    assert text.count("calls look: ") == 40


def test_people_and_the_agent_keep_more_than_tools_and_prompts() -> None:
    said = " ".join(f"word{n}" for n in range(600))
    messages = [
        Message(role, f"{role} {said}", span_id="1")
        for role in ("system", "user", "tool", "assistant", "tool", "user", "user")
    ]
    text = render(TraceView("tr-1", "OK", 0, None, [_span(1, random.Random(0))], messages, None), 9000)
    kept = {
        role: [len(line) for line in text.split("\n") if re.match(rf"L\d+ +{role}: ", line)]
        for role in ("user", "assistant", "tool", "system")
    }
    assert min(kept["user"]) > 1.1 * max(kept["assistant"]) > 2 * max(kept["tool"]) > 2 * max(kept["system"])


def test_the_note_counts_messages_lines_and_characters() -> None:
    messages = [Message(("user", "assistant")[n % 2], f"turn {n} " + "word " * 60, span_id="1") for n in range(120)]
    text = render(TraceView("tr-1", "OK", 0, None, [_span(1, random.Random(0))], messages, None), 6000)
    found = re.search(r"\(shows (\d+) of 120 messages, (\d+) of (\d+) lines, ([\d,]+) of ([\d,]+) characters\)", text)
    assert found
    assert int(found[1]) == len(re.findall(r": turn \d+ ", text)) < 120
    assert int(found[2]) == len(text.split("\n")) - 1
    assert len(text) - len(found[0]) - 6 == int(found[4].replace(",", ""))
    turns = [int(number) for number in re.findall(r": turn (\d+) ", text)]
    assert turns[0] == 0
    assert turns[-1] == 119
    users = [turn for turn in turns if turn % 2 == 0]
    gaps = [after - before for before, after in pairwise(users)]
    assert max(gaps) - min(gaps) <= 2


def test_a_budget_is_spent() -> None:
    for seed in range(5):
        view = _view(random.Random(seed), 100)
        whole = len(render(view))
        for budget in (4000, 9000, whole // 2):
            if budget < whole:
                assert len(render(view, budget)) > 0.9 * budget
