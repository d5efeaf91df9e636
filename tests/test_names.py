"""Every name that is written or answered with stands once in insights_core/names.py, and README says what it means."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from insights_core import errors, names, reference, settings
from insights_core.artifacts.kinds import ANALYSIS, HYPOTHESIS, ISSUE

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "insights_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
OURS = re.compile(r"mlflow\.insights|mlflow\.trace|mlflow_insights_|INSIGHTS?_[A-Z]")


def _documentation(tree: ast.Module) -> set[int]:
    """Strings that stand alone: docstrings and what follows a field."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _literals(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    documentation = _documentation(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value, node.lineno


def _settings_in_sentences(text: str) -> bool:
    return " " in text.strip()


def test_no_name_is_spelled_outside_the_registry():
    registry = {ROOT / "insights_core" / "names.py", ROOT / "insights_core" / "settings.py"}
    spelled = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in SOURCES
        if path not in registry
        for text, line in _literals(path)
        if OURS.match(text) and not _settings_in_sentences(text) and not text.startswith("mlflow.tracing")
    ]
    assert not spelled, "\n".join(spelled)


def test_every_name_of_the_registry_is_used():
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in SOURCES
        if path.name not in ("names.py", "reference.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    constants = {name for name, value in vars(names).items() if isinstance(value, names.Name)}
    # Entities' files are named by their kinds; see the next test.
    assert constants - used == {"ANALYSIS_ARTIFACT", "HYPOTHESIS_ARTIFACT", "ISSUE_ARTIFACT", "CHANGES_ARTIFACT"}


def test_the_files_of_every_kind_are_registered():
    files = {f"insights/{kind.file_name('{id}')}" for kind in (ANALYSIS, HYPOTHESIS, ISSUE)}
    assert files == {names.ANALYSIS_ARTIFACT, names.HYPOTHESIS_ARTIFACT, names.ISSUE_ARTIFACT}


def test_the_error_codes_are_those_that_errors_have():
    kinds = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    registered = {name: name.text for (kind, _), name in names.ALL.items() if kind == names.ERROR_CODE}
    assert {kind.code for kind in kinds} == set(registered)
    for kind in kinds:
        if kind.http_status != 500:
            assert registered[kind.code].startswith(str(kind.http_status))


def test_every_setting_is_registered_with_its_text():
    registered = {name: name.text for (kind, _), name in names.ALL.items() if kind == names.SETTING}
    assert registered == {setting.name: setting.doc for setting in settings.ALL}


def test_the_tables_of_the_readme_are_those_of_the_registry():
    readme = (ROOT / "README.md").read_text()
    assert readme == reference.with_tables(readme), "Run `python -m insights_core.reference README.md`."
    for name in reference.TABLES:
        assert readme.count(f"<!-- table: {name} -->\n|") == 1


def test_a_name_is_the_string_itself():
    assert json.dumps({names.TYPE_TAG: 1}) == '{"mlflow.insights.type": 1}'
    assert names.TYPE_TAG == "mlflow.insights.type"
    assert names.TYPE_TAG.text.startswith("`parent`")
    assert names.REVISION_TAG.shown == "mlflow.insights.revision.{kind}.{id}"
