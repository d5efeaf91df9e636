"""Whether a job's process lives: what each sign is worth alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from insights_core.insight.jobs import liveness
from insights_core.names import LEASE_TAG, WORKER_TAG


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def tags(worker: object = None, **other: object) -> dict[str, str]:
    """Tags of a run that this process owns and claimed long ago, with what differs."""
    own = json.loads(liveness.describe_process("token", os.getpid()))
    given = {**own, **other} if worker is None else worker
    return {LEASE_TAG: "token@1000", WORKER_TAG: json.dumps(given)}


def test_a_process_that_is_there_lives_until_it_has_said_nothing_for_ten_minutes():
    assert liveness.is_alive(tags(), ago(590))
    assert not liveness.is_alive(tags(), ago(610))
    assert not liveness.is_alive(tags(), None)


@pytest.mark.parametrize("other", [{"place": "elsewhere"}, {"token": "older"}, {"pid": "7"}])
def test_of_a_process_that_cannot_be_looked_at_only_its_signs_count(other):
    assert liveness.is_alive(tags(**other), ago(25))
    assert not liveness.is_alive(tags(**other), ago(35))


def test_a_process_id_that_was_given_again_is_no_sign():
    assert not liveness.is_alive(tags(started="another time"), ago(1))


@pytest.mark.parametrize("worker", [[1], "words", 7, True])
def test_a_worker_tag_of_another_form_tells_nothing(worker):
    assert liveness.is_alive(tags(worker), ago(25))
    assert not liveness.is_alive(tags(worker), ago(35))


def test_a_sign_from_the_future_counts_as_far_as_clocks_differ():
    assert liveness.is_alive(tags(place="elsewhere"), ago(-25))
    assert not liveness.is_alive(tags(place="elsewhere"), ago(-35))


@pytest.mark.parametrize("claim", ["token@" + "9" * 15, "token@-5", "token@", "token"])
def test_a_claim_that_is_no_time_tells_nothing(claim):
    assert liveness.claimed_at_ms({LEASE_TAG: claim}) == 0


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that ended and that nobody has waited for."""
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # it ends with this
    while Path("/proc").exists() and Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    yield child.pid
    child.wait()


def test_a_process_that_ended_does_not_run_though_its_id_is_still_taken(zombie):
    assert liveness.process_start(zombie) is None
    assert liveness.process_start(os.getpid()) is not None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs /bin/ps")
def test_where_there_is_no_proc_the_system_is_asked_by_ps(zombie):
    assert liveness._start_from_ps(os.getpid()) == liveness._start_from_ps(os.getpid()) is not None
    assert liveness._start_from_ps(zombie) is None
    assert liveness._start_from_ps(2**22 + 1) is None
