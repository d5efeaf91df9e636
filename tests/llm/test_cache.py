"""Answers survive kill -9, broken files and full disks."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

from insights_core.llm import ResponseCache
from insights_core.llm.cache import content_key


def test_what_is_put_is_there_in_another_process(tmp_path):
    key = content_key(["chat", "Größe \ud800"])
    ResponseCache(tmp_path).put(key, {"content": "ü"})
    assert ResponseCache(tmp_path).get(key)["content"] == "ü"
    assert ResponseCache(tmp_path).get(content_key("other")) is None


def test_a_broken_file_is_a_miss_and_is_replaced(tmp_path):
    cache, key = ResponseCache(tmp_path), content_key("x")
    cache.put(key, {"content": "good"})
    for broken in (b"", b'{"key": "', b"\xff\xfe", b"[]", b'{"key": "another", "content": 1}'):
        cache.path_of(key).write_bytes(broken)
        assert cache.get(key) is None
    cache.put(key, {"content": "good"})
    assert cache.get(key)["content"] == "good"


def test_an_unwritable_directory_is_said_once_and_nothing_breaks(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = ResponseCache(tmp_path / "file" / "cache")
    for number in range(3):
        cache.put(content_key(number), {"content": "x"})
    assert cache.get(content_key(0)) is None
    assert len(caplog.records) == 1 and "INSIGHTS_CACHE_DIR" in caplog.text


def test_a_full_disk_is_said_once_and_leaves_no_litter(tmp_path, caplog, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    cache = ResponseCache(tmp_path)
    for number in range(3):
        cache.put(content_key(number), {"content": "x"})
    assert len(caplog.records) == 1 and "No space left" in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def _write(directory: str, seed: int) -> None:
    cache = ResponseCache(directory)
    for number in range(150):
        cache.put(content_key(number % 5), {"content": f"{seed} " * 500})


def test_many_writers_of_one_key_leave_a_whole_file(tmp_path):
    writers = [
        multiprocessing.get_context("fork").Process(target=_write, args=(str(tmp_path), seed)) for seed in range(4)
    ]
    for writer in writers:
        writer.start()
    reader, broken = ResponseCache(tmp_path), 0
    while any(writer.is_alive() for writer in writers):
        for number in range(5):
            path = reader.path_of(content_key(number))
            broken += path.exists() and reader.get(content_key(number)) is None
        time.sleep(0.002)
    assert broken == 0


def test_kill_9_loses_nothing_that_was_paid(openai_server, tmp_path, endpoint, ask):
    """A process is killed in the middle of its calls; the next one pays only for what was not answered."""
    openai_server.latency_s = 0.05
    texts = [f"text {number}" for number in range(40)]
    program = (
        "import asyncio, sys\n"
        "from pydantic import BaseModel\n"
        "from insights_core.llm import ModelEndpoint\n"
        "class Verdict(BaseModel):\n    title: str\n    summary: str\n"
        f"endpoint = ModelEndpoint('gpt-4o-mini', base_url={openai_server.url!r}, api_key='k', max_concurrency=2)\n"
        "async def main():\n"
        f"    await asyncio.gather(*(endpoint.complete(system='Sum up.', user=text, schema=Verdict) for text in {texts!r}))\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=dict(os.environ))
    until = time.monotonic() + 60
    while openai_server.paid < 10 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    time.sleep(0.2)
    paid = openai_server.paid
    assert 10 <= paid < 40
    answers = ask(endpoint(max_concurrency=2), *texts)
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    # Only the two that were on the wire when the process died can be asked again.
    assert openai_server.paid - len(texts) <= 2
    entries = [json.loads(path.read_text()) for path in (tmp_path / "cache").rglob("*.json")]
    assert len(entries) == 40
