"""The process of insight jobs: `python -m insights_core.insight.jobs.worker --run-id RUN [--run-id RUN …]`.

`InsightJobs.create_insight` and `resume_insight` start it for one run, `run_themes` for several that share their texts;
the token in its environment must be the one in the run's lease tag, or it leaves the run alone. Exit codes: 0 done, 1
failed, 3 cancelled or not the owner; of several runs the worst.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from insights_core.connection import Connection
from insights_core.insight.jobs.headers import use_headers
from insights_core.insight.jobs.working import work_on
from insights_core.names import HEADERS_VARIABLE, TOKEN_VARIABLE


def main(arguments: list[str] | None = None) -> int:
    """Work on runs until they end; every end is written into its run."""
    parser = argparse.ArgumentParser(prog="python -m insights_core.insight.jobs.worker")
    parser.add_argument("--run-id", required=True, action="append")
    run_ids: list[str] = parser.parse_args(arguments).run_id
    token = os.environ.pop(TOKEN_VARIABLE, "")
    use_headers(os.environ.pop(HEADERS_VARIABLE, ""))
    ends = asyncio.run(work_on(Connection(), run_ids, token, own_process=True))
    codes = set(ends.values())
    return next((code for code in (1, 3) if code in codes), 0)


if __name__ == "__main__":
    raise SystemExit(main())
