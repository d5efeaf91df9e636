"""What a reader of a result is told beside it."""

from __future__ import annotations

from insights_core.insight.jobs.result import remark_on
from insights_core.insight.reading import Intake


def test_spans_in_an_unknown_form_are_counted_for_the_reader() -> None:
    assert remark_on(Intake()) == ""
    assert remark_on(Intake(unknown_spans=3)).startswith("3 spans are in an unknown form")
    assert remark_on(Intake(unknown_spans=1)).startswith("1 span is in an unknown form")
