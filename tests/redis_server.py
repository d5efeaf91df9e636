"""A real Redis for tests: `redis-server` on a free port, with its files in a temporary folder."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path


class RedisServer:
    """A `redis-server` process that can be stopped and started again with its data.

    Args:
        folder: Where its files lie.
        keep: Whether data outlives a stop.
    """

    def __init__(self, folder: Path, keep: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._folder, self._keep = folder, keep
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        import redis

        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        command += [str(self._folder), "--appendonly", "yes" if self._keep else "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(redis.exceptions.RedisError), redis.Redis(port=self.port) as client:
                client.ping()
                return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None
