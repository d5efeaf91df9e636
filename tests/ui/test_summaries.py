from dataclasses import dataclass
from typing import Any

import pytest

from pages._ui.look.summaries import summary_of


@dataclass
class Assessment:
    name: str
    value: Any
    create_time_ms: int = 0


@pytest.mark.parametrize(
    "value",
    [
        {"title": "T", "summary": "What was said"},
        '{"title": "T", "summary": "What was said"}',
        "What was said",
        {"title": "What was said"},
    ],
)
def test_a_summary_is_words_however_it_was_logged(value):
    assert summary_of([Assessment("mlflow.insights.summary", value)]) == "What was said"


def test_the_newest_summary_counts():
    found = [
        Assessment("mlflow.insights.summary", "new", 2),
        Assessment("mlflow.insights.summary", "old", 1),
        Assessment("grounded", True, 3),
    ]

    assert summary_of(found) == "new"


def test_a_trace_that_no_insight_has_read_has_no_summary():
    assert summary_of([Assessment("grounded", True)]) is None
    assert summary_of(None) is None
