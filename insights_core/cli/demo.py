"""Commands that show the product: made-up traces with an insight, and the dashboard."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from insights_core.cli.rendering import Failure, client, example

if TYPE_CHECKING:
    from insights_core.client import InsightsClient
    from insights_core.entities.insight import Insight

_EXPERIMENT = "Demo: support agents"
_INSTRUCTION = "What do users ask for, and where does the agent fail?"
_NAME = "What users ask, where agents fail"
_PORT = 8501


@click.command(epilog=example("demo --no-serve"))
@click.option("--traces", default=600, show_default=True, type=click.IntRange(20), help="How many traces to make.")
@click.option("--port", default=_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the dashboard.")
@click.option("--no-serve", is_flag=True, help="End after the table.")
def demo(traces: int, port: int, no_serve: bool) -> None:
    """Load made-up traces, run an insight job on them, print its clusters and serve the dashboard.

    A second run reuses the traces and the finished insight.
    """
    from insights_core.cli.insight import print_result

    insights = client()
    experiment_id = _load(insights, traces)
    insight = _insight(insights, experiment_id)
    print_result(insight, insights.get_insight_details(insight.run_id))
    click.echo(f"\nExperiment {experiment_id}, run {insight.run_id} at {insights.tracking_uri.rsplit('@', 1)[-1]}")
    if not no_serve:
        _serve(port)


def _load(insights: InsightsClient, traces: int) -> str:
    """The demo's experiment, with a line or bar that shows how many of its traces are there."""
    from insights_core.demo import load_demo

    answer: dict[str, Any] = {}

    def work() -> None:
        try:
            answer["experiment_id"] = load_demo(insights, _EXPERIMENT, traces)
        except BaseException as error:
            answer["error"] = error

    # Before the thread: imports and a new database are slow, and only the first counts traces in vain.
    click.echo(f"Loading {traces:,} demo traces …", err=True)
    insights.may_create = True
    _ = insights.mlflow
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    _show_loading(insights, thread, traces)
    if "error" in answer:
        raise answer["error"]
    return str(answer["experiment_id"])


def _show_loading(insights: InsightsClient, thread: threading.Thread, traces: int) -> None:
    from insights_core.entities.insight import TraceScope
    from insights_core.errors import InsightsError

    if not sys.stderr.isatty():
        return thread.join()
    with click.progressbar(length=traces, label="traces", file=sys.stderr) as bar:
        while thread.is_alive():
            thread.join(0.5)
            try:
                experiment = insights.mlflow.get_experiment_by_name(_EXPERIMENT)
                if experiment:
                    bar.update(insights.count_traces(TraceScope(experiment_id=experiment.experiment_id)) - bar.pos)
            except InsightsError:
                continue
        bar.update(traces - bar.pos)


def _insight(insights: InsightsClient, experiment_id: str) -> Insight:
    """The demo's insight: the finished one, one that goes on, or a new one."""
    from insights_core.cli.insight import wait_for
    from insights_core.entities.insight import InsightSpec, TraceScope

    known = [item for item in insights.list_insights(experiment_id) if item.instruction == _INSTRUCTION]
    by_status = {item.status.value: item for item in reversed(known)}
    if finished := by_status.get("FINISHED"):
        return finished
    if running := by_status.get("RUNNING"):
        run_id = running.run_id
    elif stopped := by_status.get("STALLED") or by_status.get("KILLED"):
        run_id = stopped.run_id
        insights.resume_insight(run_id)
    else:
        spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction=_INSTRUCTION, name=_NAME)
        run_id = insights.create_insight(spec)
    insight: Insight = wait_for(insights, run_id)
    if insight.status.value != "FINISHED":
        raise Failure(f"The insight {run_id} is {insight.status}: {insight.progress.message}", 1)
    return insight


@click.command(epilog=example("serve --port 8501"))
@click.option("--port", default=_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port of the dashboard.")
def serve(port: int) -> None:
    """Serve the dashboard until Ctrl+C."""
    _serve(port)


def _serve(port: int) -> None:
    app = Path(__file__).parents[2] / "app.py"
    if not app.is_file():
        raise Failure(f"The dashboard's app.py is not beside the package ({app}). Run this from a checkout.", 1)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise Failure(f"Port {port} is in use. Choose another one with --port.", 2)
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.headless", "true"]
    # Without an address Streamlit asks the internet for its own.
    command += ["--server.port", str(port), "--browser.serverAddress", "localhost"]
    command += ["--browser.gatherUsageStats", "false"]
    # In the checkout, as its .streamlit/ holds the theme; so a path in the tracking URI must not be relative.
    environment = {**os.environ, "MLFLOW_TRACKING_URI": _absolute(client().tracking_uri)}
    process = subprocess.Popen(  # noqa: S603
        command, cwd=app.parent, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _say_when_ready(process, port)
        process.wait()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
    finally:
        process.terminate()
        process.wait()


def _say_when_ready(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Failure(f"Streamlit ended with exit code {process.returncode}.", 1)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                click.echo(f"The dashboard is at http://localhost:{port} (Ctrl+C stops it).")
                return
        time.sleep(0.2)
    raise Failure("Streamlit did not start within a minute.", 1)


def _absolute(uri: str) -> str:
    prefix = "sqlite:///"
    if not uri.startswith(prefix) or uri.startswith(prefix + "/"):
        return uri
    return prefix + str(Path(uri.removeprefix(prefix)).resolve())
