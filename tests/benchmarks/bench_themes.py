"""What five themes cost over the same traces, against every theme reading every trace, and what they lose.

Run by hand:

    python tests/benchmarks/bench_themes.py [--traces 300]                     # the demo
    python tests/benchmarks/bench_themes.py --file conversations.json          # a file of openai-messages
    python tests/benchmarks/bench_themes.py --only offline|model|speed

offline: the built-in themes without a model: traces each finds, and how many planted problems are in any theme.
model: against a server on this machine that speaks the OpenAI protocol and counts tokens. It answers as a model that
knows which planted story concerns which theme (for a file: none, so that all are relevant), so what is measured is
what filters, first pass and reuse save and lose, not how well a model judges. `naive` is every theme over every trace
with its full answer; `plain` is the built-in themes without a first pass; `first pass` with one; `again` a second run.
speed: the same themes side by side and one after another, with answers that take 0.2 s.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))
from openai_answers import plausible
from openai_server import OpenAIServer

ERROR, UX, WISH, SUCCESS, SLOW = (
    "error_analysis",
    "ux_issues",
    "feature_requests",
    "success_patterns",
    "performance_issues",
)
ALL = (ERROR, UX, WISH, SUCCESS, SLOW)
# The demo's planted problems and the themes they concern; what is no problem concerns `success_patterns`.
PROBLEMS = {
    "refused card leaves gift cards debited": {ERROR, UX},
    "loyalty number not found": {ERROR, UX},
    "booking confirmed although the tool failed": {ERROR},
    "flight search repeated with the same arguments": {ERROR, SLOW},
    "user asks for a human and is not handed over": {UX},
    "password reset link has expired": {ERROR, UX},
    "model overloaded and no answer given": {ERROR},
    "availability check times out": {ERROR, SLOW},
    "empty knowledge base and an invented answer": {ERROR},
    "instructions hidden in a tool result are followed": {ERROR},
    "refund promised against policy": {ERROR},
    "invoice in the wrong language": {UX, WISH},
}
NOTHING = {"one-off questions"}


class Judge:
    """Answers as a model that knows each trace's story, by the code between its markers."""

    def __init__(self, truth: dict[str, set[str]]) -> None:
        self.truth = truth

    def __call__(self, schema: dict[str, Any], messages: list[dict[str, str]]) -> Any:
        import re

        fields = schema.get("properties", {})
        said = plausible(schema, messages)
        found = re.search(r"=== TRACE (\w+) ===", messages[-1]["content"])
        concerned = self.truth.get(found[1], set(ALL)) if found else set()
        system = messages[0]["content"]
        if fields.keys() == {"relevant"} and found:
            listed = re.findall(r"^- (\w+):", system, re.MULTILINE)
            return {"relevant": [theme for theme in listed if theme in concerned]}
        if "theme_relevant" in fields:
            theme = next(key for key in ALL if f"purpose: {key.split('_')[0].lower()}" in system.lower())
            if "every trace is read in full" not in system and theme not in concerned:
                return {**said, "theme_relevant": False, "summary": "Not concerned.", "errors": [], "claims": []}
            return {**said, "summary": " ".join([said["summary"]] * 4)}
        return said


def store(folder: Path, arguments: argparse.Namespace) -> tuple[Any, str, dict[str, str]]:
    """A fresh SQLite with the traces; the client, the experiment, trace id -> planted label."""
    from insights_core import InsightsClient
    from insights_core.demo import load_demo, planted_labels

    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    client = InsightsClient(f"sqlite:///{folder}/mlflow.db")
    if arguments.file:
        client.import_traces(arguments.file, "openai-messages", "Themes")
        return client, client.mlflow.get_experiment_by_name("Themes").experiment_id, {}
    experiment_id = load_demo(client, "Themes", traces=arguments.traces)
    return client, experiment_id, planted_labels(client, experiment_id)


