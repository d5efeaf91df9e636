"""What a retriever found: source and text of each document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insights_core.traces.text.plain import compact
from insights_core.traces.text.sources import decoded

_TEXTS = ("page_content", "content", "text", "pageContent", "document", "chunk", "body", "passage", "snippet")
_WRAPPERS = ("documents", "nodes", "source_nodes", "matches", "results", "hits", "docs", "chunks", "points", "retrieved_documents")  # fmt: skip
_SOURCES = ("doc_uri", "source", "url", "uri", "file_name", "filename", "file_path", "title", "path")


def documents_in(value: Any) -> list[str]:
    """The documents in a retriever's output, each as `source: text`; none where it holds no such thing.

    LangChain's documents, LlamaIndex' nodes with scores, Haystack's documents, Chroma's columns, Pinecone's, Qdrant's
    and Weaviate's matches, OpenInference's `document`.
    """
    if isinstance(value, Mapping):
        if (columns := _columns(value)) is not None:
            return columns
        inner = next((value[key] for key in _WRAPPERS if isinstance(value.get(key), list)), None)
        value = inner if inner is not None else [value] if "page_content" in value else None
    lines = [line for item in (value if isinstance(value, list) else []) if (line := _document(item))]
    return lines


def _document(item: Any) -> str:
    for key in ("node", "document", "payload", "fields", "_source", "metadata"):
        inner = item.get(key) if isinstance(item, Mapping) else None
        if isinstance(inner, Mapping) and not _text(item) and _text(inner):
            item = {**inner, "id": item.get("id", inner.get("id"))}
            break
    if not isinstance(item, Mapping) or not (text := _text(item)):
        return ""
    described = item.get("metadata", item.get("meta", item.get("extra_info")))
    described = decoded(described) if isinstance(described, str) else described
    metadata = described if isinstance(described, Mapping) else {}
    source = next((metadata[key] for key in _SOURCES if metadata.get(key)), None)
    source = source or next((item[key] for key in _SOURCES if isinstance(item.get(key), str) and item[key]), None)
    source = source or item.get("id") or item.get("id_") or ""
    return f"{source}: {text}".lstrip(": ")


def _text(item: Mapping[str, Any]) -> str:
    said = next((item[key] for key in _TEXTS if isinstance(item.get(key), str) and item[key]), None)
    if said is None and isinstance(resource := item.get("text_resource"), Mapping):  # LlamaIndex 0.12 and later
        said = resource.get("text")
    return compact(said) if isinstance(said, str) else ""


def _columns(value: Mapping[str, Any]) -> list[str] | None:
    """Chroma's answer: a list of texts and one of their metadata for each query; None for anything else."""
    texts, described = value.get("documents"), value.get("metadatas")
    if not (isinstance(texts, list) and ("ids" in value or described is not None)):
        return None
    lines: list[str] = []
    numbers = value.get("ids")
    for query, column in enumerate(texts if texts and isinstance(texts[0], list) else [texts]):
        rows, ids = _column(described, query), _column(numbers, query)
        for place, text in enumerate(column or []):
            if isinstance(text, str) and text:
                metadata = rows[place] if isinstance(rows, list) and place < len(rows) else None
                number = ids[place] if isinstance(ids, list) and place < len(ids) else ""
                lines.append(_document({"content": text, "metadata": metadata, "id": number}))
    return lines


def _column(columns: Any, query: int) -> Any:
    """What belongs to one query's texts."""
    is_nested = isinstance(columns, list) and query < len(columns) and isinstance(columns[query], list)
    return columns[query] if is_nested else columns
