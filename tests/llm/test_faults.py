"""No exception of the openai package gets out, and none shows a key."""

from __future__ import annotations

import sys

import pytest

from insights_core.errors import ModelError
from insights_core.llm.faults import Origin, fault_of, retry_after_s

KEY = "sk-live-0123456789abcdef"
ORIGIN = Origin("gpt-4o-mini", "models.example.com", KEY)


def every_openai_exception() -> list[type[BaseException]]:
    import openai
    import openai.lib.azure

    found, todo = [], [openai.OpenAIError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    return found


def made(kind: type[BaseException]) -> BaseException:
    """An instance, made as the package makes it where that is possible, else bare."""

    http = sys.modules["openai._exceptions"]
    http_package = getattr(http, "httpx2", None) or http.httpx
    request = http_package.Request("POST", "https://models.example.com/v1")
    response = http_package.Response(getattr(kind, "status_code", 500), request=request, headers={"retry-after": "2"})
    for arguments in (
        {"message": f"broken {KEY}", "response": response, "body": {"message": f"broken {KEY}"}},
        {"response": response, "body": None},
        {"message": f"broken {KEY}", "request": request},
        {"request": request},
        {"message": f"broken {KEY}", "request": request, "body": None},
    ):
        try:
            return kind(**arguments)
        except (TypeError, AttributeError):
            continue
    bare = kind.__new__(kind)
    bare.args = (f"broken {KEY}",)
    return bare


def test_every_exception_of_openai_is_mapped_without_a_key():
    kinds = every_openai_exception()
    assert len(kinds) > 15
    for kind in kinds:
        fault = fault_of(made(kind), ORIGIN)
        assert isinstance(fault.error, ModelError), kind
        assert KEY not in str(fault.error), kind
        assert str(fault.error).rstrip().endswith((".", ")")), kind


def test_exceptions_from_below_openai_are_mapped_too():
    for error in (ConnectionResetError("gone"), TimeoutError(), ValueError("half a JSON"), RuntimeError("whatever")):
        assert isinstance(fault_of(error, ORIGIN).error, ModelError)


@pytest.mark.parametrize(
    ("status", "name", "passing"),
    [
        (400, "ModelError", False),
        (401, "ModelAuthenticationError", False),
        (403, "ModelAuthenticationError", False),
        (404, "ModelNotFoundError", False),
        (408, "ModelUnavailableError", True),
        (429, "ModelRateLimitedError", True),
        (500, "ModelUnavailableError", True),
        (503, "ModelUnavailableError", True),
        (529, "ModelUnavailableError", True),
    ],
)
def test_statuses_say_what_to_do(status, name, passing):
    import openai

    http = sys.modules["openai._exceptions"]
    package = getattr(http, "httpx2", None) or http.httpx
    response = package.Response(status, request=package.Request("POST", "https://models.example.com/v1"))
    fault = fault_of(openai.APIStatusError("no", response=response, body=None), ORIGIN)
    assert (type(fault.error).__name__, fault.passing) == (name, passing)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ],
)
def test_retry_after_in_every_form(headers, seconds):
    assert retry_after_s(headers) == seconds