def truth_of(client: Any, experiment_id: str, labels: dict[str, str]) -> dict[str, set[str]]:
    """Code between a trace's markers -> the themes that its story concerns."""
    from insights_core.entities import InsightSpec, TraceScope
    from insights_core.insight.reading import OfflineSummarizer, SummaryKey, Texts, read_facts
    from insights_core.llm.cache import content_key
    from insights_core.traces.search import iter_trace_infos

    spec = InsightSpec(scope=TraceScope(experiment_id=experiment_id), instruction="Anything")
    key = SummaryKey.of(spec, OfflineSummarizer("Anything"))
    facts = [read_facts(info, key, spec.max_chars) for info in iter_trace_infos(client, spec.scope)]
    found: dict[str, set[str]] = {}
    for item in Texts(client).prepare(facts, spec.max_chars):
        label = labels.get(getattr(getattr(item, "facts", None), "trace_id", ""))
        if label is not None:
            concerned = PROBLEMS.get(label, set() if label in NOTHING else {SUCCESS})
            found.setdefault(content_key(item.read.text)[:16], set()).update(concerned)  # type: ignore[union-attr]
    return found


def kept_problems(client: Any, runs: list[Any], labels: dict[str, str]) -> str:
    """Of the planted problems' traces, those in any theme but the one of successes."""
    if not labels:
        return ""
    inside: set[str] = set()
    for run in runs:
        if run.run_id and run.status == "FINISHED" and run.theme_id != SUCCESS:
            inside |= {row.trace_id for row in client.get_insight_details(run.run_id).traces}
    problems = {trace_id for trace_id, label in labels.items() if label in PROBLEMS}
    shown = {labels[trace_id] for trace_id in problems & inside}
    lost = sorted(set(PROBLEMS) - shown)
    worst = sorted(
        (
            sum(1 for one in problems & inside if labels[one] == label) / sum(labels[one] == label for one in problems),
            label,
        )
        for label in {labels[one] for one in problems}
    )[:3]
    return (
        f"problems: {len(problems & inside)} of {len(problems)} traces, {len(shown)} of {len(PROBLEMS)} kinds"
        + (f", lost {lost}" if lost else "")
        + "; least found: "
        + ", ".join(f"{label} {share:.0%}" for share, label in worst)
    )


def table(name: str, runs: list[Any], seconds: float) -> None:
    print(f"\n{name} ({seconds:.1f} s)")
    for run in runs:
        print(
            f"  {run.theme_id:20} {run.status:9} in {run.trace_count:4}  not concerned {run.irrelevant_count:4}  "
            f"clusters {run.cluster_count:3}  texts made {run.texts.made:4}, from memory {run.texts.from_memory:4}, "
            f"from cache {run.texts.from_cache:4}  tokens {run.input_tokens:8,} + {run.output_tokens:7,}  {run.message[:60]}"
        )
    asked = sum(run.texts.from_memory + run.texts.from_cache + run.texts.made for run in runs)
    made = sum(run.texts.made for run in runs)
    print(f"  text hits {1 - made / asked:.1%} of {asked:,}" if asked else "  no text was asked for")


def offline(arguments: argparse.Namespace, folder: Path) -> None:
    client, experiment_id, labels = store(folder, arguments)
    began = time.perf_counter()
    runs = client.run_themes(experiment_id)
    table("offline, built-in themes", runs, time.perf_counter() - began)
    print("  " + kept_problems(client, runs, labels))


def model(arguments: argparse.Namespace, folder: Path) -> None:
    figures: dict[str, tuple[int, int, int]] = {}
    for name, least in (("naive", "0"), ("plain", "0"), ("first pass", "3")):
        client, experiment_id, labels = store(folder / name.replace(" ", "-"), arguments)
        with OpenAIServer(Judge(truth_of(client, experiment_id, labels) if labels else {})) as server:
            use(server, folder / f"cache-{name}", least)
            ids = naive_themes(client, experiment_id) if name == "naive" else None
            began = time.perf_counter()
            runs = client.run_themes(experiment_id, ids)
            table(f"model, {name}", runs, time.perf_counter() - began)
            print("  " + kept_problems(client, runs, labels))
            figures[name] = spent(server)
            report(name, figures)
            if name == "first pass":
                server.calls.clear()
                began = time.perf_counter()
                runs = client.run_themes(experiment_id)
                table("model, again", runs, time.perf_counter() - began)
                figures["again"] = spent(server)
                report("again", figures)


