"""A store in which every text that a trace, a run or a person can hold acts where it is not made safe."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from pathlib import Path
from typing import Any

HOST = "canary.test"
"""Where every address of a canary leads."""

CANARIES = (
    f"![i](https://{HOST}/image.png)",
    f"[l](https://{HOST}/link)",
    f"https://{HOST}/bare www.{HOST} <https://{HOST}/auto> someone@{HOST}",
    f"<img src=https://{HOST}/html.png onerror=alert(1)>",
    f"<script src=https://{HOST}/s.js></script><script>alert(2)</script>",
    f"<a href='https://{HOST}/plotly'>p</a> %{{x}} <b>canarybold</b>",
    f"<iframe src=https://{HOST}/frame></iframe><svg onload=alert(3)><image href=https://{HOST}/svg.png /></svg>",
    f"<style>@import url(https://{HOST}/s.css)</style>&#60;img src=https://{HOST}/e.png&#62;",
    ":material/skull: :material/skull:",
    ":red[canaryred] :blue-badge[canaryred] :small[canaryred]",
    ":tada: :shark: :streamlit:",
    "$\\frac{1}{2}$ $$x^2$$ costs 5$ or 6$",
    f'=HYPERLINK("https://{HOST}/f","x")',
    "+cmd|' /C calc'!A0 @SUM(1)",
    "nul\x01bell\x07esc\x1b[31mred\u202eback",
    f"![r][1]\n\n[1]: https://{HOST}/ref.png\n\n# canarybold\n\n- a\n- b",
    f"``` \n`![c](https://{HOST}/code.png)` ** __ ~~ [[x]]({HOST})",
    f"\\![b](https://{HOST}/backslash.png) \\\\[b](https://{HOST}/two)",
)

# Fields whose values are a word of our own: everything else that is text becomes a canary.
_KEPT = ("_id", "_ids", "status", "outcome", "failed_by", "verdict", "model")


class Texts:
    """One canary after the other, marked with where it stands so that each is a text of its own."""

    def __init__(self) -> None:
        self._next = itertools.cycle(CANARIES)
        self._places = itertools.count()

    def __call__(self, most: int = 4000, plain: bool = False) -> str:
        text = f"{next(self._next)} c{next(self._places)}"[:most]
        return text.replace("\x01", "").replace("\x07", "").replace("\x1b", "") if plain else text


def make(template: Path, folder: Path) -> dict[str, str]:
    """Write the store; gives its `uri` and the ids that the pages need."""
    from insights_core import InsightsClient

    shutil.copy(template, folder / "mlflow.db")
    uri, text = f"sqlite:///{folder}/mlflow.db", Texts()
    client = InsightsClient(uri)
    with contextlib.chdir(folder):
        experiment_id = client.mlflow.create_experiment(f"![e](https{HOST}) :red[canaryred] <img src=x> $x$ $y$")
    ids = _traces(client, experiment_id, text)
    found = {"uri": uri, "experiment_id": experiment_id, "trace_id": ids[3]}
    found["run_id"] = _insight(client, experiment_id, ids, text)
    return found | _investigation(client, experiment_id, ids, text)


def _traces(client: Any, experiment_id: str, text: Texts) -> list[str]:
    from insights_core.traces.drafts import AssessmentDraft, EventDraft, SpanDraft, TraceDraft, span_id_of, trace_id_of
    from insights_core.traces.writing import write_traces

    end = int(time.time() * 1000) - 60_000
    drafts = []
    for place in range(60):
        kind = CANARIES[place % len(CANARIES)]
        trace_id, start, bad = trace_id_of("canary", place), end - place * 5_400_000, place % 3 == 0
        begin = start * 10**6

        def span(
            at: int, name: str, type: str, bad: bool = bad, trace_id: str = trace_id, begin: int = begin, **more: Any
        ) -> SpanDraft:
            return SpanDraft(
                span_id_of(trace_id, at), name, type, begin + at * 10**8, begin + (at + 3) * 10**8,
                parent_id=span_id_of(trace_id, 0) if at else None, status="ERROR" if bad else "OK",
                status_message=text() if bad else "", **more,
            )  # fmt: skip

        messages = [{"role": role, "content": text(), "name": text(60)} for role in ("system", "user", "assistant")]
        spans = [
            span(0, text(200), "AGENT", inputs={"messages": messages}, outputs={"content": text()},
                 attributes={text(60): text()}, events=[EventDraft("exception", begin, {"exception.message": text(), "exception.type": text(80)})] if bad else []),
            span(1, kind[:200], "TOOL", inputs={text(40): text()}, outputs={"error": text()}),
            span(2, text(200), "LLM", model=kind[:80], input_tokens=10, output_tokens=5, cost_usd=(0.1, 0.2),
                 attributes={"mlflow.llm.provider": text(60)}, inputs={"messages": messages}, outputs={"choices": [{"message": messages[2]}]}),
            span(3, text(200), "RETRIEVER", outputs=[{"page_content": text(), "metadata": {"doc_uri": text()}}]),
            span(4, kind, text(30)),
        ]  # fmt: skip
        sources = ("HUMAN", "LLM_JUDGE", "CODE")
        drafts.append(
            TraceDraft(
                trace_id, text(100), start, 300 + 10 * place, spans, "ERROR" if bad else "OK",
                tags={f"{kind[:60]}": kind[:200], "channel": kind[:200], **{f"k{n} {one[:40]}": one for n, one in enumerate(CANARIES[:4])}},
                session_id=kind[:60], user_id=text(60), client_request_id=text(60),
                request_preview=text(), response_preview=text(),
                assessments=[
                    AssessmentDraft(f"{kind[:50]}", not bad, sources[place % 3], text(60), rationale=text()),
                    AssessmentDraft("verdict", kind, sources[place % 3], text(60), rationale=text(), metadata={text(40): text(60)}),
                    AssessmentDraft("broken", None, error=text()),
                    AssessmentDraft("mlflow.insights.summary", {"title": text(), "summary": text()}),
                ],
            )
        )  # fmt: skip
    return write_traces(client, experiment_id, drafts)


def _insight(client: Any, experiment_id: str, ids: list[str], text: Texts) -> str:
    import insights

    from insights_core.entities import ClusterDetails

    run_id = insights.finished_insight(
        client, experiment_id, {one: CANARIES[place % 9] for place, one in enumerate(ids)}, name=text(plain=True)
    )
    values = client.get_insight_details(run_id).model_dump(mode="json")
    details = ClusterDetails.model_validate(_with_canaries(values, text))
    client.mlflow.log_text(run_id, details.to_artifact(), "mlflow_insights_cluster_details.json")
    return run_id


def _with_canaries(value: Any, text: Texts, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _with_canaries(one, text, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_canaries(one, text, name) for one in value]
    return text() if isinstance(value, str) and not name.endswith(_KEPT) else value


def _investigation(client: Any, experiment_id: str, ids: list[str], text: Texts) -> dict[str, str]:
    analysis_id = client.create_analysis(experiment_id, text(80, plain=True), text(), text(), author=text(60))

    def evidence() -> list[dict[str, Any]]:
        return [
            {"trace_id": one, "rationale": text(), "supports": place % 3 > 0, "author": text(40)}
            for place, one in enumerate(ids[:5])
        ]

    hypotheses = [
        client.create_hypothesis(analysis_id, kind, kind, evidence(), {text(40): text(60)}, author=text(40))
        for kind in CANARIES
    ]
    client.update_hypothesis(analysis_id, hypotheses[0], status="VALIDATED", reason=text(), author=text(40))
    issues = [
        client.create_issue(analysis_id, kind, kind, "HIGH", hypothesis_id=hypothesis, evidence=evidence(), author=text(40))
        for kind, hypothesis in zip(CANARIES, hypotheses, strict=True)
    ]  # fmt: skip
    # An active one makes pages tick, and a test that waits for rest would wait long.
    client.update_analysis(analysis_id, status="COMPLETED")
    client.create_analysis(experiment_id, text(80, plain=True), text(), text(), author=text(60))
    client.update_issue(issue_id=issues[1], status="RESOLVED", resolution=text(), author=text(40))
    exports = {"github": {"key": text(40), "url": f"javascript:alert('{HOST}')", "at": text(30)}}
    client.update_issue(issue_id=issues[0], metadata={"exports": exports, text(40): text()})
    return {"analysis_id": analysis_id, "hypothesis_id": hypotheses[0], "issue_id": issues[0], "second_id": issues[1]}
