"""Traces made anew by real packages, and what their texts must say: `python tests/producers/run.py [NAME …]`, by hand.

Each producer gets an environment of its own with pinned packages (a minute and some 100 MB the first time; kept in
`~/.cache/mlflow-insights-producers`), has the same short talk with a scripted model that speaks the OpenAI protocol, and
sends its spans over OTLP to a stock MLflow server. Prints OK, or BAD with what is missing or too much. Not for CI: it
downloads packages, and a package that changed is no fault of a change here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from conftest import run_mlflow_server  # noqa: E402
from scripted_model import ANSWER, QUESTION, RESULT, scripted_model  # noqa: E402

_OTLP = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"]
PRODUCERS: dict[str, list[str]] = {
    "pydantic_ai": ["pydantic-ai-slim[openai]==2.68.0", *_OTLP],
    "strands": ["strands-agents[openai,otel]==1.62.0", *_OTLP],
    "smolagents": ["smolagents[openai]", "openinference-instrumentation-smolagents==0.1.43", *_OTLP],
    "langgraph": ["langgraph", "langchain-openai", "openinference-instrumentation-langchain", *_OTLP],
}
CACHE = Path.home() / ".cache" / "mlflow-insights-producers"


def environment_of(name: str) -> Path:
    """The Python of a producer's environment, made where it is missing."""
    folder = CACHE / name
    done = folder / "packages.txt"
    wanted = "\n".join(PRODUCERS[name])
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *PRODUCERS[name]], check=True)
        done.write_text(wanted)
    return folder / "bin" / "python"


def talk(name: str, server: str, model: str) -> str:
    """Let a producer have the talk; gives the experiment that its trace is in."""
    from mlflow import MlflowClient

    experiment_id = MlflowClient(server).create_experiment(name)
    variables = {
        "OPENAI_BASE_URL": model, "OPENAI_API_KEY": "none", "QUESTION": QUESTION, "RESULT": RESULT,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server}/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT": server,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-mlflow-experiment-id={experiment_id}", "PATH": os.environ["PATH"], "HOME": os.environ["HOME"],
    }  # fmt: skip
    command = [str(environment_of(name)), str(HERE / f"talk_{name}.py")]
    subprocess.run(command, check=True, env=variables, cwd=HERE, timeout=120, stdout=subprocess.DEVNULL)
    return experiment_id


def faults(server: str, experiment_id: str) -> tuple[list[str], str]:
    """(what is wrong, the text) of the one trace in an experiment."""
    from insights_core import InsightsClient, trace_to_text
    from insights_core.entities import TraceScope

    client = InsightsClient(server)
    until = time.monotonic() + 15
    while not (found := client.search_traces(TraceScope(experiment_id=experiment_id))) and time.monotonic() < until:
        time.sleep(0.5)
    if len(found) != 1:
        return [f"{len(found)} traces came"], ""
    text = trace_to_text(client.get_trace(found[0].trace_id))
    lines = [line.split(" ", 1)[1].strip() for line in text.splitlines()]
    wanted = {
        "question once, as the user's": sum(line.startswith("user: ") and QUESTION in line for line in lines) == 1,
        "answer once, as the assistant's": sum(line.startswith("assistant: ") and ANSWER in line for line in lines)
        == 1,
        "call once, by its name": sum("calls timetable: " in line and "Lismore" in line for line in lines) == 1,
        "result once, as the tool's": sum(line.startswith("tool") and RESULT in line for line in lines) == 1,
        "no JSON of parts": not any(mark in text for mark in ('"role":', '"parts":', '"type": "text"')),
    }
    tools = {tool.tool_name for tool in client.analytics.tools(experiment_id).data}
    # smolagents answers by a tool of its own.
    wanted["the tool in analytics"] = tools - {"final_answer"} == {"timetable"}
    return [f"not so: {what}" for what, holds in wanted.items() if not holds], f"{text}\n(tools: {tools})"


def main() -> int:
    """How many producers read badly."""
    bad = 0
    chosen = sys.argv[1:] or list(PRODUCERS)
    with tempfile.TemporaryDirectory() as folder, scripted_model() as model:
        servers = run_mlflow_server(Path(folder))
        server = next(servers)
        try:
            for name in chosen:
                wrong, text = faults(server, talk(name, server, model))
                bad += bool(wrong)
                print(f"{'BAD' if wrong else 'OK '} {name}", *wrong, sep="\n    ")
                if wrong:
                    print(text)
        finally:
            servers.close()
    return bad


if __name__ == "__main__":
    sys.exit(main())
