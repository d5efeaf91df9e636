"""How near the model stage comes to the time that the model alone takes: N calls of latency L, c at once, need N·L/c.

Run by hand: `python tests/benchmarks/bench_model_stage.py [--calls 400] [--latency 0.2] [--concurrency 16]`.
It summarises N different texts through ModelSummarizer, cache writes and claim checks included, against a server
process of fixed latency on this machine, and fails above 1.1 times N·L/c.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 1.1
SERVER = Path(__file__).parents[1] / "openai_server.py"
WORDS = [
    "flight",
    "refund",
    "seat",
    "booking",
    "cancel",
    "change",
    "payment",
    "card",
    "gift",
    "baggage",
    "user",
    "agent",
    "reservation",
    "policy",
    "date",
    "cabin",
    "upgrade",
    "error",
    "tool",
    "result",
]


def texts(count: int, chars: int) -> list[str]:
    """Numbered texts of about `chars` characters, all different, the same in every run."""
    source = random.Random(0)
    made = []
    for number in range(count):
        lines = [f"L001 trace number {number}"]
        while sum(map(len, lines)) < chars:
            lines.append(f"L{len(lines) + 1:03d} user: " + " ".join(source.choices(WORDS, k=12)))
        made.append("\n".join(lines))
    return made


async def run(url: str, arguments: argparse.Namespace) -> tuple[float, int]:
    """Seconds for all calls, and how many claims were confirmed."""
    from insights_core.insight.reading.claims import check_claims
    from insights_core.insight.reading.summarize import ModelSummarizer
    from insights_core.llm import ModelEndpoint

    endpoint = ModelEndpoint("gpt-4o-mini", base_url=url, api_key="none", max_concurrency=arguments.concurrency)
    summarizer = ModelSummarizer(endpoint, "What do users ask for, and where does the agent fail?")

    async def one(text: str) -> int:
        return check_claims(await summarizer.summarize(None, text), text)[2]  # type: ignore[arg-type]

    # Importing the SDK and the first connection are not what is measured.
    await one("L001 user: warm up")
    prepared = texts(arguments.calls, arguments.chars)
    began = time.perf_counter()
    confirmed = sum(await asyncio.gather(*map(one, prepared)))
    took_s = time.perf_counter() - began
    await endpoint.aclose()
    return took_s, confirmed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--chars", type=int, default=6000, help="of each text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["INSIGHTS_CACHE_DIR"] = folder
        server = subprocess.Popen(
            [sys.executable, str(SERVER), "0", str(arguments.latency)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            took_s, confirmed = asyncio.run(run(server.stdout.readline().strip(), arguments))
        finally:
            server.kill()
            server.wait()
    ideal_s = arguments.calls * arguments.latency / arguments.concurrency
    ratio = took_s / ideal_s
    print(
        f"{arguments.calls} calls of {arguments.latency} s, {arguments.concurrency} at once: {took_s:.2f} s, ideal {ideal_s:.2f} s, ratio {ratio:.3f} (limit {LIMIT}); {confirmed} claims confirmed"
    )
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
