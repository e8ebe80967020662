"""The one shape of an error the labeling page's server answers with."""

import secrets
from typing import Any

from starlette.responses import JSONResponse


def problem(status_code: int, code: str, message: str, **beside: Any) -> JSONResponse:
    """Return ``{"error": {"code", "message", "request_id"}}``, with `beside` next to ``error``."""
    request_id = secrets.token_hex(8)
    body = {"error": {"code": code, "message": message, "request_id": request_id}, **beside}
    return JSONResponse(body, status_code, headers={"X-Request-Id": request_id})
