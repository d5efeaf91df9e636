"""How every route here behaves: the contract's error body, JSON in and out, no traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from insights_core.errors import InsightsError, InvalidParameterError, PermissionDeniedError, from_mlflow

_log = logging.getLogger(__name__)


class ErrorFacts(BaseModel):
    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorBody(BaseModel):
    """The body of every answer that is no success."""

    error_code: str
    """INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, PERMISSION_DENIED, TIMEOUT, RATE_LIMITED or INTERNAL_ERROR."""
    message: str
    error: ErrorFacts


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 429, 500, 504)
}


def error_response(error: InsightsError) -> JSONResponse:
    """The HTTP answer that says what an error says."""
    status = error.http_status
    headers = {}
    if isinstance(error, PermissionDeniedError) and error.details.get("status") == 401:
        scheme = error.details.get("scheme", 'Basic realm="mlflow"')
        status, headers = 401, {"WWW-Authenticate": scheme}
    facts = ErrorFacts(code=error.code, message=error.message, details=error.details)
    body = ErrorBody(error_code=error.code, message=error.message, error=facts)
    return JSONResponse(body.model_dump(mode="json"), status, headers)


def _invalid_body(error: RequestValidationError) -> InvalidParameterError:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return InvalidParameterError(
            f"The body is no valid JSON: {first.get('ctx', {}).get('error', first['msg'])}.", field="body"
        )
    field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return InvalidParameterError(f"{field}: {first['msg']}.", field=field)


class InsightsRoute(APIRoute):
    """A route that answers every failure with the contract's error body."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def safely(request: Request) -> Response:
            try:
                return await handle(request)
            except InsightsError as error:
                return error_response(error)
            except RequestValidationError as error:
                return error_response(_invalid_body(error))
            except (HTTPException, RecursionError):
                return error_response(InvalidParameterError("The body cannot be read as JSON.", field="body"))
            except Exception as error:
                known = from_mlflow(error)
                if known.http_status == 500:
                    # The cause goes to the server's log; its text may hold what the caller must not see.
                    _log.exception("%s failed", request.url.path)
                    known = InsightsError(
                        "The server failed to answer; its log says why. Try again, or ask whoever runs it."
                    )
                return error_response(known)

        return safely
