"""Facts from a stock MLflow server over HTTP.

Traces, tags and assessments come with the pages of `traces/search`. What tools a trace called is told by no listing and
by no grouping of `traces/metrics`, so spans are fetched with `traces/batchGet`, a hundred traces at a time, once for each
trace and only when a question is about spans.

How changes are noticed: `traces/metrics` gives hourly figures (traces by status, latency, tokens, spans, assessments by
name and value), and an hour whose figures changed is listed again. No figure tells of a tag that is set on an old trace,
or of an edited text value of an assessment; for these each day is listed again every ten minutes, one after the other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.analytics.columns import Rows, by_trace, to_bytes, to_floats, told_once
from insights_core.analytics.facts import (
    ASSESSMENT_COLUMNS,
    SPAN_COLUMNS,
    TAG_COLUMNS,
    TRACE_COLUMNS,
    Columns,
    Vocabularies,
)
from insights_core.analytics.rest_rows import SPAN_VALUES, add_rows, epoch_ms, span_row
from insights_core.analytics.source import HOUR_MS, Fingerprint

if TYPE_CHECKING:
    from mlflow import MlflowClient

_API = "/api/3.0/mlflow/traces"
_PAGE = 500  # the server refuses more
_BATCH = 100
# `traces/metrics` gives at most this many points and no page token; what follows is asked for again.
_POINTS = 1_000
_RELIST_S = 600.0
_DAY_MS = 24 * HOUR_MS
# 2100-01-01: an open end, where the server wants one for hourly figures.
_FAR_MS = 4_102_444_800_000


class RestSource:
    """An MLflow server as a source of facts.

    Args:
        uri: Address of the server.
    """

    max_age_s = 30.0
    note = "Tags set on old traces, and edited texts of assessments, show after at most ten minutes or a refresh."
    traces_a_load = 20_000

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.words = Vocabularies()
        self._generation = 0
        self._client: MlflowClient | None = None
        self._listed: tuple[tuple[str, int, int], dict[str, list[tuple[Any, ...]]]] | None = None

    # What changed

    def token(self) -> Hashable | None:
        return None

    def forget(self) -> None:
        """Let the next check find everything changed that figures do not tell of."""
        self._generation += 1

    def known_experiments(self, experiment_ids: Iterable[str]) -> set[str]:
        from mlflow.exceptions import MlflowException

        if self._client is None:
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self.uri)
        found = set()
        for one in experiment_ids:
            try:
                found.add(self._client.get_experiment(one).experiment_id)
            except MlflowException as error:
                if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    raise
        return found

    def check(
        self, experiment_ids: list[str], start: int | None, end: int | None
    ) -> dict[tuple[str, int], Fingerprint]:
        self._listed = None
        low, high = start or 0, (_FAR_MS if end is None else end) - 1
        found: dict[tuple[str, int], Fingerprint] = {}
        for experiment in experiment_ids:
            counts = self._figures(experiment, low, high, "TRACES", "trace_count", ["COUNT"], ["trace_status"])
            parts = [
                counts,
                self._figures(experiment, low, high, "TRACES", "latency", ["AVG", "MIN", "MAX"]),
                self._figures(experiment, low, high, "TRACES", "total_tokens", ["SUM"]),
                self._figures(experiment, low, high, "SPANS", "span_count", ["COUNT"], ["span_status"]),
            ]
            ratings = [
                self._figures(experiment, low, high, "ASSESSMENTS", "assessment_count", ["COUNT"], ["assessment_name"]),
                self._figures(
                    experiment, low, high, "ASSESSMENTS", "assessment_value", ["AVG", "MIN", "MAX"], ["assessment_name"]
                ),
            ]
            for hour, points in counts.items():
                age = self._listing_due(hour)
                found[experiment, hour] = Fingerprint(
                    int(sum(point[-1][0] for point in points)),
                    tuple(part.get(hour) for part in parts),
                    age,
                    (*(part.get(hour) for part in ratings), age),
                )
        return found

    def _listing_due(self, hour: int) -> Hashable:
        """Changes when the day of an hour is to be listed again; days take turns, so that one question pays for few."""
        day = hour // _DAY_MS
        return self._generation, int((time.time() + day * 7919 % _RELIST_S) // _RELIST_S)

    def _figures(
        self,
        experiment: str,
        low: int,
        high: int,
        view: str,
        metric: str,
        aggregations: list[str],
        by: list[str] | None = None,
    ) -> dict[int, tuple[tuple[Any, ...], ...]]:
        """Hour -> its points, each the values of `by` and a tuple of figures; all points, however many."""
        body = {
            "experiment_ids": [experiment], "view_type": view, "metric_name": metric, "end_time_ms": high,
            "aggregations": [{"aggregation_type": one} for one in aggregations], "dimensions": by or [],
            "time_interval_seconds": HOUR_MS // 1000, "max_results": _POINTS,
        }  # fmt: skip
        found: dict[int, tuple[tuple[Any, ...], ...]] = {}
        while True:
            points = self._post(f"{_API}/metrics", {**body, "start_time_ms": low}).get("data_points", [])
            hours: dict[int, list[tuple[Any, ...]]] = {}
            for point in points:
                named = point["dimensions"]
                values = tuple(point["values"].get(one) for one in aggregations)
                hours.setdefault(epoch_ms(named["time_bucket"]), []).append(
                    (*(named.get(one) for one in by or []), values)
                )
            full = len(points) >= _POINTS
            if full and len(hours) > 1:
                # Points come by time: the last hour may be cut, and the next request begins with it.
                low = max(hours)
                del hours[low]
            elif full:
                low = max(hours) + HOUR_MS
            found.update({hour: tuple(some) for hour, some in hours.items()})
            if not full:
                return found

    # Columns

    def traces(self, experiment_id: str, start: int, end: int) -> Columns:
        rows = self._list(experiment_id, start, end)["traces"]
        words = self.words
        columns = (
            dict(zip(TRACE_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(TRACE_COLUMNS, ())
        )
        found: dict[str, np.ndarray] = {
            "trace_id": np.array([one.encode() for one in columns["trace_id"]], dtype="S" if rows else "S1"),
            "experiment": words.experiment.encode(columns["experiment"]),
            "time_ms": np.array(columns["time_ms"], dtype=np.int64),
            "status": words.status.encode(columns["status"]),
            "session": words.session.encode(columns["session"]),
            "name": words.trace_name.encode(columns["name"]),
        }
        return {
            name: found[name] if name in found else np.array(columns[name], dtype=np.float64) for name in TRACE_COLUMNS
        }

    def tags(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        rows = self._list(experiment_id, start, end)["tags"]
        words = self.words
        trace, key, value = zip(*rows, strict=True) if rows else ((), (), ())
        arrays = [Rows(trace_ids)(trace), words.tag_key.encode(key), words.tag_value.encode(value)]
        return by_trace(dict(zip(TAG_COLUMNS, arrays, strict=True)))

    def assessments(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        rows = self._list(experiment_id, start, end)["assessments"]
        words = self.words
        trace, kind, name, value, valid, error, source, scoped = zip(*rows, strict=True) if rows else ((),) * 8
        arrays = [Rows(trace_ids)(trace), words.assessment_kind.encode(kind), words.assessment_name.encode(name)]
        arrays += [words.assessment_value.encode(value), np.array(valid, dtype=bool), np.array(error, dtype=bool)]
        arrays += [words.source.encode(source), np.array(scoped, dtype=bool)]
        return by_trace(dict(zip(ASSESSMENT_COLUMNS, arrays, strict=True)))

    def spans(self, experiment_id: str, start: int, end: int, trace_ids: np.ndarray) -> Columns:
        rows: list[tuple[Any, ...]] = []
        ids = [one.decode() for one in trace_ids.tolist()]
        for first in range(0, len(ids), _BATCH):
            missing = dict.fromkeys(ids[first : first + _BATCH])
            for trace in self._batch(list(missing)):
                trace_id = trace["trace_info"]["trace_id"]
                missing.pop(trace_id, None)
                rows += [span_row(trace_id, span) for span in trace.get("spans", [])]
            for trace_id in missing:  # batchGet leaves out traces that are not complete yet
                rows += [span_row(trace_id, span) for span in self._partial(trace_id)]
        words = self.words
        convert: dict[str, Any] = {
            "trace": Rows(trace_ids), "name": words.span_name.encode, "type": words.span_type.encode, "status": words.span_status.encode,
            "model": words.model.encode, "provider": words.provider.encode, "tool": words.tool.encode, "span_id": to_bytes, "parent_id": to_bytes,
        }  # fmt: skip
        columns = (
            dict(zip(SPAN_VALUES, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(SPAN_VALUES, ())
        )
        found = by_trace({name: convert.get(name, to_floats)(columns[name]) for name in SPAN_VALUES})
        return told_once({name: found[name] for name in SPAN_COLUMNS}, found["span_id"], found["parent_id"])

    def metadata(
        self, experiment_ids: list[str], start: int | None, end: int | None, key: str
    ) -> dict[str, str] | None:
        return None

    def traces_of_run(self, experiment_ids: list[str], run_id: str) -> list[str] | None:
        return None

    # Requests

    def _list(self, experiment: str, start: int, end: int) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of a range, listed once for the three kinds of columns."""
        if self._listed is None or self._listed[0] != (experiment, start, end):
            rows: dict[str, list[tuple[Any, ...]]] = {"traces": [], "tags": [], "assessments": []}
            for info in self._infos(experiment, start, end):
                add_rows(info, experiment, rows)
            rows["traces"].sort(key=lambda row: (row[2], row[0]))
            self._listed = ((experiment, start, end), rows)
        return self._listed[1]

    def _infos(self, experiment: str, start: int, end: int) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}],
            "filter": f"timestamp_ms >= {start} AND timestamp_ms < {end}", "max_results": _PAGE,
            "order_by": ["timestamp_ms ASC"],  # new traces then come on later pages and shift none
        }  # fmt: skip
        while True:
            page = self._post(f"{_API}/search", body)
            yield from page.get("traces", [])
            if not page.get("next_page_token"):
                return
            body["page_token"] = page["next_page_token"]

    def _batch(self, trace_ids: list[str]) -> list[dict[str, Any]]:
        """Complete traces; none where the server fails on one that it cannot read: each is then asked for alone."""
        return (self._readable(f"{_API}/batchGet", {"trace_ids": trace_ids}) or {}).get("traces", [])

    def _partial(self, trace_id: str) -> list[dict[str, Any]]:
        """Spans of a trace in progress; none where it is deleted meanwhile, unreadable, or has its spans elsewhere."""
        found = self._readable(f"{_API}/get", {"trace_id": trace_id, "allow_partial": "true"}) or {}
        return found.get("trace", {}).get("spans", [])

    def _readable(self, endpoint: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a GET; None where the server answers that it cannot give one."""
        # Not tried again on a plain 500: the server fails on the trace, and would again.
        response = self._send("GET", endpoint, params=params, retry_codes=frozenset((429, 502, 503, 504)))
        if response.status_code in (400, 404, 500):
            return None
        return self._json(response, endpoint)

    def _post(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._json(self._send("POST", endpoint, json=body), endpoint)

    def _send(self, method: str, endpoint: str, **arguments: Any) -> Any:
        """One request with MLflow's credentials and retries; raises where the server does not answer at all."""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        return http_request(get_default_host_creds(self.uri), endpoint, method, raise_on_status=False, **arguments)

    @staticmethod
    def _json(response: Any, endpoint: str) -> dict[str, Any]:
        """The body, or MLflow's error. Plain JSON: building MLflow's entities would take most of the time."""
        from mlflow.utils.rest_utils import verify_rest_response

        return json.loads(verify_rest_response(response, endpoint).text)
