"""On the demo's traces every figure is what pandas makes of the Trace objects that MLflow's client gives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from insights_core import InsightsClient
from insights_core.demo import load_demo

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def equality() -> Iterator[Any]:
    """The script of that name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield __import__("equality")


@pytest.fixture(scope="module")
def demo(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with the demo, and its experiment."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(_template_store, folder / "mlflow.db")
    return folder, load_demo(InsightsClient(f"sqlite:///{folder}/mlflow.db"), traces=150)


@pytest.fixture(scope="module")
def truth(equality: Any, demo: tuple[Path, str]) -> Any:
    """The demo's traces as MLflow's client gives them."""
    return equality.expected.read(f"sqlite:///{demo[0]}/mlflow.db", demo[1])


@pytest.fixture(scope="module", params=["sqlite", "http"])
def demo_uri(
    request: pytest.FixtureRequest, demo: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the demo is, on each kind of source."""
    if request.param == "sqlite":
        yield f"sqlite:///{demo[0]}/mlflow.db"
        return
    start = request.getfixturevalue("start_mlflow_server")
    yield from start(tmp_path_factory.mktemp("demo-server"), template=demo[0] / "mlflow.db")


def test_every_figure_of_the_demo_is_the_same(equality, demo, truth, demo_uri):
    found = equality.compare(demo_uri, demo[1], truth)
    assert found.differences == []
    assert found.compared > 15_000


def test_a_figure_that_is_off_by_one_is_found(equality, demo, truth, monkeypatch):
    from insights_core.analytics import traffic

    right = traffic._counts
    monkeypatch.setattr(
        traffic,
        "_counts",
        lambda view, unit: (right(view, unit)[0], [(n, ok, bad + 1) for n, ok, bad in right(view, unit)[1]]),
    )
    found = equality.Comparison()
    ours = InsightsClient(f"sqlite:///{demo[0]}/mlflow.db").analytics
    ours.facts.answers.clear()  # of the tests above
    found.same("errors", ours.errors(demo[1], time_bucket="week").model_dump(), truth.errors("week"))
    assert len(found.differences) >= 4
