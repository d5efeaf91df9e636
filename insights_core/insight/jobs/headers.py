"""What MLflow's client sends with each request beside its own: the credentials of a REST caller whose job this is."""

from __future__ import annotations

import json

_given: list[str] = []


def use_headers(headers: str) -> None:
    """Let MLflow's client of this process send these headers; JSON of name to value, or "" for none."""
    if not headers:
        return
    from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider
    from mlflow.tracking.request_header.registry import _request_header_provider_registry

    given: dict[str, str] = json.loads(headers)

    class GivenHeaders(RequestHeaderProvider):
        def in_context(self) -> bool:
            return True

        def request_headers(self) -> dict[str, str]:
            return given

    _request_header_provider_registry.register(GivenHeaders)
    _given.append(headers)


def used_headers() -> str:
    """What `use_headers` was given last, for processes that do a part of this one's work; "" for none."""
    return _given[-1] if _given else ""
