"""MLflow's trace filter strings, evaluated on columns with the same result as `search_traces`.

MLflow's own parser reads them, so what it refuses is refused here with its words. What columns do not hold (span
attributes and text, prompts, request ids of clients, …) makes the whole filter go to `search_traces`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from insights_core.analytics.facts import Columns, View, Vocabulary
from insights_core.errors import mlflow_errors
from insights_core.names import COST_KEY, SESSION_KEY, TOKENS_KEY, TRACE_NAME_TAG

_ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_NAME, _SESSION, _RUN = TRACE_NAME_TAG, SESSION_KEY, "mlflow.sourceRun"
_COLUMNAR_METADATA = (TOKENS_KEY, COST_KEY)
TOOL = "tool"
"""Type of a clause about a tool: the key is its name, the value one of OUTCOMES. MLflow has no such clause."""
OUTCOMES = {"used": None, "error": ("=", "ERROR"), "success": ("!=", "ERROR")}
"""What a tool can have done in a trace -> comparison and status of one of its spans; None: any. A status that nobody
set is a success: OpenTelemetry's producers set one for an error only."""
_HELD_SPAN_KEYS = {"name": "span_name", "type": "span_type", "status": "span_status"}


class NotHeldError(Exception):
    """Columns cannot answer this filter; MLflow's search can."""


@dataclass(frozen=True)
class Clause:
    """One comparison of a filter, with MLflow's names: `tag`, `attribute`, `span`, `feedback`, …"""

    type: str
    key: str
    comparator: str
    value: Any

    def __str__(self) -> str:
        """The clause in MLflow's syntax."""
        if self.comparator.startswith("IS "):
            return f"{self.type}.{_quoted_key(self.key)} {self.comparator}"
        value = repr(self.value) if isinstance(self.value, (int, float)) else quoted(str(self.value))
        return f"{self.type}.{_quoted_key(self.key)} {self.comparator} {value}"


def _quoted_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key) else f"`{key}`"


