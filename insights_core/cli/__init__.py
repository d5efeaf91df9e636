"""The command `mlflow-insights`: translation only; each command is one call of the client and shared rendering.

Commands are loaded when they are used, so that the command starts at once. To add one, add a line to `COMMANDS`.
"""

from __future__ import annotations

import difflib
import os
from importlib import import_module
from typing import Any

import click

# Name -> "module:attribute" of a click command.
COMMANDS: dict[str, str] = {
    "demo": "insights_core.cli.demo:demo",
    "serve": "insights_core.cli.demo:serve",
    "import-traces": "insights_core.cli.traces:import_traces",
    "estimate": "insights_core.cli.insight:estimate",
    "create-insight": "insights_core.cli.insight:create_insight",
    "get-insight": "insights_core.cli.insight:get_insight",
    "list-insights": "insights_core.cli.insight:list_insights",
    "cancel-insight": "insights_core.cli.insight:cancel_insight",
    "delete-insight": "insights_core.cli.insight:delete_insight",
    "resume-insight": "insights_core.cli.insight:resume_insight",
    "themes": "insights_core.cli.themes:themes",
    "analytics": "insights_core.cli.analytics:analytics",
    "scorecard": "insights_core.cli.scorecard:scorecard",
    "create-analysis": "insights_core.cli.analyses:create_analysis",
    "update-analysis": "insights_core.cli.analyses:update_analysis",
    "list-analyses": "insights_core.cli.analyses:list_analyses",
    "get-analysis": "insights_core.cli.analyses:get_analysis",
    "create-hypothesis": "insights_core.cli.hypotheses:create_hypothesis",
    "update-hypothesis": "insights_core.cli.hypotheses:update_hypothesis",
    "list-hypotheses": "insights_core.cli.hypotheses:list_hypotheses",
    "get-hypothesis": "insights_core.cli.hypotheses:get_hypothesis",
    "preview-hypotheses": "insights_core.cli.hypotheses:preview_hypotheses",
    "create-issue": "insights_core.cli.issues:create_issue",
    "update-issue": "insights_core.cli.issues:update_issue",
    "list-issues": "insights_core.cli.issues:list_issues",
    "get-issue": "insights_core.cli.issues:get_issue",
    "preview-issues": "insights_core.cli.issues:preview_issues",
    "log-issue-assessments": "insights_core.cli.issues:log_issue_assessments",
    "cards": "insights_core.cli.cards:cards",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, and turns errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if close:
                raise click.UsageError(f"There is no command {args[0]!r}. Did you mean {close[0]!r}?", ctx) from error
            raise

    def invoke(self, ctx: click.Context) -> Any:
        from insights_core.cli.rendering import one_line_errors

        with one_line_errors():
            return super().invoke(ctx)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: mlflow-insights create-insight --experiment-id 1 --instruction 'Where does the agent fail?' --wait",
)
@click.version_option(package_name="mlflow-insights")
@click.option("--tracking-uri", help="Where MLflow is. Default: MLFLOW_TRACKING_URI, else sqlite:///mlflow.db.")
def main(tracking_uri: str | None) -> None:
    """Learn what thousands of LLM and agent traces in MLflow say."""
    # Its start-up lines about databases and telemetry are no answer to anything that was asked here.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    if tracking_uri:
        os.environ["MLFLOW_TRACKING_URI"] = tracking_uri
