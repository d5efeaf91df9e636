"""The whole story in a browser: an agent works through the SDK and the CLI while a person watches and decides."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

STATEMENTS = (
    "Refused cards leave gift cards debited",
    "The agent confirms what a tool refused",
    "Long sessions lose the order number",
)


@dataclass
class Stage:
    """A store with traces, and the dashboard on it."""

    uri: str
    experiment_id: str
    trace_ids: list[str]
    address: str

    def agent(self, script: str) -> str:
        """What an agent does: a script of its own process, with `client`, `experiment_id` and `trace_ids`."""
        head = (
            "from insights_core import InsightsClient\n"
            f"client, experiment_id, trace_ids = InsightsClient({self.uri!r}), {self.experiment_id!r}, {self.trace_ids!r}\n"
        )
        return self._run([sys.executable, "-c", head + script])

    def command(self, *arguments: str) -> str:
        """A command of `mlflow-insights`, as an agent gives it."""
        return self._run([sys.executable, "-m", "insights_core.cli", *arguments])

    def _run(self, command: list[str]) -> str:
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self.uri}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()


@pytest.fixture(scope="module")
def stage(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    import importlib.util

    from insights_core.connection import Connection
    from insights_core.demo import load_demo, planted_labels

    spec = importlib.util.spec_from_file_location("e2e_conftest", Path(__file__).with_name("conftest.py"))
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    folder = tmp_path_factory.mktemp("story")
    shutil.copy(_template_store, folder / "mlflow.db")
    connection = Connection(f"sqlite:///{folder}/mlflow.db")
    with contextlib.chdir(folder):
        experiment_id = load_demo(connection, traces=40)
    ids = sorted(planted_labels(connection, experiment_id))
    for address in conftest.serve(connection.tracking_uri, folder / "streamlit.log"):
        yield Stage(connection.tracking_uri, experiment_id, ids, address)


@pytest.fixture
def view(browser, stage: Stage):
    """A page on the stage's dashboard; its script never rests while it ticks, so nothing waits for that."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert not broken


def add_hypothesis(stage: Stage, run_id: str, place: int) -> str:
    return stage.agent(
        f"evidence = [{{'trace_id': one, 'rationale': f'Reason {{n}}', 'supports': n % 4 > 0}} for n, one in enumerate(trace_ids[:8])]\n"
        f"print(client.create_hypothesis({run_id!r}, {STATEMENTS[place]!r}, '1. Look at the traces.', evidence, author='agent'))"
    )


def test_a_person_watches_an_agent_and_decides(stage: Stage, view) -> None:
    from insights_core import InsightsClient

    client = InsightsClient(stage.uri)
    run_id = stage.agent("print(client.create_analysis(experiment_id, 'payments', 'Payment failures', author='agent'))")
    view.goto(f"{stage.address}/run?run={run_id}")
    view.get_by_text("No hypotheses yet").wait_for()

    first = add_hypothesis(stage, run_id, 0)
    view.locator(f".st-key-card-{first}").wait_for()
    view.get_by_test_id("stToast").filter(has_text="New hypothesis").wait_for()

    _half_typed_words_and_the_open_card_survive(stage, view, run_id, first)
    _evidence_is_told(stage, view, run_id, first)

    card = view.locator(f".st-key-card-{first}")
    view.get_by_label("Reason").first.wait_for()
    view.keyboard.press("Escape")
    card.get_by_role("button", name="Validate").click(delay=50)
    view.get_by_label("Reason").first.fill("Three of four traces show it.")
    view.get_by_role("button", name="Validate hypothesis").click(delay=50)
    card.get_by_text("Validated").first.wait_for()
    card.get_by_role("button", name="Test again").wait_for()
    view.wait_for_timeout(500)  # the row of buttons is being drawn anew
    assert client.get_hypothesis(run_id, first).status == "VALIDATED"

    card.get_by_role("button", name="Create issue").click(delay=50)
    view.get_by_text("are carried over as evidence").wait_for()
    view.get_by_role("dialog").get_by_role("button", name="Create issue").click(delay=50)
    view.wait_for_url("**/issues?**")
    drawer = view.get_by_role("dialog")
    drawer.get_by_role("button", name="Accept").click(delay=50)
    drawer.get_by_role("button", name="Accept").wait_for(state="detached")

    drawer.get_by_role("button", name="Log assessments").click(delay=50)
    view.get_by_role("button", name="Log on").click(delay=50)
    view.get_by_text("traces assessed").wait_for()

    _mlflow_shows_it(stage, client, run_id)


def _half_typed_words_and_the_open_card_survive(stage: Stage, view, run_id: str, first: str) -> None:
    view.locator(f".st-key-toggle-{first} button").click(delay=50)
    view.get_by_role("button", name="Reject", exact=True).click(delay=50)
    reason = view.get_by_label("Reason").last
    reason.fill("half a thou")

    second = add_hypothesis(stage, run_id, 1)
    stored = time.monotonic()
    view.locator(f".st-key-card-{second}").wait_for()
    assert time.monotonic() - stored < 2
    add_hypothesis(stage, run_id, 2)
    view.get_by_text(STATEMENTS[2]).first.wait_for()

    assert reason.input_value() == "half a thou"
    assert view.locator(f".st-key-card-{first}").get_by_role("button", name="Close").count() == 1


