"""A small MLflow of its own for each test: demo traces and an investigation with two hypotheses."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field

import pytest

from insights_core import InsightsClient

HOSTILE = "<script>document.title='owned'</script> [link](https://evil.example) **b** :material/home: <img src=x onerror=alert(1)>"


@dataclass
class Investigation:
    """An analysis and what is in it."""

    uri: str
    experiment_id: str
    trace_ids: list[str]
    client: InsightsClient
    run_id: str = ""
    hypotheses: list[str] = field(default_factory=list)

    def evidence(self, supporting: int, refuting: int, why: str = "Seen in trace") -> list[dict]:
        """So many pieces for and against, each on a trace of its own."""
        chosen = self.trace_ids[: supporting + refuting]
        return [
            {"trace_id": one, "rationale": f"{why} {place}", "supports": place < supporting}
            for place, one in enumerate(chosen)
        ]

    def fill(self) -> None:
        """Two hypotheses: one with evidence on both sides, one hostile without any."""
        self.run_id = self.client.create_analysis(
            self.experiment_id, "payment-failures", "Payment failures", "Why?", author="agent"
        )
        self.hypotheses = [
            self.client.create_hypothesis(
                self.run_id,
                "Refused cards leave debits",
                "1. Find refused cards.\n2. Look for releases.",
                self.evidence(8, 2),
                {"debits": 8},
                author="agent",
            ),
            self.client.create_hypothesis(self.run_id, HOSTILE, author="agent"),
        ]


@pytest.fixture(scope="module")
def traces(_template_store, tmp_path_factory):
    """A store with some demo traces, to be copied."""
    from insights_core.connection import Connection
    from insights_core.demo import load_demo, planted_labels

    folder = tmp_path_factory.mktemp("traces")
    shutil.copy(_template_store, folder / "mlflow.db")
    connection = Connection(f"sqlite:///{folder}/mlflow.db")
    with contextlib.chdir(folder):
        experiment_id = load_demo(connection, traces=25)
    return folder / "mlflow.db", experiment_id, sorted(planted_labels(connection, experiment_id))


@pytest.fixture
def store(traces, tmp_path) -> Investigation:
    from insights_core import InsightsClient

    path, experiment_id, trace_ids = traces
    shutil.copy(path, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return Investigation(uri, experiment_id, trace_ids, InsightsClient(uri))


@pytest.fixture
def investigation(store) -> Investigation:
    store.fill()
    return store


def said(app) -> str:
    """All text of a page."""
    kinds = ("title", "caption", "markdown", "error", "html", "button", "toast", "dialog")
    return "\n".join(
        str(getattr(one, "value", "")) + str(getattr(one, "label", "")) for kind in kinds for one in app.get(kind)
    )


def button(app, label: str):
    return next(one for one in app.button if one.label == label)