def quoted(text: str) -> str:
    """A text in the quotation marks that it does not hold."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def parse_filter(filter_string: str | None) -> list[Clause]:
    """The clauses of a filter; all must hold.

    Raises:
        InvalidParameterError: MLflow cannot parse it.
    """
    if not filter_string or not filter_string.strip():
        return []
    from mlflow.utils.search_utils import SearchTraceUtils as Search

    with mlflow_errors():
        clauses = []
        for parsed in Search.parse_search_filter_for_search_traces(filter_string):
            clause = Clause(parsed["type"], parsed["key"], parsed["comparator"].upper(), parsed["value"])
            # Each of these raises for a comparator that MLflow's search would refuse.
            checks = (Search.is_issue, Search.is_attribute, Search.is_span, Search.is_assessment)
            if not any(check(clause.type, clause.key, clause.comparator) for check in checks):
                Search.is_tag(clause.type, clause.comparator)
                Search.is_request_metadata(clause.type, clause.comparator)
            clauses.append(clause)
        return clauses


class Evaluator:
    """Evaluates clauses on a view.

    Args:
        view: The facts; with spans, where a clause is about spans.
        metadata: key -> {trace id: value}, or None where only MLflow's search can tell.
        traces_of_run: run id -> trace ids, or None likewise.
    """

    def __init__(
        self,
        view: View,
        metadata: Callable[[str], dict[str, str] | None],
        traces_of_run: Callable[[str], list[str] | None],
    ) -> None:
        self.view = view
        self._metadata = metadata
        self._traces_of_run = traces_of_run

    def mask(self, clauses: list[Clause]) -> np.ndarray:
        """Where all clauses hold: a bool array of shape (n_traces,).

        Raises:
            NotHeldError: Columns do not hold what a clause is about.
        """
        mask = np.ones(len(self.view), dtype=bool)
        spans = [clause for clause in clauses if clause.type == "span"]
        if spans:
            mask &= self._spans(spans)  # all of them on one and the same span
        for clause in clauses:
            if clause.type != "span":
                mask &= self._one(clause)
        return mask

    def _one(self, clause: Clause) -> np.ndarray:
        if clause.type == "attribute":
            return self._attribute(clause)
        if clause.type == "tag":
            return self._tag(clause)
        if clause.type == "request_metadata":
            return self._request_metadata(clause)
        if clause.type in ("feedback", "expectation"):
            return self._assessment(clause)
        if clause.type == TOOL:
            return self._tool(clause)
        if clause.type == "issue":
            columns, words = self.view.assessments, self.view.words
            return self._any(
                columns,
                (columns["kind"] == words.assessment_kind.code("issue"))
                & (columns["name"] == words.assessment_name.code(clause.value)),
            )
        raise NotHeldError(clause.type)

    def _attribute(self, clause: Clause) -> np.ndarray:
        traces = self.view.traces
        if clause.key == "status":
            return _on_codes(self.view.words.status, traces["status"], clause)
        if clause.key == "request_id" and clause.comparator in ("=", "!=", "IN", "NOT IN"):
            given = clause.value if isinstance(clause.value, (tuple, list)) else [clause.value]
            found = self.view.rows_of(given)
            return ~found if clause.comparator in ("!=", "NOT IN") else found
        numbers = {
            "timestamp_ms": traces["time_ms"],
            "execution_time_ms": traces["latency_ms"],
            "end_time_ms": traces["time_ms"] + np.nan_to_num(traces["latency_ms"]),
        }
        if clause.key not in numbers or clause.comparator not in _ORDERED or not isinstance(clause.value, (int, float)):
            raise NotHeldError(clause.key)
        values = numbers[clause.key]
        # NULL compares to nothing, not even as unequal.
        return _ORDERED[clause.comparator](values, clause.value) & ~np.isnan(values)

    def _tag(self, clause: Clause) -> np.ndarray:
        from insights_core.analytics.source import UNHELD_TAGS

        if clause.key == _NAME:
            return _on_codes(self.view.words.trace_name, self.view.traces["name"], clause)
        if clause.key in (*UNHELD_TAGS, "mlflow.linkedPrompts"):
            raise NotHeldError(clause.key)
        columns = self.view.tags
        mine = columns["key"] == self.view.words.tag_key.code(clause.key)
        if clause.comparator.startswith("IS "):
            found = self._any(columns, mine)
            return ~found if clause.comparator == "IS NULL" else found
        mine[mine] = _on_codes(self.view.words.tag_value, columns["value"][mine], clause)
        return self._any(columns, mine)

    def _request_metadata(self, clause: Clause) -> np.ndarray:
        if clause.key == _SESSION:
            return _on_codes(self.view.words.session, self.view.traces["session"], clause)
        if clause.key in _COLUMNAR_METADATA:
            raise NotHeldError(clause.key)
        if clause.key == _RUN and clause.comparator == "=":
            ids = self._traces_of_run(clause.value)
            if ids is None:
                raise NotHeldError(clause.key)
            return self.view.rows_of(ids)
        values = self._metadata(clause.key)
        if values is None:
            raise NotHeldError(clause.key)
        if clause.comparator.startswith("IS "):
            found = self.view.rows_of(values)
            return ~found if clause.comparator == "IS NULL" else found
        test = text_test(clause.comparator, clause.value)
        return self.view.rows_of(trace_id for trace_id, value in values.items() if test(value))

    def _assessment(self, clause: Clause) -> np.ndarray:
        columns, words = self.view.assessments, self.view.words
        mine = columns["valid"] & (columns["kind"] == words.assessment_kind.code(clause.type))
        mine &= columns["name"] == words.assessment_name.code(clause.key)
        if isinstance(clause.value, (int, float)):
            kinds, numbers = words.assessment_value.parsed()
            codes = columns["value"][mine]
            mine[mine] = (kinds[codes] == words.assessment_value.NUMERIC) & _ORDERED[clause.comparator](
                numbers[codes], clause.value
            )
        elif not clause.comparator.startswith("IS "):
            # MLflow compares with the JSON text: strings there have quotes, which = and != add.
            if clause.comparator in ("=", "!="):
                texts = (clause.value, json.dumps(clause.value))
                test: Callable[[str], bool] = (
                    (lambda text: text in texts) if clause.comparator == "=" else (lambda text: text not in texts)
                )
            else:
                test = text_test(clause.comparator, clause.value)
            mine[mine] = words.assessment_value.matching(columns["value"][mine], test)
        found = self._any(columns, mine) | self._sessions_of(mine & columns["session_scoped"])
        return ~found if clause.comparator == "IS NULL" else found

    def _sessions_of(self, chosen: np.ndarray) -> np.ndarray:
        """The traces of the sessions whose session-scoped assessments are chosen: such a one holds for all of them."""
        sessions = self.view.traces["session"]
        rated = np.unique(sessions[self.view.assessments["trace"][chosen]])
        return np.isin(sessions, rated[rated >= 0])

    def _spans(self, clauses: list[Clause]) -> np.ndarray:
        columns = self.view.spans
        mine = np.ones(len(columns["trace"]), dtype=bool)
        for clause in clauses:
            if clause.key not in _HELD_SPAN_KEYS:
                raise NotHeldError(clause.key)
            words: Vocabulary = getattr(self.view.words, _HELD_SPAN_KEYS[clause.key])
            mine &= _on_codes(words, columns[clause.key], clause)
        return self._any(columns, mine)

    def _tool(self, clause: Clause) -> np.ndarray:
        columns, words = self.view.spans, self.view.words
        mine = columns["tool"] == words.tool.code(clause.key)
        if outcome := OUTCOMES[clause.value]:
            comparison, status = outcome
            mine &= _ORDERED[comparison](columns["status"], words.span_status.code(status))
        return self._any(columns, mine)

    def _any(self, columns: Columns, chosen: np.ndarray) -> np.ndarray:
        mask = np.zeros(len(self.view), dtype=bool)
        mask[columns["trace"][chosen]] = True
        return mask


def needs_spans(clauses: list[Clause]) -> bool:
    """Whether span facts are needed to evaluate these."""
    return any(clause.type in ("span", TOOL) for clause in clauses)


def _on_codes(words: Vocabulary, codes: np.ndarray, clause: Clause) -> np.ndarray:
    if clause.comparator == "IS NULL":
        return codes < 0
    if clause.comparator == "IS NOT NULL":
        return codes >= 0
    if clause.comparator == "=":
        return codes == words.code(clause.value)
    if clause.comparator == "!=":
        return (codes >= 0) & (codes != words.code(clause.value))
    return words.matching(codes, text_test(clause.comparator, clause.value))


def text_test(comparator: str, value: Any) -> Callable[[str], bool]:
    """The test of one string that a comparator and a value stand for.

    Raises:
        NotHeldError: Databases differ on it (regular expressions, backslashes, letters beyond ASCII in ILIKE).
    """
    if comparator in ("=", "!="):
        return (lambda text: text == value) if comparator == "=" else (lambda text: text != value)
    if comparator in ("IN", "NOT IN"):
        values = set(value)
        return (lambda text: text in values) if comparator == "IN" else (lambda text: text not in values)
    if comparator not in ("LIKE", "ILIKE") or "\\" in value or (comparator == "ILIKE" and not value.isascii()):
        raise NotHeldError(comparator)
    pattern = re.escape(value).replace("%", ".*").replace("_", ".")
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if comparator == "ILIKE" else 0)
    compiled = re.compile(pattern, flags)
    return lambda text: compiled.fullmatch(text) is not None