def _evidence_is_told(stage: Stage, view, run_id: str, first: str) -> None:
    before = view.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    stage.command(
        "update-hypothesis", "--run-id", run_id, "--hypothesis-id", first,
        "--add-evidence", f"{stage.trace_ids[20]}: found by the agent just now",
    )  # fmt: skip
    view.get_by_test_id("stToast").filter(has_text="1 piece of evidence more").wait_for()
    view.get_by_text("found by the agent just now").first.wait_for()
    assert view.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == before


def _mlflow_shows_it(stage: Stage, client, run_id: str) -> None:
    from mlflow import MlflowClient

    issue = client.list_issues(stage.experiment_id)[0]
    assert issue.status == "IN_PROGRESS"
    mlflow = MlflowClient(tracking_uri=stage.uri)
    linked = mlflow.search_traces(locations=[stage.experiment_id], run_id=run_id, max_results=100)
    assert {item.trace_id for item in issue.evidence} <= {one.info.trace_id for one in linked}
    for item in issue.evidence:
        feedback = [one for one in mlflow.get_trace(item.trace_id).info.assessments if one.name == issue.assessments[0]]
        assert [(one.value, one.rationale) for one in feedback] == [(True, item.rationale)]


def test_the_ticking_stops_when_the_analysis_is_completed(stage: Stage, view) -> None:
    run_id = stage.agent("print(client.create_analysis(experiment_id, 'short', 'Short one', author='agent'))")
    add_hypothesis(stage, run_id, 0)
    view.goto(f"{stage.address}/run?run={run_id}")
    view.get_by_text("Live · updated").wait_for()

    stage.command("update-analysis", "--run-id", run_id, "--status", "COMPLETED")
    view.get_by_text("Completed · updated").wait_for()
    assert view.get_by_role("button", name="New hypothesis").count() == 0

    sent: list[object] = []
    view.wait_for_timeout(1500)
    view.on("websocket", lambda _: sent.append("reconnected"))
    runs = view.evaluate(
        """() => new Promise(done => {
            let count = 0;
            const app = document.querySelector('[data-testid=stApp]');
            new MutationObserver(() => count++).observe(app, {attributes: true, attributeFilter: ['data-test-script-state']});
            setTimeout(() => done(count), 3500);
        })"""
    )
    assert runs == 0
    assert not sent


def test_evidence_opens_its_trace_beside_the_page(stage: Stage, view) -> None:
    run_id = stage.agent("print(client.create_analysis(experiment_id, 'read', 'To be read', author='agent'))")
    chosen = add_hypothesis(stage, run_id, 0)
    view.goto(f"{stage.address}/run?run={run_id}&hypothesis={chosen}")

    view.get_by_role("button", name="Trace", exact=True).first.click(delay=50)
    drawer = view.get_by_role("dialog")
    drawer.locator(".mi-spans").wait_for()
    assert "trace=tr-" in view.url
    view.wait_for_timeout(2500)  # it outlives some ticks
    assert drawer.locator(".mi-spans").count() == 1

    view.keyboard.press("Escape")
    drawer.wait_for(state="detached")
    view.wait_for_function("!location.href.includes('trace=')")


def test_issues_change_together_and_open_by_keyboard(stage: Stage, view) -> None:
    made = stage.agent(
        "run = client.create_analysis(experiment_id, 'bulk', 'Many')\n"
        "print([client.create_issue(run, f'Together {n}', severity='LOW') for n in range(3)][0])"
    )
    view.goto(f"{stage.address}/issues?sort=created")
    grid = view.get_by_test_id("stDataFrame").first
    grid.wait_for()
    view.wait_for_timeout(800)  # the table takes clicks a moment after it stands
    for row in (1, 2, 3):
        grid.click(position={"x": 18, "y": 40 * row + 15}, delay=50)
        view.get_by_text(f"{row} selected").wait_for()

    view.get_by_role("button", name="Severity", exact=True).click(delay=50)
    view.get_by_role("menuitem", name="Critical").click(delay=50)
    view.get_by_text("3 issues changed").wait_for()
    view.wait_for_function(
        "document.querySelector('[data-testid=stDataFrame] canvas').textContent.split('CRITICAL').length > 3"
    )

    box = view.get_by_role("combobox", name="Open an issue")
    box.focus()
    view.keyboard.type("Together 0")
    view.keyboard.press("Enter")
    view.wait_for_url(f"**issue={made}**")
    view.get_by_role("dialog").get_by_text("Together 0").first.wait_for()


@pytest.mark.parametrize("path", ["runs", "run?run={run}&hypothesis={hypothesis}", "issues", "issues?issue={issue}"])
def test_a_narrow_screen_needs_no_horizontal_scroll(stage: Stage, browser, path: str) -> None:
    from insights_core import InsightsClient

    client = InsightsClient(stage.uri)
    run_id = client.create_analysis(stage.experiment_id, "narrow", "On a phone")
    evidence = [{"trace_id": one, "rationale": "A long reason " * 12, "supports": True} for one in stage.trace_ids[:4]]
    hypothesis = client.create_hypothesis(
        run_id, "A statement that is a good deal longer than a phone is wide", "", evidence
    )
    issue = client.create_issue(
        run_id, "A problem with a title that is too long for one line of a phone", hypothesis_id=hypothesis
    )
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{stage.address}/{path.format(run=run_id, hypothesis=hypothesis, issue=issue)}")
    page.wait_for_selector("h1")
    page.wait_for_timeout(2500)

    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    context.close()
