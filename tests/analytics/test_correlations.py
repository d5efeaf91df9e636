"""Dimensions, pairs and lists: the same counts and scores as MLflow's calculate_trace_filter_correlation."""

from __future__ import annotations

import json

import pytest

from insights_core.analytics.models import DimensionValue, Slice
from insights_core.errors import ExperimentNotFoundError, InvalidParameterError, NotFoundError, UnsupportedStoreError

DIMENSIONS = [
    DimensionValue(name="status", parameters={"value": "ERROR"}),
    DimensionValue(name="span.type", parameters={"value": "TOOL"}),
    DimensionValue(name="latency", parameters={"threshold": 1200, "operator": ">="}),
    DimensionValue(name="tools.search", parameters={"value": "used"}),
    DimensionValue(name="tools.lookup order", parameters={"value": "error"}),
    DimensionValue(name="tools.Ünïcode's", parameters={"value": "success"}),
    DimensionValue(name="tags.region", parameters={"value": "a'b"}),
    DimensionValue(name="tags.note with space", parameters={"value": "100%_2"}),
    DimensionValue(name="assessment.correct", parameters={"value": "false"}),
    DimensionValue(name="assessment.score", parameters={"threshold": "0.5", "operator": "<"}),
    DimensionValue(name="assessment.verdict", parameters={"value": "yes"}),
    DimensionValue(name="assessment.expected", parameters={"value": "an answer"}),
]


@pytest.mark.parametrize("second", DIMENSIONS, ids=lambda one: one.name)
def test_a_pair_of_dimensions_is_what_mlflow_calculates(analytics, second):
    store = __import__("mlflow").MlflowClient(analytics.tracking_uri)._tracing_client.store
    for first in (DIMENSIONS[0], DIMENSIONS[3]):
        filters = [analytics.dimension_filter("1", one) for one in (first, second)]
        expected = store.calculate_trace_filter_correlation(["1"], *filters)
        answer = analytics.npmi("1", first, second)
        assert (answer.dimension1.count, answer.dimension2.count) == (expected.filter1_count, expected.filter2_count)
        assert answer.intersection.count == expected.joint_count
        assert answer.correlation.npmi_score == pytest.approx(expected.npmi)
        assert answer.correlation.npmi_lower <= answer.correlation.npmi_score <= answer.correlation.npmi_upper


def test_a_tools_error_is_a_call_that_failed_and_its_success_one_that_did_not(sqlite_facts, rows):
    """Counted from the spans themselves: both sides of the comparison above ask for the same."""
    from insights_core.analytics.client import Analytics

    calls = {
        status: {span["trace_id"] for span in rows.spans if (span["name"], span["status"]) == ("lookup order", status)}
        for status in ("OK", "ERROR", "UNSET")
    }
    used = calls["OK"] | calls["ERROR"] | calls["UNSET"]
    # So that no two of them are mistaken for each other.
    assert len({len(calls["ERROR"]), len(calls["OK"]), len(calls["OK"] | calls["UNSET"]), len(used)}) == 4
    analytics = Analytics(f"sqlite:///{sqlite_facts}")
    count = {
        value: analytics.npmi(
            "1", DIMENSIONS[0], {"name": "tools.lookup order", "parameters": {"value": value}}
        ).dimension2.count
        for value in ("used", "error", "success")
    }
    assert (count["used"], count["error"]) == (len(used), len(calls["ERROR"]))
    assert len(calls["OK"]) <= count["success"] <= len(calls["OK"] | calls["UNSET"])


def test_a_dimension_without_traces_has_no_score(analytics):
    answer = analytics.npmi("1", DIMENSIONS[0], {"name": "tags.region", "parameters": {"value": "nowhere"}})
    assert answer.dimension2.count == 0
    assert answer.correlation.model_dump() == {
        "npmi_score": None,
        "strength": "Weak",
        "npmi_lower": None,
        "npmi_upper": None,
    }
    assert (
        analytics.npmi("1", DIMENSIONS[0], {"name": "status", "parameters": {"value": "OK"}}).correlation.npmi_score
        == -1
    )


