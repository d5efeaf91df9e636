"""A store with demo traces and a finished insight, and pages run on it without a browser."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
ROUTER = ROOT / "pages" / "_ui" / "shell" / "router.py"
sys.path[:0] = [path for path in (str(ROOT), str(Path(__file__).parent)) if path not in sys.path]


@dataclass(frozen=True)
class Store:
    """An MLflow with traces and one finished insight."""

    uri: str
    experiment_id: str
    run_id: str
    labels: dict[str, str]


@pytest.fixture(scope="session")
def demo_store(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """120 demo traces and an insight with a hostile title and summary. Tests read it only."""
    from insights import HOSTILE, finished_insight

    from insights_core.connection import Connection
    from insights_core.demo import load_demo, planted_labels

    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(_template_store, folder / "mlflow.db")
    connection = Connection(f"sqlite:///{folder}/mlflow.db")
    # MLflow puts artifacts of new experiments below the working directory.
    with contextlib.chdir(folder):
        experiment_id = load_demo(connection, experiment="Demo: support agents", traces=120)
    labels = planted_labels(connection, experiment_id)
    run_id = finished_insight(connection, experiment_id, labels, hostile=HOSTILE)
    return Store(connection.tracking_uri, experiment_id, run_id, labels)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Run a page as its deep link would: `open_page(uri, "insight", run=…)`."""

    def open_it(uri: str, page: str = "home", **params: str) -> AppTest:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        app = AppTest.from_file(str(ROUTER), default_timeout=60)
        app.run()
        for name, value in params.items():
            app.query_params[name] = value
        if page != "home" or params:
            app.switch_page(f"../../{page}.py")
            app.run()
        return app

    return open_it
