"""What a job would read, cost and take: measured on a few of its traces before anything is spent."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import InsightEstimate, InsightSpec, SkippedTrace, TraceScope
from insights_core.insight.reading import Prepared, SummaryKey, Texts, TraceFacts, digest, read_facts

if TYPE_CHECKING:
    from insights_core.insight.jobs.parts import Stages

# Traces whose text is made: enough for a mean, few enough for a person who waits.
_MEASURED = 20
# Listing traces costs 0.4 ms each: of a larger sample, so many are listed and the rest is extrapolated.
_LISTED = 2000
# What a structured summary of our schema takes on ordinary models, and what one takes to answer.
_SUMMARY_TOKENS = 350
_SECONDS_A_CALL = 4.0
# Naming one cluster from its members and near non-members; one overview.
_NAME_INPUT_TOKENS, _NAME_OUTPUT_TOKENS = 1_500, 120
_OVERVIEW_INPUT_TOKENS, _OVERVIEW_OUTPUT_TOKENS = 3_000, 500
# Vectors, clusters, stability and map: a start and a share for each trace, measured on two cores.
_CLUSTER_START_S, _CLUSTER_S_A_TRACE = 15.0, 0.006
_STORE_S_A_TRACE = 0.002


# Named clusters: about this many traces each, and never more than this.
_TRACES_A_CLUSTER, _MOST_CLUSTERS = 25, 60


@dataclass(frozen=True)
class _Measured:
    """Means over the traces that were looked at."""

    traces: int = 0
    input_tokens: float = 0.0
    """Of the prompt and the trace's text."""
    seconds: float = 0.0
    """To fetch a trace and make its text; offline also to summarise it."""
    fresh_share: float = 1.0
    """Share whose text really differs from the summarised one, or has no summary."""


def estimate(connection: Connection, spec: InsightSpec) -> InsightEstimate:
    """What a job with this specification would do; see `InsightJobs.estimate_insight`."""
    from insights_core.insight.jobs.parts import stages_for
    from insights_core.traces.search import sample_traces

    stages = stages_for(spec)
    key = SummaryKey.of(spec, stages.summarizer)
    listed = sample_traces(connection, _at_most(spec.scope, _LISTED))
    facts = [read_facts(info, key, spec.max_chars) for info in listed.infos]
    sample = _sample_size(listed.matching, spec.scope)
    scale = sample / len(facts) if facts else 0.0
    todo = [item for item in facts if not item.is_done]
    measured = _measure(connection, spec, stages, todo)
    fresh = round(len(todo) * measured.fresh_share * scale)
    tokens = _tokens(fresh, sample, measured) if stages.endpoint else (0, 0)
    return InsightEstimate(
        matching_traces=listed.matching,
        sample_traces=sample,
        summarized_traces=sample - fresh,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cost_usd=_cost_usd(stages, tokens),
        model_calls=fresh + _clusters(sample) + 1 if stages.endpoint and sample else 0,
        duration_s=round(_seconds(stages, fresh, sample, measured), 1),
        model=stages.model,
        basis=_basis(stages, listed.matching, sample, len(facts), measured),
    )


def _at_most(scope: TraceScope, limit: int) -> TraceScope:
    return scope.model_copy(update={"max_traces": min(limit, scope.max_traces or limit)})


def _sample_size(matching: int, scope: TraceScope) -> int:
    size = math.ceil(matching * scope.sample_rate)
    return size if scope.max_traces is None else min(size, scope.max_traces)


def _measure(connection: Connection, spec: InsightSpec, stages: Stages, todo: Sequence[TraceFacts]) -> _Measured:
    """Make the text of a few traces that would be summarised, and see how long it is and takes."""
    from insights_core.llm import count_tokens

    chosen = random.Random(spec.scope.seed).sample(list(todo), min(_MEASURED, len(todo)))  # noqa: S311
    extract = getattr(stages.summarizer, "extract", None)
    began = time.perf_counter()
    made: list[Prepared] = []
    for item in Texts(connection, most_bytes=0).prepare(chosen, spec.max_chars):
        if not isinstance(item, SkippedTrace):
            made.append(item)
            if extract and not stages.endpoint:
                extract(item.read.view, item.read.text)
    seconds = time.perf_counter() - began
    if not made:
        return _Measured()
    prompt = count_tokens(stages.prompt)
    fresh = sum(item.facts.stored is None or item.facts.stored.text_hash != digest(item.read.text) for item in made)
    tokens = sum(count_tokens(item.read.text) for item in made) / len(made) + prompt
    return _Measured(len(made), tokens, seconds / len(made), fresh / len(made))


def _tokens(fresh: int, sample: int, measured: _Measured) -> tuple[int, int]:
    """Input and output tokens of the whole job."""
    if not sample:
        return 0, 0
    clusters = _clusters(sample)
    given = fresh * measured.input_tokens + clusters * _NAME_INPUT_TOKENS + _OVERVIEW_INPUT_TOKENS
    answered = fresh * _SUMMARY_TOKENS + clusters * _NAME_OUTPUT_TOKENS + _OVERVIEW_OUTPUT_TOKENS
    return round(given), round(answered)


def _clusters(sample: int) -> int:
    return min(_MOST_CLUSTERS, max(1, sample // _TRACES_A_CLUSTER))


def _cost_usd(stages: Stages, tokens: tuple[int, int]) -> float | None:
    from insights_core.llm import price_of

    if not stages.endpoint:
        return 0.0
    price = price_of(stages.model)
    return round(price.cost_usd(*tokens), 6) if price else None


def _seconds(stages: Stages, fresh: int, sample: int, measured: _Measured) -> float:
    if not sample:
        return 0.0
    reading = fresh * measured.seconds
    # Texts are made while the model works.
    model = fresh * _SECONDS_A_CALL / settings.INSIGHTS_MAX_CONCURRENCY.get() if stages.endpoint else 0.0
    return max(reading, model) + _CLUSTER_START_S + sample * (_CLUSTER_S_A_TRACE + _STORE_S_A_TRACE)


def _basis(stages: Stages, matching: int, sample: int, listed: int, measured: _Measured) -> str:
    if not matching:
        return "No trace matches."
    if measured.traces:
        said = f"The texts of {measured.traces} random traces of the sample were made and measured"
    else:
        said = "Every trace of the sample is summarised already, so none was measured"
    if listed < sample:
        said += f"; what is already summarised was counted in {listed:,} random ones"
    if stages.endpoint:
        said += (
            f"; assumed are {_SUMMARY_TOKENS} tokens an answer and {_SECONDS_A_CALL:.0f} s a call, "
            f"{settings.INSIGHTS_MAX_CONCURRENCY.get()} at once"
        )
    return said + ("." if stages.endpoint else "; offline, so nothing is spent.")
