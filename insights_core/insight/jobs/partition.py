"""What a worker of a Dask cluster does: the summaries of one partition of a job's traces, stored on the traces.

Doing it again, after a worker was lost, makes only those that are not stored yet. What Dask carries and logs is an
`Order` and an `Answer`, which hold no key: workers read keys and addresses from their own environment.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import InsightSpec, TraceScope
from insights_core.errors import InsightsError, InvalidParameterError, SpendingCapReachedError, from_mlflow
from insights_core.insight.jobs import persist
from insights_core.insight.jobs.headers import use_headers
from insights_core.insight.jobs.parts import own_texts, stages_for
from insights_core.insight.reading import Intake, Summarizing, SummaryKey, digest, read_facts, text_version
from insights_core.insight.stages import JobStoppedError
from insights_core.llm import Usage
from insights_core.names import HEADERS_VARIABLE

if TYPE_CHECKING:
    from insights_core.entities.insight import TextCounts
    from insights_core.insight.stages import Stage, Summarizer


@dataclass(frozen=True)
class Order:
    """One partition, as the job sends it."""

    name: str
    """Of this partition of this attempt at the job, and no other."""
    run_id: str
    trace_ids: tuple[str, ...]
    tracking_uri: str | None
    """The job's, for workers that have none; None where it holds a password."""
    model: str
    likeness: str
    """See `likeness_of`."""
    max_concurrency: int = 1
    max_cost_usd: float | None = None
    """Its share of the spending cap."""
    has_all_that_is_left: bool = True
    """No other partition holds a share."""


@dataclass
class Answer:
    """What became of a partition."""

    intake: Intake = field(default_factory=Intake)
    usage: Usage = field(default_factory=Usage)
    error: InsightsError | None = None
    """Returned and not raised: Dask would log it with what the task was given."""
    capped: bool = False
    was_lost: bool = False
    """A worker was lost with it, and nobody knows what of its share of the cap is spent. Nothing was done since."""


def likeness_of(spec: InsightSpec, summarizer: Summarizer) -> str:
    """A hash of what must be equal on two machines, so that they make the same texts and summaries."""
    key = SummaryKey.of(spec, summarizer)
    return digest([key.assessment, key.model, key.prompt_hash, text_version()])


def summarize_partition(order: Order) -> Answer:
    """Make and store the summaries of a partition; runs in a thread of a Dask worker."""
    answer = Answer()
    try:
        if order.max_cost_usd is not None and _began_before(order.name):
            answer.was_lost = True
        else:
            asyncio.run(_summarize(order, answer))
    except JobStoppedError:
        pass  # Nobody waits for the answer.
    except SpendingCapReachedError as error:
        answer.capped, answer.error = True, error
    except Exception as error:
        known = from_mlflow(error)
        answer.error = type(known)(f"The Dask worker {_address()} says: {known.message}", **known.details)
    return answer


async def _summarize(order: Order, answer: Answer) -> None:
    use_headers(os.environ.pop(HEADERS_VARIABLE, ""))
    connection = Connection(_tracking_uri(order))
    spec = persist.read_spec(connection, order.run_id).model_copy(
        # Vectors are made by the job itself; an embedding model need not be known here.
        update={"model": order.model, "max_cost_usd": order.max_cost_usd, "embedding_model": "offline"}
    )
    stages = stages_for(spec, max_concurrency=order.max_concurrency)
    if stages.endpoint:
        answer.usage = stages.endpoint.usage
    if likeness_of(spec, stages.summarizer) != order.likeness:
        raise InvalidParameterError(
            "It would make other texts or summaries than the job. Install the same version of mlflow-insights there, "
            "and give it the same INSIGHTS_REDACT_PATTERNS."
        )
    try:
        own = (connection, order.run_id, spec, stages.summarizer, own_texts(connection, spec))
        answer.intake = await _stream(order, Summarizing(*own, _Listener(), answer.usage), spec, stages.summarizer)
        answer.capped = answer.intake.left_out > 0
    finally:
        if stages.endpoint:
            await stages.endpoint.aclose()


async def _stream(order: Order, summarizing: Summarizing, spec: InsightSpec, summarizer: Summarizer) -> Intake:
    from insights_core.traces.search import sample_traces

    scope = TraceScope(experiment_id=spec.scope.experiment_id, trace_ids=list(order.trace_ids))
    key = SummaryKey.of(spec, summarizer)
    listed = sample_traces(Connection(_tracking_uri(order)), scope)
    facts = [read_facts(info, key, spec.max_chars) for info in listed.infos]
    # The job sends what has no summary yet: a worker that was lost made these, and for the same run.
    made_before = sum(each.is_done for each in facts)
    intake = await summarizing.run(facts)
    intake.reused -= made_before
    intake.texts.made += made_before
    return intake


def _tracking_uri(order: Order) -> str | None:
    own = settings.MLFLOW_TRACKING_URI
    if own.get() != own.default:
        return own.get()
    if order.tracking_uri is None:
        raise InvalidParameterError(
            "It does not know where MLflow is: the job's address holds a password, which is not sent. "
            "Set MLFLOW_TRACKING_URI for the worker."
        )
    return order.tracking_uri


class _Listener:
    """The reporter of a partition: says nothing, and hears when Dask does not want the task any more."""

    def __init__(self) -> None:
        self._worker = _worker()
        self._key = self._worker.get_current_task() if self._worker else None

    def stage(self, name: Stage, total: int = 0) -> None:
        """See `stages.Reporter`."""
        self.advance(0)

    def advance(self, done: int, cost_usd: float | None = None, texts: TextCounts | None = None) -> None:
        """See `stages.Reporter`."""
        if self._worker is None:
            return
        task = self._worker.state.tasks.get(self._key)
        if task is None or task.state == "cancelled":
            raise JobStoppedError("The job was cancelled, or is gone.")


def _worker() -> Any:
    """The Dask worker whose task this is; None where there is none."""
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None


def _address() -> str:
    worker = _worker()
    return worker.address if worker else "here"


def _began_before(name: str) -> bool:
    """Whether a worker began with this partition already; from now on, one did."""
    from distributed import Event

    if _worker() is None:
        return False
    begun = Event(name)
    before = bool(begun.is_set())
    begun.set()
    return before
