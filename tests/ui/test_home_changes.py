"""Home tells a bad day and a slow week by what weeks like it were, and is silent over a quiet one."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

DAY_MS = 86_400_000


def said(app) -> str:
    return "\n".join(str(one.value) for one in app.markdown)


@pytest.fixture
def home(open_page, _template_store: Path, tmp_path: Path):
    """Opens Home over three weeks of 20 traces a day; gets the failing share and the milliseconds of each day."""
    from insights_core.connection import Connection
    from insights_core.traces.drafts import SpanDraft, TraceDraft, span_id_of, trace_id_of
    from insights_core.traces.writing import find_or_create_experiment, write_traces

    def opened(failing, lasting):
        random, drafts, now = np.random.default_rng(0), [], int(time.time() * 1000)
        for day in range(21):
            for place in range(20):
                trace_id = trace_id_of("home", len(drafts))
                start = now - (21 - day) * DAY_MS + int(random.integers(60_000, DAY_MS - 60_000))
                took = int(lasting(day) * random.lognormal(0, 0.3))
                state = "ERROR" if place < 20 * failing(day) else "OK"
                spans = [SpanDraft(span_id_of(trace_id, 0), "agent", "AGENT", start * 10**6, (start + took) * 10**6)]
                drafts.append(TraceDraft(trace_id, "agent", start, took, spans, state))
        shutil.copy(_template_store, tmp_path / "home.db")
        connection = Connection(f"sqlite:///{tmp_path}/home.db")
        with contextlib.chdir(tmp_path):
            experiment_id = find_or_create_experiment(connection, "Home")
            write_traces(connection, experiment_id, drafts)
        return open_page(connection.tracking_uri, "home", range="7d", experiment=experiment_id)

    return opened


def test_a_quiet_week_is_silent(home):
    app = home(lambda day: (1 + day % 3) / 20, lambda day: 4_000)

    assert not app.exception
    assert "noise" not in said(app)
    assert "by chance" not in said(app)


def test_a_day_of_errors_and_slow_answers_are_told(home):
    app = home(lambda day: 0.5 if day == 17 else (1 + day % 3) / 20, lambda day: 4_000 if day < 14 else 13_000)

    assert not app.exception
    assert re.search(r"\d+ \w+: errors [3-7]\d\.\d%, \d+\.\d% on other days", said(app)), said(app)
    assert "Errors rose" not in said(app)
    assert re.search(r"Latency p90 rose from [56]\S* s to 1\d", said(app)), said(app)
    assert "more than the usual noise, against the same weekdays and hours, 2 times before" in said(app)
