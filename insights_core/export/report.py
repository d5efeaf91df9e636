"""An analysis as a report: Markdown, PDF, JSON, or a notebook that reads the same data back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from insights_core import settings
from insights_core.entities import Analysis, Evidence, Hypothesis, HypothesisStatus, Issue
from insights_core.errors import InvalidParameterError
from insights_core.export.notebook import Cell, notebook
from insights_core.export.private import without_private
from insights_core.markdown import escape_markdown, without_effect
from insights_core.statistics.shares import wilson

Kind = Literal["title", "heading", "subheading", "text", "note", "item"]


@dataclass(frozen=True)
class Investigation:
    """What a report is made of: an analysis with its hypotheses and the issues that came from it."""

    analysis: Analysis
    hypotheses: Sequence[Hypothesis]
    issues: Sequence[Issue]


@dataclass(frozen=True)
class Block:
    """A piece of a report, before it has a format. The text is plain and may hold anything."""

    kind: Kind
    text: str
    link: str | None = None


def _words(status: str) -> str:
    return status.replace("_", " ").capitalize()


def trace_link(experiment_id: str, trace_id: str) -> str | None:
    """The trace's address in MLflow's UI, where MLFLOW_PUBLIC_URL is set."""
    base = settings.MLFLOW_PUBLIC_URL.get()
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/traces/{trace_id}" if base else None


def _evidence(items: Sequence[Evidence], experiment_id: str) -> list[Block]:
    return [
        Block("item", f"{item.trace_id}: {item.rationale}", trace_link(experiment_id, item.trace_id)) for item in items
    ]


def support_sentence(hypothesis: Hypothesis) -> str:
    """How much of the evidence supports, out of how much, and how sure that share is."""
    supports, total = hypothesis.supports_count, len(hypothesis.evidence)
    if not total:
        return "No evidence yet."
    low, high = wilson(supports, total)
    return (
        f"{supports} of {total} pieces of evidence support it ({supports / total:.0%}, 95% interval {low:.0%} to {high:.0%}), "
        f"from {hypothesis.trace_count} traces. Evidence is chosen by whoever investigates, not drawn at random."
    )


def _hypothesis(hypothesis: Hypothesis, experiment_id: str) -> list[Block]:
    blocks = [
        Block("subheading", hypothesis.statement),
        Block("text", f"{_words(hypothesis.status)}. {support_sentence(hypothesis)}"),
    ]
    reason = next(
        (change.why for change in reversed(hypothesis.history) if change.field == "status" and change.why), None
    )
    if reason:
        blocks.append(Block("note", f"Reason: {reason}"))
    if hypothesis.testing_plan:
        blocks.append(Block("note", f"Testing plan: {hypothesis.testing_plan}"))
    for title, side in (("Supports", True), ("Refutes", False)):
        items = [item for item in hypothesis.evidence if (item.supports is not False) == side]
        if items:
            blocks += [Block("text", f"{title} ({len(items)})"), *_evidence(items, experiment_id)]
    return blocks


def blocks(investigation: Investigation) -> list[Block]:
    """The report's content in reading order: the result first, then what it rests on."""
    analysis, hypotheses, issues = investigation.analysis, investigation.hypotheses, investigation.issues
    by_status = {status: sum(item.status == status for item in hypotheses) for status in HypothesisStatus}
    counts = ", ".join(f"{count} {status.lower()}" for status, count in by_status.items() if count) or "none yet"
    parts = [
        Block("title", analysis.name),
        Block(
            "note",
            f"{_words(analysis.status)} · started {analysis.created_at:%d %B %Y %H:%M} UTC · updated {analysis.updated_at:%d %B %Y %H:%M} UTC",
        ),
        Block("text", analysis.description),
        Block("heading", "Result"),
        Block("text", f"{len(hypotheses)} hypotheses: {counts}. {len(issues)} issues."),
    ]
    if issues:
        parts.append(Block("heading", "Issues"))
    for issue in sorted(issues, key=lambda item: -item.trace_count):
        parts += [
            Block("subheading", issue.title),
            Block("text", f"{_words(issue.severity)} severity · {_words(issue.status)} · {issue.trace_count} traces"),
            Block("text", issue.description),
            *([Block("note", f"Resolution: {issue.resolution}")] if issue.resolution else []),
            *_evidence(issue.evidence, analysis.experiment_id),
        ]
    parts.append(Block("heading", "Hypotheses"))
    order = [HypothesisStatus.VALIDATED, HypothesisStatus.TESTING, HypothesisStatus.REJECTED]
    for hypothesis in sorted(hypotheses, key=lambda item: order.index(item.status)):
        parts += _hypothesis(hypothesis, analysis.experiment_id)
    return [block for block in parts if block.text.strip()]


_MARKS: dict[Kind, str] = {
    "title": "# ",
    "heading": "## ",
    "subheading": "### ",
    "text": "",
    "note": "> ",
    "item": "- ",
}


