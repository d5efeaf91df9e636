import json
from dataclasses import replace

import pytest

from insights_core.entities import Analysis, Change, Evidence, Hypothesis, HypothesisStatus, Issue
from insights_core.errors import InvalidParameterError
from insights_core.export.report import Investigation, render_report
from insights_core.markdown import escape_markdown
from insights_core.statistics.shares import wilson


@pytest.fixture
def investigation() -> Investigation:
    evidence = [
        Evidence(trace_id=f"tr-{n}", rationale=f"Reason {n} <b>bold</b> | =1+1", supports=n != 3) for n in range(4)
    ]
    rejected = Hypothesis(
        statement="Translation is slow",
        status=HypothesisStatus.REJECTED,
        history=[Change(field="status", before="TESTING", after="REJECTED", why="Latencies do not differ")],
    )
    return Investigation(
        Analysis(run_id="run-1", experiment_id="1", name="Payment failures", description="Why do payments fail?"),
        [
            Hypothesis(
                statement="Refused cards leave debits — żółć",
                testing_plan="Read 40 traces",
                status=HypothesisStatus.VALIDATED,
                evidence=evidence,
            ),
            rejected,
        ],
        [
            Issue(
                source_run_id="run-1",
                title="Gift cards stay debited",
                description="No release call",
                evidence=evidence[:2],
            )
        ],
    )


def test_markdown_says_the_result_with_its_uncertainty(investigation):
    text = render_report(investigation, "markdown").decode()
    assert "3 of 4 pieces of evidence support it (75%, 95% interval 30% to 95%)" in text.replace("\\", "")
    assert "Latencies do not differ" in text
    assert text.index("Issues") < text.index("Refused cards")


def test_text_of_traces_is_no_markup_in_a_report(investigation):
    text = render_report(investigation, "markdown").decode()
    assert "<b>" not in text.replace("\\<", "")
    assert escape_markdown("[x](javascript:1)\n# y") == r"\[x\](javascript:1) \# y"


def test_trace_links_appear_where_mlflow_has_a_public_address(investigation, monkeypatch):
    monkeypatch.setenv("MLFLOW_PUBLIC_URL", "https://mlflow.example/")
    assert "https://mlflow.example/#/experiments/1/traces/tr-0" in render_report(investigation, "markdown").decode()


def test_pdf_is_a_pdf(investigation):
    made = render_report(investigation, "pdf")
    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF")


def test_json_holds_every_entity(investigation):
    made = json.loads(render_report(investigation, "json"))
    assert [h["statement"] for h in made["hypotheses"]] == [h.statement for h in investigation.hypotheses]
    assert made["hypotheses"][1]["history"][0]["to"] == "REJECTED"


def test_notebook_code_reads_the_data_back_and_holds_no_text_of_traces(investigation):
    made = json.loads(render_report(investigation, "notebook"))
    # As the format of notebooks has it: what a cell gave belongs to cells of code alone.
    for cell in made["cells"]:
        assert ("outputs" in cell, "execution_count" in cell) == (cell["cell_type"] == "code",) * 2
    code = "\n".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "code")
    compile(code, "notebook", "exec")
    assert "'run-1'" in code and "Refused" not in code and "Reason" not in code


def test_an_unknown_format_is_refused_with_the_known_ones(investigation):
    with pytest.raises(InvalidParameterError, match="markdown, pdf, notebook, json"):
        render_report(investigation, "docx")


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(38, 43, 0.755, 0.949), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_has_the_published_values(count, total, low, high):
    assert wilson(count, total) == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize("format", ["markdown", "json", "notebook"])
def test_a_report_has_no_private_data_that_evidence_quotes(investigation, format):
    hypothesis = investigation.hypotheses[0]
    quoting = Evidence(trace_id="tr-q", rationale='"I\'m Nora Whitfield, nora@example.org" and then Nora left')
    told = hypothesis.model_copy(update={"evidence": [quoting], "statement": "Nora Whitfield waits"})
    report = render_report(replace(investigation, hypotheses=[told]), format).decode()
    assert "tr-q" in report
    assert not any(private in report for private in ("Nora", "Whitfield", "example.org"))
