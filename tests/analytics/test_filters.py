"""A filter evaluated on columns finds what MLflow's `search_traces` finds, on every backend."""

from __future__ import annotations

import pytest

from insights_core.errors import InvalidParameterError
from insights_core.traces.scopes import words_condition

FILTERS = [
    "status = 'ERROR'",
    "status != 'ERROR'",
    "trace.status IN ('OK', 'IN_PROGRESS')",
    "status NOT IN ('OK')",
    "status LIKE 'E%'",
    "attributes.status ILIKE 'err%'",
    "execution_time_ms > 1500",
    "execution_time_ms <= 800 AND status = 'OK'",
    "execution_time_ms != 1104",
    "execution_time = 1104",
    "timestamp_ms >= 1767700000000 AND timestamp_ms < 1768000000000",
    "end_time_ms > 1768000000000",
    "name = 'agent 1'",
    "name != 'agent 1'",
    "trace.name LIKE 'agent%'",
    "tags.`mlflow.traceName` IS NULL",
    "tags.region = 'eu'",
    "tags.region != 'eu'",
    "tag.region LIKE 'e%'",
    "tags.region ILIKE 'E_'",
    'tags.region = "a\'b"',
    "tags.incident IS NULL",
    "tags.incident IS NOT NULL AND tags.region = 'us'",
    "tags.`note with space` LIKE '100%'",
    "tags.`note with space` = '100%_2'",
    "tags.region RLIKE '^u'",
    "tags.`mlflow.insights.cluster_id` = '0'",
    "tags.`mlflow.artifactLocation` = '/artifacts/5'",
    "tags.never = 'x'",
    "metadata.user = 'u3'",
    "request_metadata.user != 'u3'",
    "metadata.user LIKE 'u%'",
    "metadata.user IS NULL",
    "metadata.`mlflow.trace.session` = 's5'",
    "metadata.`mlflow.trace.session` IS NULL",
    "metadata.`mlflow.trace.session` != 's5'",
    "metadata.`mlflow.trace.tokenUsage` IS NOT NULL",
    "run_id = '00000000000000000000000000000000'",
    "request_id = 'tr-00000000000000000000000000000003'",
    "request_id IN ('tr-00000000000000000000000000000003', 'tr-00000000000000000000000000000004')",
    "request_id != 'tr-00000000000000000000000000000003'",
    "span.type = 'TOOL'",
    "span.name = 'search'",
    "span.name = 'search' AND span.type = 'TOOL'",
    "span.name = 'search' AND span.type = 'TOOL' AND span.status = 'ERROR'",
    "span.type = 'TOOL' AND span.status = 'ERROR' AND status = 'OK'",
    "span.name != 'agent'",
    "span.name LIKE '%order'",
    "span.name ILIKE 'LOOKUP%'",
    "span.type IN ('RETRIEVER', 'NONE')",
    'span.name = "Ünïcode\'s"',
    "span.content LIKE '%gpt-x%'",
    "feedback.correct = 'true'",
    "feedback.correct = 'false'",
    "feedback.correct != 'true'",
    "feedback.correct IS NULL",
    "feedback.correct IS NOT NULL",
    "feedback.score > 0.5",
    "feedback.score <= 0.25 AND status = 'OK'",
    "feedback.jumble >= 2.5",
    "feedback.verdict = 'yes'",
    "feedback.verdict != 'yes'",
    "feedback.verdict LIKE '%e%'",
    "feedback.verdict ILIKE '%UNKLAR%'",
    "feedback.`whole session` = 'true'",
    "feedback.`whole session` IS NULL",
    "expectation.expected = 'an answer'",
    "expectation.correct IS NOT NULL",
    "issue.id = 'iss-1'",
    "status = 'OK' AND tags.region = 'eu' AND feedback.correct = 'true' AND span.name = 'search' AND execution_time_ms < 3000",
]
# Columns answer all but these; they go to MLflow's own search.
SEARCHED = ("RLIKE", "artifactLocation", "tokenUsage", "span.content")


@pytest.fixture
def search(facts_uri):
    from mlflow import MlflowClient

    client = MlflowClient(facts_uri)

    def ids(filter_string: str) -> set[str]:
        found, token = set(), None
        while True:
            page = client.search_traces(
                locations=["1"], filter_string=filter_string, max_results=500, page_token=token, include_spans=False
            )
            found |= {trace.info.trace_id for trace in page}
            token = page.token
            if not token:
                return found

    return ids


@pytest.mark.parametrize("filter_string", FILTERS)
def test_a_filter_finds_what_mlflow_finds(analytics, search, filter_string):
    expected = search(filter_string)
    answer = analytics.slice_trace_ids("1", filter_string)
    assert set(answer.trace_ids) == expected
    assert answer.total_count == len(expected) == len(answer.trace_ids)


@pytest.mark.parametrize("words", ["agent", "SEARCH", "a_ent", "search%", "no_such"])
def test_letters_of_patterns_are_letters_in_words(analytics, rows, words):
    """`_` and `%` that a person types stand for themselves on every store, in slices as in searches."""
    spans = rows.frame("spans")
    text = spans.content.str.lower()
    expected = set(spans[text.str.contains(words.lower(), regex=False)].trace_id)
    assert set(analytics.slice_trace_ids("1", words_condition(words)).trace_ids) == expected


@pytest.mark.parametrize("filter_string", [one for one in FILTERS if not any(word in one for word in SEARCHED)])
def test_columns_answer_without_asking_mlflow(sqlite_facts, filter_string, monkeypatch):
    from insights_core.analytics.client import Analytics
    from insights_core.analytics.slices import Slicer

    monkeypatch.setattr(Slicer, "_search", lambda *_: pytest.fail("went to MLflow's search"))
    Analytics(f"sqlite:///{sqlite_facts}").slice_trace_ids("1", filter_string)


@pytest.mark.parametrize(
    "filter_string",
    [
        "status == OK",
        "nonsense.x = 'y'",
        "tags.region IN ('eu')",
        "name IN ('agent 0', 'agent 2')",
        "feedback.score > 'x'",
        "status = 'OK' OR status = 'ERROR'",
    ],
)
def test_what_mlflow_refuses_is_refused_with_its_words(analytics, search, filter_string):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException):
        search(filter_string)
    with pytest.raises(InvalidParameterError, match=r"\w{3}"):
        analytics.volume("1", slice={"filter_string": filter_string})


def test_the_filters_of_the_fixture_divide_the_traces(analytics):
    """Guards the equality test above against filters that match nothing or everything."""
    sizes = [analytics.slice_trace_ids("1", filter_string).total_count for filter_string in FILTERS]
    assert sum(0 < size < 400 for size in sizes) > len(FILTERS) - 10