def to_markdown(investigation: Investigation) -> str:
    """The report as Markdown; what stands in traces is escaped."""
    lines = []
    for block in blocks(investigation):
        text = escape_markdown(without_effect(block.text))
        lines.append(_MARKS[block.kind] + (f"{text} ([open]({block.link}))" if block.link else text))
        if block.kind != "item":
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


_SIZES: dict[Kind, tuple[float, float]] = {
    "title": (18, 9),
    "heading": (14, 8),
    "subheading": (11.5, 6.5),
    "text": (10, 5.5),
    "note": (9.5, 5.2),
    "item": (9.5, 5.2),
}


def to_pdf(investigation: Investigation) -> bytes:
    """The report as a PDF with DejaVu Sans, which covers European scripts, but not Chinese, Japanese or Korean."""
    from pathlib import Path

    import matplotlib
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_title(investigation.analysis.name)
    pdf.set_margin(18)
    pdf.set_auto_page_break(True, 18)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # MLflow requires matplotlib, which ships the font
    pdf.add_font("body", "", fonts / "DejaVuSans.ttf")
    pdf.add_font("body", "B", fonts / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    for block in blocks(investigation):
        size, height = _SIZES[block.kind]
        pdf.set_font("body", "B" if block.kind in ("title", "heading", "subheading") else "", size)
        pdf.set_text_color(*((82, 99, 109) if block.kind == "note" else (22, 36, 44)))
        if block.kind in ("heading", "subheading"):
            pdf.ln(3)
        text = "".join(char if char.isprintable() or char == "\n" else " " for char in block.text)
        pdf.multi_cell(
            0,
            height,
            f"•  {text}" if block.kind == "item" else text,
            new_x="LMARGIN",
            new_y="NEXT",
            align="L",
            link=block.link or "",
        )
        pdf.ln(1)
    return bytes(pdf.output())


def to_json(investigation: Investigation) -> str:
    """All entities, complete, as JSON with ISO-8601 times."""
    parts: dict[str, Any] = {
        "analysis": investigation.analysis.model_dump(mode="json", by_alias=True),
        "hypotheses": [item.model_dump(mode="json", by_alias=True) for item in investigation.hypotheses],
        "issues": [item.model_dump(mode="json", by_alias=True) for item in investigation.issues],
    }
    return json.dumps(parts, indent=2, ensure_ascii=False) + "\n"


def to_notebook(investigation: Investigation) -> str:
    """A Jupyter notebook (format 4.5) that reads the analysis back from MLflow and tabulates it.

    The code cells hold only ids, never text from traces.
    """
    analysis = investigation.analysis
    cells: list[Cell] = [
        ("markdown", f"# {escape_markdown(analysis.name)}\n\n{escape_markdown(analysis.description)}"),
        (
            "code",
            f"import pandas as pd\nfrom insights_core import InsightsClient\n\nclient = InsightsClient()  # reads MLFLOW_TRACKING_URI\nrun_id = {analysis.run_id!r}\nexperiment_id = {analysis.experiment_id!r}",
        ),
        (
            "code",
            "analysis = client.get_analysis(run_id)\nhypotheses = client.list_hypotheses(run_id)\nissues = [issue for issue in client.list_issues(experiment_id) if issue.source_run_id == run_id]\nprint(analysis.name, analysis.status)",
        ),
        (
            "code",
            'pd.DataFrame([{"statement": h.statement, "status": str(h.status), "supports": h.supports_count, "refutes": h.refutes_count, "traces": h.trace_count} for h in hypotheses])',
        ),
        (
            "code",
            'evidence = pd.DataFrame([{"hypothesis": h.statement, "trace_id": e.trace_id, "supports": e.supports, "rationale": e.rationale} for h in hypotheses for e in h.evidence])\nevidence',
        ),
        (
            "code",
            'pd.DataFrame([{"title": i.title, "severity": str(i.severity), "status": str(i.status), "traces": i.trace_count} for i in issues])',
        ),
        ("markdown", to_markdown(investigation)),
    ]
    return notebook(cells)


FORMATS: dict[str, Callable[[Investigation], str | bytes]] = {
    "markdown": to_markdown,
    "pdf": to_pdf,
    "notebook": to_notebook,
    "json": to_json,
}
SUFFIXES = {"markdown": "md", "pdf": "pdf", "notebook": "ipynb", "json": "json"}


def _without_private(investigation: Investigation) -> Investigation:
    entities: list[Any] = [investigation.analysis, *investigation.hypotheses, *investigation.issues]
    analysis, *others = without_private(entities)
    count = len(investigation.hypotheses)
    return Investigation(analysis, others[:count], others[count:])


def render_report(investigation: Investigation, format: str) -> bytes:
    """The report in one of FORMATS.

    Raises:
        InvalidParameterError: No such format.
    """
    if format not in FORMATS:
        raise InvalidParameterError(
            f"A report has no format {format!r}; choose one of {', '.join(FORMATS)}.", field="format"
        )
    made = FORMATS[format](_without_private(investigation))
    return made.encode() if isinstance(made, str) else made
