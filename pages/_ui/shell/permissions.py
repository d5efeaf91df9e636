"""Who acts, and whether MLflow lets this dashboard write: buttons that would only fail are not drawn."""

from __future__ import annotations

import os

import streamlit as st

from insights_core.errors import mlflow_errors
from pages._ui.shell import loaders

_KEY = "may-write"


def author() -> str | None:
    """Who stands in the history: the signed-in user of the dashboard; None takes MLflow's or the OS user."""
    user = st.user.to_dict() if st.user else {}
    if not user.get("is_logged_in"):
        return None
    return str(user.get("email") or user.get("name") or "") or None


def may_write(experiment_id: str) -> bool:
    """Whether entities of an experiment can be changed; asked once a session and experiment."""
    known: dict[tuple[str, str], bool] = st.session_state.setdefault(_KEY, {})
    key = (loaders.tracking_uri(), experiment_id)
    if key not in known:
        known[key] = _probe(*key)
    return known[key]


def _probe(uri: str, experiment_id: str) -> bool:
    if uri.startswith(("http://", "https://")):
        return _server_lets_write(experiment_id)
    if uri.startswith("sqlite:///"):
        path = uri.removeprefix("sqlite:///").split("?")[0]
        return not os.path.exists(path) or os.access(path, os.W_OK)  # noqa: PTH110 - the path may hold anything
    return True


def _server_lets_write(experiment_id: str) -> bool:
    """Ask to set a tag without a name: a server with rights checks these first (403), any other refuses the name (400)."""
    import requests
    from mlflow.utils.rest_utils import http_request

    with mlflow_errors():
        credentials = loaders.client().mlflow._tracking_client.store.get_host_creds()
        try:
            answer = http_request(
                credentials,
                "/api/2.0/mlflow/experiments/set-experiment-tag",
                "POST",
                json={"experiment_id": experiment_id},
                raise_on_status=False,
            )
        except requests.RequestException:
            # Nobody answered: the page says so itself, and this is asked again in the next session.
            return False
    return answer.status_code not in (401, 403, 405)
