"""An endpoint on the model server of a test, and the faults that server can play."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel


class Verdict(BaseModel):
    title: str
    summary: str


@pytest.fixture
def verdict() -> type[Verdict]:
    return Verdict


@pytest.fixture
def faults(openai_server: Any) -> ModuleType:
    """The module of the model server: `faults.rate_limited(1)`, `faults.hang()`, …"""
    return sys.modules[type(openai_server).__module__]


@pytest.fixture
def endpoint(openai_server: Any) -> Callable[..., Any]:
    """Makes a ModelEndpoint on the test's server."""
    from insights_core.llm import ModelEndpoint

    def make(model: str = "gpt-4o-mini", **options: Any) -> ModelEndpoint:
        return ModelEndpoint(
            model, **{"base_url": openai_server.url, "api_key": "test-key-0123456789", "timeout_s": 1.0} | options
        )

    return make


@pytest.fixture
def ask() -> Callable[..., list[Any]]:
    """Asks an endpoint about several texts at once, as a job does; exceptions come back in place of answers."""

    def run(endpoint: Any, *texts: str, **options: Any) -> list[Any]:
        async def all_of_them() -> list[Any]:
            try:
                calls = (endpoint.complete(system="Sum up.", user=text, schema=Verdict, **options) for text in texts)
                return await asyncio.gather(*calls, return_exceptions=True)
            finally:
                await endpoint.aclose()

        return asyncio.run(all_of_them())

    return run
