"""Commands of insight cards."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from insights_core.cli.rendering import (
    Failure,
    client,
    example,
    experiment_option,
    output_option,
    print_fields,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from insights_core.cards.reading import Cards
    from insights_core.entities.card import Card

_COLUMNS = {
    "timestamp": "Time",
    "event_id": "Event",
    "agent_id": "Agent",
    "tool_name": "Tool",
    "decision": "Decision",
    "findings": "Findings",
    "said": "Explanation",
}
_LETTERS = {"entry_id": "Entry", "event_id": "Event", "tool_name": "Tool", "attempts": "Attempts", "reason": "Why"}


@click.group(epilog=example("cards worker"))
def cards() -> None:
    """Explain decision events: worker, events, cards, dead letters, API. Needs REDIS_URL."""


def _tenant_option(command: Any) -> Any:
    option = click.option("--tenant", help="Whose cards. Default: INSIGHTS_TENANT_ID, else `default`.")
    return option(command)


def _cards(tenant: str | None) -> Cards:
    from insights_core.cards.connection import connect
    from insights_core.cards.reading import Cards

    return Cards(_tenant(tenant), connect())


def _tenant(tenant: str | None) -> str:
    from insights_core import settings

    return tenant or settings.INSIGHTS_TENANT_ID.get()


@cards.command(epilog=example("cards worker --concurrency 16"))
@click.option(
    "--concurrency", type=click.IntRange(1), help="Explanations at once. Default: INSIGHTS_MAX_CONCURRENCY, else 8."
)
@click.option("--model", help="A model of the endpoint, or `offline`. Default: INSIGHTS_MODEL.")
@click.option(
    "--claim-after",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1),
    help="Seconds after which the events of a worker that says nothing are taken over.",
)
def worker(concurrency: int | None, model: str | None, claim_after: float) -> None:
    """Explain events until SIGTERM or Ctrl+C; any number of workers share the work."""
    from insights_core.cards.connection import address, connect_async
    from insights_core.cards.explain import explainer_from_settings
    from insights_core.cards.worker import Worker, run_worker

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # It says every request, and there are many.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    explainer = explainer_from_settings(model, concurrency)

    def made() -> Worker:
        return Worker(connect_async(), explainer, concurrency=concurrency, claim_after_s=claim_after)

    click.echo(f"Explaining events of {address()} with {explainer.name} (Ctrl+C stops).", err=True)
    run_worker(made)


@cards.command(epilog=example("cards emit --experiment-id 1 --filter \"trace.status = 'ERROR'\""))
@experiment_option
@click.option("--filter", "filter_string", help="Which traces, in MLflow's filter syntax. Default: all.")
@click.option("--max-traces", default=500, show_default=True, type=click.IntRange(1), help="The newest that match.")
@click.option(
    "--guardrail",
    "guardrails",
    multiple=True,
    metavar="NAME",
    help="An assessment to take as a guardrail, besides those named guardrail, policy, safety, pii and so on; repeat for more.",
)
@_tenant_option
@output_option
def emit(
    experiment_id: str | None,
    filter_string: str | None,
    max_traces: int,
    guardrails: tuple[str, ...],
    tenant: str | None,
    output: str,
) -> None:
    """Queue the calls of tools and the guardrails' verdicts of traces as events; a second time queues nothing twice."""
    from insights_core.cards.connection import connect
    from insights_core.cards.derive import derive_events
    from insights_core.cards.queueing import queue_events
    from insights_core.entities.insight import TraceScope

    redis, insights = connect(), client()
    scope = TraceScope(experiment_id=insights.experiment_or_default(experiment_id), filter_string=filter_string)
    counts = queue_events(redis, derive_events(insights, scope, _tenant(tenant), max_traces, guardrails))
    if output == "json":
        return print_json(counts)
    click.echo(f"{counts['queued']:,} events queued, {counts['known']:,} known already, {counts['full']:,} dropped.")
    if counts["full"]:
        raise Failure(
            "The queue is full. Start another worker with `mlflow-insights cards worker`, then emit again.", 1
        )


