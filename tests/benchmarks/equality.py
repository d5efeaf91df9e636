"""Compare every figure of the analytics with pandas over MlflowClient's traces, and with MLflow's own figures.

    python tests/benchmarks/equality.py --uri sqlite:///mlflow.db --experiment 1
    python tests/benchmarks/equality.py --uri postgresql+psycopg://…  --import conversations.json --format openai-messages

Prints how many figures were compared and each that differs; exits 1 where one does.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import expected_figures as expected

_CLOSE = 1e-9  # sums of floats differ in their last digits by the order in which they are added
_PAIRS = 150  # pairs of dimensions that are compared
_MLFLOW_PAIRS = 3  # a span filter takes MLflow seconds on SQLite


class Comparison:
    """Collects differences.

    Attributes:
        compared: How many numbers and texts were compared.
        differences: What differs, in words.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.differences: list[str] = []

    def same(self, what: str, ours: Any, theirs: Any) -> None:
        """Compare two answers: dicts by key, lists by position, floats to nine digits."""
        if isinstance(ours, dict) and isinstance(theirs, dict) and set(ours) == set(theirs):
            for key, value in ours.items():
                self.same(f"{what}.{key}", value, theirs[key])
        elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)) and len(ours) == len(theirs):
            for position, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                self.same(f"{what}[{position}]", one, other)
        else:
            self.compared += 1
            if not _equal(ours, theirs):
                self.differences.append(f"{what}: ours {_short(ours)}, expected {_short(theirs)}")


def _equal(one: Any, other: Any) -> bool:
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other)]
    return abs(one - other) <= _CLOSE * max(1e-3, abs(one), abs(other)) if all(numbers) else bool(one == other)


def _short(value: Any) -> str:
    return text if len(text := repr(value)) < 200 else text[:200] + "…"


def compare(tracking_uri: str, experiment_id: str, truth: expected.Expected | None = None) -> Comparison:
    """Every figure of an experiment; `truth` where its traces were read before."""
    from insights_core.analytics.client import Analytics

    truth = truth or expected.read(tracking_uri, experiment_id)
    ours, found = Analytics(tracking_uri), Comparison()
    ours.refresh()
    _figures(found, "all", ours, experiment_id, truth, {})
    low, high = (int(truth.traces.time_ms.quantile(q)) for q in (0.25, 0.75))
    middle = {"start_time": low, "end_time": high}
    _figures(found, "middle half", ours, experiment_id, truth.between(low, high), middle)
    _figures(found, "nothing", ours, experiment_id, truth.between(1, 2), {"start_time": 1, "end_time": 2})
    failed = set(truth.traces[truth.traces.status == "ERROR"].trace_id)
    _figures(found, "errors", ours, experiment_id, truth.of(failed), {"slice": "status = 'ERROR'"})
    _dimensions(found, ours, experiment_id, truth)
    _pairs(found, ours, experiment_id, truth)
    _correlations(found, ours, experiment_id, truth)
    _mlflow(found, ours, experiment_id)
    return found


def _figures(found: Comparison, part: str, ours: Any, experiment: str, truth: expected.Expected, where: dict) -> None:
    for unit in ("hour", "day", "week"):
        for name in ("volume", "latency", "errors", "cost_and_tokens", "tools"):
            answer = getattr(ours, name)(experiment, time_bucket=unit, **where).model_dump()
            found.same(f"{part} {name} by {unit}", answer, getattr(truth, name)(unit))
    found.same(f"{part} assessments", ours.assessments(experiment, **where).model_dump(), truth.assessments())
    for name in truth.ratings.name.unique():
        for unit in ("hour", "week"):
            answer = ours.assessment(experiment, name, time_bucket=unit, **where).model_dump()
            found.same(f"{part} assessment {name} by {unit}", answer, truth.assessment(name, unit))
    for one in truth.tools("day")["data"]:
        answer = ours.tool(experiment, one["tool_name"], time_bucket="day", **where).model_dump()
        found.same(f"{part} tool {one['tool_name']}", answer["data"], one)
    found.same(f"{part} tags", ours.tags(experiment, **where).model_dump(), truth.tags())
    for key in truth.own_tags.key.unique():
        for limit in (2, None):
            answer = ours.tag(experiment, key, limit=limit, **where).model_dump()
            found.same(f"{part} tag {key}", answer, truth.tag(key, limit))


