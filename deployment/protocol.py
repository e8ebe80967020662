"""HTTP on the wire: uvicorn's protocol with limits on the time and size of a head, and errors in one shape."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from deployment import door

MAX_HEAD_BYTES = 32_768
HEAD_S = 5.0
DISCARD_S = 8.0
"""How long the rest of a body is read and thrown away after its request was answered: a caller that is
cut off while it sends may never see the answer."""


class Protocol(HttpToolsProtocol):
    """One connection. uvicorn itself waits for ever for a head, and takes one of any size."""

    head_s = HEAD_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = self._n_head = 0
        self._in_head, self._in_body = True, False
        self._timer: asyncio.TimerHandle | None = None
        self._arm(self.head_s, self._slow_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + 262_144:  # a read of the socket may bring body along
                self._refuse(431, "head_too_large", f"request: its head has more than {MAX_HEAD_BYTES} bytes")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._n_head = 0
        if self._timer is None:
            self._arm(self.head_s, self._slow_head)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._disarm()
        self._in_head, self._in_body = False, True
        self._head_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._arm(DISCARD_S, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            self._refuse(400, "bad_http", "request: is not HTTP/1.1")

    def _count(self, n_bytes: int) -> None:
        self._n_head += n_bytes
        if self._n_head > MAX_HEAD_BYTES:
            self._refuse(431, "head_too_large", f"request: its head has more than {MAX_HEAD_BYTES} bytes")
            raise ValueError("head too large")

    def _slow_head(self) -> None:
        if self._head_bytes == 0:
            self.transport.close()
        else:
            self._refuse(408, "timeout", f"request: its head took more than {self.head_s:g} s")

    def _refuse(self, status: int, code: str, message: str) -> None:
        payload = json.dumps(door.fault(code, message, door.request_id(None)).payload).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
        lines = [name + b": " + value + b"\r\n" for name, value in [*head, (b"connection", b"close")]]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", payload]))
        self.transport.close()

    def _arm(self, seconds: float, action: Any) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def with_head_limit(head_s: float) -> type[Protocol]:
    """Return the protocol with another limit on the time a head may take."""
    return type("Protocol", (Protocol,), {"head_s": head_s})