def test_dimensions_are_found_in_the_data(analytics):
    found = {one.name: one for one in analytics.dimensions("1").data}
    assert set(found) == {
        "status", "span.type", "latency", "tools.search", "tools.lookup order", "tools.refund", "tools.Ünïcode's", "tools.rare", "tags.region",
        "tags.incident", "tags.note with space", "assessment.correct", "assessment.score", "assessment.verdict", "assessment.jumble",
        "assessment.expected", "assessment.whole session",
    }  # fmt: skip
    assert found["status"].parameters[0].enum_values == ["ERROR", "IN_PROGRESS", "OK"]
    assert [parameter.name for parameter in found["latency"].parameters] == ["threshold", "operator"]
    assert [parameter.name for parameter in found["assessment.score"].parameters] == ["threshold", "operator"]
    assert found["assessment.correct"].parameters[0].enum_values == ["true", "false"]
    assert found["tools.search"].parameters[0].enum_values == ["used", "error", "success"]
    assert found["tags.region"].parameters[0].enum_values == ["EU", "a'b", "eu", "us"]


def shown(text: str) -> str:
    value = json.loads(text)
    return value if isinstance(value, str) else text


def expected_counts(rows) -> dict[tuple[str, str], set[str]]:
    """(dimension, value) -> trace ids, counted from the rows."""
    found: dict[tuple[str, str], set[str]] = {}
    for tag in rows.tags:
        if not tag["key"].lower().startswith("mlflow."):
            found.setdefault(("tag", f"{tag['key']}={tag['value']}"), set()).add(tag["request_id"])
    for span in rows.spans:
        if span["type"] == "TOOL":
            found.setdefault(("tool", span["name"]), set()).add(span["trace_id"])
            if span["status"] == "ERROR":
                found.setdefault(("tool", span["name"] + "=error"), set()).add(span["trace_id"])
    for one in rows.assessments:
        if one["name"] in ("correct", "verdict", "whole session") and one["valid"] and not one["error"]:
            found.setdefault(("assessment", f"{one['name']}={shown(one['value'])}"), set()).add(one["trace_id"])
    return found


def test_everything_that_goes_with_a_slice_is_counted_and_scored(analytics, rows):
    from mlflow.store.analytics.trace_correlation import calculate_npmi_from_counts

    slice_ids = {info["request_id"] for info in rows.infos if info["status"] == "ERROR"}
    answer = analytics.correlations("1", "status = 'ERROR'", limit=None).data
    found = {(one.dimension, one.value): one for one in answer}
    for key, ids in expected_counts(rows).items():
        joint = len(ids & slice_ids)
        if joint < 2:
            assert key not in found
            continue
        one = found[key]
        assert one.trace_count == joint
        assert one.npmi_score == pytest.approx(
            calculate_npmi_from_counts(joint, len(slice_ids), len(ids), len(rows.infos)).npmi
        )
        assert one.percentage_of_slice == round(100 * joint / len(slice_ids), 2)
        assert one.percentage_of_total == round(100 * joint / len(ids), 2)
        assert one.npmi_lower <= one.npmi_score <= one.npmi_upper
    assert [one.npmi_score for one in answer] == sorted((one.npmi_score for one in answer), reverse=True)
    assert (answer[0].value, answer[0].q_value < 1e-6) == ("incident=yes", True)
    few = analytics.correlations("1", "status = 'ERROR'").data
    scored = {"npmi_lower", "npmi_upper"}
    assert [one.model_dump(exclude=scored) for one in few] == [one.model_dump(exclude=scored) for one in answer[:5]]
    # The five highest of many are chosen ones: their intervals are wider.
    assert all(one.npmi_lower < two.npmi_lower for one, two in zip(few, answer, strict=False))
    assert {one.dimension for one in analytics.correlations("1", "status = 'ERROR'", ["tools"], limit=None).data} == {
        "tool"
    }