def _dimensions(found: Comparison, ours: Any, experiment: str, truth: expected.Expected) -> None:
    values = {one.name: one.parameters[0].enum_values for one in ours.dimensions(experiment).data}
    wanted: dict[str, Any] = {"status": sorted(set(truth.traces.status)), "latency": None}
    if len(truth.spans):
        wanted["span.type"] = sorted(set(truth.spans.type))
    wanted |= {f"tools.{name}": ["used", "error", "success"] for name in set(truth.calls.name)}
    for key, part in truth.own_tags.groupby("key"):
        wanted[f"tags.{key}"] = sorted(set(part.value)) if part.value.nunique() <= 100 else None
    for name, part in truth.ratings.groupby("name"):
        kind, texts = expected.rated_type(part)[0], set(expected.rated(part).value.map(expected.text_of))
        listed = sorted(texts) if len(texts) <= 100 else None
        wanted[f"assessment.{name}"] = {"boolean": ["true", "false"], "numeric": None, "string": listed}[kind]
    found.same("dimensions", values, wanted)


def _sides(truth: expected.Expected) -> list[tuple[dict[str, Any], set[str]]]:
    """Dimensions with their parameters, and the traces that have them."""
    sides = [
        ({"name": "status", "parameters": {"value": value}}, part) for value, part in truth.traces.groupby("status")
    ]
    sides += [
        ({"name": "span.type", "parameters": {"value": value}}, part) for value, part in truth.spans.groupby("type")
    ]
    median = float(truth.traces.ms.median())
    slow = {"name": "latency", "parameters": {"threshold": median, "operator": ">="}}
    sides.append((slow, truth.traces[truth.traces.ms >= median]))
    for name in truth.calls.name.value_counts().index[:4]:
        calls = truth.calls[truth.calls.name == name]
        for value, part in (
            ("used", calls),
            ("error", calls[calls.status == "ERROR"]),
            ("success", calls[calls.status == "OK"]),
        ):
            sides.append(({"name": f"tools.{name}", "parameters": {"value": value}}, part))
    for (key, value), part in list(truth.own_tags.groupby(["key", "value"]))[:8]:
        sides.append(({"name": f"tags.{key}", "parameters": {"value": value}}, part))
    for name, part in truth.ratings.groupby("name"):
        valued, kind = expected.rated(part), expected.rated_type(part)[0]
        if kind == "numeric":
            middle = float(valued.value.median())
            low = valued[valued.value.astype(float) < middle]
            sides.append(({"name": f"assessment.{name}", "parameters": {"threshold": middle, "operator": "<"}}, low))
        elif len(valued):
            text = expected.text_of(valued.value.iloc[0])
            mine = valued[valued.value.map(expected.text_of) == text]
            sides.append(({"name": f"assessment.{name}", "parameters": {"value": text}}, mine))
    return [(one, set(part.trace_id)) for one, part in sides]