@cards.command("list", epilog=example("cards list --decision deny --output json"))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most this many.")
@click.option("--decision", type=click.Choice(["allow", "deny", "escalate"]), help="Only these.")
@click.option("--agent", help="Only this agent's.")
@click.option("--tool", help="Only calls of this tool.")
@click.option("--finding", help="Only with this finding.")
@_tenant_option
@output_option
def list_cards(limit: int, tenant: str | None, output: str, **wanted: str | None) -> None:
    """The newest cards of a tenant."""
    from insights_core.cards.reading import CardFilter

    found = _cards(tenant).recent(limit, CardFilter(**wanted))
    if output == "json":
        return print_json(found)
    print_table(
        [_row(card) for card in found],
        _COLUMNS,
        "No cards. Events come in with `mlflow-insights cards emit`, insights_core.cards.emit or POST /insights/events.",
    )


def _row(card: Card) -> dict[str, Any]:
    said = card.explanation.summary if card.explanation else card.reason or "Not explained yet"
    return {**card.event.model_dump(), "findings": ", ".join(card.event.findings), "said": said}


@cards.command("get", epilog=example("cards get EVENT_ID"))
@click.argument("event_id")
@_tenant_option
@output_option
def get_card(event_id: str, tenant: str | None, output: str) -> None:
    """One card with its event."""
    card = _cards(tenant).get(event_id)
    if output == "json":
        return print_json(card)
    event = card.event.model_dump()
    event["findings"] = ", ".join(card.event.findings) or None
    print_fields(
        {name.replace("_", " ").capitalize(): value for name, value in {**event, "status": card.status}.items()}
    )
    if card.reason:
        print_fields({"Reason": card.reason})
    if card.explanation:
        said = card.explanation
        click.echo("")
        print_fields({"Intent": said.intent, "Why": said.why, "Pattern": said.pattern})
        print_fields({"By": f"{said.model} · {said.label}"})


@cards.group("dead-letters", epilog=example("cards dead-letters list"))
def dead_letters() -> None:
    """Events whose explanation failed five times."""


@dead_letters.command("list", epilog=example("cards dead-letters list --output json"))
@_tenant_option
@output_option
def list_letters(tenant: str | None, output: str) -> None:
    """The dead letters of a tenant with what went wrong, the latest first."""
    found = _cards(tenant).dead_letters(1_000)
    if output == "json":
        return print_json([{**vars(letter), "event": letter.event.model_dump(mode="json")} for letter in found])
    rows = [{**letter.event.model_dump(), **vars(letter)} for letter in found]
    print_table(rows, _LETTERS, "No dead letters.")


@dead_letters.command(epilog=example("cards dead-letters replay --all"))
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter of the tenant.")
@_tenant_option
def replay(ids: tuple[str, ...], everything: bool, tenant: str | None) -> None:
    """Queue dead letters again, by event or entry id, for five more attempts."""
    if bool(ids) == everything:
        raise click.UsageError("Name events, or give --all. List them with `mlflow-insights cards dead-letters list`.")
    count = _cards(tenant).replay(None if everything else ids)
    click.echo(f"{count:,} queued again.")
    if not everything and count < len(ids):
        raise Failure(f"{len(ids) - count} of these are no dead letters of this tenant, or the queue is full.", 2)


@cards.command(epilog=example("cards serve --port 8014"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8014, show_default=True, type=click.IntRange(1, 65535), help="Port.")
def serve(host: str, port: int) -> None:
    """Serve the cards' API alone until Ctrl+C; the dashboard serves it as well."""
    import uvicorn

    from insights_core.cards.access import check_tokens
    from insights_core.cards.connection import connect

    check_tokens()
    connect()
    click.echo(f"The cards' API is at http://{host}:{port}/insights/recent (Ctrl+C stops it).", err=True)
    # By name: the server is a room above this one.
    uvicorn.run("insights_core.server.cards:create_app", factory=True, host=host, port=port, log_level="warning")
