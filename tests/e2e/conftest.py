"""The real dashboard in a real browser: a streamlit process on a demo store, and chromium."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_APP = '[data-testid="stApp"]'
CHROMIUM = "/usr/bin/chromium"
sys.path[:0] = [
    path for path in (str(ROOT), str(ROOT / "tests" / "ui"), str(Path(__file__).parent)) if path not in sys.path
]


# Not for the session: Playwright keeps an event loop running, in which other folders' asyncio tests cannot run.
@pytest.fixture(scope="module")
def browser():
    """Debian's chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs chromium at {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def demo(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A store with demo traces and an insight whose worst texts are hostile: its `uri` and `run_id`."""
    from insights import HOSTILE, finished_insight

    from insights_core.connection import Connection
    from insights_core.demo import load_demo, planted_labels

    folder = tmp_path_factory.mktemp("e2e")
    shutil.copy(_template_store, folder / "mlflow.db")
    connection = Connection(f"sqlite:///{folder}/mlflow.db")
    with contextlib.chdir(folder):
        experiment_id = load_demo(connection, traces=80)
    run_id = finished_insight(connection, experiment_id, planted_labels(connection, experiment_id), hostile=HOSTILE)
    return {"uri": connection.tracking_uri, "run_id": run_id, "experiment_id": experiment_id, "folder": str(folder)}


def serve(uri: str, log: Path) -> Iterator[str]:
    """`streamlit run app.py` on a tracking URI, on a free port; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.headless=true",
        f"--server.port={port}",
        "--server.fileWatcherType=none",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(port, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    import httpx

    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"streamlit ended:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).text == "ok":
                return
        time.sleep(0.2)
    raise RuntimeError(f"streamlit did not answer:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def dashboard(demo: dict[str, str]) -> Iterator[str]:
    """Address of the dashboard on the demo store."""
    yield from serve(demo["uri"], Path(demo["folder"]) / "streamlit.log")


@pytest.fixture(scope="session")
def serving() -> Iterator:
    """`serving(uri, log)` gives the address of a dashboard on another store, until the session ends."""
    with contextlib.ExitStack() as stack:
        yield lambda uri, log: stack.enter_context(contextlib.contextmanager(serve)(uri, log))


class View:
    """A page in the browser that waits for Streamlit instead of for time."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address = page, address
        page.set_default_timeout(20_000)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}/{path}")
        self.page.wait_for_selector('[data-testid="stHeading"] h1')
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and nothing more begins: a click's run may start a moment later."""
        still = 0
        while still < 3:
            self.page.wait_for_timeout(150)
            self.page.wait_for_selector(f'{_APP}[data-test-script-state="notRunning"]')
            busy = self.page.locator(
                f'{_APP}:not([data-test-script-state="notRunning"]), [data-testid="stSkeleton"]'
            ).count()
            still = 0 if busy else still + 1

    def click(self, locator) -> None:
        locator.click(delay=50)
        self.settle()

    def main(self) -> str:
        return self.page.inner_text('[data-testid="stMain"]')


@pytest.fixture(scope="session")
def view_on() -> type[View]:
    """`view_on(page, address)` gives a View on any dashboard."""
    return View


@pytest.fixture
def look(browser, dashboard: str) -> Iterator:
    """`look(width=…, dark=…)` gives a View on the dashboard."""
    contexts = []

    def make(width: int = 1440, dark: bool = False) -> View:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        return View(context.new_page(), dashboard)

    yield make
    for context in contexts:
        context.close()
