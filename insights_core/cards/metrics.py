"""The cards' metrics in Prometheus' text format, under the names of the platform whose events these are.

Counters live in Redis beside the cards, so that any process can serve what all workers did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from insights_core.cards.reading import Standing

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LAST = "inf"
RESULTS = ("explained", "skipped", "failed")
_REASONS = ("invalid", "redis", "full", "nowhere")

_HEADS = {
    "acp_insight_events_consumed_total": ("counter", "Events that workers ended."),
    "acp_insight_event_latency_seconds": ("histogram", "Time that an explanation took."),
    "acp_insight_stream_depth": ("gauge", "Events that wait for a worker."),
    "acp_insight_rate_limited_total": (
        "counter",
        "Events skipped because the tenant's hour or the cap on cost was used up.",
    ),
    "acp_insight_dlq_size": ("gauge", "Events whose explanation failed every time."),
    "acp_insight_events_dropped_total": ("counter", "Events that never came into the queue."),
}


def bucket_of(seconds: float) -> str:
    """The name of the counter that a latency belongs to."""
    return next((f"{bound:g}" for bound in _BUCKETS if seconds <= bound), _LAST)


def prometheus_text(standings: Mapping[str, Standing]) -> str:
    """Everything a scraper reads.

    Args:
        standings: Tenant -> how its queue stands; those that the reader may see.
    """
    lines: dict[str, list[str]] = {name: [] for name in _HEADS}
    for tenant, standing in sorted(standings.items()):
        for result in RESULTS:
            _add(
                lines, "acp_insight_events_consumed_total", standing.count(f"consumed:{result}"), tenant, result=result
            )
        _add(lines, "acp_insight_rate_limited_total", standing.count("consumed:skipped"), tenant)
        for reason in _REASONS:
            _add(lines, "acp_insight_events_dropped_total", standing.count(f"dropped:{reason}"), tenant, reason=reason)
    lines["acp_insight_stream_depth"] = [f"acp_insight_stream_depth {sum(one.waiting for one in standings.values())}"]
    lines["acp_insight_dlq_size"] = [f"acp_insight_dlq_size {sum(one.dead for one in standings.values())}"]
    lines["acp_insight_event_latency_seconds"] = list(_histogram(standings.values()))
    text = []
    for name, (kind, help) in _HEADS.items():
        text += [f"# HELP {name} {help}", f"# TYPE {name} {kind}", *lines[name]]
    return "\n".join(text) + "\n"


def _add(lines: dict[str, list[str]], name: str, value: int, tenant: str, **labels: str) -> None:
    # No name of a tenant, a result or a reason has a character that must be escaped.
    shown = ",".join(f'{key}="{text}"' for key, text in {"tenant_id": tenant, **labels}.items())
    lines[name].append(f"{name}{{{shown}}} {value}")


def _histogram(standings: Iterable[Standing]) -> Iterable[str]:
    name, below = "acp_insight_event_latency_seconds", 0
    all_of = list(standings)
    for bound in (*(f"{bound:g}" for bound in _BUCKETS), _LAST):
        below += sum(one.count(f"latency:{bound}") for one in all_of)
        yield f'{name}_bucket{{le="{"+Inf" if bound == _LAST else bound}"}} {below}'
    yield f"{name}_sum {sum(one.counts.get('latency:sum', 0.0) for one in all_of):.6f}"
    yield f"{name}_count {below}"
