"""Access to models: one seam to OpenAI-compatible endpoints, with cache, retries, prices and a spending cap."""

from insights_core.entities.insight import OFFLINE
from insights_core.llm.budget import Usage
from insights_core.llm.cache import ResponseCache
from insights_core.llm.embeddings import embed_texts
from insights_core.llm.endpoint import ModelEndpoint, endpoint_from_settings
from insights_core.llm.prices import Price, price_of
from insights_core.llm.tokens import count_tokens

__all__ = [
    "OFFLINE",
    "ModelEndpoint",
    "Price",
    "ResponseCache",
    "Usage",
    "count_tokens",
    "embed_texts",
    "endpoint_from_settings",
    "price_of",
]
