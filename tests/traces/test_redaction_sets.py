"""How much private data is caught, and how much ordinary text is taken wrongly, on text that no rule was tuned on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from insights_core.traces.redaction import Redactor

_SPEC = importlib.util.spec_from_file_location("redaction_sets", Path(__file__).with_name("redaction_sets.py"))
sets = importlib.util.module_from_spec(_SPEC)  # type: ignore[arg-type]
_SPEC.loader.exec_module(sets)  # type: ignore[union-attr]


def _leaks(text: str, private: str) -> bool:
    seen = Redactor().redact(f"L001 {text}")
    return private in seen or (len(private) >= 10 and private[-6:] in seen)


@pytest.mark.parametrize("secrets", [sets.tuning_secrets(), sets.held_out_secrets()], ids=["tuned on", "held out"])
def test_at_least_95_percent_of_private_data_is_caught(secrets: list[tuple[str, str]]) -> None:
    missed = [text for text, private in secrets if _leaks(text, private)]
    assert len(missed) <= 0.05 * len(secrets), missed


@pytest.mark.parametrize("ordinary", [sets.TUNING_ORDINARY, sets.HELD_OUT_ORDINARY], ids=["tuned on", "held out"])
def test_at_most_2_percent_of_ordinary_text_is_taken(ordinary: list[str]) -> None:
    taken = [text for text in ordinary if Redactor().redact(f"L001 {text}") != f"L001 {text}"]
    assert len(taken) <= 0.02 * len(ordinary), taken


def test_known_prefixes_are_caught_without_the_package_of_vendors_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    from insights_core.traces.redaction import vendors

    monkeypatch.setattr(vendors, "_scanner", lambda: None)
    tokens = [(text, private) for text, private in sets.held_out_secrets()[:44]]
    assert sum(_leaks(*sample) for sample in tokens) <= 2
