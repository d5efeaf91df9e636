"""Whether the process of a job still runs: by its process id on the same machine, by its last sign of life elsewhere.

One run has one owner: whoever wrote the lease tag last. Its value is a token and epoch milliseconds,
"3f…@1700000000000". The worker tag says which process that is: JSON with token, place, pid, started.
"""

from __future__ import annotations

import json
import socket
import subprocess
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from insights_core.names import LEASE_TAG, WORKER_TAG

# Silence after which a process that cannot be looked at counts as dead.
SILENCE_S = 30.0
# A process that exists but says nothing for so long hangs. Longer than numeric code may keep the heartbeat waiting.
HANGING_S = 600.0
# Milliseconds up to the year 5138; a longer number is no time.
_MOST_DIGITS = 14


def new_lease() -> tuple[str, str]:
    """A fresh token, and the value of the lease tag that claims a run for it."""
    token = uuid.uuid4().hex
    return token, f"{token}@{round(datetime.now(UTC).timestamp() * 1000)}"


def lease_token(tags: Mapping[str, str]) -> str:
    """The token of the run's present owner, or ""."""
    return tags.get(LEASE_TAG, "").partition("@")[0]


def claimed_at_ms(tags: Mapping[str, str]) -> int:
    """When the run's present owner claimed it, in epoch milliseconds; 0 where that cannot be told."""
    claimed = tags.get(LEASE_TAG, "").partition("@")[2]
    return int(claimed) if claimed.isdecimal() and len(claimed) <= _MOST_DIGITS else 0


def describe_process(token: str, pid: int) -> str:
    """The value of the worker tag for a process of this machine."""
    return json.dumps({"token": token, "place": place(), "pid": pid, "started": process_start(pid)})


def is_alive(tags: Mapping[str, str], last_sign: datetime | None) -> bool:
    """Whether the process that owns a run still works on it.

    Args:
        tags: The run's tags.
        last_sign: When the run's progress was last written.
    """
    token, moment = lease_token(tags), datetime.now(UTC)
    claimed_at = datetime.fromtimestamp(claimed_at_ms(tags) / 1000, UTC)
    signs = [(moment - sign).total_seconds() for sign in (last_sign, claimed_at) if sign is not None]
    # A stamp from further in the future tells nothing: taking a living job's run over is safe, waiting for days is not.
    silence_s = min((silence for silence in signs if silence > -SILENCE_S), default=float("inf"))
    worker = _worker(tags)
    if worker.get("token") == token and worker.get("place") == place() and isinstance(worker.get("pid"), int):
        started = process_start(worker["pid"])
        return started is not None and started == worker.get("started") and silence_s < HANGING_S
    return silence_s < SILENCE_S


def _worker(tags: Mapping[str, str]) -> dict[str, Any]:
    try:
        worker = json.loads(tags.get(WORKER_TAG, "{}"))
    except ValueError:
        return {}
    return worker if isinstance(worker, dict) else {}


@cache
def place() -> str:
    """Where process ids mean the same: host, boot and, in containers, the namespace of process ids."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: str(Path("/proc/self/ns/pid").readlink()),
    ):
        try:
            parts.append(read())
        except OSError:
            continue
    return "/".join(parts)


def process_start(pid: int) -> str | None:
    """When a process started, in the system's own words; None where it does not run. Process ids are given again."""
    try:
        # The name in brackets may hold anything, so fields are counted after the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _start_from_ps(pid)
    except (OSError, UnicodeDecodeError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def _start_from_ps(pid: int) -> str | None:
    try:
        found = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
        ).stdout.split(maxsplit=1)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if len(found) < 2 or found[0].startswith("Z") else found[1].strip()
