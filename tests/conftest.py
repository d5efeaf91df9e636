"""Real services for the tests: SQLite stores, an MLflow server process, databases, and an OpenAI-compatible server."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent

os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"


def _load(name: str, path: Path):
    """A test module by its path: tests are no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the settings of whoever runs it, nor writes outside its own folder."""
    from insights_core import settings

    for setting in settings.ALL:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.setenv("INSIGHTS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _template_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; making one takes seconds, copying it milliseconds."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("template")
    SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", str(folder / "mlruns"))
    return folder / "mlflow.db"


@pytest.fixture
def tracking_uri(_template_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh SQLite MLflow with local artifacts, also set as MLFLOW_TRACKING_URI."""
    shutil.copy(_template_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


@pytest.fixture
def mlflow_client(tracking_uri: str):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


@pytest.fixture
def experiment_id(mlflow_client, tmp_path: Path) -> str:
    """A fresh experiment in `tracking_uri`."""
    return mlflow_client.create_experiment("Tests", artifact_location=str(tmp_path / "mlruns"))


def run_mlflow_server(
    folder: Path, *arguments: str, template: Path | None = None, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """Start `mlflow server` with arguments on SQLite in a folder; yields its address; stops it with its workers."""
    if template:
        shutil.copy(template, folder / "mlflow.db")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
        *arguments,
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url + "/health", server, folder / "server.log")
        yield url
    finally:
        if server.poll() is None:
            os.killpg(server.pid, 15)
            server.wait(20)


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    import httpx

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            if httpx.get(url, timeout=5).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {seconds} s:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def start_mlflow_server():
    """`run_mlflow_server`, for the fixtures of other folders."""
    return run_mlflow_server


@pytest.fixture(scope="session")
def mlflow_server(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a stock `mlflow server` process that knows nothing of this project."""
    yield from run_mlflow_server(tmp_path_factory.mktemp("server"), template=_template_store)


@pytest.fixture(scope="session")
def insights_server(_template_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `mlflow server --app-name insights`."""
    yield from run_mlflow_server(
        tmp_path_factory.mktemp("insights-server"), "--app-name", "insights", template=_template_store
    )


@contextmanager
def _database(admin_url: str, name: str, url: str, what: str) -> Iterator[str]:
    import sqlalchemy

    admin = sqlalchemy.create_engine(admin_url, isolation_level="AUTOCOMMIT")
    try:
        connection = admin.connect()
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs {what}: {str(error).splitlines()[0]}")
    with connection:
        connection.execute(sqlalchemy.DDL(f"CREATE DATABASE {name}"))
        try:
            yield url
        finally:
            for kind in ("", " WITH (FORCE)") if "postgresql" in url else ("",):
                try:
                    connection.execute(sqlalchemy.DDL(f"DROP DATABASE IF EXISTS {name}{kind}"))
                    break
                except sqlalchemy.exc.DBAPIError:
                    continue


@pytest.fixture(scope="session")
def fresh_database() -> Iterator[Callable[[str], str]]:
    """`fresh_database("postgresql")` or `("mariadb")`: the address of a new, empty database, dropped at the end.

    On the servers at TEST_POSTGRESQL and TEST_MARIADB (default: the local ones).
    """
    with ExitStack() as open_databases:

        def make(kind: str) -> str:
            name = f"insights_{uuid.uuid4().hex[:12]}"
            if kind == "postgresql":
                server = os.environ.get("TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432")
                database = _database(f"{server}/postgres", name, f"{server}/{name}", "PostgreSQL")
            else:
                server = os.environ.get("TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306")
                database = _database(f"{server}/", name, f"{server}/{name}", "MariaDB")
            return open_databases.enter_context(database)

        yield make


@pytest.fixture(scope="session")
def postgresql_uri(fresh_database: Callable[[str], str]) -> str:
    """A database on PostgreSQL that tests share: each makes its own experiment."""
    return fresh_database("postgresql")


@pytest.fixture(scope="session")
def mariadb_uri(fresh_database: Callable[[str], str]) -> str:
    """A database on MariaDB that tests share: each makes its own experiment."""
    return fresh_database("mariadb")


@pytest.fixture
def openai_server() -> Iterator[object]:
    """A real HTTP server that speaks the OpenAI protocol; see tests/openai_server.py."""
    with _load("openai_server", HERE / "openai_server.py").OpenAIServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., object]]:
    """`redis_servers(keep=True)` starts a server that ends with the session."""
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server: apt-get install redis-server")
    kind = _load("redis_server", HERE / "redis_server.py").RedisServer
    started = []

    def make(keep: bool = False):
        server = kind(tmp_path_factory.mktemp("redis"), keep)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def _shared_redis(redis_servers: Callable[..., object]):
    return redis_servers()


@pytest.fixture
def redis_url(_shared_redis, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty Redis, also set as REDIS_URL."""
    import redis

    with redis.Redis.from_url(_shared_redis.url) as client:
        client.flushall()
    monkeypatch.setenv("REDIS_URL", _shared_redis.url)
    return _shared_redis.url


def _until(holds: Callable[[], object], seconds: float = 15.0) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("It did not happen in time.")


@pytest.fixture(scope="session")
def until() -> Callable[..., object]:
    """`until(lambda: …)` waits for something to become true, and gives it."""
    return _until
