"""Whether the dashboard may write: asked of real servers, without changing anything on them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pages._ui.shell import loaders, permissions

ADMIN = ("admin", "password-of-admin")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, start_mlflow_server) -> Iterator[tuple[str, str]]:
    """MLflow with its own basic authentication, and an experiment where `reader` may read and `editor` may edit."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder}/auth.db\nadmin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests"}
    for url in start_mlflow_server(folder, "--app-name", "basic-auth", environment=environment):

        def post(path: str, body: dict, url: str = url) -> dict:
            answer = httpx.post(f"{url}/api/{path}", json=body, auth=ADMIN, timeout=60)
            answer.raise_for_status()
            return answer.json()

        experiment_id = post("2.0/mlflow/experiments/create", {"name": "Guarded"})["experiment_id"]
        for name, right in (("reader", "READ"), ("editor", "EDIT")):
            post("2.0/mlflow/users/create", {"username": name, "password": f"password-of-{name}"})
            grant = {"resource_type": "experiment", "resource_id": experiment_id, "permission": right}
            post("3.0/mlflow/users/permissions/grant", {"username": name, **grant})
        yield url, experiment_id


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch):
    """Point the dashboard at a tracking URI, as a user."""

    def at(uri: str, user: str | None = None) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        if user:
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"password-of-{user}")
        loaders._client.clear()

    yield at
    loaders._client.clear()


def test_a_stock_server_lets_everybody_write_and_is_not_changed_by_the_question(mlflow_server, looking):
    from mlflow import MlflowClient

    looking(mlflow_server)
    experiment_id = MlflowClient(tracking_uri=mlflow_server).create_experiment("asked-for-rights")

    assert permissions._probe(mlflow_server, experiment_id)
    assert MlflowClient(tracking_uri=mlflow_server).get_experiment(experiment_id).tags == {}


@pytest.mark.parametrize(("user", "expected"), [("reader", False), ("editor", True), ("admin", True)])
def test_a_server_with_rights_tells_who_may_write(guarded, looking, user, expected):
    url, experiment_id = guarded
    looking(url, user)

    assert permissions._probe(url, experiment_id) is expected


def test_a_database_file_that_cannot_be_written_is_for_reading(tmp_path, monkeypatch):
    path = tmp_path / "mlflow.db"
    path.touch()
    assert permissions._probe(f"sqlite:///{path}", "0")

    monkeypatch.setattr("os.access", lambda *_: False)
    assert not permissions._probe(f"sqlite:///{path}", "0")
