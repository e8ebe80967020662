"""Spans of requests for an OpenTelemetry collector: OTLP over HTTP in JSON. Off unless one is named.

Sources: the OTLP 1.x specification (JSON Protobuf encoding) and W3C Trace Context. Sent by a thread of its own;
a collector that is slow or gone costs spans, never a request.
"""

import re
import secrets
import sys
import threading
import time
from collections import deque
from typing import Any

import httpx

_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SEND_S = 2.0
_MAX_WAITING = 4096
_SERVER, _ERROR = 2, 2


class Tracer:
    """Collects the spans of one worker and sends them every two seconds.

    Args:
        endpoint: of the collector, without ``/v1/traces``: ``http://collector:4318``.
    """

    def __init__(self, endpoint: str) -> None:
        self._url = endpoint.rstrip("/") + "/v1/traces"
        self._spans: deque[dict[str, Any]] = deque(maxlen=_MAX_WAITING)
        self._closing = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def span(self, method: str, route: str, status: int, seconds: float, request_id: str, parent: str | None) -> None:
        """Note one request that has just been answered. `parent` is its ``traceparent`` header."""
        found = _PARENT.fullmatch(parent or "")
        now = time.time_ns()
        span: dict[str, Any] = {
            "traceId": found[1] if found else secrets.token_hex(16),
            "spanId": secrets.token_hex(8),
            "name": f"{method} {route}",
            "kind": _SERVER,
            "startTimeUnixNano": str(now - int(seconds * 1e9)),
            "endTimeUnixNano": str(now),
            "attributes": [
                _attribute("http.request.method", method),
                _attribute("http.route", route),
                _attribute("http.response.status_code", status),
                _attribute("dentline.request_id", request_id),
            ],
        }
        if found:
            span["parentSpanId"] = found[2]
        if status >= 500:
            span["status"] = {"code": _ERROR}
        self._spans.append(span)

    def close(self) -> None:
        """Send what is left and end."""
        self._closing.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        with httpx.Client(timeout=2) as client:
            while not self._closing.wait(_SEND_S):
                self._send(client)
            self._send(client)

    def _send(self, client: httpx.Client) -> None:
        spans = [self._spans.popleft() for _ in range(len(self._spans))]
        if not spans:
            return
        resource = {"attributes": [_attribute("service.name", "dentline")]}
        scoped = [{"scope": {"name": "dentline"}, "spans": spans}]
        try:
            client.post(self._url, json={"resourceSpans": [{"resource": resource, "scopeSpans": scoped}]})
            self._told = False
        except httpx.HTTPError as error:
            if not self._told:
                print(f"dentline: {self._url} takes no spans: {error}", file=sys.stderr, flush=True)
            self._told = True


def _attribute(key: str, value: str | int) -> dict[str, Any]:
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
