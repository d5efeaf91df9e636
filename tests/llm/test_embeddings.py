"""Vectors from an endpoint: each text once, in order, of unit length."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from insights_core.errors import ModelNotFoundError, ModelOutputError, SpendingCapReachedError
from insights_core.llm import embed_texts

MODEL = "text-embedding-3-small"


def embed(endpoint, texts, model=MODEL):
    async def run():
        try:
            return await embed_texts(endpoint, texts, model)
        finally:
            await endpoint.aclose()

    return asyncio.run(run())


def test_rows_are_in_order_and_of_unit_length(openai_server, endpoint, faults):
    texts = ["refund a flight", "change a seat", "refund a flight", "", "refund the flight"]
    vectors = embed(endpoint(), texts)
    assert vectors.shape == (5, 64) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    wanted = np.asarray(faults.embedding(texts[1]))
    np.testing.assert_allclose(vectors[1], wanted / np.linalg.norm(wanted), atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert vectors[0] @ vectors[4] > vectors[0] @ vectors[1]


def test_each_text_is_sent_once_also_in_a_later_run(openai_server, endpoint):
    texts = [f"text {number}" for number in range(600)] * 2
    first = embed(endpoint(), texts)
    sent = [text for call in openai_server.calls for text in call.body["input"]]
    assert len(sent) == len(set(sent)) == 600 and len(openai_server.calls) == 3
    again = endpoint()
    np.testing.assert_array_equal(embed(again, texts), first)
    assert len(openai_server.calls) == 3 and again.usage.cost_usd == 0


def test_faults_pass(openai_server, endpoint, faults):
    openai_server.fail_next(faults.rate_limited(0.1), faults.status(500))
    assert embed(endpoint(), ["one", "two"]).shape == (2, 64)


def test_no_texts_give_no_rows(endpoint):
    assert len(embed(endpoint(), [])) == 0


def test_an_unknown_model_is_said(openai_server, endpoint):
    openai_server.models = {"gpt-4o-mini"}
    with pytest.raises(ModelNotFoundError):
        embed(endpoint(), ["one"])


def test_the_cap_holds_for_embeddings(endpoint, openai_server):
    with pytest.raises(SpendingCapReachedError):
        embed(endpoint(max_cost_usd=1e-7), ["a word " * 2000])
    assert not openai_server.calls


def test_a_chat_answer_is_no_vector(openai_server, endpoint, monkeypatch, faults):
    monkeypatch.setattr(faults, "_embeddings", lambda body: {"data": [{"text": "no vector"}]})
    with pytest.raises(ModelOutputError, match="embedding model"):
        embed(endpoint(), ["one"])
