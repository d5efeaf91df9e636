"""Quality: the values of valid feedback and expectations, by name.

The type of an assessment comes from its values: all true or false, all numbers, anything else strings. Judges that
answer "yes" and "no" give strings; what their words mean is the judge's business, so none is called a failure. Values
of several types are treated as strings, and the answer says that they are mixed. An assessment that holds an error in
place of a value is neither pass nor fail: it is counted as an error and nowhere else. The product's own summaries
(mlflow.insights.…) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insights_core.analytics.buckets import bucket_starts, grouped_percentiles, rate
from insights_core.analytics.facts import JsonVocabulary, View
from insights_core.analytics.models import (
    AssessmentInfo,
    AssessmentResponse,
    AssessmentsResponse,
    AssessmentType,
    BooleanPoint,
    BooleanSummary,
    NumericPoint,
    NumericSummary,
    StringSummary,
)
from insights_core.analytics.tags import most_frequent

_TYPES: dict[int, AssessmentType] = {
    JsonVocabulary.BOOLEAN: "boolean",
    JsonVocabulary.NUMERIC: "numeric",
    JsonVocabulary.STRING: "string",
}


@dataclass(frozen=True)
class Ratings:
    """All assessments of one name."""

    type: AssessmentType
    mixed: bool
    sources: list[str]
    error_count: int
    trace: np.ndarray
    """Rows of the traces, of those that hold a value; shape (n,), as the next two."""
    code: np.ndarray
    number: np.ndarray
    trace_count: int
    """Distinct traces, those with an error in place of a value included."""


def ratings_of(view: View, name_code: int) -> Ratings:
    """What is known of one assessment; type string where it has no value."""
    columns = view.ratings
    mine = columns["name"] == name_code
    kinds, numbers = view.words.assessment_value.parsed()
    trace, value, failed = columns["trace"][mine], columns["value"][mine], columns["error"][mine]
    known = ~failed & (value >= 0)
    known[known] = kinds[value[known]] != JsonVocabulary.NULL
    present = np.unique(kinds[value[known]])
    kind = int(present[0]) if len(present) == 1 else JsonVocabulary.STRING
    sources = view.words.source.decode(code for code in np.unique(columns["source"][mine]) if code >= 0)
    return Ratings(
        _TYPES[kind],
        len(present) > 1,
        sorted(sources),
        int(failed.sum()),
        trace[known],
        value[known],
        numbers[value[known]],
        len(np.unique(trace)),
    )


def assessment_names(view: View) -> list[str]:
    """Names of the assessments that there are, in order."""
    return sorted(view.words.assessment_name.decode(np.unique(view.ratings["name"])))


def assessments(view: View) -> AssessmentsResponse:
    """Every assessment, most traces first."""
    found = []
    for code in np.unique(view.ratings["name"]):
        one = ratings_of(view, code)
        name = view.words.assessment_name[code]
        found.append(
            AssessmentInfo(
                assessment_name=name,
                assessment_type=one.type,
                sources=one.sources,
                trace_count=one.trace_count,
                mixed=one.mixed,
            )
        )
    return AssessmentsResponse(data=sorted(found, key=lambda info: (-info.trace_count, info.assessment_name)))


def assessment(view: View, assessment_name: str, time_bucket: str = "hour") -> AssessmentResponse:
    """Metrics of one assessment by its type; zeros where no trace has it."""
    one = ratings_of(view, view.words.assessment_name.code(assessment_name))
    starts, bucket = np.unique(bucket_starts(view.traces["time_ms"][one.trace], time_bucket), return_inverse=True)
    summary: BooleanSummary | NumericSummary | StringSummary
    series: list[BooleanPoint] | list[NumericPoint] | None
    if one.type == "boolean":
        summary, series = _boolean(one, starts, bucket)
    elif one.type == "numeric":
        summary, series = _numeric(one, starts, bucket)
    else:
        summary, series = _string(view, one), None
    return AssessmentResponse(
        assessment_name=assessment_name,
        assessment_type=one.type,
        sources=one.sources,
        mixed=one.mixed,
        error_count=one.error_count,
        summary=summary,
        time_series=series,
    )


def _boolean(one: Ratings, starts: np.ndarray, bucket: np.ndarray) -> tuple[BooleanSummary, list[BooleanPoint]]:
    failed = one.number == 0
    totals = np.bincount(bucket, minlength=len(starts)).tolist()
    failures = np.bincount(bucket[failed], minlength=len(starts)).tolist()
    points = [
        BooleanPoint(time_bucket=start, total_count=n, failure_count=bad, failure_rate=rate(bad, n))
        for start, n, bad in zip(starts.tolist(), totals, failures, strict=True)
    ]
    n, bad = len(failed), int(failed.sum())
    return BooleanSummary(total_count=n, failure_count=bad, failure_rate=rate(bad, n)), points


def _numeric(one: Ratings, starts: np.ndarray, bucket: np.ndarray) -> tuple[NumericSummary, list[NumericPoint]]:
    counts = np.bincount(bucket, minlength=len(starts)).tolist()
    by_bucket = grouped_percentiles(bucket, one.number, len(starts)).tolist()
    points = [
        NumericPoint(time_bucket=start, count=n, p50_value=p50, p90_value=p90, p99_value=p99)
        for start, n, (p50, p90, p99) in zip(starts.tolist(), counts, by_bucket, strict=True)
    ]
    p50, p90, p99 = grouped_percentiles(np.zeros(len(one.number), dtype=np.int64), one.number, 1)[0]
    summary = NumericSummary(
        total_count=len(one.number),
        p50_value=float(p50),
        p90_value=float(p90),
        p99_value=float(p99),
        min_value=float(one.number.min()),
        max_value=float(one.number.max()),
        below_p50_count=int((one.number < p50).sum()),
    )
    return summary, points


def _string(view: View, one: Ratings) -> StringSummary:
    codes, row = np.unique(one.code, return_inverse=True)
    texts = [view.words.assessment_value.text(code) for code in codes]
    counts = np.bincount(row, minlength=len(codes))
    return StringSummary(
        total_count=len(one.code),
        unique_values=len(codes),
        top_values=most_frequent(counts, texts, len(one.code), None),
    )
