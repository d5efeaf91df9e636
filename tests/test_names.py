"""Every name that is written or answered with stands once in insights_core/names.py, and README says what it means."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from insights_core import errors, names, reference, settings
from insights_core.artifacts.kinds import ALERT, ANALYSIS, HYPOTHESIS, ISSUE, THEME

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
    files = {
        "ANALYSIS_ARTIFACT",
        "HYPOTHESIS_ARTIFACT",
        "ISSUE_ARTIFACT",
        "THEME_ARTIFACT",
        "ALERT_ARTIFACT",
        "CHANGES_ARTIFACT",
    }
    assert constants - used == files


def test_the_files_of_every_kind_are_registered():
    files = {f"insights/{kind.file_name('{id}')}" for kind in (ALERT, ANALYSIS, HYPOTHESIS, ISSUE, THEME)}
    registered = {names.ANALYSIS_ARTIFACT, names.HYPOTHESIS_ARTIFACT, names.ISSUE_ARTIFACT, names.THEME_ARTIFACT}
    assert files == registered | {names.ALERT_ARTIFACT}


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
    assert names.REVISION_TAG.shown == "mlflow.insights.revision.{kind}[.{id}]"


def test_the_command_prints_the_tables_or_writes_them_where_they_belong(tmp_path, capsys):
    reference.main([])
    assert capsys.readouterr().out == "\n".join(table() for table in reference.TABLES.values()) + "\n"
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: errors -->\nold\n<!-- end -->\nafter\n")
    reference.main([str(page)])
    assert capsys.readouterr().out == ""
    assert page.read_text() == f"before\n<!-- table: errors -->\n{reference.errors_table()}<!-- end -->\nafter\n"


def _pattern(shown: str) -> re.Pattern[str]:
    """`insights/issue_{id}.yaml` and `name[.{theme_id}]` as what they stand for."""
    text = re.sub(r"\\\{\w+\\\}", r"[\\w-]+", re.escape(shown))
    return re.compile(text.replace(r"\[", "(").replace(r"\]", ")?"))


def _written(client, experiment_id: str) -> Iterator[tuple[str, str]]:
    """Kind and name of everything of ours that a store holds."""
    for run in client.mlflow.search_runs([experiment_id]):
        yield from ((names.RUN_TAG, key) for key in run.data.tags if key.startswith(names.OWN_NAMESPACE))
        yield from ((names.PARAM, key) for key in run.data.params)
        yield from ((names.METRIC, key) for key in run.data.metrics)
        folder = client.mlflow.list_artifacts(run.info.run_id, "insights")
        top = [item for item in client.mlflow.list_artifacts(run.info.run_id) if not item.is_dir]
        yield from ((names.ARTIFACT, item.path) for item in [*folder, *top])
    for trace in client.mlflow.search_traces(locations=[experiment_id]):
        yield from ((names.TRACE_TAG, key) for key in trace.info.tags if key.startswith(names.OWN_NAMESPACE))
        for item in trace.info.assessments:
            if item.name.startswith(names.OWN_NAMESPACE):
                yield names.ASSESSMENT, item.name
            yield from (
                (names.ASSESSMENT_METADATA, key) for key in item.metadata or () if key.startswith(names.OWN_NAMESPACE)
            )
    tags = client.mlflow.get_experiment(experiment_id).tags
    yield from ((names.EXPERIMENT_TAG, key) for key in tags if key.startswith(names.OWN_NAMESPACE))


# What only processes, people or faults write; tests of their own read it.
_ELSEWHERE = {
    names.PROGRESS_TAG,
    names.CANCEL_TAG,
    names.WORKER_TAG,
    names.SAMPLE_ARTIFACT,
    names.LOG_ARTIFACT,
    names.SEEN_TAG,
    names.SUMMARY_ASSESSMENT,
    names.THEME_CLUSTER_TAG,
}


def test_a_store_holds_the_names_of_the_registry_and_no_others(tracking_uri, tmp_path):
    from insights_core.client import InsightsClient
    from insights_core.demo import load_demo
    from insights_core.entities.insight import Cluster, ClusterDetails, InsightSpec, TraceScope, TrustMetrics
    from insights_core.entities.theme import Theme
    from insights_core.insight.jobs import persist
    from insights_core.themes.alerts import raise_alerts

    client = InsightsClient(tracking_uri)
    experiment_id = load_demo(client, "Names", traces=2)
    (tmp_path / "talk.json").write_text(json.dumps([{"messages": [{"role": "user", "content": "Hello"}]}]))
    [imported] = client.import_traces(tmp_path / "talk.json", "openai-messages", "Names")
    analysis = client.create_analysis(experiment_id, "Run", "Name")
    hypothesis = client.create_hypothesis(analysis, "It waits", evidence=[f"{imported}: waits"])
    issue = client.create_issue(analysis, "Waits", hypothesis_id=hypothesis)
    client.log_issue_assessments(issue, "waits")
    client.create_theme({"name": "Waits"}, experiment_id)
    scope = TraceScope(experiment_id=experiment_id)
    spec = InsightSpec(scope=scope, instruction="What?", description="Why", theme_id="ux_issues")
    run_id = persist.create_insight_run(client, spec, "offline", {names.LEASE_TAG: "token@1"})
    persist.write_spec(client, run_id, spec, "offline", "", "")
    row = {"nearest_cluster_id": None, "x": 0, "y": 0, "title": "", "summary": "", "status": "OK", "timestamp_ms": 1}
    details = ClusterDetails(
        run_id=run_id,
        experiment_id=experiment_id,
        instruction="What?",
        overview="",
        matching_traces=1,
        sampled_traces=1,
        clusters=[],
        traces=[{**row, "trace_id": imported, "cluster_id": None}],
        metrics=TrustMetrics(stability_ari=1, silhouette=1),
    )
    persist.write_details(client, details)
    persist.mark_traces(client, details)
    theme = Theme(theme_id="ux_issues", name="UX", alert_rules=[{"kind": "new"}])
    born = Cluster(cluster_id="c", level=0, title="Waits", size=1, fate="born")
    assert raise_alerts(client, theme, details.model_copy(update={"clusters": [born]}))

    written = set(_written(client, experiment_id))
    registered = {(kind, shown): _pattern(shown) for kind, shown in names.ALL}
    unknown = [
        name
        for kind, name in written
        if not any(other == kind and pattern.fullmatch(name) for (other, _), pattern in registered.items())
    ]
    assert not unknown
    kinds = {kind for kind, _ in written}
    never = {
        shown
        for (kind, shown), pattern in registered.items()
        if kind in kinds and not any(kind == other and pattern.fullmatch(name) for other, name in written)
    }
    assert never <= {name.shown for name in _ELSEWHERE} | {"mlflow.insights.import.history"}
