"""Answers on disk by what was asked, so that none is paid for twice, also after kill -9."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import os
from pathlib import Path
from typing import Any

from insights_core import settings

_log = logging.getLogger(__name__)
_numbers = itertools.count()
# O_TRUNC: a process with the same number may have died in the middle of a write long ago.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def content_key(question: Any) -> str:
    """The SHA-256 of anything JSON-serialisable, the same in every process."""
    text = json.dumps(question, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ResponseCache:
    """One small file per answer, named by the hash of the question.

    Readers and writers need no lock: a file appears whole, by rename. A broken file counts as absent.
    Where the directory cannot be written, everything works without it, with one warning.

    Args:
        directory: Where; None takes INSIGHTS_CACHE_DIR. Made on first use, readable by its owner only.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = Path(directory if directory is not None else settings.INSIGHTS_CACHE_DIR.get()).expanduser()
        self._usable = True

    def path_of(self, key: str) -> Path:
        """The file of a key; in 256 folders, because some file systems slow down with many files in one."""
        return self.directory / key[:2] / f"{key}.json"

    def get(self, key: str) -> dict[str, Any] | None:
        """What was stored under the key, or None."""
        try:
            entry = json.loads(self.path_of(key).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        # The key inside tells a whole entry from a file that was cut or overwritten by something else.
        return entry if isinstance(entry, dict) and entry.get("key") == key else None

    def put(self, key: str, entry: dict[str, Any]) -> None:
        """Store an answer; once this returns it survives the end of the process."""
        if not self._usable:
            return
        path = self.path_of(key)
        # Unlike any other process's and thread's, so that no two write into one file.
        temporary = path.with_name(f".{key[:16]}.{os.getpid()}.{next(_numbers)}.tmp")
        try:
            try:
                handle = os.open(temporary, _NEW_FILE, 0o600)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                handle = os.open(temporary, _NEW_FILE, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps({"key": key, **entry}).encode())
            temporary.replace(path)
        except OSError as error:
            self._usable = False
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            _log.warning(
                "Answers of the model are not cached: %s cannot be written (%s). Everything else goes on; set INSIGHTS_CACHE_DIR to a writable folder.",
                self.directory,
                error.strerror or type(error).__name__,
            )
