"""Embeddings through a model endpoint: batched, cached text by text, each text paid for once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from insights_core.errors import ModelOutputError
from insights_core.llm.cache import content_key
from insights_core.llm.tokens import count_tokens

if TYPE_CHECKING:
    import numpy as np

    from insights_core.llm.endpoint import ModelEndpoint

# OpenAI takes 2,048 texts and 300,000 tokens a request; smaller batches lose less when one fails.
_BATCH_TEXTS = 256
_BATCH_CHARS = 200_000
# OpenAI refuses a text above 8,191 tokens; this stays below it at two characters a token.
_MAX_CHARS = 16_000
_EMPTY = "(empty)"


async def embed_texts(endpoint: ModelEndpoint, texts: Sequence[str], model: str) -> np.ndarray:
    """Vectors of texts.

    Args:
        endpoint: Asked for those that its cache does not hold.
        texts: Any number; equal ones are sent once, an empty one stands as a single word, a very long one is cut.
        model: An embedding model of the endpoint.

    Returns:
        Float32 array of shape (n_texts, n_dims), rows of unit length.

    Raises:
        ModelError: As in `ModelEndpoint.complete`.
    """
    import numpy as np

    wanted = [text.strip()[:_MAX_CHARS] or _EMPTY for text in texts]
    if not wanted:
        return np.zeros((0, 0), dtype=np.float32)
    known: dict[str, np.ndarray] = {}
    for text in dict.fromkeys(wanted):
        stored = endpoint._cache.get(_key(endpoint, model, text))
        if stored is not None and (vector := _unpack(stored)) is not None:
            known[text] = vector
            endpoint.usage.cached_calls += 1
    missing = [text for text in dict.fromkeys(wanted) if text not in known]
    # A batch that fails does not stop the others: what they answer is paid for and worth keeping.
    await asyncio.gather(*(_embed_batch(endpoint, batch, model, known) for batch in _batches(missing)))
    if len({len(vector) for vector in known.values()}) > 1:
        raise ModelOutputError(
            f"The embedding model {model!r} gives vectors of different lengths. Empty INSIGHTS_CACHE_DIR if the model behind the name has changed."
        )
    vectors = np.stack([known[text] for text in wanted])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


async def _embed_batch(endpoint: ModelEndpoint, batch: list[str], model: str, known: dict[str, np.ndarray]) -> None:
    import numpy as np

    joined = "\n".join(batch)
    async with endpoint.paid_call(model, joined, 0):
        answer = await endpoint._transport.post(
            "/embeddings",
            lambda: {"model": model, "input": batch},
            lost=lambda text: endpoint.account(model, count_tokens(joined), 0),
        )
        endpoint.account(model, (answer.get("usage") or {}).get("prompt_tokens") or count_tokens(joined), 0)
    try:
        rows = (
            sorted(answer["data"], key=lambda row: row.get("index", 0))
            if "index" in answer["data"][0]
            else answer["data"]
        )
        vectors = [np.asarray(row["embedding"], dtype=np.float32) for row in rows]
        fits = len(vectors) == len(batch) and all(
            vector.ndim == 1 and vector.size and np.isfinite(vector).all() for vector in vectors
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise ModelOutputError(
            f"The endpoint gave no usable vectors for {len(batch)} texts. Check that {model!r} is an embedding model (INSIGHTS_EMBEDDING_MODEL)."
        )
    for text, vector in zip(batch, vectors, strict=True):
        endpoint._cache.put(
            _key(endpoint, model, text), {"model": model, "vector": base64.b64encode(vector.tobytes()).decode()}
        )
        known[text] = vector


def _batches(texts: list[str]) -> list[list[str]]:
    batches: list[list[str]] = []
    chars = 0
    for text in texts:
        if not batches or len(batches[-1]) >= _BATCH_TEXTS or chars + len(text) > _BATCH_CHARS:
            batches.append([])
            chars = 0
        batches[-1].append(text)
        chars += len(text)
    return batches


def _key(endpoint: ModelEndpoint, model: str, text: str) -> str:
    return content_key(["embedding", 1, endpoint._transport.host, model, text])


def _unpack(stored: dict[str, Any]) -> np.ndarray | None:
    import numpy as np

    try:
        vector = np.frombuffer(base64.b64decode(stored["vector"], validate=True), dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        return None
    return vector if vector.size else None