def naive_themes(client: Any, experiment_id: str) -> list[str]:
    """The built-in themes without filters, sampling and relevance: what every theme over every trace costs."""
    made = []
    for theme_id in ALL:
        copied = client.copy_theme(theme_id, f"{theme_id}_naive", experiment_id=experiment_id)
        prompt = client.get_theme(theme_id, experiment_id).prompt + "\nevery trace is read in full"
        name = client.get_theme(theme_id, experiment_id).name
        fields = {"theme_filters": [], "sample_rate": 1.0, "prompt": prompt, "name": name}
        client.update_theme(copied, fields, experiment_id)
        made.append(copied)
    return made


def use(server: OpenAIServer, cache: Path, least: str) -> None:
    os.environ |= {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "test",
        "INSIGHTS_CACHE_DIR": str(cache),
        "INSIGHTS_FIRST_PASS_THEMES": least,
    }


def spent(server: OpenAIServer) -> tuple[int, int, int]:
    """Calls, and tokens in and out as this program counts them, of everything that was sent."""
    from insights_core.llm import count_tokens

    calls = [call for call in server.calls if call.status == 200]
    given = sum(count_tokens(call.prompt) + count_tokens(str(call.body.get("response_format", ""))) for call in calls)
    wrote = sum(tokens_out.get(id(call), 0) for call in calls) if (tokens_out := server_out(server)) else 0
    return len(calls), given, wrote


def server_out(server: OpenAIServer) -> dict[int, int]:
    """Output tokens of each call; the server's own answers, made once more."""
    import json

    from insights_core.llm import count_tokens

    found = {}
    for call in server.calls:
        schema = call.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        found[id(call)] = count_tokens(json.dumps(server.answer(schema, call.body["messages"])))
    return found


def report(name: str, figures: dict[str, tuple[int, int, int]]) -> None:
    from insights_core.llm import price_of

    price = price_of("gpt-4o-mini")
    assert price

    def cost(key: str) -> float:
        return price.cost_usd(*figures[key][1:])

    calls, given, wrote = figures[name]
    saved = 1 - cost(name) / cost("naive")
    print(
        f"  {calls:,} calls, {given:,} tokens in, {wrote:,} out, ${cost(name):.4f} at gpt-4o-mini's price: "
        f"{saved:.1%} less than naive ({1 - calls / figures['naive'][0]:.1%} fewer calls)"
    )


def speed(arguments: argparse.Namespace, folder: Path) -> None:
    arguments.traces = min(arguments.traces, 100)
    for name in ("side by side", "one after another"):
        client, experiment_id, labels = store(folder / name.replace(" ", "-"), arguments)
        with OpenAIServer(Judge(truth_of(client, experiment_id, labels)), latency_s=0.2) as server:
            use(server, folder / f"cache-{name}", "0")
            began = time.perf_counter()
            groups = [list(ALL)] if name == "side by side" else [[theme] for theme in ALL]
            for group in groups:
                client.run_themes(experiment_id, group)
            print(f"\n{name}: {time.perf_counter() - began:.1f} s for {len(server.calls):,} calls of 0.2 s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=300)
    parser.add_argument("--file")
    parser.add_argument("--only", choices=["offline", "model", "speed"])
    arguments = parser.parse_args()
    arguments.file = str(Path(arguments.file).resolve()) if arguments.file else None
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "INSIGHTS_MODEL", "REDIS_URL"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INSIGHTS_CACHE_DIR"] = f"{folder}/cache"
        for part in (offline, model, speed):
            if arguments.only in (None, part.__name__):
                part(arguments, Path(folder) / part.__name__)
        os.chdir("/")


if __name__ == "__main__":
    main()
