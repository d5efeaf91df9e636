"""A server with MLflow's basic authentication in front, and users of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

BASE = "/api/3.0/mlflow/traces/insights"
ADMIN = ("admin", "password-of-admin")


@pytest.fixture(scope="session")
def auth_server(tmp_path_factory: pytest.TempPathFactory, start_mlflow_server) -> Iterator[str]:
    """`mlflow server --app-name insights-basic-auth` where a user may do nothing unless it is granted."""
    folder = tmp_path_factory.mktemp("auth")
    (folder / "auth.ini").write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
        "auth_cache_ttl_seconds = 60\n"  # hashing a password takes 0.2 s of every request otherwise
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-for-tests",
    }
    yield from start_mlflow_server(folder, "--app-name", "insights-basic-auth", environment=environment)


@dataclass
class Users:
    url: str
    experiment_id: str

    def post(self, path: str, body: object, user: tuple[str, str] | None = ADMIN) -> httpx.Response:
        return httpx.post(self.url + path, json=body, auth=user, timeout=60)

    def ours(self, path: str, body: object, user: tuple[str, str] | None = ADMIN) -> httpx.Response:
        return self.post(f"{BASE}/{path}", body, user)


def _user(url: str, name: str) -> tuple[str, str]:
    user = (name, f"password-of-{name}")
    made = httpx.post(
        f"{url}/api/2.0/mlflow/users/create", json={"username": user[0], "password": user[1]}, auth=ADMIN, timeout=60
    )
    made.raise_for_status()
    return user


@pytest.fixture(scope="session")
def users(auth_server: str) -> Users:
    made = httpx.post(
        f"{auth_server}/api/2.0/mlflow/experiments/create", json={"name": "Guarded"}, auth=ADMIN, timeout=60
    )
    return Users(auth_server, made.json()["experiment_id"])


def _grant(users: Users, user: tuple[str, str], permission: str) -> None:
    grant = {"resource_type": "experiment", "resource_id": users.experiment_id, "permission": permission}
    users.post("/api/3.0/mlflow/users/permissions/grant", {"username": user[0], **grant}).raise_for_status()


@pytest.fixture(scope="session")
def stranger(users: Users) -> tuple[str, str]:
    """A signed-in user without any right on the experiment."""
    return _user(users.url, "stranger")


@pytest.fixture(scope="session")
def reader(users: Users) -> tuple[str, str]:
    """A user who may read the experiment, and nothing more."""
    user = _user(users.url, "reader")
    _grant(users, user, "READ")
    return user


@pytest.fixture(scope="session")
def editor(users: Users) -> tuple[str, str]:
    """A user who may change the experiment."""
    user = _user(users.url, "editor")
    _grant(users, user, "EDIT")
    return user
