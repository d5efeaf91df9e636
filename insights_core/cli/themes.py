"""Commands for analysis themes: `mlflow-insights themes run --due`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click

from insights_core.cli.options import operation
from insights_core.cli.rendering import Failure, client, example, print_fields, print_json, print_table

_LIST = {
    "theme_id": "Theme",
    "name": "Name",
    "kind": "Kind",
    "enabled": "On",
    "schedule": "Schedule",
    "last_status": "Last run",
    "last_run_at": "Started",
    "next_due_at": "Due",
    "trace_count": "Traces",
    "cluster_count": "Clusters",
    "cost_usd": "USD",
}
_RUNS = {
    "theme_id": "Theme",
    "status": "Status",
    "trace_count": "Traces",
    "irrelevant_count": "Not concerned",
    "cluster_count": "Clusters",
    "cost_usd": "USD",
    "hits": "Texts reused %",
    "message": "Message",
    "run_id": "Run",
}
_SAMPLES = {"trace_id": "Trace", "theme_relevant": "Relevant", "title": "Title", "said": "Summary, or why not"}
_ALERTS = {
    "created_at": "Raised",
    "theme_id": "Theme",
    "title": "Topic",
    "message": "What happened",
    "rule": "Rule",
    "delivered": "Delivered",
}
_TRENDS = {"title": "Topic", "sentence": "Traffic", "latest": "Latest window"}
_ID = click.argument("theme_id")
_THEME = click.argument("theme", metavar="THEME|FILE")
# Shorter would only list runs all the time.
_SHORTEST_PAUSE_S = 5.0


@click.group(epilog=example("themes run --experiment-id 1 --due --every 10m"))
def themes() -> None:
    """Saved perspectives on traces: make, change, preview, test and run them."""


def _add(command: click.Command) -> click.Command:
    themes.add_command(command)
    return command


@_add
@operation("themes list --experiment-id 1", "list_theme_standings")
def list_themes(experiment_id: str | None, output: str) -> None:
    """List the themes of an experiment with their last run, what they cost so far and when they are due."""
    found = client().list_theme_standings(experiment_id)
    if output == "json":
        return print_json(found)
    rows = [
        {**item.model_dump(), **item.theme.model_dump(), "kind": "built in" if item.builtin else "own"}
        for item in found
    ]
    print_table(rows, _LIST, "There are no themes.")


@_add
@operation("themes get ux_issues --experiment-id 1", "get_theme")
@_ID
def get(output: str, **given: Any) -> None:
    """Show one theme with its prompt and history."""
    theme = client().get_theme(**given)
    if output == "json":
        return print_json(theme)
    click.echo(client().export_theme(**given).rstrip())
    for change in theme.history:
        print_fields({"Changed": change.at, "By": change.author, change.field: f"{change.before} -> {change.after}"})


@_add
@operation(
    "themes create --field name='Payment errors' --field 'theme_filters=[\"trace.status = ''ERROR''\"]'", "create_theme"
)
def create(output: str, **given: Any) -> None:
    """Make a theme of the experiment's own; prints its id. A YAML file is taken by `themes import`."""
    _print_id(client().create_theme(**given), output)


@_add
@operation("themes update ux_issues --field schedule=daily --field enabled=true", "update_theme")
@_ID
def update(output: str, **given: Any) -> None:
    """Set fields of a theme; of a built-in one only what concerns its running."""
    theme = client().update_theme(**given)
    print_json(theme) if output == "json" else click.echo(f"Changed {theme.theme_id}.")


@_add
@operation("themes delete payment_errors --experiment-id 1", "delete_theme")
@_ID
def delete(theme_id: str, experiment_id: str | None, output: str) -> None:
    """Delete a theme; a built-in one goes back to how it was. Its insights stay."""
    client().delete_theme(theme_id, experiment_id)
    print_json({"theme_id": theme_id}) if output == "json" else click.echo(f"Deleted {theme_id}. Its insights stay.")


@_add
@operation("themes copy error_analysis --name 'Errors while paying'", "copy_theme")
@_ID
def copy(output: str, **given: Any) -> None:
    """Make a theme of the experiment's own from any theme; prints its id."""
    _print_id(client().copy_theme(**given), output)


@_add
@operation("themes export ux_issues --path ux.yaml", "export_theme")
@_ID
def export(output: str, path: str | None, **given: Any) -> None:
    """Write a theme as YAML that `import_theme` takes, also to a file where one is named."""
    text = client().export_theme(**given, path=path)
    if output == "json":
        return print_json({"yaml": text})
    click.echo(f"Wrote {path}." if path else text.rstrip())


@_add
@operation("themes import --path ux.yaml --experiment-id 2", "import_theme")
def import_(output: str, **given: Any) -> None:
    """Keep a theme that a YAML file describes; prints its id."""
    _print_id(client().import_theme(**given), output)


