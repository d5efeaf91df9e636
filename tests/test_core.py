"""What the package promises as a whole: its surface, its imports, its settings, its errors."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import insights_core
from insights_core import errors, settings
from insights_core.connection import Connection, check_tracking_uri

ROOT = Path(insights_core.__file__).parents[1]
README = (ROOT / "README.md").read_text()


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_public_surface_is_importable():
    assert insights_core.__all__ == sorted(insights_core.__all__)
    for name in insights_core.__all__:
        assert getattr(insights_core, name).__name__ == name


def test_the_core_knows_no_user_interface():
    for path in (ROOT / "insights_core").rglob("*.py"):
        assert not any(name.split(".")[0] in ("streamlit", "pages") for name in _imports(path)), path


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["mlflow", "pandas", "numpy", "umap", "hdbscan", "openai", "sklearn"]
    code = f"import sys, insights_core, insights_core.settings; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [setting.name for setting in settings.ALL])
def test_every_setting_is_documented(name):
    assert f"`{name}`" in README


def test_a_wrong_setting_is_told_by_name(monkeypatch):
    monkeypatch.setenv("INSIGHTS_MAX_CONCURRENCY", "many")
    with pytest.raises(errors.InvalidParameterError, match="INSIGHTS_MAX_CONCURRENCY must be a whole number from 1"):
        settings.INSIGHTS_MAX_CONCURRENCY.get()


def test_the_environment_wins_over_the_secrets_file(monkeypatch, tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text('INSIGHTS_MODEL = "from-file"\n')
    assert settings.INSIGHTS_MODEL.get() == "from-file"
    monkeypatch.setenv("INSIGHTS_MODEL", "from-environment")
    assert settings.INSIGHTS_MODEL.get() == "from-environment"


def _classes(base: type) -> set[type]:
    return {base}.union(*(_classes(kind) for kind in base.__subclasses__()))


def test_the_error_hierarchy_in_the_module_is_complete():
    drawn = {line.split()[0] for line in errors.__doc__.splitlines() if "Error" in line.split()[:1].__str__()}
    own = {kind.__name__ for kind in _classes(errors.InsightsError) if kind.__module__ == errors.__name__}
    assert own == drawn


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "mlruns"])
def test_a_file_store_is_refused_by_name(uri):
    with pytest.raises(errors.UnsupportedStoreError, match="file store"):
        check_tracking_uri(uri)


def test_an_unknown_tracking_uri_is_refused_with_the_known_kinds():
    with pytest.raises(errors.InvalidParameterError, match="sqlite, postgresql"):
        check_tracking_uri("mongodb://host")


def test_a_server_that_does_not_answer_is_told_in_one_sentence():
    with pytest.raises(errors.UnavailableError, match="Check MLFLOW_TRACKING_URI"), errors.mlflow_errors():
        Connection("http://127.0.0.1:9").mlflow.search_experiments()


def test_the_default_experiment_comes_from_the_setting(monkeypatch, tracking_uri):
    with pytest.raises(errors.InvalidParameterError, match="MLFLOW_EXPERIMENT_ID"):
        Connection().experiment_or_default()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "7")
    assert Connection().experiment_or_default() == "7"
    assert Connection().experiment_or_default("8") == "8"


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        ("[Errno 28] No space left on device: '/x'", "INTERNAL_ERROR", "disk that holds MLflow's data is full"),
        ("(sqlite3.OperationalError) database or disk is full\n[SQL: x]", "TEMPORARILY_UNAVAILABLE", "is full"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "TEMPORARILY_UNAVAILABLE", "read-only"),
        ("(psycopg.errors.X) cannot execute INSERT in a read-only transaction", "BAD_REQUEST", "read-only"),
    ],
)
def test_a_store_that_takes_nothing_is_told_in_one_sentence_without_sql(message, code, said):
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2 as codes

    known = errors.from_mlflow(MlflowException(message, error_code=getattr(codes, code)))
    assert isinstance(known, errors.StoreNotWritableError)
    assert said in known.message
    assert "SQL" not in known.message


def test_a_filter_that_quotes_a_full_disk_is_no_full_disk():
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    quoted = MlflowException("Invalid clause 'no space left on device'", error_code=INVALID_PARAMETER_VALUE)
    assert isinstance(errors.from_mlflow(quoted), errors.InvalidParameterError)
    locked = MlflowException("(sqlite3.OperationalError) database is locked\n[parameters: 'disk is full']")
    assert not isinstance(errors.from_mlflow(locked), errors.StoreNotWritableError)