def test_what_defines_a_slice_is_not_listed_as_going_with_it(analytics):
    for part in ("tags.region = 'eu'", "span.name = 'search'", DIMENSIONS[8]):
        values = [one.value for one in analytics.correlations("1", slice=part, limit=None).data]
        assert values
        assert not [
            value for value in values if value.startswith(("region=", "correct=")) and value.split("=")[0] in str(part)
        ]
        assert "search" not in values or "search" not in str(part)


def test_a_slice_narrows_every_answer(analytics, rows):
    errors = [info for info in rows.infos if info["status"] == "ERROR"]
    assert analytics.volume("1", slice="status = 'ERROR'").summary.count == len(errors)
    assert analytics.volume("1", slice=DIMENSIONS[0]).summary.error_count == len(errors)
    ids = {info["request_id"] for info in errors}
    called = {span["trace_id"] for span in rows.spans if span["type"] == "TOOL" and span["name"] == "search"} & ids
    assert analytics.tool("1", "search", slice="status = 'ERROR'").data.trace_count == len(called)
    few = sorted(errors, key=lambda info: (-info["timestamp_ms"], info["request_id"]))[:3]
    answer = analytics.slice_trace_ids("1", DIMENSIONS[0], limit=3)
    assert answer.trace_ids == [info["request_id"] for info in few]
    assert answer.total_count == len(errors)


@pytest.mark.parametrize("place", ["fresh_uri", "facts_server"])
def test_a_cluster_is_a_slice_with_what_is_below_it(place, request):
    import mlflow

    from insights_core.analytics.client import Analytics
    from insights_core.entities.insight import DETAILS_ARTIFACT, Cluster, ClusterDetails, TraceRow, TrustMetrics

    clusters = [
        Cluster(cluster_id="top", level=1, title="t", size=2),
        Cluster(cluster_id="a", parent_id="top", level=0, title="a", size=1),
    ]
    row = {"nearest_cluster_id": "a", "x": 0, "y": 0, "title": "", "summary": "", "status": "OK", "timestamp_ms": 1}
    traces = [
        TraceRow(trace_id=f"tr-{i:032x}", cluster_id=cluster, **row) for i, cluster in enumerate(["a", "top", None])
    ]
    uri = request.getfixturevalue(place)  # MLflow's global tracking URI is another
    client = mlflow.MlflowClient(uri)
    # Artifacts where this MLflow puts them by itself: with the server, behind it.
    experiment = client.create_experiment(f"Clusters {place}")
    run_id = client.create_run(experiment).info.run_id
    if place == "facts_server":
        assert client.get_run(run_id).info.artifact_uri.startswith("mlflow-artifacts:")
    details = ClusterDetails(
        run_id=run_id, experiment_id="1", instruction="why", overview="", matching_traces=3, sampled_traces=3, clusters=clusters, traces=traces,
        metrics=TrustMetrics(),
    )  # fmt: skip
    client.log_text(run_id, details.model_dump_json(), DETAILS_ARTIFACT)
    analytics = Analytics(uri)
    assert analytics.volume("1", slice=Slice(insight_run_id=run_id, cluster_id="a")).summary.count == 1
    assert analytics.volume("1", slice=Slice(insight_run_id=run_id, cluster_id="top")).summary.count == 2
    with pytest.raises(NotFoundError, match="top, a"):
        analytics.volume("1", slice=Slice(insight_run_id=run_id, cluster_id="b"))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda a: a.volume("999"), ExperimentNotFoundError, "999"),
        (lambda a: a.volume("not a number"), ExperimentNotFoundError, "not a number"),
        (lambda a: a.volume([]), InvalidParameterError, "experiment_ids"),
        (lambda a: a.volume("1", time_bucket="minute"), InvalidParameterError, "hour, day, week"),
        (lambda a: a.volume("1", 5, 4), InvalidParameterError, "after"),
        (lambda a: a.tag("1", "region", limit=0), InvalidParameterError, "limit"),
        (lambda a: a.npmi("1", {"name": "tools.nope"}, DIMENSIONS[0]), InvalidParameterError, "tools.search"),
        (
            lambda a: a.npmi("1", {"name": "tools.search", "parameters": {"value": "x"}}, DIMENSIONS[0]),
            InvalidParameterError,
            "used, error, success",
        ),
        (
            lambda a: a.npmi("1", {"name": "latency", "parameters": {"threshold": "x"}}, DIMENSIONS[0]),
            InvalidParameterError,
            "threshold",
        ),
        (lambda a: a.npmi("1", {"nam": "latency"}, DIMENSIONS[0]), InvalidParameterError, "dimension1"),
        (lambda a: a.correlations("1", "status = 'OK'", ["cats"]), InvalidParameterError, "tools, tags, assessments"),
        (lambda a: a.volume("1", slice={"cluster_id": "c"}), InvalidParameterError, "insight_run_id"),
    ],
)
def test_mistakes_are_told_with_what_is_valid(analytics, call, error, words):
    with pytest.raises(error, match=words):
        call(analytics)


