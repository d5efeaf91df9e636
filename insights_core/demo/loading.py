"""The demo's traces into MLflow, and the truth about them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

from insights_core.connection import Connection
from insights_core.demo.conversation import Step, converse
from insights_core.demo.formats import FORMATS, Recording
from insights_core.demo.judging import judge
from insights_core.demo.language import values
from insights_core.demo.plan import DEMO_VERSION, Planned, plan_traces
from insights_core.demo.recorder import record
from insights_core.demo.trouble import break_trace, spice
from insights_core.errors import InvalidParameterError, mlflow_errors
from insights_core.names import DEMO_TAG
from insights_core.traces.drafts import TraceDraft
from insights_core.traces.writing import find_or_create_experiment, write_traces


def load_demo(
    connection: Connection, experiment: str = "Demo: support agents", traces: int = 600, seed: int = 0
) -> str:
    """Load made-up traces of four support agents with planted problems; a second call reuses what is there.

    An interrupted load goes on where it stopped, with the same times and texts.

    Args:
        connection: Where MLflow is.
        experiment: Its name; created where it does not exist.
        traces: How many.
        seed: Decides all texts, times and problems.

    Returns:
        The id of the experiment.

    Raises:
        InvalidParameterError: The experiment holds other traces than this demo's.
    """
    if traces < 1:
        raise InvalidParameterError(f"The demo needs at least 1 trace, but {traces} was given.")
    wanted = {
        "version": DEMO_VERSION,
        "seed": seed,
        "traces": traces,
        "now_ms": int(time.time() * 1000),
        "complete": False,
    }
    connection.may_create = True
    experiment_id = find_or_create_experiment(connection, experiment, {DEMO_TAG: json.dumps(wanted)})
    loaded = _facts(connection, experiment_id)
    if loaded is None or any(loaded[key] != wanted[key] for key in ("version", "seed", "traces")):
        found = (
            "no demo"
            if loaded is None
            else f"a demo of {loaded['traces']} traces with seed {loaded['seed']} (version {loaded['version']})"
        )
        raise InvalidParameterError(
            f"The experiment {experiment!r} exists and holds {found}. Choose another name for this demo."
        )
    if not loaded["complete"]:
        write_traces(connection, experiment_id, demo_traces(experiment_id, traces, seed, loaded["now_ms"]))
        with mlflow_errors():
            connection.mlflow.set_experiment_tag(experiment_id, DEMO_TAG, json.dumps(loaded | {"complete": True}))
    return experiment_id


def planted_labels(connection: Connection, experiment_id: str) -> dict[str, str]:
    """The truth: trace id -> the story that was planted in it. It stands nowhere in MLflow.

    Raises:
        InvalidParameterError: The experiment holds no demo of this version.
    """
    facts = _facts(connection, experiment_id)
    if facts is None or facts["version"] != DEMO_VERSION:
        raise InvalidParameterError(
            f"Experiment {experiment_id} holds no demo of version {DEMO_VERSION}. Load one with `mlflow-insights demo`."
        )
    return {
        item.trace_id: item.label
        for item in plan_traces(experiment_id, facts["traces"], facts["seed"], facts["now_ms"])
    }


def demo_traces(experiment_id: str, traces: int, seed: int, now_ms: int) -> Iterator[TraceDraft]:
    """The demo's traces before they are written; the same for the same arguments."""
    for planned in plan_traces(experiment_id, traces, seed, now_ms):
        yield _draft(planned, random.Random(f"text:{DEMO_VERSION}:{seed}:{planned.number}"))  # noqa: S311 - stories, not secrets


def _facts(connection: Connection, experiment_id: str) -> dict[str, Any] | None:
    with mlflow_errors():
        text = connection.mlflow.get_experiment(experiment_id).tags.get(DEMO_TAG)
    return json.loads(text) if text else None


def _draft(planned: Planned, rng: random.Random) -> TraceDraft:
    story = planned.scenario
    steps = converse(story, rng, planned.tags["locale"])
    spice(steps, rng)
    system = rng.choice(values()["systems"][story["agent"]])
    recording = Recording(planned.trace_id, planned.start_ms, story["agent"], system, planned.model, rng)
    spans = record(recording, steps, FORMATS[planned.format])
    root = spans[0]
    failed = _failed(steps, story, rng)
    if failed:
        root.status, root.status_message = "ERROR", failed
    draft = TraceDraft(
        trace_id=planned.trace_id,
        name=story["agent"],
        start_ms=planned.start_ms,
        duration_ms=((root.end_ns or root.start_ns) - root.start_ns) // 1_000_000,
        spans=spans,
        state="ERROR" if failed else "OK",
        tags=planned.tags,
        session_id=planned.session_id,
        user_id=planned.user_id,
        assessments=judge(story["judge"], rng),
        request_preview=next((step.text for step in steps if step.kind == "user"), None),
        response_preview=next((step.text for step in reversed(steps) if step.kind == "agent"), None),
    )
    break_trace(draft, rng)
    return draft


def _failed(steps: list[Step], story: dict[str, Any], rng: random.Random) -> str | None:
    """Why the whole trace failed: its last word was an error, or the agent raised what a tool raised."""
    if steps[-1].kind == "model_error":
        return steps[-1].text
    if rng.random() < story["error_state"]:
        return next((str(step.result) for step in reversed(steps) if step.is_error), None)
    return None
