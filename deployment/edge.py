"""What happens to every request on its way in and out: an id, a key, a meter, a log line, one error shape."""

import json
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dentline.errors import DentlineError
from deployment import door
from deployment.door import Reply
from deployment.records import RecordsError
from deployment.slots import RETRY_AFTER_S
from deployment.state import State

OPEN = ("/health/", "/v2/health/", "/static/")
"""Paths that need no key, besides the page itself: they tell nothing and change nothing."""

GONE = 499
"""The status noted of a caller that went away: nginx's number for it."""

NO_KEY = "request: needs a valid key"


class Edge:
    """ASGI middleware around the whole service."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = door.request_id(headers.get("x-request-id"))
        scope["request_id"] = request_id
        status = GONE

        async def mark(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                closing = [(b"connection", b"close")] if self._state.draining else []
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), *closing]
            await send(message)

        try:
            path = scope["path"]
            keys = self._state.keys
            if keys is None or path in ("/", "/tray") or path.startswith(OPEN) or keys.allow(headers):
                await self._app(scope, receive, mark)
            else:
                await refuse("unauthorized", NO_KEY, request_id)(scope, receive, mark)
        except ClientDisconnect:
            pass
        except Exception as error:
            if status != GONE:
                raise
            await answer(failed(self._state, error, request_id))(scope, receive, mark)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            note(self._state, scope["method"], path, status, seconds, request_id, headers.get("traceparent"))


def failed(state: State, error: Exception, request_id: str) -> Reply:
    """Return the answer to a request that raised. What is not a refusal is a fault of ours: its trace is logged."""
    if isinstance(error, RecordsError):
        state.store_failed()
    if isinstance(error, DentlineError):
        return door.refusal(error, request_id)
    traceback.print_exception(error, file=sys.stderr)
    return door.fault("internal", "service: failed; its log has the reason under this id", request_id)


def note(
    state: State, method: str, path: str, status: int, seconds: float, request_id: str, parent: str | None
) -> None:
    """Count one answered request, trace and log it. `parent` is its ``traceparent`` header."""
    state.meters.requests.labels(path, status).inc()
    state.meters.request_seconds.labels(path).observe(seconds)
    if state.tracer is not None:
        state.tracer.span(method, path, status, seconds, request_id, parent)
    if state.settings.log != "none" and not path.startswith("/health"):
        sys.stderr.write(_LINES[state.settings.log](method, path, status, seconds, request_id))


def answer(reply: Reply) -> Response:
    """Return a reply as a response."""
    return response(reply.status, json.dumps(reply.payload, allow_nan=False).encode())


def response(status: int, body: bytes) -> Response:
    """Return JSON bytes as a response, with the headers its status asks for."""
    return Response(body, status, headers(status), media_type="application/json")


def headers(status: int) -> dict[str, str]:
    """Return the headers that a status asks for."""
    return _EXTRA.get(status, {})


def refuse(code: str, message: str, request_id: str) -> Response:
    """Return an error in its one shape."""
    return answer(door.fault(code, message, request_id))


_EXTRA = {
    401: {"www-authenticate": "Bearer"},
    429: {"retry-after": str(RETRY_AFTER_S)},
    503: {"retry-after": str(RETRY_AFTER_S)},
}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _text_line(method: str, path: str, status: int, seconds: float, request_id: str) -> str:
    return f"{_now()} {request_id} {method} {path} {status} {seconds * 1000:.1f} ms\n"


def _json_line(method: str, path: str, status: int, seconds: float, request_id: str) -> str:
    line: dict[str, Any] = {
        "time": _now(),
        "request_id": request_id,
        "method": method,
        "path": path,
        "status": status,
        "ms": round(seconds * 1000, 3),
    }
    return json.dumps(line) + "\n"


_LINES = {"text": _text_line, "json": _json_line}
