"""A lock among the processes of one machine: it spares them work, and nothing rests on it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Enough that two entities rarely share one; the files stay, and are empty.
_FILES = 256
_WAIT_S = 10.0


@contextmanager
def host_lock(name: str) -> Iterator[None]:
    """Hold the lock of this name, or go on without it after 10 s, or where the system has no such locks."""
    try:
        import fcntl

        user = os.getuid()
        folder = Path(tempfile.gettempdir()) / f"mlflow-insights-locks-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        place = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") % _FILES
        descriptor = os.open(folder / f"{place:03d}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (ImportError, OSError):
        yield
        return
    try:
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)