def _pairs(found: Comparison, ours: Any, experiment: str, truth: expected.Expected) -> None:
    pairs = list(combinations(_sides(truth), 2))
    for (first, one), (second, other) in pairs[:: max(1, len(pairs) // _PAIRS)]:
        answer = ours.npmi(experiment, first, second)
        counts = (answer.dimension1.count, answer.dimension2.count, answer.intersection.count)
        what, score = f"npmi of {first} and {second}", answer.correlation.npmi_score
        found.same(f"{what}: counts", counts, (len(one), len(other), len(one & other)))
        found.same(what, score, expected.npmi(len(one & other), len(one), len(other), len(truth.traces)))
        if score is not None:
            around = answer.correlation.npmi_lower <= score <= answer.correlation.npmi_upper
            found.same(f"{what}: the interval is around the score", around, True)


def _correlations(found: Comparison, ours: Any, experiment: str, truth: expected.Expected) -> None:
    slices: list[tuple[str, set[str], set[tuple[str, str]]]] = [
        (f"status = '{value}'", set(part.trace_id), set()) for value, part in truth.traces.groupby("status")
    ]
    for name in truth.calls.name.value_counts().index[:2]:
        chosen = set(truth.calls[truth.calls.name == name].trace_id)
        slices.append((f"span.name = '{name}' AND span.type = 'TOOL'", chosen, {("tool", name)}))
    for (key, value), part in list(truth.own_tags.groupby(["key", "value"]))[:4]:
        slices.append((f"tags.`{key}` = '{value}'", set(part.trace_id), {("tag", key)}))
    for where, chosen, without in slices:
        answer = ours.correlations(experiment, where, limit=None).data
        fields = ("npmi_score", "trace_count", "percentage_of_slice", "percentage_of_total")
        listed = {(one.dimension, one.value): {name: getattr(one, name) for name in fields} for one in answer}
        found.same(f"correlations of {where}", listed, truth.correlations(chosen, without))
        scores = [one.npmi_score for one in answer]
        found.same(f"correlations of {where}: highest first", scores, sorted(scores, reverse=True))
        # Their intervals are wider, for they were chosen.
        first = [one.value for one in ours.correlations(experiment, where).data]
        found.same(f"correlations of {where}: the first five", first, [one.value for one in answer[:5]])


def _mlflow(found: Comparison, ours: Any, experiment: str) -> None:
    """What query_trace_metrics and calculate_trace_filter_correlation say."""
    from mlflow import MlflowClient
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    store = MlflowClient(ours.tracking_uri)._tracing_client.store
    total, count = [MetricAggregation(AggregationType.SUM)], [MetricAggregation(AggregationType.COUNT)]
    spread = [MetricAggregation(AggregationType.PERCENTILE, percentile_value=float(q)) for q in expected.QUANTILES]
    tools = {"filters": ["span.type = 'TOOL'"]}

    def ask(view: str, metric: str, wanted: list[Any], by: list[str] | None = None, **other: Any) -> dict[Any, Any]:
        points = store.query_trace_metrics([experiment], MetricViewType[view], metric, wanted, by, **other)
        names = [str(one) for one in wanted]
        return {
            tuple(point.dimensions.get(one) for one in by or ()): [float(point.values[name]) for name in names]
            for point in points
        }

    volume, latency, cost = (
        ours.volume(experiment).summary,
        ours.latency(experiment).summary,
        ours.cost_and_tokens(experiment),
    )
    counts = {key[0]: values[0] for key, values in ask("TRACES", "trace_count", count, ["trace_status"]).items()}
    mine = (volume.ok_count, volume.error_count, volume.count)
    found.same("MLflow's volume", mine, (counts.get("OK", 0), counts.get("ERROR", 0), sum(counts.values())))
    figures = ask("TRACES", "latency", [*spread, MetricAggregation(AggregationType.AVG)]).get((), [0.0] * 4)
    mine_ms = [latency.p50_latency, latency.p90_latency, latency.p99_latency, latency.avg_latency]
    found.same("MLflow's latency", mine_ms, figures)
    for name in expected.USAGE[:3]:
        values = ask("TRACES", name, total).get((), [None])
        found.same(f"MLflow's {name}", getattr(cost.summary, name), values[0])
    models = {key[0]: values[0] for key, values in ask("SPANS", "total_cost", total, ["span_model_name"]).items()}
    by_model: dict[str, float] = {}
    for one in cost.by_model:
        by_model[one.model] = by_model.get(one.model, 0.0) + one.total_cost_usd
    found.same("MLflow's cost by model", by_model, {name or "unknown": value for name, value in models.items()})
    listed = {one.tool_name: one for one in ours.tools(experiment).data}
    calls = {key[0]: values[0] for key, values in ask("SPANS", "span_count", count, ["span_name"], **tools).items()}
    found.same("MLflow's tool calls", {name: one.invocation_count for name, one in listed.items()}, calls)
    if not ours.tracking_uri.startswith("mysql"):  # where MLflow's percentiles stand beside equal values
        slow = {key[0]: values for key, values in ask("SPANS", "latency", spread, ["span_name"], **tools).items()}
        mine_slow = {
            n: [o.p50_latency, o.p90_latency, o.p99_latency] for n, o in listed.items() if o.time_series.latency
        }
        found.same("MLflow's tool latency", mine_slow, slow)
    for name in list(listed)[:_MLFLOW_PAIRS]:
        sides = [
            {"name": "status", "parameters": {"value": "ERROR"}},
            {"name": f"tools.{name}", "parameters": {"value": "used"}},
        ]
        theirs = store.calculate_trace_filter_correlation(
            [experiment], *(ours.dimension_filter(experiment, one) for one in sides)
        )
        score = theirs.npmi if theirs.npmi == theirs.npmi else None
        found.same(f"MLflow's npmi with {name}", ours.npmi(experiment, *sides).correlation.npmi_score, score)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--uri", required=True)
    options.add_argument("--experiment", help="Id of the experiment.")
    options.add_argument("--import", dest="path", help="Import this file of conversations first.")
    options.add_argument("--format", default="openai-messages")
    given = options.parse_args()
    experiment = given.experiment
    if given.path:
        from insights_core import InsightsClient

        client, name = InsightsClient(given.uri), f"Equality {Path(given.path).stem}"
        client.import_traces(given.path, given.format, name)
        experiment = client.mlflow.get_experiment_by_name(name).experiment_id
    began = time.perf_counter()
    found = compare(given.uri, experiment)
    print(f"{found.compared:,} values compared in {time.perf_counter() - began:.1f} s, {len(found.differences)} differ")
    print("\n".join(found.differences[:50]))
    return int(bool(found.differences))


if __name__ == "__main__":
    sys.exit(main())
