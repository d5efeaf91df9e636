"""Home on an empty server: load the demo, import a file, connect a server."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from insights_core.errors import InsightsError
from pages._ui.look.formats import escape_markdown, plural
from pages._ui.parts import layout
from pages._ui.shell import loaders, scope, states

_DEMO = "Demo: support agents"
_DEMO_TRACES = 600
_FORMATS = {"openai-messages": "OpenAI chat messages", "posthog": "PostHog LLM events"}


def first_steps() -> None:
    """Three cards, each ends in traces to look at."""
    with layout.page_header("Home", "No traces yet. Three ways to begin"):
        pass
    demo, file, server = st.columns(3)
    with demo, layout.card("Load the demo"):
        st.markdown(
            f"{_DEMO_TRACES} made-up conversations of four support agents, with problems planted in them. Takes half a minute."
        )
        st.space("stretch")
        if st.button("Load the demo", icon=":material/play_arrow:", type="primary", width="stretch"):
            _load_demo()
    with file, layout.card("Import a file"):
        _import_file()
    with server, layout.card("Connect a server"):
        st.markdown("Start the dashboard with the address of your MLflow; nothing has to be installed there.")
        st.code(
            "export MLFLOW_TRACKING_URI=https://mlflow.example.com\nstreamlit run app.py",
            language="bash",
            wrap_lines=True,
        )
        st.caption(f"Now: `{escape_markdown(_without_password(loaders.tracking_uri()))}`")
        st.space("stretch")
        if st.button("Look again", icon=":material/refresh:", width="stretch"):
            _look_again()


def _load_demo() -> None:
    from insights_core.demo import load_demo

    with states.loading(f"Writing {_DEMO_TRACES} traces into MLflow", 40):
        experiment_id = load_demo(loaders.client(), experiment=_DEMO, traces=_DEMO_TRACES)
    _look_again(experiment_id)


def _import_file() -> None:
    kind = st.selectbox("Format", list(_FORMATS), format_func=_FORMATS.__getitem__, key="import-format")
    name = st.text_input("Experiment", value="Imported traces", key="import-experiment")
    upload = st.file_uploader("JSON or JSONL", type=["json", "jsonl"], key="import-file")
    if (
        st.button("Import", icon=":material/upload_file:", width="stretch", disabled=upload is None or not name.strip())
        and upload
    ):
        try:
            with tempfile.TemporaryDirectory() as folder, states.loading("Writing traces into MLflow", 40):
                # Never the name of the upload: it is the sender's choice.
                path = Path(folder) / ("upload.jsonl" if upload.name.endswith("l") else "upload.json")
                path.write_bytes(upload.getvalue())
                ids = loaders.client().import_traces(path, kind, name.strip())
        except InsightsError as error:
            st.error(escape_markdown(error.message), icon=":material/error:")
            return
        st.toast(f"{plural(len(ids), 'trace')} imported")
        _look_again()


def _look_again(experiment_id: str | None = None) -> None:
    st.cache_data.clear()
    scope.choose(range="all", **({"experiment": experiment_id} if experiment_id else {}))
    st.rerun()


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}"
