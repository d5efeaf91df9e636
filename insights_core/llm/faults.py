"""Faults of a model endpoint as errors of this package, and which of them pass by themselves.

What a server says is shown in part, because it helps; but never a key, not even one that the server repeats.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from insights_core.errors import (
    InsightsError,
    ModelAuthenticationError,
    ModelError,
    ModelNotFoundError,
    ModelOutputError,
    ModelRateLimitedError,
    ModelUnavailableError,
)

_SECRET = re.compile(
    r"\b(?:sk|pk|rk|key|gsk|xai|hf|AIza)[-_]?[A-Za-z0-9_*.-]{8,}|\bBearer\s+\S+|(?<=//)[^\s/@]+:[^\s/@]+@",
    re.IGNORECASE,
)
_SHOWN_CHARS = 200
# Codes with which a server says that waiting will not help: the account has no money left.
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


@dataclass(frozen=True)
class Origin:
    """Who was asked: shown in every message."""

    model: str
    host: str
    api_key: str | None = None

    def shown(self, text: str) -> str:
        """Text of a server in one short line, without keys."""
        if self.api_key and len(self.api_key) > 3:
            text = text.replace(self.api_key, "[key]")
        line = " ".join(_SECRET.sub("[key]", text).split())
        return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


@dataclass(frozen=True)
class Fault:
    """What went wrong with one attempt.

    Args:
        error: What to raise if it is not tried again.
        passing: Worth another attempt.
        retry_after_s: How long the server asks to wait, if it says so.
        no_contact: The server could not be reached at all.
        refused_body: What a 400 or 422 says; a simpler request may be accepted.
    """

    error: InsightsError
    passing: bool = False
    retry_after_s: float | None = None
    no_contact: bool = False
    refused_body: str | None = None


def fault_of(error: BaseException, origin: Origin) -> Fault:
    """What an exception of the openai package, or of the HTTP package below it, means."""
    import openai

    if isinstance(error, InsightsError):
        return Fault(error)
    if isinstance(error, openai.APIStatusError):
        return _by_status(
            error.status_code, _said(error), error.response.headers, origin, str(getattr(error, "code", "") or "")
        )
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return Fault(_unavailable(origin, "did not answer in time"), passing=True)
    if isinstance(error, openai.APIConnectionError | OSError):
        cause = error.__cause__ or error
        return Fault(
            _unavailable(origin, f"cannot be reached ({origin.shown(str(cause) or type(cause).__name__)})"),
            passing=True,
            no_contact=True,
        )
    if isinstance(error, openai.APIResponseValidationError | ValueError):
        return unreadable_answer(origin)
    if isinstance(error, openai.LengthFinishReasonError | openai.ContentFilterFinishReasonError):
        return Fault(ModelOutputError(f"The model {origin.model!r} broke off its answer: {origin.shown(str(error))}."))
    if isinstance(error, openai.APIError):
        return Fault(_unavailable(origin, f"broke off ({origin.shown(str(error))})"), passing=True)
    said = origin.shown(str(error)) or type(error).__name__
    return Fault(
        ModelError(
            f"The call to the model {origin.model!r} at {origin.host} failed: {said}. Check OPENAI_BASE_URL and OPENAI_API_KEY."
        )
    )


def unreadable_answer(origin: Origin) -> Fault:
    """The fault of an HTTP answer that is no chat completion at all."""
    return Fault(
        _unavailable(origin, "answered with something that is not the OpenAI protocol (broken or foreign JSON)"),
        passing=True,
    )


def error_inside(answer: Mapping[str, Any], origin: Origin) -> Fault | None:
    """The fault in an answer with status 200 that holds an error instead, as gateways send it; None where there is none."""
    error = answer.get("error")
    if not error:
        return None
    error = error if isinstance(error, dict) else {"message": str(error)}
    code = str(error.get("code") or "")
    status = int(code) if code.isdigit() and 400 <= int(code) < 600 else 502
    return _by_status(status, str(error.get("message") or error), {}, origin, code)


def _by_status(status: int, said: str, headers: Mapping[str, str], origin: Origin, code: str) -> Fault:
    shown = origin.shown(said)
    if status in (401, 403):
        return Fault(
            ModelAuthenticationError(
                f"The model endpoint {origin.host} refuses the key ({status}). Set OPENAI_API_KEY to a valid key that may use the model {origin.model!r}.",
                status=status,
            )
        )
    if (
        status == 404
        or code == "model_not_found"
        or (status == 400 and re.search(r"model.{0,80}(does not exist|not found)", said, re.I | re.S))
    ):
        return Fault(
            ModelNotFoundError(
                f"The model endpoint {origin.host} does not know the model {origin.model!r} ({status}: {shown}). "
                "Choose a model it serves (INSIGHTS_MODEL or --model), and check that OPENAI_BASE_URL ends in /v1.",
                status=status,
            )
        )
    if status == 429:
        out_of_money = code in _NO_MONEY or any(word in said for word in _NO_MONEY)
        what = "has no quota left" if out_of_money else "is still limiting the rate after all retries"
        remedy = "Check its plan and billing" if out_of_money else "Lower INSIGHTS_MAX_CONCURRENCY or try again later"
        error = ModelRateLimitedError(
            f"The model endpoint {origin.host} {what} for {origin.model!r} ({shown}). {remedy}; what was done so far is kept."
        )
        return Fault(error, passing=not out_of_money, retry_after_s=retry_after_s(headers))
    if status >= 500 or status in (408, 409, 425):
        return Fault(
            _unavailable(origin, f"answers only with errors ({status}: {shown})"),
            passing=True,
            retry_after_s=retry_after_s(headers),
        )
    message = f"The model endpoint {origin.host} does not accept the request to {origin.model!r} ({status}: {shown}). Check that the model can chat and that the text fits its context."
    return Fault(ModelError(message, status=status), refused_body=said if status in (400, 422) else None)


def _said(error: Any) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        return str(inner.get("message") or inner.get("detail") or inner) if isinstance(inner, dict) else str(inner)
    return str(body or error.message)


def _unavailable(origin: Origin, what: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"The model endpoint {origin.host} {what}. Check OPENAI_BASE_URL and that it serves {origin.model!r}; what was done so far is kept."
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `Retry-After` as a number or an HTTP date, or OpenAI's `retry-after-ms`."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError):
        return None
    # A wrong clock or a broken number must not make us wait for ever, or not at all.
    return max(0.0, seconds) if seconds < float("inf") else None
