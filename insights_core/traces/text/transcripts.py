"""Prompts that hold a whole conversation in one string, as completion models and chat templates take it.

Only a prompt that ends where the assistant is to go on is read so: "…\\n\\nHuman: …\\n\\nAssistant:" and the templates'
`<|im_start|>assistant` (ChatML), `<|start_header_id|>assistant<|end_header_id|>` (Llama 3) and `<|assistant|>` (Zephyr,
Phi). Anything else is a text that may quote a conversation, and stays as it is.
"""

from __future__ import annotations

import re
from itertools import pairwise

from insights_core.traces.text.plain import compact
from insights_core.traces.text.view import Message

_TEMPLATE = re.compile(
    r"<\|im_start\|>[ \t]*(\w+)[ \t]*\n?|<\|start_header_id\|>[ \t]*(\w+)[ \t]*<\|end_header_id\|>\s*|<\|(system|user|assistant|tool)\|>\s*"
)
_ENDS = re.compile(r"<\|(?:im_end|eot_id|eom_id|end|endoftext|begin_of_text)\|>|</s>|^<s>")
_SPEAKERS = {
    **dict.fromkeys(("user", "human", "customer", "question"), "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "agent", "answer", "thought", "action", "action input"), "assistant"),
    **dict.fromkeys(("system", "instruction", "instructions"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "ipython"), "tool"),
}
_LINE = re.compile(
    rf"^(?:({'|'.join(sorted(_SPEAKERS, key=len, reverse=True))}):[ \t]*|(assistant|ai|agent)(?= call)|(result) of ([\w.-]{{1,64}}):[ \t]*)",
    re.IGNORECASE | re.MULTILINE,
)
_GOES_ON = re.compile(r"(?:^|\n)[ \t]*(?:assistant|ai|bot|agent|answer|thought):\s*$", re.IGNORECASE)


def transcript(prompt: str) -> list[Message]:
    """The turns of a prompt that ends where the assistant goes on; none for any other text."""
    turns = _of_template(prompt) if "<|" in prompt else []
    if not turns and _GOES_ON.search(prompt[-40:]):
        turns = _of_lines(prompt)
    return turns if any(turn.role == "user" for turn in turns) else []


def _of_template(prompt: str) -> list[Message]:
    marks = list(_TEMPLATE.finditer(prompt))
    if len(marks) < 2 or _role(marks[-1]) != "assistant" or _ENDS.sub("", prompt[marks[-1].end() :]).strip():
        return []
    pieces = [(_role(mark), prompt[mark.end() : after.start()]) for mark, after in pairwise(marks)]
    return _turns([(role, _ENDS.sub("", said), None) for role, said in pieces])


def _role(mark: re.Match[str]) -> str:
    return _SPEAKERS.get(next(name for name in mark.groups() if name).lower(), "assistant")


def _of_lines(prompt: str) -> list[Message]:
    marks = list(_LINE.finditer(prompt))
    if not marks:
        return []
    pieces: list[tuple[str, str, str | None]] = [("system", prompt[: marks[0].start()], None)]
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        speaker, caller, result, tool = mark.groups()
        role = "tool" if result else "assistant" if caller else _SPEAKERS[speaker.lower()]
        begin = mark.start() if caller else mark.end()
        pieces.append((role, prompt[begin : after.start() if after else None], tool))
    return _turns(pieces)


def _turns(pieces: list[tuple[str, str, str | None]]) -> list[Message]:
    return [Message(role, compact(said.strip()), name) for role, said, name in pieces if said.strip()]