@_add
@operation("themes preview ux_issues --experiment-id 1", "preview_theme")
@_THEME
def preview(theme: str, experiment_id: str | None, output: str) -> None:
    """Say how many traces a theme matches, by each of its filters, and what a run would cost; nothing is spent."""
    found = client().preview_theme(_theme(theme), experiment_id)
    if output == "json":
        return print_json(found)
    cost = "unknown price" if found.estimate.cost_usd is None else f"about ${found.estimate.cost_usd:.4f}"
    print_fields(
        {
            "Match the base filters": found.base_matching,
            "Match the theme's own": found.theme_matching,
            "Match both": found.matching,
            "Would be read": found.sampled,
            "Summarised already": found.cached_summaries,
            "Calls to the model": found.model_calls,
            "Tokens": f"about {found.estimate.input_tokens:,} in, {found.estimate.output_tokens:,} out",
            "Cost": cost,
            "Basis": found.estimate.basis,
        }
    )


@_add
@operation("themes test theme.yaml --experiment-id 1 --sample 5", "test_theme")
@_THEME
def test(theme: str, output: str, **given: Any) -> None:
    """Show what a theme makes of a few of its traces, at random; nothing is written."""
    found = client().test_theme(_theme(theme), **given)
    if output == "json":
        return print_json(found)
    print_table(
        [{**item.model_dump(), "said": item.why or item.summary} for item in found.samples],
        _SAMPLES,
        "No trace matches.",
    )
    concerned = sum(bool(item.theme_relevant) for item in found.samples)
    click.echo(f"{concerned} of {len(found.samples)} concern the theme; {found.matching:,} match; model {found.model}.")


@_add
@operation("themes run --experiment-id 1 --due --every 10m", "run_themes")
@click.option("--every", help="Look again after this pause, such as 10m or 1h, until interrupted; with --due.")
def run(every: str | None, output: str, **given: Any) -> None:
    """Run themes side by side; waits for them, or with --every goes on as a worker that looks again and again."""
    from insights_core.errors import ModelError, UnavailableError

    pause_s = _seconds(every) if every else None
    insights = client()
    while pause_s is not None:
        try:
            _print_runs(insights.run_themes(**given), output)
        except (UnavailableError, ModelError) as error:
            # A worker outlives a server that restarts; what was wrongly asked ends it at once.
            click.echo(error.message, err=True)
        time.sleep(pause_s)
    runs = insights.run_themes(**given)
    _print_runs(runs, output)
    if any(item.status == "FAILED" for item in runs):
        raise Failure("A theme failed; its message says why.", 1)


@_add
@operation("themes trends ux_issues --experiment-id 1 --window-days 7", "list_topic_trends")
@_ID
def trends(output: str, **given: Any) -> None:
    """Say how much of the traffic each topic of a theme's latest run is, window by window, largest first."""
    found = client().list_topic_trends(**given)
    if output == "json":
        return print_json(found)
    rows = [{**item.model_dump(), "latest": item.points[-1].count if item.points else None} for item in found]
    print_table(rows, _TRENDS, "The theme has no finished run yet.")


@_add
@operation("themes alerts --experiment-id 1", "list_alerts")
def alerts(output: str, **given: Any) -> None:
    """List the alerts of an experiment, newest first."""
    _print_alerts(client().list_alerts(**given), output, "No alert was raised.")


@_add
@operation("themes test-alerts ux_issues --experiment-id 1", "test_alerts")
@_ID
def test_alerts(output: str, **given: Any) -> None:
    """Say what a theme's alert rules would have raised so far; nothing is kept or sent."""
    _print_alerts(client().test_alerts(**given), output, "The theme's rules would have raised nothing so far.")


def _print_alerts(found: list[Any], output: str, empty: str) -> None:
    if output == "json":
        return print_json(found)
    rows = [
        {
            **item.model_dump(),
            "rule": item.rule.key,
            "delivered": ", ".join(f"{one.channel}: {one.state}" for one in item.deliveries),
        }
        for item in found
    ]
    print_table(rows, _ALERTS, empty)


def _print_runs(runs: list[Any], output: str) -> None:
    if output == "json":
        return print_json(runs)
    rows = [
        {**item.model_dump(), "hits": None if item.texts.hit_rate is None else round(100 * item.texts.hit_rate)}
        for item in runs
    ]
    print_table(rows, _RUNS, "Nothing is due.")


def _seconds(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", text)
    pause_s = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]] if found else 0.0
    if pause_s < _SHORTEST_PAUSE_S:
        raise click.BadParameter(f"{text!r} is no pause of at least 5 s. Write 30s, 10m or 1h.", param_hint="--every")
    return pause_s


def _theme(given: str) -> Any:
    """The theme in a YAML file, or the id of one that is kept."""
    if not given.endswith((".yaml", ".yml")) and not Path(given).is_file():
        return given
    from insights_core.themes.files import read_file

    return read_file(given)


def _print_id(theme_id: str, output: str) -> None:
    print_json({"theme_id": theme_id}) if output == "json" else click.echo(theme_id)
