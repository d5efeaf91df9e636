"""Our own calls never turn up among the traces under analysis."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def autolog(tracking_uri, experiment_id):
    import mlflow
    import mlflow.openai

    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_experiment(experiment_id=experiment_id)
    mlflow.openai.autolog()
    try:
        yield
    finally:
        mlflow.openai.autolog(disable=True)
        mlflow.set_tracking_uri(None)


def test_calls_are_not_traced_although_autologging_is_on(
    autolog, openai_server, endpoint, verdict, mlflow_client, experiment_id
):
    import mlflow
    from openai import AsyncOpenAI

    from insights_core.llm import embed_texts

    async def ours() -> None:
        model = endpoint()
        await model.complete(system="Sum up.", user="one", schema=verdict)
        await embed_texts(model, ["one", "two"], "text-embedding-3-small")

    async def theirs() -> None:
        async with AsyncOpenAI(base_url=openai_server.url, api_key="k") as client:
            await client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "theirs"}])

    def traces():
        mlflow.flush_trace_async_logging()
        return mlflow_client.search_traces(locations=[experiment_id])

    asyncio.run(ours())
    assert len(openai_server.calls) == 2
    assert len(traces()) == 0
    # Autologging does work here: the user's own call is traced, and ours again is not.
    asyncio.run(theirs())
    asyncio.run(ours())
    assert len(traces()) == 1

    with mlflow.start_span("a job of the user"):
        asyncio.run(ours())
    assert sorted(len(trace.data.spans) for trace in traces()) == [1, 1]