def test_a_file_store_is_refused_by_name(tmp_path):
    from insights_core.analytics.client import Analytics

    with pytest.raises(UnsupportedStoreError, match="FileStore"):
        Analytics(str(tmp_path))


def test_strength_words():
    from insights_core.analytics.correlations import strength

    assert [strength(score) for score in (0.71, 0.7, 0.4, 0.39, -1.0, None)] == [
        "Strong",
        "Moderate",
        "Moderate",
        "Weak",
        "Weak",
        "Weak",
    ]


def test_the_session_is_what_counts_or_the_tag_that_a_person_chooses(sqlite_facts, rows, monkeypatch):
    from insights_core.analytics.client import Analytics

    ours = Analytics(f"sqlite:///{sqlite_facts}")
    sessions = {info["session_id"] for info in rows.infos if info["session_id"]}
    alone = sum(info["session_id"] is None for info in rows.infos)
    answer = ours.correlations("1", "status = 'ERROR'")
    assert (answer.unit, answer.unit_count) == ("session", len(sessions) + alone)
    assert answer.looked_at >= len(answer.data)
    assert ours.npmi("1", DIMENSIONS[0], DIMENSIONS[3]).unit_count == answer.unit_count

    monkeypatch.setenv("INSIGHTS_SESSION_TAG", "region")
    ours.facts.answers.clear()
    view = ours.facts.view(["1"], None, None)
    view.__dict__.pop("units", None)
    regions = {tag["value"] for tag in rows.tags if tag["key"] == "region"}
    assert ours.npmi("1", DIMENSIONS[0], DIMENSIONS[1]).unit_count == len(regions)
    view.__dict__.pop("units", None)


def test_only_what_passes_a_rate_is_listed_where_that_is_asked_for(analytics):
    everything = analytics.correlations("1", "status = 'ERROR'", limit=None)
    passed = analytics.correlations("1", "status = 'ERROR'", limit=None, max_q=0.05)
    assert [one.value for one in passed.data] == [one.value for one in everything.data if one.q_value <= 0.05]
    assert 0 < len(passed.data) < len(everything.data)
    assert passed.looked_at == everything.looked_at


def test_traces_of_a_session_have_one_number(sqlite_facts, rows):
    from insights_core.analytics.client import Analytics

    chosen = rows.infos[:50]
    found = Analytics(f"sqlite:///{sqlite_facts}").sessions("1", [*(info["request_id"] for info in chosen), "tr-none"])
    assert found[-1] == -1
    named = {}
    for info, code in zip(chosen, found[:-1], strict=True):
        named.setdefault(info["session_id"] or info["request_id"], set()).add(code)
    assert all(len(codes) == 1 for codes in named.values())
    assert len({code for codes in named.values() for code in codes}) == len(named)
