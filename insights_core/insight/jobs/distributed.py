"""Texts and summaries of a job on a Dask cluster, partition by partition; all else of the job stays where it is.

A partition's summaries are stored on the traces as they are made, so what a lost worker, a cancelled or a failed job
leaves behind is found again. At most one partition a worker is under way, each with its share of INSIGHTS_MAX_CONCURRENCY
and of what is left of the spending cap.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from insights_core import settings
from insights_core.connection import Connection
from insights_core.entities.insight import InsightSpec, SkippedTrace, TextCounts
from insights_core.errors import InsightsError, InvalidParameterError, UnavailableError
from insights_core.insight.jobs.headers import used_headers
from insights_core.insight.jobs.partition import Answer, Order, likeness_of, summarize_partition
from insights_core.insight.jobs.parts import NOTHING_LEFT_USD
from insights_core.insight.reading import LEFT_OUT, Intake, SummaryRecord, TraceFacts
from insights_core.names import HEADERS_VARIABLE

if TYPE_CHECKING:
    from insights_core.insight.jobs.parts import Stages
    from insights_core.insight.stages import Reporter

# Large enough that listing and Dask's own work vanish, small enough that a lost worker costs little.
_MOST_TRACES = 200
_LEAST_TRACES = 10
# Partitions a worker where there are few traces: the last one shall not keep the others waiting.
_A_WORKER = 4
_CONNECT_S = 10.0
_WAIT_FOR_WORKERS_S = 60.0
_LOOK_EVERY_S = 0.1


class Distributed:
    """Does what `Summarizing` does, on a cluster.

    Args:
        connection: Where MLflow is.
        run_id: The insight run; workers read its specification there.
        spec: The job.
        stages: Its parts; the endpoint counts what the workers spend.
        reporter: Hears of every finished partition.
        scheduler: Address of a Dask scheduler, or `local`.
    """

    def __init__(
        self,
        connection: Connection,
        run_id: str,
        spec: InsightSpec,
        stages: Stages,
        reporter: Reporter,
        scheduler: str,
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._endpoint = stages.endpoint
        self._reporter = reporter
        self._scheduler = scheduler
        uri = connection.tracking_uri
        sent = None if urlsplit(uri).password or "password=" in uri.lower() else uri
        self._order = Order("", run_id, (), sent, stages.model, likeness_of(spec, stages.summarizer))
        self._records: dict[str, SummaryRecord] = {}
        self._skipped: dict[str, SkippedTrace] = {}
        self._span_counts: dict[str, int] = {}
        self._whole = Intake()
        self._waiting: deque[tuple[str, ...]] = deque()
        self._under_way: dict[Any, Order] = {}
        self._narrow = False
        """Shares of the cap are too small: one partition at a time, with all that is left."""
        self._capped: InsightsError | None = None

    async def run(self, traces: Sequence[TraceFacts]) -> Intake:
        """Summaries of all traces that can be summarised.

        Raises:
            InvalidParameterError: `distributed` is missing, or a worker differs from this process.
            UnavailableError: The scheduler cannot be reached or was lost, or has no workers.
            ModelError: As for `Summarizing`.
            JobStoppedError: The reporter says so.
        """
        self._reporter.stage("summarize", total=len(traces))
        self._records = {facts.trace_id: facts.stored for facts in traces if facts.is_done and facts.stored}
        self._whole.reused = len(self._records)
        self._advance()
        fresh = [facts.trace_id for facts in traces if facts.trace_id not in self._records]
        if fresh:
            async with _cluster(self._scheduler, self._connection.tracking_uri) as client:
                await self._work(client, fresh)
        if self._capped and not self._records:
            raise self._capped
        return self._intake(traces)

    async def _work(self, client: Any, fresh: list[str]) -> None:
        workers = max(1, len(await _from_scheduler(client.nthreads(), self._scheduler)))
        size = min(_MOST_TRACES, max(_LEAST_TRACES, -(-len(fresh) // (_A_WORKER * workers))))
        self._waiting.extend(tuple(fresh[start : start + size]) for start in range(0, len(fresh), size))
        silent_s = 0.0
        try:
            while self._waiting or self._under_way:
                workers = len(await _from_scheduler(client.nthreads(), self._scheduler))
                silent_s = 0.0 if workers else silent_s + _LOOK_EVERY_S
                if silent_s > _WAIT_FOR_WORKERS_S:
                    raise UnavailableError(f"{_lost(self._scheduler)} has no workers any more. {_RESUME}")
                self._submit(client, workers)
                await asyncio.sleep(_LOOK_EVERY_S)
                before = list(self._under_way.values())
                for future in [each for each in self._under_way if each.status != "pending"]:
                    await self._take(future)
                await _forget(client, [order for order in before if order not in self._under_way.values()])
                self._advance()
        finally:
            if self._under_way:
                await client.cancel(list(self._under_way), force=True)

    def _submit(self, client: Any, workers: int) -> None:
        """Keep as many partitions under way as there are workers."""
        slots = 1 if self._narrow else workers
        concurrency = settings.INSIGHTS_MAX_CONCURRENCY.get()
        if self._endpoint:
            slots = min(slots, concurrency)
        while self._waiting and len(self._under_way) < slots:
            order = replace(
                self._order,
                name=f"insight-{uuid.uuid4().hex}",
                trace_ids=self._waiting[0],
                max_concurrency=concurrency // slots,
                max_cost_usd=self._share(min(slots - len(self._under_way), len(self._waiting))),
                has_all_that_is_left=not self._under_way and (slots == 1 or len(self._waiting) == 1),
            )
            self._waiting.popleft()
            self._under_way[client.submit(summarize_partition, order, key=order.name, pure=False)] = order

    def _share(self, among: int) -> float | None:
        """What of the cap a partition may spend."""
        left = self._endpoint.left_usd if self._endpoint else None
        if left is None:
            return None
        held = sum(order.max_cost_usd or 0.0 for order in self._under_way.values())
        return max((left - held) / among, NOTHING_LEFT_USD)

    async def _take(self, future: Any) -> None:
        """Book the answer of a partition."""
        order = self._under_way[future]
        answer = await _answer(future, order, self._scheduler)
        del self._under_way[future]
        if self._endpoint:
            self._endpoint.book(answer.usage, (order.max_cost_usd or 0.0) if answer.was_lost else 0.0)
        if answer.was_lost:
            self._waiting.appendleft(order.trace_ids)
            return
        if answer.error and not answer.capped:
            raise answer.error
        self._add(answer)
        left = [one for one in order.trace_ids if one not in self._records and one not in self._skipped]
        if not answer.capped:
            self._skip(left, "it was deleted or cannot be read")
        elif order.has_all_that_is_left:
            self._capped = answer.error
            self._leave_out([*left, *(one for part in self._waiting for one in part)])
            self._waiting.clear()
        else:
            self._narrow = True
            self._waiting.appendleft(tuple(left))

    def _add(self, answer: Answer) -> None:
        intake = answer.intake
        for facts, record in zip(intake.facts, intake.records, strict=True):
            self._records[facts.trace_id] = record
            self._span_counts[facts.trace_id] = facts.span_count
        self._skipped |= {item.trace_id: item for item in intake.skipped if item.reason != LEFT_OUT}
        self._whole.reused += intake.reused
        self._whole.unknown_spans += intake.unknown_spans
        self._whole.texts.add(intake.texts)

    def _skip(self, trace_ids: Iterable[str], reason: str) -> None:
        for one in trace_ids:
            self._skipped[one] = SkippedTrace(trace_id=one, reason=reason)

    def _leave_out(self, trace_ids: Sequence[str]) -> None:
        self._whole.left_out += len(trace_ids)
        self._skip(trace_ids, LEFT_OUT)

    def _intake(self, traces: Sequence[TraceFacts]) -> Intake:
        done = [facts for facts in traces if facts.trace_id in self._records]
        for facts in done:
            facts.span_count = self._span_counts.get(facts.trace_id, facts.span_count)
        skipped = [self._skipped[facts.trace_id] for facts in traces if facts.trace_id in self._skipped]
        return replace(
            self._whole, facts=done, records=[self._records[facts.trace_id] for facts in done], skipped=skipped
        )

    def _advance(self) -> None:
        told: list[TextCounts] = [self._whole.texts] if self._spec.theme else []
        cost_usd = self._endpoint.usage.cost_usd if self._endpoint else None
        self._reporter.advance(len(self._records) + len(self._skipped), cost_usd, *told)


_RESUME = "What was summarised so far is kept: resume the insight when it is back, or unset INSIGHTS_DASK_SCHEDULER."


def _lost(scheduler: str) -> str:
    return f"The Dask scheduler {scheduler!r} (INSIGHTS_DASK_SCHEDULER)"


async def _from_scheduler(question: Any, scheduler: str) -> Any:
    try:
        return await question
    except (OSError, TimeoutError) as error:
        raise UnavailableError(f"{_lost(scheduler)} does not answer any more. {_RESUME}") from error


async def _forget(client: Any, ended: Sequence[Order]) -> None:
    """Take away what says that a partition began (see `partition`); the scheduler would keep it for ever."""
    from distributed import Event

    for order in ended:
        if order.max_cost_usd is not None:
            await Event(order.name, client=client).clear()


async def _answer(future: Any, order: Order, scheduler: str) -> Answer:
    """What a partition gave; Dask repeats it on another worker where one was lost.

    Raises:
        UnavailableError: Dask gave it up.
    """
    if future.status == "finished":
        found: Answer = await _from_scheduler(future, scheduler)
        return found
    if future.status != "error":
        raise UnavailableError(f"{_lost(scheduler)} was lost with what was under way. {_RESUME}")
    error = await future.exception()
    traces = f"{len(order.trace_ids)} traces from {order.trace_ids[0]} on"
    if type(error).__name__ == "KilledWorker":
        raise UnavailableError(
            f"Each Dask worker that took {traces} ended with them, probably for want of memory. {_RESUME}"
        )
    said = (str(error).strip().splitlines() or ["no message"])[0]
    raise UnavailableError(
        f"The Dask cluster could not begin with {traces} ({type(error).__name__}: {said}). "
        "Install the same versions of mlflow-insights and distributed on the scheduler and every worker."
    )


@asynccontextmanager
async def _cluster(scheduler: str, tracking_uri: str) -> AsyncIterator[Any]:
    """A client of the cluster; `local` is started for this job, a process a core, and ends with it."""
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InvalidParameterError(
            f"INSIGHTS_DASK_SCHEDULER is {scheduler!r}, but `distributed` is not installed. Install it with "
            "`pip install 'mlflow-insights[dask]'`, or unset INSIGHTS_DASK_SCHEDULER."
        ) from error
    if scheduler == "local":
        # Dask would limit the threads of this very process, and clustering with other threads rounds otherwise.
        config.set({"distributed.nanny.pre-spawn-environ": {}})
        async with (
            LocalCluster(
                n_workers=os.cpu_count(),
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                # Its own certificate: else every user of this machine could send it work.
                security=True,
                env={"MLFLOW_TRACKING_URI": tracking_uri, str(HEADERS_VARIABLE): used_headers()},
                asynchronous=True,
            ) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            yield client
        return
    try:
        client = await Client(scheduler, asynchronous=True, timeout=_CONNECT_S)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise UnavailableError(
            f"{_lost(scheduler)} cannot be reached. Start it, correct the address, or unset INSIGHTS_DASK_SCHEDULER; then resume the insight."
        ) from error
    try:
        try:
            await client.wait_for_workers(1, timeout=_WAIT_FOR_WORKERS_S)
        except TimeoutError as error:
            raise UnavailableError(
                f"{_lost(scheduler)} has no workers. Start some; then resume the insight."
            ) from error
        yield client
    finally:
        await client.close()
